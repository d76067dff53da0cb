"""Security groups and network ACLs as rules, in the words of the API: who, which protocol and ports, permit or deny.

A security group names peers only: the source on the way in, the destination on the way out. A reference to a group is
its members' private addresses now; whoever joins it later is said beside (Statement). A network ACL is read from the
lowest number up; rule 32767 (32768 for IPv6, shown as `*`) denies the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from compliance.traffic import intervals
from compliance.traffic.addresses import Range, say
from compliance.traffic.boxes import FAMILIES, FULL, ICMP, ICMP_TOP, PORT_TOP, PROTO_TOP, TOP, Box, Family, box_of
from compliance.traffic.shares import Origin, Residue
from evidence.formats.aws_objects import ACL, GROUP, GROUP_RULE, Estate, Thing, cidr, known, number, row, rows, text
from evidence.rules import Action, Chain, Rule, Statement

TABLE = "aws"
MEMBERS = "members"  # what statements say of the groups that rules name
Direction = Literal["in", "out"]
DIRECTIONS: tuple[Direction, Direction] = ("in", "out")
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}
ALL = "-1"
PORTED = frozenset({6, 17})
PERMISSION = frozenset({
    "IpProtocol", "FromPort", "ToPort", "IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs",
})  # fmt: skip
PEERS: Mapping[str, tuple[str, frozenset[str]]] = {
    "IpRanges": ("CidrIp", frozenset({"CidrIp", "Description"})),
    "Ipv6Ranges": ("CidrIpv6", frozenset({"CidrIpv6", "Description"})),
    "PrefixListIds": ("PrefixListId", frozenset({"PrefixListId", "Description"})),
    "UserIdGroupPairs": ("GroupId", frozenset({
        "GroupId", "GroupName", "UserId", "VpcId", "VpcPeeringConnectionId", "PeeringStatus", "Description",
    })),
}  # fmt: skip
ENTRY = frozenset({
    "CidrBlock", "Ipv6CidrBlock", "Egress", "IcmpTypeCode", "PortRange", "Protocol", "RuleAction", "RuleNumber",
})  # fmt: skip
ACTIONS = {"allow": Action.PERMIT, "deny": Action.DENY}
LAST = frozenset({32767, 32768})
ANSWER_TO: dict[Family, dict[int, int]] = {4: {0: 8, 14: 13, 16: 15, 18: 17}, 6: {129: 128}}  # ICMP answer -> question


@dataclass(frozen=True, slots=True)
class Service:
    """Protocol and ports (ICMP: type and code) of a rule, as bounds."""

    proto: tuple[int, int] = (0, PROTO_TOP)
    first: tuple[int, int] = (0, PORT_TOP)  # ICMP types
    second: tuple[int, int] = (0, PORT_TOP)  # destination ports, or ICMP codes

    def box(self, family: Family, src: tuple[int, int], dst: tuple[int, int]) -> Box:
        """The service between two ranges."""
        return box_of(family, src=src, dst=dst, proto=self.proto, sport=self.first, dport=self.second)

    def answered(self, family: Family) -> list[tuple[tuple[int, int], tuple[int, int], tuple[int, int]]]:
        """Protocol, source port and destination port (ICMP: type, code) of the questions that it answers."""
        found = []
        icmp = ICMP[family]
        for low, high in ((0, icmp - 1), (icmp + 1, PROTO_TOP)):
            proto = (max(low, self.proto[0]), min(high, self.proto[1]))
            if proto[0] <= proto[1]:
                found.append((proto, self.second, (0, PORT_TOP)))
        if self.proto[0] <= icmp <= self.proto[1]:
            if self.first == (0, PORT_TOP):
                return [*found, ((icmp, icmp), (0, PORT_TOP), (0, PORT_TOP))]
            found += [
                ((icmp, icmp), (asked, asked), (0, PORT_TOP))
                for answer, asked in ANSWER_TO[family].items()
                if self.first[0] <= answer <= self.first[1]
            ]
        return found


def protocol(written: str) -> int:
    """The number of a protocol. Raises ValueError."""
    if written.lower() in PROTOCOLS:
        return PROTOCOLS[written.lower()]
    if not (written.isascii() and written.isdigit() and len(written) <= 3 and int(written) <= PROTO_TOP):
        raise ValueError(f"{written!r} is no protocol")
    return int(written)


def span(low: int | None, high: int | None, top: int, what: str) -> tuple[int, int]:
    """A range of ports. Raises ValueError."""
    if low is None or high is None or not 0 <= low <= high <= top:
        raise ValueError(f"{low} to {high} are no {what}")
    return low, high


def service(written: str, low: int | None, high: int | None) -> Service:
    """What a protocol with its two numbers means: ports, or ICMP type and code, where -1 is every one of them."""
    if written == ALL:
        return Service()
    proto = protocol(written)
    if proto in PORTED:
        return Service((proto, proto), (0, PORT_TOP), span(low, high, PORT_TOP, "ports"))
    if proto in ICMP.values():
        kinds = (0, PORT_TOP) if low in {None, -1} else span(low, low, ICMP_TOP, "ICMP types")
        codes = (0, PORT_TOP) if high in {None, -1} else span(high, high, ICMP_TOP, "ICMP codes")
        return Service((proto, proto), kinds, codes)
    return Service((proto, proto))  # of other protocols EC2 looks at no ports


@dataclass(frozen=True, slots=True)
class Permit:
    """One peer of one permission of a group. `doubt`: why it may not match ("" = it does)."""

    id: str
    service: Service
    peers: tuple[Range, ...]
    doubt: str
    text: str
    comment: str
    group: str  # the group it refers to, or ""
    thing: Thing


class Groups:
    """The security groups of an account as lists of permits."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.statements: list[Statement] = []

    def chain(self, group: Thing, direction: Direction) -> Chain:
        """The permits of a group in one direction. What of it is not understood may permit anything."""
        name = f"{TABLE}:{group.id}/{direction}"
        found: list[Rule] = []
        for permit in self.permits(group, direction):
            origin = place(permit.thing, permit.text, permit.id, permit.comment)
            residue = (Residue("object", permit.doubt, origin.first),) if permit.doubt else ()
            for family in FAMILIES:
                boxes = tuple(self._boxes(permit, family, direction))
                if boxes:
                    found.append(rule(f"{name}#{permit.id}", name, len(found) + 1, family, Action.PERMIT, boxes,
                                      residue, origin))  # fmt: skip
            if permit.group and not permit.doubt:
                now = ", ".join(say(one.family, one.low, one.high) for one in permit.peers) or "nobody"
                later = (("now", now), ("later", f"every interface that joins {permit.group} is let through as well"))
                self.statements.append(Statement(MEMBERS, f"{name}#{permit.id}", permit.group, later, origin))
        return Chain(name, TABLE, TABLE, 0, Action.DENY, tuple(found))

    @staticmethod
    def _boxes(permit: Permit, family: Family, direction: Direction) -> Iterator[Box]:
        everyone = (0, TOP[family])
        peers = intervals.merge((one.low, one.high) for one in permit.peers if one.family == family)
        for low, high in [everyone] if permit.doubt else peers:
            src, dst = ((low, high), everyone) if direction == "in" else (everyone, (low, high))
            yield permit.service.box(family, src, dst)

    def permits(self, group: Thing, direction: Direction) -> list[Permit]:
        """Peer by peer; by its own rules where those were read as well, as they have ids."""
        if "SecurityGroupRules" in self._estate.given:
            listed = self._estate.group_rules.get(group.id, [])
            mine = [one for one in listed if (one.value.get("IsEgress") is True) == (direction == "out")]
            return [self._of_rule(group, one) for one in mine]
        return self.inline(group, direction)

    def inline(self, group: Thing, direction: Direction) -> list[Permit]:
        """Peer by peer as the group itself shows them, numbered from 1."""
        found: list[Permit] = []
        for one in rows(group.value, "IpPermissions" if direction == "in" else "IpPermissionsEgress"):
            wanted, doubt = asked(one, PERMISSION, "IpProtocol")
            for kind, (key, keys) in PEERS.items():
                for peer in rows(one, kind):
                    said = {**{name: one[name] for name in one if name not in PEERS}, kind: [peer]}
                    ranges, unsure = self._peers(group, key, peer, keys)
                    found.append(Permit(
                        str(len(found) + 1), wanted, ranges, doubt or unsure, compact(said),
                        text(peer, "Description"), text(peer, "GroupId"), group,
                    ))  # fmt: skip
        return found

    def _of_rule(self, group: Thing, listed: Thing) -> Permit:
        wanted, doubt = asked(listed.value, GROUP_RULE, "IpProtocol")
        other = row(listed.value, "ReferencedGroupInfo")
        peer = {"CidrIp": "CidrIpv4", "CidrIpv6": "CidrIpv6", "PrefixListId": "PrefixListId"}
        given = [(key, {key: listed.value[name]}) for key, name in peer.items() if listed.value.get(name)]
        given += [("GroupId", dict(other))] if other else []
        if len(given) != 1:
            peers: tuple[tuple[Range, ...], str] = ((), "it does not name one peer")
        else:
            peers = self._peers(group, *given[0], PEERS["UserIdGroupPairs"][1] | {given[0][0]})
        return Permit(
            listed.id, wanted, peers[0], doubt or peers[1], compact(listed.value), text(listed.value, "Description"),
            text(other, "GroupId"), listed,
        )  # fmt: skip

    def _peers(
        self, group: Thing, key: str, peer: Mapping[str, Any], keys: frozenset[str]
    ) -> tuple[tuple[Range, ...], str]:
        """The ranges a peer stands for now, and why they may be others ("" = they are these)."""
        try:
            known(peer, keys)
            name = text(peer, key, needed=True)
            if key in {"CidrIp", "CidrIpv6"}:
                return (cidr(name),), ""
        except ValueError as wrong:
            return (), str(wrong)
        if key == "PrefixListId":
            listed = self._estate.prefixes.get(name)
            return ((), f"the entries of prefix list {name} were not read") if listed is None else (tuple(listed), "")
        return self._members(group, name, peer)

    def _members(self, group: Thing, name: str, peer: Mapping[str, Any]) -> tuple[tuple[Range, ...], str]:
        estate = self._estate
        if "NetworkInterfaces" not in estate.given:
            return (), f"who is in {name} was not read"
        other = estate.groups.get(name)
        if other is None:
            return (), f"{name} was not read, nor who is in it"
        if other.vpc != group.vpc and not joined(estate, group.vpc, other.vpc):
            return (), f"{name} is a group of {other.vpc}, and no peering that joins it with {group.vpc} was read"
        if text(peer, "PeeringStatus") not in {"", "active"}:
            return (), f"the peering that the reference to {name} needs is {peer['PeeringStatus']}"
        return tuple(one for member in estate.members(name) for one in member.ranges), ""

    def disagreement(self, group: Thing) -> str:
        """Why a group and the list of its rules are not of one moment; "" where they are, or one was not given."""
        if "SecurityGroupRules" not in self._estate.given:
            return ""
        for direction in DIRECTIONS:
            sides = [
                sorted((repr(one.service), repr(one.peers), one.doubt) for one in permits)
                for permits in (self.permits(group, direction), self.inline(group, direction))
            ]
            if sides[0] != sides[1]:
                return f"{group.id} has other rules ({direction}) by describe-security-group-rules than by itself"
        return ""


