"""The base chains of a device with Junos: in which order filters, zones and policies judge what it passes on or gets.

Each must let a packet through. Filters are walked to from here, those of several in a row, each row with its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from compliance.traffic.boxes import FAMILIES, FULL, Family
from compliance.traffic.shares import Origin, Residue
from evidence.formats import device
from evidence.formats.cursor import Account, Line
from evidence.formats.device import FORWARD, INPUT
from evidence.formats.entries import Entry, Named, Service, Side, everybody, made, rules_of
from evidence.formats.junos_names import INBOUND, SERVICES
from evidence.formats.junos_objects import Meant, predefined
from evidence.formats.junos_system import System, Unit, Zone
from evidence.rules import Action, Chain, Rule

COMING, ALSO_COMING, TABLE, BETWEEN, GOING, ALSO_GOING, OWN, ALSO_OWN, HOST, SELF, CONTROL = (
    f"junos:device/{word}" for word in (
        "in", "any-in", "forwarding-table", "between", "out", "any-out", "input", "any-input", "host-inbound", "self",
        "routing-engine",
    )
)  # fmt: skip
STAGES = {
    FORWARD: (COMING, ALSO_COMING, TABLE, BETWEEN, GOING, ALSO_GOING),
    INPUT: (OWN, ALSO_OWN, HOST, SELF, CONTROL),
}
ITSELF = "junos-host"
NOTHING = Origin("", "", 0, 0, "")


def by_default(system: System, chain: str, iif: Sequence[str] | None, account: Account) -> list[Rule]:
    """What becomes of what no policy decides."""
    action, line = system.default or (Action.DENY, Line(0, ""))
    named = Named(system.part("default/policy"), chain, 0, account.origin(line))
    return [made(named, family, action, (FULL[family],), iif=iif) for family in FAMILIES]


def bases(systems: Sequence[System], account: Account) -> list[Chain]:
    """All base chains, those of FORWARD and those of INPUT."""

    def of(each: Sequence[list[Rule]]) -> list[Rule]:
        return [rule for rules in each for rule in rules]

    def attached(chain: str, direction: str, *, every: bool) -> list[Rule]:
        return of([_attached(one, chain, direction, account, every=every) for one in systems])

    leaves = _leaving(systems, account)
    return [
        device.base(COMING, "forward", 0, [*of([_switched(one, COMING, account) for one in systems]),
                                           *attached(COMING, "in", every=False)]),
        device.base(ALSO_COMING, "forward", 1, attached(ALSO_COMING, "in", every=True)),
        device.base(TABLE, "forward", 2, of([_table(one, account) for one in systems])),
        device.base(BETWEEN, "forward", 3, [*leaves, *of([_between(one, account) for one in systems])]),
        device.base(GOING, "forward", 4, [*of([_hidden(one, account) for one in systems]),
                                          *attached(GOING, "out", every=False)]),
        device.base(ALSO_GOING, "forward", 5, attached(ALSO_GOING, "out", every=True)),
        device.base(OWN, "input", 0, [*of([_switched(one, OWN, account) for one in systems]),
                                      *attached(OWN, "in", every=False)]),
        device.base(ALSO_OWN, "input", 1, attached(ALSO_OWN, "in", every=True)),
        device.base(HOST, "input", 2, of([[*_translated(one, HOST, account), *_inbound(one, account)]
                                          for one in systems])),
        device.base(SELF, "input", 3, of([_itself(one, account) for one in systems])),
        device.base(CONTROL, "input", 4, of([_engine(one, account) for one in systems])),
    ]  # fmt: skip


def _attached(system: System, chain: str, direction: str, account: Account, *, every: bool) -> list[Rule]:
    """The filters at units, those of several in a row, each row with its end. `every`: those of all families."""
    grouped: dict[tuple[Family | None, tuple[str, ...]], list[tuple[str, Line]]] = {}
    for unit in system.transit() if direction != "in" or chain in {COMING, ALSO_COMING} else system.live():
        for one, family, names, line in unit.attached if not unit.loops else ():
            if one == direction and (family is None) == every:
                grouped.setdefault((family, names), []).append((unit.name, line))
    found: list[Rule] = []
    for (family, names), held in grouped.items():
        units = [name for name, _ in held]
        origin = account.origin(held[0][1], comment=f"attached to {', '.join(units)}")
        iif, oif = (units, None) if direction == "in" else (None, units)
        for each in FAMILIES if family is None else (family,):
            found += _row(system, chain, names, each, origin, iif, oif)
    return found


def _row(
    system: System, chain: str, names: Sequence[str], family: Family, origin: Origin,
    iif: Sequence[str] | None, oif: Sequence[str] | None,
) -> list[Rule]:  # fmt: skip
    """Filters one behind the other: what none of them decides is discarded."""
    found: list[Rule] = []
    last = ""
    for number, name in enumerate(names, start=1):
        held = system.filters.get((name, family)) or system.filters.get((name, None))
        if held is None:
            named = Named(system.part(f"filter/{name}#undefined"), chain, number, origin)
            found.append(device.doubt(named, f"filter {name} is not defined", family, iif=iif, oif=oif))
            last = ""
            continue
        last = held.chain
        named = Named(f"{held.chain}#attached", chain, number, origin)
        found.append(made(named, family, Action.JUMP, (FULL[family],), target=last, iif=iif, oif=oif))
    if last:
        named = Named(f"{last}#implicit", chain, len(names) + 1, origin)
        found.append(made(named, family, Action.DENY, (FULL[family],), iif=iif, oif=oif))
    return found


def _table(system: System, account: Account) -> list[Rule]:
    """Filters of the forwarding table: of all that is passed on."""
    found: list[Rule] = []
    units = [unit.name for unit in system.transit()]
    for _, family, name, line in system.table if units else ():
        found += _row(system, TABLE, (name,), family, account.origin(line), units, None)
    return found


def _switched(system: System, chain: str, account: Account) -> list[Rule]:
    found = []
    for what, line in system.switched:
        named = Named(system.part(f"switched#{line.number}"), chain, 0, account.origin(line))
        found += [device.doubt(named, what, family) for family in FAMILIES]
    return found


def _leaving(systems: Sequence[System], account: Account) -> list[Rule]:
    """Between logical systems and routing instances."""
    parts: dict[tuple[str, str], list[Unit]] = {}
    for system in systems:
        for unit in system.transit():
            parts.setdefault((system.name, system.instances.get(unit.name, "")), []).append(unit)
    found: list[Rule] = []
    for (name, instance), units in parts.items() if len(parts) > 1 else ():
        called = instance or name or "main"
        named = Named(f"junos:instance/{called}#leaves", BETWEEN, 0, account.origin(units[0].line))
        names = [unit.name for unit in units]
        found += [device.doubt(named, f"whether it gets out of {called} is not known", family, iif=names,
                               oif=[f"!{one}" for one in names]) for family in FAMILIES]  # fmt: skip
    return found


def _between(system: System, account: Account) -> list[Rule]:
    """What passes nothing on, what is in doubt, then the policies."""
    found = _closed(system, account)
    units = [unit.name for unit in system.transit()]
    if not system.keeps_sessions:
        return found
    zoned = system.zoned()
    outside = [name for name in units if name not in zoned]
    found += _shut(system, "no-zone", outside, FAMILIES, account)
    for name, family, what, line in system.bypassed:
        met = [unit.name for unit in system.transit() for one in unit.attached if one[0] == "in" and name in one[2]]
        named = Named(system.part(f"filter/{name}#packet-mode"), BETWEEN, 0, account.origin(line))
        for each in (FAMILIES if family is None else (family,)) if met else ():
            found.append(device.doubt(named, what, each, action=Action.PERMIT, iif=met))
    found += _modes(system, zoned, account)
    found += _translated(system, BETWEEN, account)
    for (source, target), _ in system.pairs.items():
        iif, oif = system.members(source), system.members(target)
        chain = system.part(f"policy/{source}>{target}")
        named = Named(f"{chain}#asked", BETWEEN, 0, account.origin(system.zones[source].line) if iif else NOTHING)
        for family in FAMILIES if iif and oif else ():
            found.append(made(named, family, Action.JUMP, (FULL[family],), target=chain, iif=iif, oif=oif))
    if zoned:
        chain = system.part("policy/global")
        named = Named(f"{chain}#asked", BETWEEN, 0, NOTHING)
        found += [made(named, each, Action.JUMP, (FULL[each],), target=chain, iif=zoned) for each in FAMILIES]
    # Also for what no unit of the file is: which zone it is in nobody can say
    others = [f"!{name}" for name in units]
    return [*found, *by_default(system, BETWEEN, zoned or others, account)]


def _closed(system: System, account: Account) -> list[Rule]:
    """Units of the management board, and those without one of the families."""
    board = [unit.name for unit in system.live() if unit.out_of_band]
    found = _shut(system, "management", board, FAMILIES, account)
    for family, word in ((4, "inet"), (6, "inet6")):
        without = [unit.name for unit in system.transit() if family not in unit.families and unit.families]
        found += _shut(system, f"no-{word}", without, (family,), account)  # type: ignore[arg-type]
    return found


def _shut(system: System, what: str, names: Sequence[str], families: Iterable[Family], account: Account) -> list[Rule]:
    if not names:
        return []
    named = Named(system.part(f"default/{what}"), BETWEEN, 0, account.origin(system.units[names[0]].line))
    found = []
    for family in families:
        found.append(made(named, family, Action.DENY, (FULL[family],), iif=names))
        found.append(made(named, family, Action.DENY, (FULL[family],), oif=names))
    return found


def _modes(system: System, zoned: Sequence[str], account: Account) -> list[Rule]:
    """Packet by packet instead of by session: then policies are not asked. IPv6 without a word: by release."""
    found: list[Rule] = []
    if not zoned:
        return found
    for word, (mode, line) in system.modes.items():
        named = Named(system.part(f"mode/{word}"), BETWEEN, 0, account.origin(line))
        if mode == "packet-based":
            families: tuple[Family, ...] = FAMILIES if word in {"mpls", "iso"} else (6,)
            what = f"{word} goes packet by packet: policies are not asked"
            found += [device.doubt(named, what, one, action=Action.PERMIT, iif=zoned) for one in families]
        elif mode == "drop" and word == "inet6":
            found.append(made(named, 6, Action.DENY, (FULL[6],), iif=zoned))
    if "inet6" not in system.modes:
        named = Named(system.part("mode/inet6"), BETWEEN, 0, NOTHING)
        found.append(device.doubt(named, "without a mode for inet6 it depends on the release", 6, iif=zoned))
    return found


def _translated(system: System, chain: str, account: Account) -> list[Rule]:
    """Destinations that become others: policies see the new ones."""
    found: list[Rule] = []
    for family, box, (kind, name), text, line in system.translations:
        named = Named(system.part(f"nat#{line.number}"), chain, 0, account.origin(line))
        iif = None
        if kind in {"zone", "interface", "routing-instance"}:
            iif = {
                "zone": system.members(name),
                "interface": [name],
                "routing-instance": [unit for unit, held in system.instances.items() if held == name],
            }[kind]
            if not iif:
                iif = None
        residue = (Residue("nat", text, line.number),)
        found.append(made(named, family, Action.PERMIT, (box,), iif=iif, residue=residue))
    return found


def _hidden(system: System, account: Account) -> list[Rule]:
    """Sources that are translated before an outbound filter sees them."""
    listed = [unit.name for unit in system.transit() if any(one[0] == "out" for one in unit.attached)]
    found = []
    for text, line in system.hidden if listed else ():
        named = Named(system.part(f"nat#{line.number}"), GOING, 0, account.origin(line))
        residue = (Residue("nat", text, line.number),)
        found += [made(named, each, Action.PERMIT, (FULL[each],), oif=listed, residue=residue) for each in FAMILIES]
    return found


def _inbound(system: System, account: Account) -> list[Rule]:
    """What zones let in to the device itself."""
    if not system.keeps_sessions:
        return []
    found: list[Rule] = []
    named_: list[str] = []
    for zone in system.zones.values():
        own = [name for name in zone.units if name in zone.inbound]
        rest = [name for name in zone.units if name not in zone.inbound]
        for names, key in (*(([name], name) for name in own), (rest, "")):
            if names and key in zone.inbound:
                found += _let_in(system, zone, names, zone.inbound[key], account)
        if zone.units:
            named = Named(system.part(f"default/host-inbound#{zone.name}"), HOST, 0, account.origin(zone.line))
            found += [made(named, each, Action.DENY, (FULL[each],), iif=zone.units) for each in FAMILIES]
        named_ += zone.units
    others = [
        unit.name for unit in system.live() if unit.name not in named_ and not unit.out_of_band and not unit.loops
    ]
    if others:
        named = Named(system.part("default/no-zone"), HOST, 0, account.origin(system.units[others[0]].line))
        found += [made(named, each, Action.DENY, (FULL[each],), iif=others) for each in FAMILIES]
    return found


def _let_in(
    system: System, zone: Zone, names: Sequence[str], said: tuple[list[str], list[str], Line], account: Account
) -> list[Rule]:
    services, protocols, line = said
    named = Named(system.part(f"host-inbound/{zone.name}#{line.number}"), HOST, 0, account.origin(line))
    found = Meant()
    doubts: list[str] = []
    for words, table, every in ((services, SERVICES, ("all", "any-service")), (protocols, INBOUND, ("all",))):
        excluded = {word.removesuffix(" except") for word in words if word.endswith(" except")}
        for word in words:
            if word == "any-service":
                found.add(Meant({4: [Service()], 6: [Service()]}))
            elif word in every:
                for name, known in table.items():
                    found.add(predefined(known) if name not in excluded else Meant())
                doubts.append(f"all {'services' if table is SERVICES else 'protocols'}")
            elif word in table:
                found.add(predefined(table[word]))
            elif not word.endswith(" except"):
                doubts.append(word)
    both: tuple[Side, Side] = (everybody(), everybody())
    certain = rules_of(Entry(Action.PERMIT, *both, found.services), named)
    maybe = [
        device.doubt(named, ", ".join(doubts), family, action=Action.PERMIT) for family in FAMILIES if doubts
    ]  # fmt: skip
    return [replace(rule, iif=frozenset(names)) for rule in (*certain, *maybe)]


def _itself(system: System, account: Account) -> list[Rule]:
    """Policies to the device itself, where there are any."""
    found: list[Rule] = []
    for source, target in system.pairs:
        held = system.zones.get(source)
        if target == ITSELF and held is not None and held.units:
            chain = system.part(f"policy/{source}>{target}")
            named = Named(f"{chain}#asked", SELF, 0, account.origin(held.line))
            end = named._replace(id=f"{chain}#end")
            for each in FAMILIES:
                found.append(made(named, each, Action.JUMP, (FULL[each],), target=chain, iif=held.units))
                found.append(device.doubt(end, "what no policy to the device itself decides", each, iif=held.units))
    return found


def _engine(system: System, account: Account) -> list[Rule]:
    """The filters of the routing engine (lo0): each judges what is meant for the device in its routing instance."""
    loops = [unit for unit in system.live() if unit.loops]
    found: list[Rule] = []
    for unit in loops:
        mine = system.instances.get(unit.name, "")
        theirs = {system.instances.get(one.name, "") for one in loops} - {mine}
        units = [
            one.name
            for one in system.live()
            if not one.loops
            and (
                system.instances.get(one.name, "") == mine
                or (not mine and system.instances.get(one.name, "") not in theirs)
            )
        ]
        iif = None if len(loops) == 1 and not mine else units
        coming = [one for one in unit.attached if one[0] == "in"] if iif != [] else []
        for _, family, names, line in coming:
            origin = account.origin(line)
            if family is None and len(coming) > 1:
                named = Named(system.part(f"filter/{names[0]}#also"), CONTROL, 0, origin)
                what = "a filter of all families stands beside one of its own"
                found += [device.doubt(named, what, each, iif=iif) for each in FAMILIES]
                continue
            for each in FAMILIES if family is None else (family,):
                found += _row(system, CONTROL, names, each, origin, iif, None)
    return found
