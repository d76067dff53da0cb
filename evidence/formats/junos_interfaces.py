"""The interfaces of a Junos configuration: units, their addresses by family, and the filters attached to them."""

from __future__ import annotations

from compliance.traffic import addresses
from compliance.traffic.boxes import Family
from evidence.formats.junos_known import FAMILY, INTERFACE, LAYER2, UNIT
from evidence.formats.junos_lines import Placed, held_by
from evidence.formats.junos_system import System, Unit
from evidence.formats.junos_text import Node, unchain

FAMILY_OF: dict[str, Family] = {"inet": 4, "inet6": 6}


class Interfaces:
    """Reads `interfaces` into a system."""

    def __init__(self, placed: Placed, system: System) -> None:
        self._placed, self._system = placed, system

    def read(self, node: Node) -> None:
        """Everything below `interfaces`."""
        for held in node.live():
            if held.word in {"traceoptions", "interface-set"}:
                self._placed.ignore(held)
                continue
            self._placed.take(held, deep=False)
            unchain(held, {"unit"}, keep={"unit"})
            for child in held.live():
                if child.word == "unit":
                    self._placed.take(child, deep=False)
                    for unit in child.live():
                        self._unit(unit, f"{held.word}.{unit.word}", down=held.at("disable") is not None)
                else:
                    self._placed.sort(child, INTERFACE, "it is not known what this does at an interface")

    def _unit(self, node: Node, name: str, *, down: bool) -> None:
        unchain(node, {"family", "filter"}, keep={"family", "filter"})
        unit = self._system.units[name] = Unit(name, self._placed.line(node))
        unit.down = down or node.at("disable") is not None
        self._placed.take(node, deep=False)
        for child in node.live():
            if child.word == "family":
                self._placed.take(child, deep=False)
                for family in child.live():
                    self._family(unit, family)
            elif child.word == "filter":
                self._attach(unit, child, None)
            else:
                self._placed.sort(child, UNIT, "it is not known what this does at an interface")

    def _family(self, unit: Unit, node: Node) -> None:
        family = FAMILY_OF.get(node.word)
        if family is None:
            if node.word not in LAYER2:
                self._placed.fail(node, "it is not known what this family does at an interface")
                return
            self._placed.ignore(node)
            held = node.at("filter")
            if held is not None:
                self._placed.take(held)
                what = f"a filter of {unit.name} judges what {node.word} carries"
                self._system.switched.append((what, self._placed.line(held)))
            return
        unchain(node, {"address", "filter"}, keep={"address", "filter"})
        unit.families.add(family)
        self._placed.take(node, deep=False)
        for child in node.live():
            if child.word == "address":
                self._addresses(unit, child, family)
            elif child.word == "filter":
                self._attach(unit, child, family)
            elif child.word in {"dhcp", "dhcp-client", "dhcpv6-client", "negotiate-address", "unnumbered-address"}:
                unit.learns |= child.word != "unnumbered-address"
                self._placed.take(child)
            elif child.word in {"service", "simple-filter"}:
                what = f"{child.word} of {unit.name} may stop it"
                self._system.switched.append((what, self._placed.line(child)))
                self._placed.take(child)
            else:
                self._placed.sort(child, FAMILY, "it is not known what this does at an interface")

    def _addresses(self, unit: Unit, node: Node, family: Family) -> None:
        self._placed.take(node)
        for held in node.live():
            shared = [one for word in ("vrrp-group", "vrrp-inet6-group") for group in held_by(held.at(word))
                      for one in group.words("virtual-address") + group.words("virtual-inet6-address")]  # fmt: skip
            texts = [held.word, *shared, *held.words("virtual-gateway-address")]
            for text in texts:
                address, slash, length = text.partition("/")
                bits = addresses.BITS[family]
                try:
                    other, value = addresses.parse_host(address)
                except ValueError:
                    other, value = family, -1
                size = int(length) if length.isascii() and length.isdigit() and len(length) < 4 else bits
                if other != family or value < 0 or size > bits or (slash and size == bits and length != str(bits)):
                    self._placed.fail(held, f"{text} is no address of this family")
                elif held.at("eui-64") is None:
                    unit.addresses.append((family, value, size))

    def _attach(self, unit: Unit, node: Node, family: Family | None) -> None:
        unchain(node, {"input", "output", "input-list", "output-list"})
        for child in node.live():
            direction = child.word.partition("-")[0].removesuffix("put")
            names = tuple(child.words() if child.word.endswith("-list") else [child.chosen()])
            if child.word in {"input", "output", "input-list", "output-list"} and all(names) and names:
                unit.attached.append((direction, family, names, self._placed.line(child)))
                self._placed.take(child)
            elif child.word == "group":
                self._placed.ignore(child)
            else:
                self._placed.fail(child, "it is not known how this filter is attached")
        self._placed.take(node, deep=False)


def unit_of(name: str) -> str:
    """Interfaces are named without their unit where it is 0."""
    return name if "." in name or name == "all" else f"{name}.0"