def joined(estate: Estate, one: str, other: str) -> bool:
    """Whether an active peering joins two VPCs."""
    return any(
        {text(row(thing.value, side), "VpcId") for side in ("AccepterVpcInfo", "RequesterVpcInfo")} == {one, other}
        and text(row(thing.value, "Status"), "Code") == "active"
        for thing in estate.others.get("VpcPeeringConnections", {}).values()
    )


def asked(value: Mapping[str, Any], keys: frozenset[str], key: str) -> tuple[Service, str]:
    """The service of a permission, and why it may be another one."""
    try:
        known(value, keys)
        return service(text(value, key, needed=True), number(value, "FromPort"), number(value, "ToPort")), ""
    except ValueError as wrong:
        return Service(), str(wrong)


def check_group(group: Thing) -> None:
    """Raises ValueError where a group has parts that nobody here knows, or of another kind."""
    known(group.value, GROUP)
    for direction in ("IpPermissions", "IpPermissionsEgress"):
        if direction not in group.value:
            raise ValueError(f"it has no {direction}")
        for one in rows(group.value, direction):
            for kind in PEERS:
                for peer in rows(one, kind):
                    for name in ("Description", "GroupId", "PeeringStatus"):
                        text(peer, name)


def check_group_rule(value: Mapping[str, Any]) -> None:
    """Raises ValueError where a rule that stands by itself has parts of another kind."""
    if not isinstance(value.get("IsEgress"), bool):
        raise ValueError("IsEgress is neither true nor false")
    text(value, "Description")
    for name in ("GroupId", "PeeringStatus"):
        text(row(value, "ReferencedGroupInfo"), name)


