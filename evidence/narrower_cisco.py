"""A narrower entry of a Cisco list, as a person types it: in the entry's own place, by number (IOS) or line (ASA)."""

from __future__ import annotations

from collections.abc import Sequence

from compliance.traffic import addresses
from compliance.traffic.boxes import FULL, ICMP, ICMP_TOP, PORT_TOP, Box, Family
from evidence.rules import Rule

PORTS = {6: "tcp", 17: "udp", 132: "sctp"}
STEP = 10  # between the numbers of entries that nobody renumbered: as many more fit behind one
Kept = Sequence[tuple[Rule, Box]]


class Unsaid(Exception):
    """The list has no short way to say it."""


def ios(place: str, rule: Rule, kept: Kept) -> list[str]:
    """`acl/APP-IN#10`: the entry goes, and what is kept of it comes in its place. Raises Unsaid."""
    path, _, number = place.partition("#")
    kind, _, name = path.partition("/")
    if kind not in {"acl", "ipv6-acl"} or not number.isdecimal() or _is_standard(rule):
        raise Unsaid
    if len(kept) > 1 and (int(number) % STEP or len(kept) > STEP):
        raise Unsaid  # what stands behind it may hold the next numbers
    four = kind == "acl"
    head = f"ip access-list extended {name}" if four else f"ipv6 access-list {name}"
    places = range(int(number), int(number) + len(kept))
    entries = [_entry(part, box, asa=False) for part, box in kept]
    lines = [f" {'' if four else 'sequence '}{at} {entry}" for at, entry in zip(places, entries, strict=True)]
    gone = f" no {'' if four else 'sequence '}{number}"
    return ["configure terminal", head, gone, *lines, " end"]


def asa(place: str, rule: Rule, kept: Kept) -> list[str]:
    """`acl/OUTSIDE#3`: what is kept comes in front of the entry, then the entry goes. Raises Unsaid."""
    path, _, number = place.partition("#")
    name = path.removeprefix("acl/")
    old = " ".join(rule.origin.text.split())
    if not number.isdecimal() or not old.startswith(f"access-list {name} ") or " standard " in old:
        raise Unsaid
    lines = [
        f"access-list {name} line {int(number) + more} extended {_entry(part, box, asa=True)}"
        for more, (part, box) in enumerate(kept)
    ]
    return ["configure terminal", *lines, f"no {old}", "end"]


def _is_standard(rule: Rule) -> bool:
    """Whether it names a source alone: `permit 10.0.0.0 0.0.0.255`."""
    words = rule.origin.text.lower().split()
    after = words[words.index("permit") + 1] if "permit" in words[:-1] else ""
    return not after or after in {"any", "host"} or (after[0].isdigit() and ("." in after or ":" in after))


def _entry(rule: Rule, box: Box, *, asa: bool) -> str:
    if rule.iif or rule.oif:
        raise Unsaid
    proto, sport, dport = _service(rule.family, box, asa=asa)
    sides = [_side(rule.family, box[at], box[at + 1], FULL[rule.family][at + 1], asa=asa) for at in (0, 2)]
    words = ["permit", proto, sides[0], sport, sides[1], dport]
    if rule.states is not None:
        if rule.states != {"ESTABLISHED"} or proto != "tcp" or asa:
            raise Unsaid
        words.append("established")
    return " ".join(word for word in words if word)


def _side(family: Family, low: int, high: int, top: int, *, asa: bool) -> str:
    if (low, high) == (0, top):
        return ("any4" if family == 4 else "any6") if asa else "any"
    text = addresses.to_text(family, low)
    if low == high:
        return f"host {text}"
    size = high - low + 1
    bits = size.bit_length() - 1
    if 1 << bits != size or low % size:
        raise Unsaid
    if family == 6:
        return f"{text}/{addresses.BITS[6] - bits}"
    free = size - 1
    return f"{text} {addresses.to_text(4, ~free & 0xFFFFFFFF if asa else free)}"


def _service(family: Family, box: Box, *, asa: bool) -> tuple[str, str, str]:
    """Protocol, source ports, destination ports (ICMP: its type) as they are written. Raises Unsaid."""
    if (box[4], box[5]) == (0, 255) and box[6:] == (0, PORT_TOP, 0, PORT_TOP):
        return ("ipv6" if family == 6 and not asa else "ip"), "", ""
    number = box[4]
    if number != box[5]:
        raise Unsaid
    if number == ICMP[family]:
        name = "icmp6" if family == 6 and asa else "icmp"
        if box[6] == 0 and box[7] >= ICMP_TOP:
            return name, "", ""
        if box[6] != box[7] or box[8] > 0 or box[9] < ICMP_TOP:
            raise Unsaid
        return name, "", str(box[6])
    if number not in PORTS:
        if box[6:] != (0, PORT_TOP, 0, PORT_TOP):
            raise Unsaid
        return str(number), "", ""
    return PORTS[number], _ports(box[6], box[7]), _ports(box[8], box[9])


def _ports(low: int, high: int) -> str:
    if (low, high) == (0, PORT_TOP):
        return ""
    return f"eq {low}" if low == high else f"range {low} {high}"
