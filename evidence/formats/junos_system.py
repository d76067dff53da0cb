"""A device with Junos, or a logical system of it, as values: units, zones, filters, policies, what is in doubt."""

from __future__ import annotations

from dataclasses import dataclass, field

from compliance.traffic.boxes import FAMILIES, Box, Family
from evidence.formats.cursor import Line
from evidence.formats.device import AccessList
from evidence.formats.junos_policy import Policy
from evidence.formats.static_routes import Statics
from evidence.rules import Action, Rule, Statement

OUT_OF_BAND = ("fxp", "em", "me", "vme", "mgmt", "re0:mgmt", "re1:mgmt")


@dataclass(slots=True)
class Unit:
    """One logical interface."""

    name: str
    line: Line
    families: set[Family] = field(default_factory=set)
    addresses: list[tuple[Family, int, int]] = field(default_factory=list)
    attached: list[tuple[str, Family | None, tuple[str, ...], Line]] = field(default_factory=list)
    down: bool = False
    learns: bool = False
    shown: bool = True  # whether the file configures it, and does not only name it

    @property
    def out_of_band(self) -> bool:
        """Whether it is of the management board, which passes nothing on."""
        return self.name.startswith(OUT_OF_BAND)

    @property
    def loops(self) -> bool:
        """Whether it is of the loopback, at which the filters of the routing engine are."""
        return self.name.startswith("lo0")


@dataclass(slots=True)
class Zone:
    """A security zone. `inbound`: by unit ("" = the whole zone) the services and protocols it lets in to the device."""

    name: str
    line: Line
    units: list[str] = field(default_factory=list)
    inbound: dict[str, tuple[list[str], list[str], Line]] = field(default_factory=dict)
    management: bool = False


@dataclass(slots=True)
class System:
    """A whole device, or a logical system of it. Everything of a configuration that matters to traffic."""

    name: str = ""
    units: dict[str, Unit] = field(default_factory=dict)
    filters: dict[tuple[str, Family | None], AccessList] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    pairs: dict[tuple[str, str], list[Rule]] = field(default_factory=dict)
    globals: list[Policy] = field(default_factory=list)
    has_policies: bool = False
    default: tuple[Action, Line] | None = None
    instances: dict[str, str] = field(default_factory=dict)  # unit -> routing instance
    table: list[tuple[str, Family, str, Line]] = field(default_factory=list)  # filters of the forwarding table
    bypassed: list[tuple[str, Family | None, str, Line]] = field(default_factory=list)  # filters that leave sessions
    switched: list[tuple[str, Line]] = field(default_factory=list)
    translations: list[tuple[Family, Box, tuple[str, str], str, Line]] = field(default_factory=list)
    hidden: list[tuple[str, Line]] = field(default_factory=list)  # translations of sources
    modes: dict[str, tuple[str, Line]] = field(default_factory=dict)
    objects: list[Statement] = field(default_factory=list)  # what each object holds
    statics: Statics = field(default_factory=Statics)

    def part(self, kind: str) -> str:
        """How chains and rules of this system begin."""
        return f"junos:{self.name}/{kind}" if self.name else f"junos:{kind}"

    @property
    def keeps_sessions(self) -> bool:
        """Whether policies between zones decide."""
        return bool(self.zones) or self.has_policies

    def live(self) -> list[Unit]:
        """The units that are up."""
        return [unit for unit in self.units.values() if not unit.down]

    def transit(self) -> list[Unit]:
        """The units that pass something on."""
        return [unit for unit in self.live() if not unit.loops and not unit.out_of_band]

    def members(self, zone: str) -> list[str]:
        """The units of a zone that pass something on."""
        held = self.zones.get(zone)
        if held is None or held.management:
            return []
        up = {unit.name for unit in self.transit()}
        return [name for name in held.units if name in up]

    def zoned(self) -> list[str]:
        """All units that are in a zone."""
        return [name for zone in self.zones for name in self.members(zone)]


def settle(system: System) -> None:
    """Brings in the units that only a zone names, and those that a zone of `all` takes."""
    taken = {name for zone in system.zones.values() for name in zone.units}
    for zone in system.zones.values():
        if "all" in zone.units:
            zone.units = [name for name in zone.units if name != "all"]
            rest = [unit.name for unit in system.units.values() if unit.name not in taken]
            zone.units += [name for name in rest if not (system.units[name].out_of_band or system.units[name].loops)]
        for name in zone.units:
            if name not in system.units:
                system.units[name] = Unit(name, zone.line, set(FAMILIES), shown=False)
