"""The JSON answers of the EC2 describe calls of one account at one moment, all of them together.

Each object counts as a line. Of a kind that is listed here every object is read, or named with the reason it was not;
an answer with a page still to come (NextToken) says so. Files of other kinds are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from compliance.traffic.addresses import BITS
from compliance.traffic.boxes import FAMILIES, Family
from evidence.formats.aws_fabric import FORWARD, RETURN, Fabric, operated
from evidence.formats.aws_lists import Groups, check_acl, check_group, check_group_rule
from evidence.formats.aws_members import BESIDE as WHOSE_IT_IS
from evidence.formats.aws_members import LISTS, POINT, Places, statements
from evidence.formats.aws_members import check as check_members
from evidence.formats.aws_objects import (
    LISTED,
    Estate,
    Interface,
    Thing,
    check_other,
    check_table,
    cidr,
    interface,
    is_same_peering,
    known,
    subnet,
    text,
)
from evidence.formats.aws_routes import exposures
from evidence.formats.aws_transit import check_route
from evidence.formats.cursor import Account
from evidence.formats.json_objects import Found, members
from evidence.rules import Artefact, FormatError, Point, Reading, Unread

# Key of the answer -> the key of its objects' ids
IDS = {
    "SecurityGroups": "GroupId", "SecurityGroupRules": "SecurityGroupRuleId", "NetworkAcls": "NetworkAclId",
    "NetworkInterfaces": "NetworkInterfaceId", "Subnets": "SubnetId", "RouteTables": "RouteTableId",
    "PrefixLists": "PrefixListId", "Vpcs": "VpcId", "InternetGateways": "InternetGatewayId",
    "EgressOnlyInternetGateways": "EgressOnlyInternetGatewayId", "NatGateways": "NatGatewayId",
    "VpcPeeringConnections": "VpcPeeringConnectionId", "VpcEndpoints": "VpcEndpointId",
    "VpnGateways": "VpnGatewayId", "VpnConnections": "VpnConnectionId", "TransitGateways": "TransitGatewayId",
    "TransitGatewayAttachments": "TransitGatewayAttachmentId",
    "TransitGatewayRouteTables": "TransitGatewayRouteTableId",
    "TransitGatewayVpcAttachments": "TransitGatewayAttachmentId",
    "Reservations": "ReservationId", "AutoScalingGroups": "AutoScalingGroupName",
}  # fmt: skip
ENTRIES = "Entries"  # of a prefix list, whose id stands in the command, the name of the file or beside them
ROUTES = "Routes"  # of a table of a transit gateway, whose id stands in the same places
OF = {ENTRIES: "PrefixListId", ROUTES: "TransitGatewayRouteTableId"}
ANYWHERE = frozenset({"NetworkInterfaces", "SecurityGroupRules", ENTRIES})  # such an object may concern every point
FABRIC = "aws"  # the name of the format
MORE = "AdditionalRoutesAvailable"
BESIDE = frozenset({"ResponseMetadata", "NextToken", MORE, *OF.values(), *WHOSE_IT_IS})
LIST_ID = re.compile(r"(?:pl|tgw-rtb)-[0-9a-f]{8,17}(?![0-9a-f])")
GIVE = "Give the answers of `aws ec2 describe-…` as JSON, each in a file of its own (docs/sources/aws.md)."
WHOSE = "nobody says whose entries these are: name the file after its list (pl-0123456789abcdef0.json)"
WHOSE_ROUTES = "nobody says whose routes these are: name the file after its table (tgw-rtb-0123456789abcdef0.json)"
MORE_ROUTES = "the table has more routes than this answer shows"
ALL_PAGES = "more pages of this answer follow, and they were not given"


class Failed(NamedTuple):
    """An object that nobody understood."""

    kind: str
    id: str
    account: Account
    found: Found
    reason: str


class Answers:
    """What the files of one account hold, object by object. `estate`: those that were understood."""

    @classmethod
    def of(cls, artefacts: Iterable[Artefact]) -> Answers:
        """All of these files. Raises FormatError where one is none."""
        found = cls()
        for artefact in artefacts:
            found.add(artefact)
        return found

    def __init__(self) -> None:
        self.estate = Estate()
        self._places = Places()
        self._accounts: list[Account] = []
        self._failed: list[Failed] = []
        self._half: set[str] = set()  # prefix lists of which some entry was not understood

    @cached_property
    def is_whole(self) -> bool:
        """Whether nothing that a path may ask was left unread, nor contradicts itself; once all files are there."""
        groups = Groups(self.estate)
        unsure = (groups.disagreement(one) for one in self.estate.groups.values())
        return all(one.kind in LISTS for one in self._failed) and not any(unsure)

    @property
    def files(self) -> frozenset[str]:
        """The digests of the files."""
        return frozenset(one.digest for one in self._accounts)

    @property
    def numbers(self) -> frozenset[str]:
        """The numbers of the accounts that these answers say they are of."""
        return frozenset(place[0] for place in self._places.by_file.values())

    def add(self, artefact: Artefact) -> None:
        """One file: each of its objects is understood, or named with the reason it was not."""
        given = members(artefact)
        lists = {key: value for key, value in given.items() if key in IDS or key in OF}
        strange = sorted(set(given) - set(lists) - BESIDE)
        wrong = sorted(key for key, value in lists.items() if not isinstance(value, list))
        if not lists or strange or wrong:
            said = f"it holds {', '.join(map(repr, strange or wrong)) or 'no list'}, which no answer that is read has"
            raise FormatError(f"{artefact.name} is no answer of EC2 that is read", said, GIVE)
        account = Account(artefact, sum(map(len, lists.values())))
        account.name = self._name(artefact.name)
        self._accounts.append(account)
        self._places.note(account.name, given, lists)
        more = given.get("NextToken")
        for key, listed in lists.items():
            self.estate.given.add(key)
            before = len(self._failed)
            if key in OF and (whose := self._whose(key, given, artefact)):
                held: dict[str, list[Any]] = self.estate.prefixes if key == ENTRIES else self.estate.transit
                held.setdefault(whose, [])  # a list may be empty
            for one in listed:
                self._object(key, account, one, given, artefact)
            partly = key == ROUTES and given.get(MORE) is not False
            if (more or partly) and before == len(self._failed):
                page = listed[-1] if listed else Found(1, 1, 1, f'"{key}": []', {})
                whose = self._whose(key, given, artefact) if partly else ""
                self._half.add(whose)
                self._failed.append(Failed(key, whose, account, page, MORE_ROUTES if partly else ALL_PAGES))
                account.total = account.total or 1

    def _name(self, name: str) -> str:
        names = [one.name for one in self._accounts]
        return name if name not in names else f"{name} ({names.count(name) + 1})"

    def _object(self, key: str, account: Account, found: Found, given: Mapping[str, Any], artefact: Artefact) -> None:
        uid = found.value.get(IDS.get(key, "")) if isinstance(found.value, dict) else None
        if key in OF:
            uid = self._whose(key, given, artefact)
        try:
            if not isinstance(found.value, dict):
                raise ValueError("it is no object")
            if "\ufffd" in found.text:
                raise ValueError("it holds bytes that are no UTF-8")
            self._take(key, account, found, given, artefact)
            account.consume(found.number)
        except (ValueError, TypeError, KeyError, AttributeError) as wrong:
            self._half.add(uid if isinstance(uid, str) else "")
            self._failed.append(Failed(key, uid if isinstance(uid, str) else "", account, found, str(wrong)))

    @staticmethod
    def _whose(key: str, given: Mapping[str, Any], artefact: Artefact) -> str:
        """The list or table that the entries of an answer belong to."""
        said = given.get(OF[key]) if key in OF else None
        return said if isinstance(said, str) else _named(artefact)

    def _take(self, key: str, account: Account, found: Found, given: Mapping[str, Any], artefact: Artefact) -> None:
        estate, value = self.estate, found.value
        if key == ENTRIES:
            listed = self._whose(key, given, artefact)
            if not listed:
                raise ValueError(WHOSE)
            known(value, frozenset({"Cidr", "Description"}))
            estate.prefixes.setdefault(listed, []).append(cidr(text(value, "Cidr", needed=True)))
            return
        if key == ROUTES:
            listed = self._whose(key, given, artefact)
            if not listed:
                raise ValueError(WHOSE_ROUTES)
            check_route(value)
            estate.transit.setdefault(listed, []).append(value)
            return
        uid = text(value, IDS[key], needed=True)
        thing = Thing(uid, text(value, "VpcId"), value, account, found)
        if key == "NetworkInterfaces":
            check_members(key, value)
            self._once(estate.interfaces, uid, interface(account, found))
        elif key == "Subnets":
            self._once(estate.subnets, uid, subnet(found))
        elif key == "SecurityGroups":
            check_group(thing)
            self._once(estate.groups, uid, thing)
        elif key == "SecurityGroupRules":
            check_group_rule(value)
            estate.group_rules.setdefault(text(value, "GroupId", needed=True), []).append(thing)
        elif key == "NetworkAcls":
            check_acl(thing)
            self._once(estate.acls, uid, thing)
        elif key == "RouteTables":
            check_table(value)
            self._once(estate.tables, uid, thing)
        elif key in LISTS:
            check_members(key, value)
            self._once(estate.others.setdefault(key, {}), f"{account.name} {uid}", thing)
        else:
            check_other(key, value)
            if key == "PrefixLists":
                known(value, LISTED)
                if "Cidrs" in value:
                    estate.prefixes.setdefault(uid, []).extend(map(cidr, value["Cidrs"]))
            held = estate.others.setdefault(key, {})
            if key == "VpcPeeringConnections" and uid in held and is_same_peering(held[uid].value, value):
                return  # one between two regions stands in the answers of both
            self._once(held, uid, thing)

    @staticmethod
    def _once(held: dict[str, Any], uid: str, one: Any) -> None:
        if uid in held:
            raise ValueError(f"{uid} comes twice: these answers are not of one moment")
        held[uid] = one

    def reading(self) -> Reading:
        """The points with all that speaks against them."""
        estate = self.estate
        estate.prefixes = {name: listed for name, listed in estate.prefixes.items() if name not in self._half}
        estate.transit = {name: listed for name, listed in estate.transit.items() if name not in self._half}
        try:
            fabric = Fabric(estate)
            exposed = tuple(exposures(estate))
            standing = tuple(statements(estate, self._places))
        except ValueError as wrong:  # each object was looked at alone; this is about several of them
            raise FormatError("The answers do not fit together", str(wrong), GIVE) from wrong
        for group in estate.groups.values():
            doubt = fabric.groups.disagreement(group)
            if doubt:
                self._failed.append(Failed("SecurityGroups", group.id, group.account, group.found, doubt))
        for failed in self._failed:
            failed.found.fail(failed.account, failed.reason, *self._points(failed))
        unread = tuple(one for account in self._accounts for one in account.unread())
        return Reading(
            format=FABRIC,
            points=tuple(
                Point(name, "first-match", stages, _count(unread, name)) for name, stages in fabric.points.items()
            ),
            chains=tuple(fabric.chains),
            addresses={one.id: _held(one) for one in estate.interfaces.values()},
            unread=unread,
            lines={account.name: account.lines() for account in self._accounts},
            families=frozenset(FAMILIES),
            statements=(*fabric.groups.statements, *exposed, *operated(estate), *standing),
        )

    def _points(self, failed: Failed) -> list[str]:
        """The points that an object which was not understood makes unverifiable; none = every one of them."""
        estate, ways = self.estate, [FORWARD, RETURN]
        itself = [f"{failed.id}/{way}" for way in ("in", "out")]
        if failed.kind in LISTS:
            return [POINT]
        if failed.reason == ALL_PAGES or not failed.id or failed.kind in ANYWHERE:
            return []
        if failed.kind == "SecurityGroups":
            mine = [one.id for one in estate.members(failed.id)]
            return [*itself, *(f"{one}/{way}" for one in mine for way in ("in", "out")), *ways]
        if failed.kind == "NetworkAcls":
            mine = [
                str(one.get("SubnetId")) for one in failed.found.value.get("Associations", ()) if isinstance(one, dict)
            ]
            return [*itself, *(f"{one}/{way}" for one in mine for way in ("in", "out")), *ways]
        return ways


def _named(artefact: Artefact) -> str:
    found = set(LIST_ID.findall(artefact.command) or LIST_ID.findall(artefact.name))
    return found.pop() if len(found) == 1 else ""


def _count(unread: Sequence[Unread], point: str) -> int:
    return sum(1 for one in unread if one.point in {"", point})


def _held(one: Interface) -> tuple[tuple[Family, int, int], ...]:
    return tuple(
        (each.family, each.low, BITS[each.family] - (each.high - each.low).bit_length()) for each in one.ranges
    )
