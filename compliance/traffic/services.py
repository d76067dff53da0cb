"""Services between what people write (`tcp/5432`, `icmp/3/1`, `any`) and protocol and port ranges, and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compliance.traffic.addresses import Range
from compliance.traffic.boxes import FAMILIES, ICMP, ICMP_TOP, PORT_TOP, PROTO_TOP, Box, Family

Span = tuple[int, int, int, int, int, int]  # proto_lo, proto_hi, sport_lo, sport_hi, dport_lo, dport_hi

TCP, UDP, SCTP, DCCP, UDPLITE = 6, 17, 132, 33, 136
NUMBERS: dict[str, int] = {
    "icmp": 1, "igmp": 2, "ipip": 4, "tcp": TCP, "udp": UDP, "dccp": DCCP, "ipv6": 41, "gre": 47, "esp": 50,
    "ah": 51, "icmpv6": 58, "eigrp": 88, "ospf": 89, "pim": 103, "vrrp": 112, "l2tp": 115, "sctp": SCTP,
    "udplite": UDPLITE,
}  # fmt: skip
NAMES: dict[int, str] = {number: name for name, number in NUMBERS.items()}
WITH_PORTS = frozenset({TCP, UDP, SCTP, DCCP, UDPLITE})
ANY_SPAN: Span = (0, PROTO_TOP, 0, PORT_TOP, 0, PORT_TOP)


@dataclass(frozen=True, slots=True)
class Service:
    """One service as written, the families it exists in, and what it means in a box."""

    text: str
    families: tuple[Family, ...]
    span: Span


def parse(text: str) -> Service:
    """`tcp/5432`, `tcp/8000-8010`, `tcp` (every port), `icmp/8`, `icmp/3/1`, `icmpv6/128`, `gre`, `47`, `any`.

    Protocols are names or numbers 0..255. ICMP exists in IPv4 only, ICMPv6 in IPv6 only.
    Raises ValueError that says what is wrong with the text.
    """
    cleaned = text.strip().lower()
    if cleaned == "any":
        return Service("any", FAMILIES, ANY_SPAN)
    name, *rest = cleaned.split("/")
    proto = protocol_number(name)
    if proto in ICMP.values():
        return Service(cleaned, _families(proto), _icmp(text, proto, rest))
    if proto in WITH_PORTS:
        if len(rest) > 1:
            raise ValueError(f"{text!r} has one slash too many: write {name}/PORT or {name}/FIRST-LAST")
        return Service(cleaned, FAMILIES, (proto, proto, 0, PORT_TOP, *_ports(text, rest[0] if rest else "any")))
    if rest:
        raise ValueError(f"{text!r}: protocol {name} has no ports")
    return Service(cleaned, FAMILIES, (proto, proto, 0, PORT_TOP, 0, PORT_TOP))


def protocol_number(name: str) -> int:
    """The number of a protocol name or number as text. Raises ValueError."""
    cleaned = name.strip().lower()
    if cleaned in NUMBERS:
        return NUMBERS[cleaned]
    if cleaned in {"ipv6-icmp", "icmp6"}:
        return NUMBERS["icmpv6"]
    if cleaned.isascii() and cleaned.isdigit() and len(cleaned) <= 3 and int(cleaned) <= PROTO_TOP:
        return int(cleaned)
    raise ValueError(f"{name!r} is not a protocol name or a number 0 to {PROTO_TOP}")


def protocol_name(number: int) -> str:
    """The name of a protocol, or its number as text."""
    return NAMES.get(number, str(number))


def _families(icmp: int) -> tuple[Family, ...]:
    return tuple(family for family in FAMILIES if ICMP[family] == icmp)


def _number(text: str, part: str, top: int, what: str) -> int:
    if not (part.isascii() and part.isdigit() and len(part) <= 5 and int(part) <= top):
        raise ValueError(f"{text!r}: {part!r} is not {what} (0 to {top})")
    return int(part)


def _ports(text: str, part: str) -> tuple[int, int]:
    if part in {"any", "*"}:
        return 0, PORT_TOP
    first, dash, last = part.partition("-")
    low = _number(text, first.strip(), PORT_TOP, "a port")
    high = _number(text, last.strip(), PORT_TOP, "a port") if dash else low
    if low > high:
        raise ValueError(f"{text!r} ends before it starts")
    return low, high


def _icmp(text: str, proto: int, rest: list[str]) -> Span:
    if len(rest) > 2:
        raise ValueError(f"{text!r} has one slash too many: write {protocol_name(proto)}/TYPE or …/TYPE/CODE")
    types = codes = (0, ICMP_TOP)
    if rest and rest[0] not in {"any", "*"}:
        one = _number(text, rest[0], ICMP_TOP, "an ICMP type")
        types = (one, one)
    if len(rest) == 2:
        one = _number(text, rest[1], ICMP_TOP, "an ICMP code")
        codes = (one, one)
    return (proto, proto, *types, *codes)


def say(span: Span) -> str:
    """A span as people read it. What parse gave, parse reads back (ranges of protocols or types are only said)."""
    proto_low, proto_high, sport_low, sport_high, dport_low, dport_high = span
    if proto_low != proto_high:
        name = "any" if (proto_low, proto_high) == (0, PROTO_TOP) else f"protocols {proto_low}-{proto_high}"
    else:
        name = protocol_name(proto_low)
    if proto_low == proto_high and proto_low in ICMP.values():
        return name + _say_icmp(span)
    ports = "" if (dport_low, dport_high) == (0, PORT_TOP) else f"/{_say_ports(dport_low, dport_high)}"
    source = (
        "" if (sport_low, sport_high) == (0, PORT_TOP) else f" from source port {_say_ports(sport_low, sport_high)}"
    )
    return f"{name}{ports}{source}"


def _say_icmp(span: Span) -> str:
    types, codes = (span[2], min(span[3], ICMP_TOP)), (span[4], min(span[5], ICMP_TOP))
    every = (0, ICMP_TOP)
    if codes == every:
        return "" if types == every else f"/{_say_ports(*types)}"
    return f"/{'any' if types == every else _say_ports(*types)}/{_say_ports(*codes)}"


def _say_ports(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def span_of(box: Box) -> Span:
    """The service side of a box."""
    return box[4:]


def boxes(src: Iterable[Range], dst: Iterable[Range], services: Iterable[Service], family: Family) -> list[Box]:
    """Every source to every destination by every service, as far as they exist in the family."""
    targets = [one for one in dst if one.family == family]
    spans = [one.span for one in services if family in one.families]
    return [
        (source.low, source.high, target.low, target.high, *span)
        for source in src
        if source.family == family
        for target in targets
        for span in spans
    ]
