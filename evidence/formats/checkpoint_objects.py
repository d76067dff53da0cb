"""What the objects in rules of Check Point stand for: hosts, networks, groups with and without exclusion, services.

A rule names objects by their uid; what each is stands in the dictionary of the answer, or in the rule itself. What is
not in the file, or is found out while the gateway runs (names, roles, zones, clouds), may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, FULL, PORT_TOP, PROTO_TOP, TOP, Box, Family, subtract
from compliance.traffic.intervals import Interval
from evidence.formats import entries
from evidence.formats.entries import ANY_PORT, Service, Side

Services = dict[Family, list[Service]]
Value = Mapping[str, Any]
PORTED = {"service-tcp": 6, "service-udp": 17, "service-sctp": 132}
ICMP: dict[str, Family] = {"service-icmp": 4, "service-icmp6": 6}
RANGES = frozenset({"address-range", "multicast-address-range"})
GATEWAYS = frozenset(
    {"simple-gateway", "simple-cluster", "cluster-member", "checkpoint-host", "CpmiGatewayCluster", "CpmiHostCkp",
     "CpmiGatewayPlain", "CpmiClusterMember", "interoperable-device"}
)  # fmt: skip
ANY = "CpmiAnyObject"
DEEPEST = 64
MOST_PIECES = 2_000  # of a negated list of services


class Dictionary:
    """The objects of a file by uid; `used` are those that were asked for, with the way to them."""

    def __init__(self) -> None:
        self._by_uid: dict[str, Value] = {}
        self.used: list[str] = []

    def add(self, value: Value) -> None:
        """One object; the same uid from another page is the same object."""
        uid = value.get("uid")
        if isinstance(uid, str):
            known = self._by_uid.get(uid)
            if known is None or len(known) < len(value):
                self._by_uid[uid] = value

    def named(self, given: Any) -> tuple[Value | None, str]:
        """(the object, what it is called) of a uid or of an object that stands where it is used."""
        if isinstance(given, Mapping):
            return self._fuller(given), str(given.get("name", given.get("uid", "")))
        found = self._by_uid.get(given) if isinstance(given, str) else None
        return found, str(found.get("name", given)) if found is not None else str(given)

    def _fuller(self, given: Value) -> Value:
        known = self._by_uid.get(str(given.get("uid")))
        return known if known is not None and len(known) > len(given) else given

    def is_any(self, given: Any) -> bool:
        """Whether it is the object Any."""
        value, name = self.named(given)
        return (value is not None and value.get("type") == ANY) or (value is None and name == "Any")

    def addresses(self, given: Iterable[Any]) -> Side:
        """The addresses of a list of objects."""
        sides = [self._side(one, ()) for one in given]
        if len(sides) == 1:  # with what it may hold at most
            return sides[0]
        found = Side()
        for side in sides:
            found.add(side)
        return found

    def _side(self, given: Any, above: tuple[str, ...]) -> Side:
        if self.is_any(given):
            return entries.everybody()
        value, name = self.named(given)
        way = " > ".join((*above, name))
        if value is None:
            return entries.unknown(f"{way} is not in the file")
        if name in above or len(above) > DEEPEST:
            return entries.unknown(f"{way} leads back to itself")
        kind = str(value.get("type"))
        if kind == "group":
            return self._group(value, name, above)
        if kind == "group-with-exclusion":
            return self._excluding(value, name, above)
        self.used.append(way)
        try:
            found = _own(value)
        except (ValueError, TypeError, KeyError, AttributeError):
            return entries.unknown(f"{way} has values that are not understood")
        if kind in GATEWAYS:
            found.doubts.append(f"{way} is a gateway, and its other addresses are not in the file")
        elif not found.ranges:
            found.doubts.append(f"{way} ({kind}) holds addresses that are not in the file")
        return found

    def _group(self, value: Value, name: str, above: tuple[str, ...]) -> Side:
        members = value.get("members")
        if not isinstance(members, list) or not members:
            known = _spans(value.get("ranges"))
            return known if known is not None else entries.unknown(f"{name} has no members in the file")
        found = Side()
        for one in members:
            found.add(self._side(one, (*above, name)))
        return found

    def _excluding(self, value: Value, name: str, above: tuple[str, ...]) -> Side:
        """All of one group that is not in the other. What the other may hold is in doubt."""
        include = self._side(value.get("include"), (*above, name))
        out = self._side(value.get("except"), (*above, name))
        doubts = [*include.doubts, *(f"{name} without {doubt}" for doubt in out.doubts)]
        rest = {
            family: intervals.subtract(include.ranges.get(family, []), out.ranges.get(family, []))
            for family in FAMILIES
        }
        if not out.doubts:
            return Side(rest, doubts)
        return Side({}, doubts, {} if include.doubts else rest)

    def services(self, given: Iterable[Any]) -> tuple[Services, list[str]]:
        """The services of a list of objects, and what of them is not known."""
        found: Services = {family: [] for family in FAMILIES}
        doubts: list[str] = []
        for one in given:
            self._service(one, (), found, doubts)
        return found, list(dict.fromkeys(doubts))

    def _service(self, given: Any, above: tuple[str, ...], found: Services, doubts: list[str]) -> None:
        value, name = self.named(given)
        way = " > ".join((*above, name))
        if self.is_any(given):
            for family in FAMILIES:
                found[family].append(Service())
        elif value is None:
            doubts.append(f"{way} is not in the file")
        elif name in above or len(above) > DEEPEST:
            doubts.append(f"{way} leads back to itself")
        elif value.get("type") == "service-group":
            members = value.get("members")
            if not isinstance(members, list) or not members:
                doubts.append(f"{way} has no members in the file")
            for one in members if isinstance(members, list) else ():
                self._service(one, (*above, name), found, doubts)
        else:
            self.used.append(way)
            try:
                for family, services in _services(value).items():
                    found[family] += services
            except (ValueError, TypeError, KeyError, AttributeError):
                doubts.append(f"{way} ({value.get('type')}) is told by more than its port")

    def take_used(self) -> list[str]:
        """The names asked for since the last call."""
        taken, self.used = self.used, []
        return list(dict.fromkeys(taken))


def _own(value: Value) -> Side:
    """The addresses of one object that is no group. Raises ValueError, TypeError, KeyError."""
    found = Side()
    kind = str(value.get("type"))
    if kind == "network":
        for address, length, mask in (("subnet4", "mask-length4", "subnet-mask"), ("subnet6", "mask-length6", "")):
            if value.get(address):
                bits = value.get(length)
                text = f"{value[address]}/{bits}" if bits is not None else ""
                found.add(entries.prefix(text) if text else entries.masked(value[address], value[mask], wildcard=False))
    elif kind == "wildcard":
        if value.get("ipv4-address"):
            found.add(entries.masked(value["ipv4-address"], value["ipv4-mask-wildcard"], wildcard=True))
        if value.get("ipv6-address"):
            found.doubts.append(f"{value.get('name')} has a wildcard of IPv6")
    elif kind in RANGES or kind == "host" or kind in GATEWAYS:
        for version in ("ipv4", "ipv6"):
            if value.get(f"{version}-address-first"):
                found.add(entries.between(value[f"{version}-address-first"], value[f"{version}-address-last"]))
            elif value.get(f"{version}-address"):
                found.add(entries.host(value[f"{version}-address"]))
    return found


def _spans(given: Any) -> Side | None:
    """`ranges` of an answer that shows groups as ranges; None where it has none."""
    if not isinstance(given, Mapping):
        return None
    found = Side()
    try:
        for version in ("ipv4", "ipv6"):
            for one in given.get(version) or ():
                found.add(entries.between(one["start"], one["end"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if given.get("others"):
        found.doubts.append("objects that are no ranges")
    return found


def _services(value: Value) -> Services:
    """Raises ValueError, TypeError, KeyError."""
    kind = str(value.get("type"))
    if kind in PORTED:
        if value.get("match-by-protocol-signature") is True:
            raise ValueError(kind)
        proto = (PORTED[kind], PORTED[kind])
        pairs = [(source, target) for source in _ports(value.get("source-port")) for target in _ports(value["port"])]
        services = [Service(proto, source, target) for source, target in pairs]
        return dict.fromkeys(FAMILIES, services)
    if kind in ICMP:
        family = ICMP[kind]
        return {family: [entries.icmp_of(_whole(value.get("icmp-type")), _whole(value.get("icmp-code")), family)]}
    if kind == "service-other" and not value.get("match"):
        number = _whole(value["ip-protocol"])
        if number is None or not 0 < number <= PROTO_TOP:
            raise ValueError(number)
        return {family: [Service((number, number))] for family in FAMILIES}
    raise ValueError(kind)


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(value)
    return value


def _ports(text: Any) -> list[Interval]:
    """`80`, `1000-2000`, `>1023`, `<1024`, several by comma. Raises ValueError, TypeError."""
    if text is None or text == "":
        return [ANY_PORT]
    if not isinstance(text, str):
        raise TypeError(text)
    found: list[Interval] = []
    for part in text.split(","):
        part = part.strip()
        if part.startswith(">"):
            span = (_port(part[1:]) + 1, PORT_TOP)
        elif part.startswith("<"):
            span = (0, _port(part[1:]) - 1)
        else:
            low, _, high = part.partition("-")
            span = (_port(low), _port(high or low))
        if not 0 <= span[0] <= span[1] <= PORT_TOP:
            raise ValueError(part)
        found.append(span)
    return found


def _port(text: str) -> int:
    if not entries.is_number(text.strip()):
        raise ValueError(text)
    return int(text)


def all_but(services: Services) -> Services | None:
    """Everything that is none of these services; None where that takes too many pieces."""
    found: Services = {}
    for family in FAMILIES:
        left: list[Box] = [FULL[family]]
        for one in services.get(family, []):
            cut: Box = (0, TOP[family], 0, TOP[family], *one.proto, *one.sport, *one.dport)
            left = [piece for box in left for piece in subtract(box, cut)]
            if len(left) > MOST_PIECES:
                return None
        found[family] = [Service((box[4], box[5]), (box[6], box[7]), (box[8], box[9])) for box in left]
    return found