def check_acl(acl: Thing) -> None:
    """Raises ValueError where a network ACL has parts that nobody here knows, or of another kind."""
    known(acl.value, ACL)
    rows(acl.value, "Associations")
    for one in rows(acl.value, "Entries"):
        if number(one, "RuleNumber") is None or not isinstance(one.get("Egress"), bool):
            raise ValueError("an entry has no number, or does not say its direction")


def acl_chain(acl: Thing, direction: Direction, *, back: bool = False) -> Chain:
    """The entries of a network ACL in one direction. `back`: said of the first packet whose answer they let through."""
    name = f"{TABLE}:{acl.id}/{'answers-' if back else ''}{direction}"
    found: list[Rule] = []
    entries = [one for one in rows(acl.value, "Entries") if one["Egress"] is (direction == "out")]
    for entry in sorted(entries, key=lambda one: one["RuleNumber"]):
        origin = place(acl, compact(entry), str(entry["RuleNumber"]))
        action, wanted, ranges, doubt = _entry(entry, entries)
        residue = (Residue("match" if action else "action", doubt, origin.first),) if doubt else ()
        for family in FAMILIES:
            peers = [(0, TOP[family])] if doubt else [(one.low, one.high) for one in ranges if one.family == family]
            boxes = tuple(
                box for peer in peers for box in _acl_boxes(wanted, family, peer, incoming=direction == "in", back=back)
            )
            if boxes:
                made = rule(f"{name}#{entry['RuleNumber']}", name, len(found) + 1, family, action or Action.DENY, boxes,
                            residue, origin)  # fmt: skip
                found.append(made)
    found += closing(name, len(found) + 1, acl, "no entry matches (rule *)")
    return Chain(name, TABLE, TABLE, 0, Action.DENY, tuple(found))


