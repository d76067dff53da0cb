"""Accounts that lead into one another: the paths of each with the VPCs of the others it leads to (docs/adr/0044).

A path leaves a VPC by a peering (to the VPC at its other side, and not further) or by a transit gateway (to every VPC
attached to it). Of the accounts that hold these VPCs, and of the one that owns the gateway, the objects of just those
VPCs are put beside one's own. What two accounts both show must be the same in both, but for what each of them alone is
shown or writes down (tags, counts). Only accounts that were read whole and were asked the same questions are put
together: else an answer that one of them gave would count as given by the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from compliance.traffic.shares import Origin
from evidence.formats.aws_answers import FABRIC, Answers
from evidence.formats.aws_fabric import FORWARD, RETURN, Fabric
from evidence.formats.aws_members import LISTS
from evidence.formats.aws_objects import Estate, Thing, is_same_peering, row, rows, text
from evidence.formats.aws_transit import ATTACHMENTS, TABLES
from evidence.points import reached
from evidence.rules import Artefact, FormatError, Point, Reading, Rule, Statement

PEERINGS, CONNECTIONS = "VpcPeeringConnections", "VpnConnections"
SIDES = ("AccepterVpcInfo", "RequesterVpcInfo")
ALIVE = frozenset({"available", "attached", "active"})
# Answers that some accounts have none of, or that say nothing of a path: they need not have been given by both
APART = frozenset({*LISTS, "Entries", "Routes", "TransitGateways", TABLES})
# What one object shows to one account and not to another, or at one moment and not at the next
OWN_WORDS = frozenset({"Tags", "TagSet", "Description", "AvailableIpAddressCount", "Status", "PrivateDnsName"})
BESIDE = "beside"  # what statements say: an account that the paths rest on as well
GATEWAYS = ("Attachments", "VpcAttachments")  # where kinds of gateways name the VPCs they stand at


class NotTogether(Exception):
    """Two accounts cannot be put together; why, in words."""


@dataclass(frozen=True, slots=True)
class Whose:
    """An account as it was read."""

    name: str
    answers: Answers

    @property
    def estate(self) -> Estate:
        """Its objects."""
        return self.answers.estate

    def holds(self, vpc: str) -> bool:
        """Whether anything inside a VPC was read there."""
        return bool(vpc) and self.estate.holds(vpc)


def paths_together(accounts: Mapping[str, Sequence[Artefact]]) -> tuple[dict[str, Reading], dict[str, str]]:
    """(account -> its paths, FORWARD and RETURN alone, with what others show of the VPCs it leads to; account -> why
    some of those it leads to could not be put beside it). Nothing of an account that leads into no other that is given,
    or that cannot be read."""
    read = list(_read(accounts))
    paths: dict[str, Reading] = {}
    apart: dict[str, str] = {}
    for mine in read:
        others = [one for one in read if one.name != mine.name]
        wide, beside, why = _beside(mine, others)
        try:
            if wide is not None:
                paths[mine.name] = _paths(wide, beside)
        except ValueError as wrong:  # each was looked at alone; this is about several of them
            why.append(str(wrong))
        if why:
            apart[mine.name] = "; ".join(why)
    return paths, apart


def _read(accounts: Mapping[str, Sequence[Artefact]]) -> Iterator[Whose]:
    for name, artefacts in accounts.items():
        try:
            yield Whose(name, Answers.of(artefacts))
        except FormatError:
            continue  # it has no reading either, and that is said there


def _paths(estate: Estate, beside: Sequence[Whose]) -> Reading:
    """FORWARD and RETURN, with the names of the accounts they rest on as well, and of those whose file a rule is of."""
    whose = {file: one.name for one in beside for file in one.answers.files}
    fabric = Fabric(estate)
    every = {chain.name: chain for chain in fabric.chains}
    ways = {name: fabric.points[name] for name in (FORWARD, RETURN)}
    chains = reached((every[stage] for stages in ways.values() for stage in stages), every)
    points = tuple(Point(name, "first-match", stages, 0) for name, stages in ways.items())
    told = tuple(replace(chain, rules=tuple(_told(one, whose) for one in chain.rules)) for chain in chains)
    names = tuple(Statement(BESIDE, one.name, "", (), Origin("", "", 0, 0, one.name)) for one in beside)
    return Reading(format=FABRIC, points=points, chains=told, families=frozenset({4, 6}), statements=names)


def _told(one: Rule, whose: Mapping[str, str]) -> Rule:
    if one.origin.artefact not in whose:
        return one
    return replace(one, origin=replace(one.origin, name=f"{one.origin.name} of {whose[one.origin.artefact]}"))


def _beside(mine: Whose, others: Sequence[Whose]) -> tuple[Estate | None, list[Whose], list[str]]:
    """The account with the VPCs of others that it leads to, and with what the owners of its transit gateways alone are
    shown (None: with nothing of others); which others these are, and why some of them are not among them."""
    gateways, wide = set(_gateways(mine)), None
    beside: list[Whose] = []
    why: list[str] = []
    for other in others:
        far = {vpc for vpc in _led_to(mine, other, gateways) if not mine.holds(vpc)}
        owns = any(text(one.value, "TransitGatewayId") in gateways for one in _listed(other, TABLES))
        if not (far or owns):
            continue
        wider = _copy(wide or mine.estate)
        wider.owners |= mine.answers.numbers
        try:
            _fit(mine, other)
            _add(wider, mine, other, far, gateways)
        except NotTogether as wrong:
            why.append(str(wrong))
        else:
            wide = wider
            beside.append(other)
    return wide, beside, why


def _gateways(mine: Whose) -> Iterator[str]:
    """The transit gateways that VPCs of this account are attached to."""
    for one in _listed(mine, ATTACHMENTS):
        if mine.holds(text(one.value, "ResourceId")) and text(one.value, "State") in ALIVE:
            yield text(one.value, "TransitGatewayId")


def _led_to(mine: Whose, other: Whose, gateways: Iterable[str]) -> Iterator[str]:
    """The VPCs of the other account at the far side of a peering, or attached to one of these gateways."""
    for one in _listed(mine, PEERINGS):
        sides = [text(row(one.value, side), "VpcId") for side in SIDES]
        if text(row(one.value, "Status"), "Code") == "active" and any(map(mine.holds, sides)):
            yield from filter(other.holds, sides)
    for one in _listed(other, ATTACHMENTS):
        if text(one.value, "TransitGatewayId") in gateways and text(one.value, "State") in ALIVE:
            yield from filter(other.holds, [text(one.value, "ResourceId")])


def _fit(mine: Whose, other: Whose) -> None:
    """Raises NotTogether where the two were not read alike."""
    for one in (mine, other):
        if not one.answers.is_whole:
            raise NotTogether(f"not everything that {one.name} answered was understood")
    if mine.answers.numbers & other.answers.numbers:
        raise NotTogether(f"{other.name} is the same account")
    asked, there = (one.estate.given - APART for one in (mine, other))
    if asked != there:
        only = ", ".join(sorted(asked ^ there))
        raise NotTogether(f"{only} was asked of one of {mine.name} and {other.name} and not of the other")


def _add(wide: Estate, mine: Whose, other: Whose, vpcs: set[str], gateways: set[str]) -> None:
    """Puts what the other account shows of these VPCs and transit gateways beside what is there."""
    there = other.estate
    wide.owners |= other.answers.numbers
    wide.beyond |= vpcs
    for uid, subnet in there.subnets.items():
        if subnet.vpc in vpcs:
            _once(wide.subnets, uid, subnet, other.name)
    for uid, one in there.interfaces.items():
        if one.vpc in vpcs:
            _once(wide.interfaces, uid, one, other.name)
    for held, theirs in ((wide.groups, there.groups), (wide.acls, there.acls), (wide.tables, there.tables)):
        for uid, thing in theirs.items():
            if thing.vpc in vpcs:
                _once(held, uid, thing, other.name)
    for uid, listed in there.group_rules.items():
        if uid in there.groups and there.groups[uid].vpc in vpcs:
            wide.group_rules[uid] = listed
    for uid, ranges in there.prefixes.items():
        if uid in wide.prefixes and set(wide.prefixes[uid]) != set(ranges):
            raise NotTogether(f"{uid} has other entries in {other.name}: the two are not of one moment")
        wide.prefixes.setdefault(uid, ranges)
    for uid, routes in there.transit.items():
        table = there.others.get(TABLES, {}).get(uid)
        if table is not None and text(table.value, "TransitGatewayId") in gateways:
            wide.transit[uid] = routes
    for kind, things in there.others.items():
        for uid, thing in things.items() if kind not in LISTS else ():
            if _concerns(kind, thing, vpcs, gateways):
                _thing(wide.others.setdefault(kind, {}), uid, thing, kind, other.name)
    _same_peerings(mine, other)


def _concerns(kind: str, thing: Thing, vpcs: set[str], gateways: set[str]) -> bool:
    """Whether an object is about one of the VPCs, or of the transit gateways."""
    value = thing.value
    named = {thing.vpc, *(text(one, "VpcId") for key in GATEWAYS for one in rows(value, key))}
    named |= {text(row(value, side), "VpcId") for side in SIDES} if kind == PEERINGS else set()
    named |= {text(value, "ResourceId")} if kind == ATTACHMENTS else set()
    return bool(named & vpcs) or text(value, "TransitGatewayId") in gateways or kind == CONNECTIONS


def _same_peerings(mine: Whose, other: Whose) -> None:
    """Raises NotTogether where a peering between the two is not in both, or not the same in both."""
    for one, two in ((mine, other), (other, mine)):
        for thing in _listed(one, PEERINGS):
            sides = [text(row(thing.value, side), "VpcId") for side in SIDES]
            if not (any(map(one.holds, sides)) and any(map(two.holds, sides))):
                continue
            there = two.estate.others.get(PEERINGS, {}).get(thing.id)
            if there is None or not is_same_peering(thing.value, there.value):
                raise NotTogether(f"{thing.id} is not the same in {one.name} and {two.name}")


def _thing(held: dict[str, Thing], uid: str, thing: Thing, kind: str, where: str) -> None:
    if uid not in held:
        held[uid] = thing
        return
    mine = held[uid]
    if kind == PEERINGS:
        return  # what must be the same of it is looked at apart: each side knows most of itself
    one, two = (_said(each) for each in (mine, thing))  # what one of them does not say, the other may
    if any(one[key] != two[key] for key in (set(one) & set(two)) - OWN_WORDS):
        raise NotTogether(f"{uid} is another one in {where}: the two are not of one moment")
    held[uid] = replace(mine, value={**two, **one})


def _said(thing: Thing) -> dict[str, Any]:
    return {key: value for key, value in thing.value.items() if value not in (None, "", [], {})}


def _once(held: dict[str, Any], uid: str, one: Any, where: str) -> None:
    if uid in held:
        raise NotTogether(f"{uid} stands in {where} as well")
    held[uid] = one


def _listed(whose: Whose, kind: str) -> list[Thing]:
    return list(whose.estate.others.get(kind, {}).values())


def _copy(estate: Estate) -> Estate:
    """One that can be added to: its lists are its own, what stands in them is shared."""
    every = {one.name: getattr(estate, one.name) for one in fields(estate)}
    made = Estate(**{name: type(held)(held) for name, held in every.items()})
    made.others = {kind: dict(things) for kind, things in estate.others.items()}
    return made
