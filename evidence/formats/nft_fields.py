"""The left side of an nft match: which part of a packet an expression looks at, and what its values mean.

A field gives alternatives (`Match`) for values: `any_of` those that have one of them, `none_of` those that have none.
Both carry what nft adds by itself: `tcp dport != 22` is TCP only, `ip saddr != …` is IPv4 only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Protocol

from compliance.traffic import addresses
from compliance.traffic.boxes import FAMILIES, FULL, ICMP, PROTO_TOP, TOP, Family, limited
from evidence.formats import names
from evidence.formats.matching import (
    DPORT,
    DST,
    PROTO,
    SPORT,
    SRC,
    STATES,
    STATES_OF,
    WITH_PORTS,
    Discontiguous,
    Match,
    both,
    everything,
    mask_length,
    within,
)
from evidence.formats.nft_flags import Flags, Unmodelled, bits_of
from evidence.formats.nft_shape import word

PORT_TOP = 65535
Span = tuple[int, int]


class Field(Protocol):
    """What an expression looks at. `loose`: it is only right for protocols that have ports."""

    @property
    def loose(self) -> bool: ...

    def any_of(self, values: Sequence[Any]) -> list[Match]:
        """Traffic that has one of the values. Raises Unmodelled."""
        ...

    def none_of(self, values: Sequence[Any]) -> list[Match]:
        """Traffic that the expression can look at and that has none of the values. Raises Unmodelled."""
        ...


@dataclass(frozen=True, slots=True)
class Numbers:
    """A number of a packet (port, protocol, ICMP type or code), in packets of the given families and protocols."""

    axis: int
    top: int
    words: Mapping[str, int] = field(default_factory=dict)
    families: Sequence[Family] = FAMILIES
    protocols: Sequence[int] = ()
    loose: bool = False
    not_told: frozenset[int] = frozenset()  # values that say nothing about a box

    def any_of(self, values: Sequence[Any]) -> list[Match]:
        return self._matches([self.span(value) for value in values], negated=False)

    def none_of(self, values: Sequence[Any]) -> list[Match]:
        return self._matches([self.span(value) for value in values], negated=True)

    def compared(self, op: str, value: Any) -> list[Match]:
        """`<`, `>`, `<=` and `>=`."""
        low, high = self.span(value)
        if low != high:
            raise Unmodelled(f"{op} with a range")
        return self._matches(_beyond(op, low, self.top), negated=False)

    def span(self, value: Any) -> Span:
        """One value or range as numbers. Raises Unmodelled."""
        if isinstance(value, dict) and set(value) == {"range"}:
            low, high = (self._number(part) for part in _pair(value["range"]))
        else:
            low = high = self._number(value)
        if low > high or self.not_told & set(range(low, min(high, PROTO_TOP) + 1)):
            raise Unmodelled(f"value {value!r}")
        return low, high

    def _number(self, value: Any) -> int:
        if isinstance(value, str):
            try:
                return names.number(value, dict(self.words), self.top)
            except ValueError as problem:
                raise Unmodelled(str(problem)) from None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= self.top:
            raise Unmodelled(f"value {value!r}")
        return value

    def _matches(self, spans: Sequence[Span], *, negated: bool) -> list[Match]:
        found: list[Match] = []
        for family in self.families:
            for protocol in self.protocols or (None,):
                start = FULL[family] if protocol is None else limited(FULL[family], PROTO, protocol, protocol)
                found.extend(within(family, self.axis, spans, negated=negated, start=start))
        return found


@dataclass(frozen=True, slots=True)
class Address:
    """The source or destination address."""

    axis: int
    family: Family
    loose: bool = False

    def any_of(self, values: Sequence[Any]) -> list[Match]:
        return within(self.family, self.axis, [self.span(value) for value in values])

    def none_of(self, values: Sequence[Any]) -> list[Match]:
        return within(self.family, self.axis, [self.span(value) for value in values], negated=True)

    def compared(self, op: str, value: Any) -> list[Match]:
        """`<`, `>`, `<=` and `>=`."""
        return within(self.family, self.axis, _beyond(op, self._one(value), TOP[self.family]))

    def span(self, value: Any) -> Span:
        """An address, `{"prefix": …}` or `{"range": …}` as numbers. Raises Unmodelled."""
        if isinstance(value, dict) and set(value) == {"range"}:
            low, high = (self._one(part) for part in _pair(value["range"]))
            if low > high:
                raise Unmodelled(f"range {value!r}")
            return low, high
        if isinstance(value, dict) and set(value) == {"prefix"}:
            prefix = value["prefix"]
            if not isinstance(prefix, dict) or set(prefix) != {"addr", "len"}:
                raise Unmodelled(f"prefix {value!r}")
            length = prefix["len"]
            if type(length) is not int or not 0 <= length <= addresses.BITS[self.family]:
                raise Unmodelled(f"prefix {value!r}")
            return addresses.prefix_range(self.family, self._one(prefix["addr"]), length)
        one = self._one(value)
        return one, one

    def under(self, mask: Any) -> Masked:
        """The address under a mask without holes. Raises Unmodelled."""
        try:
            return Masked(self, mask_length(self._one(mask), addresses.BITS[self.family], str(mask)))
        except Discontiguous as problem:
            raise Unmodelled(str(problem)) from None

    def network(self, value: Any, length: int) -> Span:
        """A network by its first address. Raises Unmodelled."""
        low, high = addresses.prefix_range(self.family, self._one(value), length)
        if low != self._one(value):
            raise Unmodelled(f"{value} has bits outside of its mask")
        return low, high

    def _one(self, value: Any) -> int:
        if not isinstance(value, str):
            raise Unmodelled(f"address {value!r}")
        try:
            family, number = addresses.parse_host(value)
        except ValueError as problem:
            raise Unmodelled(str(problem)) from None
        if family != self.family:
            raise Unmodelled(f"{value} is no IPv{self.family} address")
        return number


@dataclass(frozen=True, slots=True)
class Masked:
    """The first bits of an address (`ip saddr & 255.255.0.0`)."""

    address: Address
    length: int
    loose: bool = False

    def any_of(self, values: Sequence[Any]) -> list[Match]:
        return within(self.address.family, self.address.axis, self._spans(values))

    def none_of(self, values: Sequence[Any]) -> list[Match]:
        return within(self.address.family, self.address.axis, self._spans(values), negated=True)

    def _spans(self, values: Sequence[Any]) -> list[Span]:
        return [self.address.network(value, self.length) for value in values]


@dataclass(frozen=True, slots=True)
class Interface:
    """The name of the interface a packet comes in by or goes out by."""

    side: str
    loose: bool = False

    def any_of(self, values: Sequence[Any]) -> list[Match]:
        wanted = [_interface(value) for value in values]
        if "+" in wanted:
            return everything(FAMILIES)
        return self._limit(frozenset(wanted)) if wanted else []

    def none_of(self, values: Sequence[Any]) -> list[Match]:
        wanted = [_interface(value) for value in values]
        if "+" in wanted:
            return []
        return self._limit(frozenset("!" + name for name in wanted)) if wanted else everything(FAMILIES)

    def _limit(self, limit: frozenset[str]) -> list[Match]:
        if self.side == "in":
            return [Match(family, FULL[family], iif=limit) for family in FAMILIES]
        return [Match(family, FULL[family], oif=limit) for family in FAMILIES]


def _interface(value: Any) -> str:
    """`eth*` is the prefix that this project writes as `eth+`."""
    if not isinstance(value, str) or not value or "\\" in value or value.endswith("+") or "*" in value[:-1]:
        raise Unmodelled(f"interface {value!r}")
    return value[:-1] + "+" if value.endswith("*") else value


@dataclass(frozen=True, slots=True)
class State:
    """The connection state."""

    loose: bool = False

    def any_of(self, values: Sequence[Any]) -> list[Match]:
        wanted = _states(values)
        return [Match(family, FULL[family], states=wanted) for family in FAMILIES] if wanted else []

    def none_of(self, values: Sequence[Any]) -> list[Match]:
        return [Match(family, FULL[family], states=STATES - _states(values)) for family in FAMILIES]


# include/uapi/linux/netfilter/nf_conntrack_common.h: `nft -n` prints the bits.
STATE_BITS = {1: "INVALID", 2: "ESTABLISHED", 4: "RELATED", 8: "NEW", 64: "UNTRACKED"}


def _states(values: Sequence[Any]) -> frozenset[str]:
    wanted = frozenset(_state(value) for value in values)
    if not wanted <= STATES:
        raise Unmodelled(f"connection state {list(values)!r}")
    return wanted


def _state(value: Any) -> str:
    if type(value) is int:
        return STATE_BITS.get(value, "?")
    return value.upper() if isinstance(value, str) else "?"


@dataclass(frozen=True, slots=True)
class Direction:
    """The direction in the connection: what has no connection has none (the kernel breaks the rule off)."""

    loose: bool = False

    def any_of(self, values: Sequence[Any]) -> list[Match]:
        wanted = {WAYS.get(value, "") if isinstance(value, (str, int)) else "" for value in values}
        if not wanted <= STATES_OF.keys():
            raise Unmodelled(f"direction {list(values)!r}")
        states = frozenset[str]().union(*(STATES_OF[value] for value in wanted))
        return [Match(family, FULL[family], states=states) for family in FAMILIES] if states else []

    def none_of(self, values: Sequence[Any]) -> list[Match]:
        self.any_of(values)
        excluded = {WAYS[value] for value in values}
        return self.any_of([value for value in STATES_OF if value not in excluded])


WAYS: dict[str | int, str] = {"original": "original", "reply": "reply", 0: "original", 1: "reply"}


@dataclass(frozen=True, slots=True)
class FamilyOf:
    """The address family itself; `words` gives what its values mean (0 = another family)."""

    words: Mapping[Any, int]
    loose: bool = False

    def any_of(self, values: Sequence[Any]) -> list[Match]:
        wanted = self._families(values)
        return everything(family for family in FAMILIES if family in wanted)

    def none_of(self, values: Sequence[Any]) -> list[Match]:
        wanted = self._families(values)
        return everything(family for family in FAMILIES if family not in wanted)

    def _families(self, values: Sequence[Any]) -> set[int]:
        if any(not isinstance(value, (str, int)) or value not in self.words for value in values):
            raise Unmodelled(f"family {list(values)!r}")
        return {self.words[value] for value in values}


# Addresses that the routing table itself never calls local (net/ipv4/route.c, net/ipv6/netfilter/nft_fib_ipv6.c).
MULTICAST: dict[Family, Span] = {4: (0xE0000000, 0xEFFFFFFF), 6: (0xFF << 120, (1 << 128) - 1)}
BROADCAST: dict[Family, tuple[Span, ...]] = {4: ((0, 0x00FFFFFF), (0xFFFFFFFF, 0xFFFFFFFF)), 6: ()}


@dataclass(frozen=True, slots=True)
class OwnType:
    """`fib daddr type` where only packets to the host itself come by: local, or its multicast and broadcast."""

    loose: bool = False

    def any_of(self, values: Sequence[Any]) -> list[Match]:
        wanted = self._types(values)
        return [match for family in FAMILIES for kind in wanted for match in self._of(kind, family)]

    def none_of(self, values: Sequence[Any]) -> list[Match]:
        left = {"local", "multicast", "broadcast"} - self._types(values)
        return [match for family in FAMILIES for kind in sorted(left) for match in self._of(kind, family)]

    def _of(self, kind: str, family: Family) -> list[Match]:
        others = (MULTICAST[family], *BROADCAST[family])
        if kind == "local":
            return within(family, DST, others, negated=True)
        kinds = {"multicast": others[:1], "broadcast": others[1:]}
        return within(family, DST, kinds.get(kind, ()))

    def _types(self, values: Sequence[Any]) -> set[str]:
        found = {ROUTING_TYPES[value] if type(value) is int and 0 <= value < len(ROUTING_TYPES) else value
                 for value in values if isinstance(value, (str, int))}  # fmt: skip
        if len(found) != len(values) or not found <= set(ROUTING_TYPES):
            raise Unmodelled(f"value {list(values)!r}")
        return {str(one) for one in found}


def _beyond(op: str, value: int, top: int) -> list[Span]:
    spans = {"<": (0, value - 1), "<=": (0, value), ">": (value + 1, top), ">=": (value, top)}
    return [spans[op]] if spans[op][0] <= spans[op][1] else []


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise Unmodelled(f"range {value!r}")
    return value[0], value[1]


def _port(axis: int, *protocols: int, loose: bool = False) -> Numbers:
    return Numbers(axis, PORT_TOP, names.PORTS, FAMILIES, protocols, loose)


def _icmp(axis: int, family: Family, words: Mapping[str, int]) -> Numbers:
    return Numbers(axis, 255, words, (family,), (ICMP[family],))


PAYLOADS: dict[tuple[str, str], Field] = {
    ("ip", "saddr"): Address(SRC, 4), ("ip", "daddr"): Address(DST, 4),
    ("ip6", "saddr"): Address(SRC, 6), ("ip6", "daddr"): Address(DST, 6),
    ("ip", "protocol"): Numbers(PROTO, PROTO_TOP, names.PROTOCOLS, (4,)),
    ("ip6", "nexthdr"): Numbers(PROTO, PROTO_TOP, names.PROTOCOLS, (6,), not_told=names.IPV6_EXTENSIONS),
    ("icmp", "type"): _icmp(SPORT, 4, names.NFT_ICMP4_TYPES), ("icmp", "code"): _icmp(DPORT, 4, names.NFT_ICMP4_CODES),
    ("icmpv6", "type"): _icmp(SPORT, 6, names.NFT_ICMP6_TYPES),
    ("icmpv6", "code"): _icmp(DPORT, 6, names.NFT_ICMP6_CODES),
    ("th", "sport"): _port(SPORT, *WITH_PORTS, loose=True), ("th", "dport"): _port(DPORT, *WITH_PORTS, loose=True),
    **{(name, side): _port(axis, names.PROTOCOLS[name])
       for name in ("tcp", "udp", "udplite", "sctp", "dccp") for side, axis in (("sport", SPORT), ("dport", DPORT))},
}  # fmt: skip
METAS: dict[str, Field] = {
    "l4proto": Numbers(PROTO, PROTO_TOP, names.PROTOCOLS),
    "nfproto": FamilyOf({"ipv4": 4, "ipv6": 6, 2: 4, 10: 6}),
    # `nft -n` prints the bytes of the number the wrong way round (8 for 0x0800) on a little-endian machine.
    "protocol": FamilyOf({"ip": 4, "ip6": 6, 0x0800: 4, 0x86DD: 6, 0x0008: 4, 0xDD86: 6, "arp": 0, "vlan": 0}),
    "iifname": Interface("in"), "oifname": Interface("out"), "iif": Interface("in"), "oif": Interface("out"),
}  # fmt: skip
# include/uapi/linux/rtnetlink.h, in the order of their numbers
ROUTING_TYPES = (
    "unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit"
)  # fmt: skip


HEADERS: dict[str, tuple[tuple[Family, ...], str]] = {
    "ip": ((4,), ""), "ip6": ((6,), ""), "icmp": ((4,), "icmp"), "icmpv6": ((6,), "icmpv6"),
    **{name: (FAMILIES, name) for name in ("tcp", "udp", "udplite", "sctp", "dccp", "esp", "ah", "comp")},
}  # fmt: skip


def implied(expression: Any) -> list[Match]:
    """The traffic that has what an expression looks at: nft adds the family and protocol of every header by itself."""
    if isinstance(expression, dict) and len(expression) == 1:
        kind, detail = next(iter(expression.items()))
        if kind in {"concat", "&"} and isinstance(detail, list):
            return reduce(both, [implied(part) for part in detail], everything(FAMILIES))
        name = word(detail.get("protocol")) if kind == "payload" and isinstance(detail, dict) else ""
        name = "tcp" if kind == "tcp option" else name
        if name in HEADERS and not (isinstance(detail, dict) and "tunnel" in detail):
            families, protocol = HEADERS[name]
            return Numbers(PROTO, PROTO_TOP, names.PROTOCOLS, families).any_of([protocol]) if protocol \
                else everything(families)  # fmt: skip
    return everything(FAMILIES)


def field_of(expression: Any, hooks: frozenset[str]) -> Field:
    """The field of a left side; `hooks`: where its chain is reached from. Raises Unmodelled."""
    if not isinstance(expression, dict) or len(expression) != 1:
        raise Unmodelled("not modelled")
    kind, detail = next(iter(expression.items()))
    found: Field | None = None
    if kind == "&":
        return _masked(detail, hooks)
    if kind == "payload":
        found = _payload(detail)
    elif kind == "meta":
        found = METAS.get(_key(detail))
    elif kind == "ct":
        found = CONNECTIONS.get(_key(detail))
    elif kind == "fib" and hooks == {"input"} and detail in OWN_ADDRESS:
        found = OwnType()
    if found is None:
        raise Unmodelled("not modelled")
    return found


CONNECTIONS: dict[str, Field] = {"state": State(), "direction": Direction()}
OWN_ADDRESS = ({"result": "type", "flags": ["daddr"]}, {"result": "type", "flags": "daddr"})


def _key(detail: Any) -> str:
    """`{"key": "iifname"}`, in old versions `"iifname"`; with anything beside it is another field ("")."""
    if isinstance(detail, dict) and set(detail) == {"key"}:
        detail = detail["key"]
    return detail if isinstance(detail, str) else ""


def _payload(detail: Any) -> Field | None:
    """`{"protocol": …, "field": …}`, in old versions `{"name": …, "field": …}`; inside a tunnel it is another field."""
    if not isinstance(detail, dict) or set(detail) not in ({"protocol", "field"}, {"name", "field"}):
        return None
    name = detail.get("protocol", detail.get("name"))
    if (name, detail["field"]) == ("tcp", "flags"):
        return Flags()
    return PAYLOADS.get((str(name), str(detail["field"])))


def _masked(sides: Any, hooks: frozenset[str]) -> Field:
    if not isinstance(sides, list) or len(sides) != 2:
        raise Unmodelled("mask")
    under = field_of(sides[0], hooks)
    if isinstance(under, Address):
        return under.under(sides[1])
    if isinstance(under, Flags):
        return Flags(bits_of(sides[1]))
    raise Unmodelled("mask")