def _entry(entry: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> tuple[
    Action | None, Service, tuple[Range, ...], str
]:  # fmt: skip
    try:
        known(entry, ENTRY)
        action = ACTIONS.get(text(entry, "RuleAction", needed=True))
        if action is None:
            return None, Service(), (), f"nobody here knows the action {entry['RuleAction']!r}"
        ports, kinds = row(entry, "PortRange"), row(entry, "IcmpTypeCode")
        written = text(entry, "Protocol", needed=True)
        typed = written != ALL and protocol(written) in ICMP.values()
        bounds = tuple(number(kinds, key) for key in ("Type", "Code")) if typed else tuple(
            number(ports, key) for key in ("From", "To")
        )  # fmt: skip
        ranges = tuple(cidr(text(entry, key)) for key in ("CidrBlock", "Ipv6CidrBlock") if entry.get(key))
        if len(ranges) != 1:
            raise ValueError("it does not name one range")
        twins = [one for one in others if one["RuleNumber"] == entry["RuleNumber"]]
        if len(twins) > 1 and any(one.get("RuleAction") != entry["RuleAction"] for one in twins):
            raise ValueError(f"two entries have the number {entry['RuleNumber']}")
        return action, service(written, bounds[0], bounds[1]), ranges, ""
    except ValueError as wrong:
        return ACTIONS.get(str(entry.get("RuleAction"))), Service(), (), str(wrong)


def _acl_boxes(wanted: Service, family: Family, peer: tuple[int, int], *, incoming: bool, back: bool) -> Iterator[Box]:
    everyone = (0, TOP[family])
    if not back:
        yield wanted.box(family, peer if incoming else everyone, everyone if incoming else peer)
        return
    # An answer runs the other way: it comes in from the end that was asked, and goes out to the end that asked.
    src, dst = (everyone, peer) if incoming else (peer, everyone)
    for proto, sport, dport in wanted.answered(family):
        yield box_of(family, src=src, dst=dst, proto=proto, sport=sport, dport=dport)


def closing(name: str, seq: int, thing: Thing | None, said: str) -> list[Rule]:
    """The end of a list in both families: what nothing before it decided is denied."""
    origin = Origin("", "", 0, 0, said) if thing is None else place(thing, said, "default")
    return [rule(f"{name}#default", name, seq, one, Action.DENY, (FULL[one],), (), origin) for one in FAMILIES]


def rule(
    id: str, chain: str, seq: int, family: Family, action: Action, boxes: tuple[Box, ...], residue: tuple[Residue, ...],
    origin: Origin, target: str = "",
) -> Rule:  # fmt: skip
    """A rule without what the cloud does not have: interfaces, states, translations."""
    return Rule(
        id=id, chain=chain, seq=seq, family=family, action=action, target=target, boxes=boxes, iif=None, oif=None,
        states=None, nat=None, residue=residue, enabled=True, origin=origin,
    )  # fmt: skip


def place(thing: Thing, said: str, uid: str, comment: str = "") -> Origin:
    """Where a part of an object stands: the lines of the object, and the part as it is written."""
    found, account = thing.found, thing.account
    return Origin(account.digest, account.name, found.first, found.last, said, f"{thing.id} {uid}", comment)


def compact(value: Mapping[str, Any]) -> str:
    """A part of an object on one line."""
    return json.dumps(value, separators=(", ", ": "), ensure_ascii=False)
