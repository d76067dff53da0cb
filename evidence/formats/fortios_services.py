"""The services of a FortiOS configuration: ports with source ports, ICMP, protocols by number, and groups of them.

`12:1024-65535` is destination port 12 from the source ports behind the colon. ICMP is of IPv4 and ICMP6 of IPv6. A
service that names destinations, applications or a proxy is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.traffic import boxes
from compliance.traffic.boxes import FAMILIES, FULL, ICMP_TOP, PORT_TOP, PROTO_TOP, Family
from compliance.traffic.intervals import Interval
from evidence.formats import entries
from evidence.formats.entries import ANY_PORT, Service
from evidence.formats.fortios_known import SERVICE
from evidence.formats.fortios_text import ZERO, Entry

DEEPEST = 64  # groups that may stand in one another
PORTED = {"tcp-portrange": 6, "udp-portrange": 17, "sctp-portrange": 132, "udplite-portrange": 136}
BY_PORT = frozenset({"TCP/UDP/SCTP", "TCP/UDP/UDP-Lite/SCTP", "TCP/UDP"})
OTHERWISE = ("iprange", "fqdn", "application", "app-category")  # what a service may ask for beside ports
HARMLESS = {"iprange": ZERO, "app-service-type": "disable", "proxy": "disable", "explicit-proxy": "disable"}
MOST_PARTS = 2000  # of what is left when services are taken out of everything
# What stands in every device and cannot be changed
BUILT_IN: Mapping[str, tuple[Service, ...]] = {
    "ALL": (Service(),), "ANY": (Service(),), "ALL_TCP": (Service((6, 6), ANY_PORT, (1, PORT_TOP)),),
    "ALL_UDP": (Service((17, 17), ANY_PORT, (1, PORT_TOP)),),
}  # fmt: skip


@dataclass(slots=True)
class Services:
    """What names stand for, by family. With `doubts` it may be any service."""

    sure: dict[Family, list[Service]] = field(default_factory=lambda: {family: [] for family in FAMILIES})
    doubts: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)

    def add(self, other: Services) -> None:
        """Everything of another as well."""
        for family in FAMILIES:
            self.sure[family] = list(dict.fromkeys([*self.sure[family], *other.sure[family]]))
        self.doubts += [one for one in other.doubts if one not in self.doubts]


class Catalogue:
    """The services of one virtual domain, each worked out when it is first asked for."""

    def __init__(self, custom: Sequence[Mapping[str, Entry]], groups: Sequence[Mapping[str, Entry]]) -> None:
        self._custom = {name: entry for table in custom for name, entry in table.items()}
        self._groups = {name: entry for table in groups for name, entry in table.items()}
        self._known: dict[str, Services] = {}

    def union(self, names: Iterable[str]) -> Services:
        """All services that some of the names stand for."""
        found = Services()
        for name in names:
            held = self.named(name)
            found.add(held)
            found.ways += held.ways
        return found

    def named(self, name: str, above: tuple[str, ...] = ()) -> Services:
        """What a name stands for. `above`: the groups that led to it."""
        if name in self._known:
            return self._known[name]
        way = " > ".join((*above, name))
        if name in above or len(above) >= DEEPEST:
            return Services(doubts=[f"{way} leads back to itself" if name in above else f"{way} is nested too deep"])
        if name in self._groups:
            held = self._group(self._groups[name], above)
        elif name in self._custom:
            held = _custom(self._custom[name])
            held.ways = [name]
        elif name.upper() in BUILT_IN:
            held = Services(sure={family: list(BUILT_IN[name.upper()]) for family in FAMILIES})
        elif name in {"ALL_ICMP", "ALL_ICMP6"}:
            family: Family = 4 if name == "ALL_ICMP" else 6
            held = Services()
            held.sure[family] = [entries.icmp_of(None, None, family)]
        else:
            held = Services(doubts=[f"{way} is not defined"])
        if not any("leads back" in doubt for doubt in held.doubts):
            self._known[name] = held
        return held

    def _group(self, entry: Entry, above: tuple[str, ...]) -> Services:
        found = Services()
        for name in entry.words("member"):
            inner = self.named(name, (*above, entry.name))
            found.add(inner)
            found.ways += [f"{entry.name} > {way}" for way in inner.ways or [name]]
        if not entry.words("member"):
            found.doubts.append(f"{entry.name} is empty")
        found.doubts += _strange(entry)
        return found


def _custom(entry: Entry) -> Services:
    try:
        found = Services(sure=_sure(entry))
    except (ValueError, IndexError) as problem:
        found = Services(doubts=[f"{entry.name} cannot be followed (line {entry.first}): {problem}"])
    else:
        if not any(found.sure.values()):
            found.doubts.append(f"{entry.name} names no ports")
    found.doubts += _strange(entry)
    for key in OTHERWISE:
        if entry.words(key) and entry.word(key) != HARMLESS.get(key):
            found = Services(doubts=[*found.doubts, f"{entry.name} is limited by {key} as well"])
    return found


def _strange(entry: Entry) -> list[str]:
    """What of a service is said twice, or in words that nobody knows."""
    doubts = [f"{entry.name} is edited twice, in lines {entry.first} and {line}" for line in entry.again]
    strange = [key for key in entry.fields if key not in SERVICE]
    strange += [f"{key} {entry.word(key)}" for key in ("app-service-type", "proxy", "explicit-proxy")
                if entry.word(key, HARMLESS[key]) != HARMLESS[key]]  # fmt: skip
    strange += [line.text.strip() for line in entry.odd] + [f"config {path}" for path in entry.tables]
    if strange:
        doubts.append(f"{entry.name}: it is not known what `{', '.join(strange)}` means")
    return doubts


def _sure(entry: Entry) -> dict[Family, list[Service]]:
    """The services of an entry by family. Raises ValueError or IndexError."""
    kind = entry.word("protocol", "TCP/UDP/SCTP")
    if kind in BY_PORT:
        found = [
            Service((number, number), source, target)
            for key, number in PORTED.items()
            for word in entry.words(key)
            for source, target in [_ports(word)]
        ]
        return {family: list(found) for family in FAMILIES}
    if kind in {"ICMP", "ICMP6"}:
        family: Family = 4 if kind == "ICMP" else 6
        types: list[int | None] = [_number(word, ICMP_TOP) for word in entry.words("icmptype")]
        code = _number(entry.word("icmpcode"), ICMP_TOP) if entry.words("icmpcode") else None
        other: Family = 6 if family == 4 else 4
        return {family: [entries.icmp_of(one, code, family) for one in types or [None]], other: []}
    if kind == "IP":
        number = _number(entry.word("protocol-number", "0"), PROTO_TOP)
        one = Service((number, number)) if number else Service()
        return {family: [one] for family in FAMILIES}
    raise ValueError(f"it is of the kind {kind}")


def _ports(word: str) -> tuple[Interval, Interval]:
    """(source, destination) ports of `443`, `80-90:1024-65535`. Raises ValueError."""
    target, colon, source = word.partition(":")
    return _range(source) if colon else ANY_PORT, _range(target)


def _range(text: str) -> Interval:
    low, dash, high = text.partition("-")
    first = _number(low, PORT_TOP)
    last = _number(high, PORT_TOP) if dash else first
    if first > last:
        raise ValueError(f"{text!r} is no range of ports")
    return (0, PORT_TOP) if (first, last) == (0, PORT_TOP) else (first, last)


def _number(text: str, top: int) -> int:
    if not entries.is_number(text) or int(text) > top:
        raise ValueError(f"{text!r} is no number up to {top}")
    return int(text)


def negated(family: Family, held: Services) -> list[Service] | None:
    """All other services of a family; None when they are too many to be spelt out, or not known."""
    if held.doubts:
        return None
    left = [FULL[family]]
    for one in held.sure[family]:
        cut = (*FULL[family][:4], *one.proto, *one.sport, *one.dport)
        left = [part for box in left for part in boxes.subtract(box, cut)]
        if len(left) > MOST_PARTS:
            return None
    return [Service((box[4], box[5]), (box[6], box[7]), (box[8], box[9])) for box in left if boxes.is_real(box)]
