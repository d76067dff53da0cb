"""What a device with Junos does to traffic: its units, zones and filters, and the chains and points that come of them.

A device with zones keeps sessions: between them its policies decide, and what is meant for itself must be named by the
zone. One without zones lets through what its filters let through. Logical systems and routing instances stand beside
one another: whether a packet gets from one into another is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from compliance.traffic.boxes import FAMILIES, FULL, Family
from compliance.traffic.shares import Residue
from evidence.formats import device
from evidence.formats.cursor import Account, Line
from evidence.formats.device import FORWARD, INPUT, AccessList, Attachment
from evidence.formats.entries import Named, made
from evidence.formats.junos_chains import STAGES, bases, by_default
from evidence.formats.junos_system import System, Unit, settle
from evidence.rules import Action, Chain, Point, Reading, Rule

LOOPBACK = "lo"


def reading(name: str, systems: Sequence[System], account: Account) -> Reading:
    """The points of a device, or, where it has no interface, of each of its filters and pairs of zones."""
    for system in systems:
        settle(system)
    whole = any(system.units for system in systems)
    attachments = [_attachment(unit.name, *one) for system in systems for unit in system.units.values()
                   for one in unit.attached]  # fmt: skip
    _account_bad(systems, account, attachments, whole=whole)
    lists = [held for system in systems for held in system.filters.values()]
    chains = [Chain(held.chain, "filter", "", 0, None, tuple(held.rules)) for held in lists]
    chains = chains if whole else [device.list_chain(held, account) for held in lists]
    for system in systems:
        chains += [Chain(system.part(f"policy/{source}>{target}"), "filter", "", 0, None, tuple(rules))
                   for (source, target), rules in system.pairs.items()]  # fmt: skip
        chains.append(Chain(system.part("policy/global"), "filter", "", 0, None, tuple(_of_all(system, whole=whole))))
    if whole:
        chains = [*bases(systems, account), *chains]
        points, unread = device.points(STAGES, account.unread()), account.unread()
    else:
        unread = account.unread()
        points, more = _fragments(systems[0], lists, account)
        points = tuple(replace(one, unread=sum(each.point in {"", one.name} for each in unread)) for one in points)
        chains = [*more, *chains]
    # Without zones answers are judged like any packet; with zones the session lets them through
    doubts = [f"{one.name or 'the main system'} keeps sessions" for one in systems if one.keeps_sessions]
    live = [unit for system in systems for unit in system.live()]
    held = _addresses(live)
    statics = systems[0].statics
    several = len(systems) > 1 or any(system.instances for system in systems)
    statics.unsure |= several or any(unit.learns or not unit.shown for unit in live)
    return Reading(
        format=name,
        points=points,
        chains=tuple(chains),
        addresses=held,
        routes=statics.made(held),
        unread=unread,
        lines={account.name: account.lines()},
        families=frozenset(FAMILIES) if whole else _families(systems[0]),
        statements=(
            *device.said(lists, [one for many in attachments for one in many], account, whole=whole),
            *(one for system in systems for one in system.objects),
            *([device.answers(account, doubts)] if whole and len(doubts) < len(systems) else ()),
        ),
    )


def _attachment(unit: str, direction: str, family: Family | None, names: Sequence[str], line: Line) -> list[Attachment]:
    return [Attachment(unit, direction, family, name, line) for name in names]


def _families(system: System) -> frozenset[Family]:
    if system.pairs or system.globals:
        return frozenset(FAMILIES)
    return frozenset(family for held in system.filters.values() for family in held.families)


def _account_bad(
    systems: Iterable[System], account: Account, attachments: Iterable[Sequence[Attachment]], *, whole: bool
) -> None:
    """Lines of filters that nobody understood: they make unverifiable what the filter is attached to."""
    used = {one.name for many in attachments for one in many} | {one[2] for system in systems for one in system.table}
    for system in systems:
        for held in system.filters.values():
            points = [FORWARD, INPUT] if whole and held.name in used else [held.name]
            for line, why in held.bad:
                account.fail(line.number, line.text, why, *points)


def _addresses(live: Iterable[Unit]) -> dict[str, tuple[tuple[Family, int, int], ...]]:
    found: dict[str, tuple[tuple[Family, int, int], ...]] = {}
    for unit in live:
        if unit.families:
            key = LOOPBACK if unit.loops else unit.name
            found[key] = (*found.get(key, ()), *unit.addresses)
    return found


def _of_all(system: System, *, whole: bool) -> list[Rule]:
    """The policies of all zones, each limited to the units of the zones it names."""
    found: list[Rule] = []
    for policy in system.globals:
        iif = _units_of(system, policy.sources)
        oif = _units_of(system, policy.targets)
        for rule in policy.rules:
            if whole and (iif == () or oif == ()):
                continue
            if not whole and (policy.sources or policy.targets):
                limits = ", ".join([*(policy.sources or ["any"]), "to", *(policy.targets or ["any"])])
                residue = (*rule.residue, Residue("match", f"zones {limits}", rule.origin.first))
                found.append(replace(rule, residue=residue))
            else:
                found.append(replace(rule, iif=frozenset(iif) if iif else None, oif=frozenset(oif) if oif else None))
    return found


def _units_of(system: System, zones: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if zones is None else tuple(name for zone in zones for name in system.members(zone))


def _fragments(system: System, lists: Iterable[AccessList], account: Account) -> tuple[tuple[Point, ...], list[Chain]]:
    """Filters and pairs of zones as points of their own; where they are attached is not known."""
    points: list[Point] = []
    chains: list[Chain] = []
    for held in lists:
        name = held.name if all(point.name != held.name for point in points) else f"{held.name} ({held.chain})"
        points.append(Point(name, "first-match", (held.chain,), 0))
    for source, target in [*system.pairs, *([("", "")] if system.globals else [])]:
        name = f"{source} to {target}" if source else "global"
        chain_name = system.part(f"point/{name}")
        targets = [system.part(f"policy/{source}>{target}")] if source else []
        origin = account.origin(Line(0, ""))
        rules = [
            made(Named(f"{one}#asked", chain_name, number, origin), family, Action.JUMP, (FULL[family],), target=one)
            for number, one in enumerate([*targets, system.part("policy/global")], start=1)
            for family in FAMILIES
        ]
        chains.append(
            Chain(chain_name, "filter", "", 0, None, (*rules, *by_default(system, chain_name, None, account)))
        )
        points.append(Point(name, "first-match", (chain_name,), 0))
    return tuple(points), chains
