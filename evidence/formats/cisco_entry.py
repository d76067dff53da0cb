"""One entry of an access list of a Cisco device, word by word: `permit tcp 10.0.0.0 0.0.0.255 any eq 443 log`.

IOS, NX-OS and ASA write the same sentence with other words for addresses (wildcards, prefixes, masks) and objects; what
differs is in `Dialect`. A word that nobody knows becomes residue of the entry and never disappears.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from compliance.traffic.boxes import ICMP, ICMP_TOP, PORT_TOP, PROTO_TOP, Family
from compliance.traffic.intervals import Interval
from compliance.traffic.shares import Residue
from evidence.formats import cisco_names, entries, names
from evidence.formats.entries import ANY_PORT, Entry, Service, Side
from evidence.rules import Action

OPERATORS = frozenset({"eq", "neq", "lt", "gt", "range"})
WITH_PORTS = frozenset({6, 17, 132})
ACTIONS = {"permit": Action.PERMIT, "deny": Action.DENY}
# The state of what is not the first packet of a connection
ANSWERS = frozenset({"ESTABLISHED"})
# Conditions that a box cannot say, and how many words follow each
CONDITIONS: Mapping[str, int] = {
    "dscp": 1, "precedence": 1, "tos": 1, "option": 1, "flow-label": 1, "ttl": 2, "undetermined-transport": 0,
    "routing": 0, "mobility": 0, "auth": 0, "hbh": 0, "dest-option": 0, "packet-length": 2, "http-method": 1,
    "vlan": 1, "set-erspan-dscp": 1, "udf": 4, "capture": 2,
}  # fmt: skip
LABEL = re.compile(r"(?=\w*[A-Z0-9])[A-Za-z]\w{0,63}", re.ASCII)
LEVELS = frozenset(
    {"alerts", "critical", "debugging", "emergencies", "errors", "informational", "notifications", "warnings",
     "disable", "default"}
)  # fmt: skip


class BadEntry(ValueError):
    """The entry cannot be followed; it may match anything."""


class Objects(Protocol):
    """What the names in an entry stand for."""

    def network(self, name: str) -> Side:
        """The addresses of an object or a group of them."""
        ...

    def services(self, name: str) -> tuple[dict[Family, list[Service]], list[str]]:
        """The services of an object or group by family, and what of them is not known."""
        ...

    def ports(self, name: str) -> tuple[list[Interval], list[str]] | None:
        """The ports of a group of ports, and what of them is not known; None when there is no such group."""
        ...

    def take_used(self) -> list[str]:
        """The names asked for since the last call, each with the way to its members."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a kind of list writes things. `families`: those a protocol without an address is about."""

    families: tuple[Family, ...]
    every: str  # the word for all protocols
    wildcard: bool
    icmp: Mapping[Family, cisco_names.Icmp]
    unified: bool = False  # ASA: `any` is of both families, objects are named `object X`
    names: Mapping[str, str] = field(default_factory=dict)  # ASA: names given to addresses
    own: Mapping[str, Side] = field(default_factory=dict)  # ASA: the addresses of interfaces


class Words:
    """The words of an entry, taken one after the other."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words, self._at = words, 0

    def peek(self, ahead: int = 0) -> str:
        """The next word in small letters; "" at the end."""
        place = self._at + ahead
        return self._words[place].lower() if place < len(self._words) else ""

    def name(self, ahead: int = 1) -> str:
        """The word behind the next one as it is written: the name of an object; "" when there is none."""
        return self._words[self._at + ahead] if self._at + ahead < len(self._words) else ""

    def take(self) -> str:
        """The next word as it is written. Raises BadEntry at the end."""
        if self._at >= len(self._words):
            raise BadEntry("it ends too early")
        self._at += 1
        return self._words[self._at - 1]

    def skip(self, count: int) -> None:
        """So many words are understood already."""
        self._at += count

    def takes(self, *wanted: str) -> bool:
        """Whether the next word is one of these; then it is taken."""
        if self.peek() not in wanted:
            return False
        self._at += 1
        return True


def standard(words: Sequence[str], dialect: Dialect, objects: Objects, line: int) -> Entry:
    """An entry that names a source alone. Raises BadEntry."""
    left = Words(words)
    entry = Entry(_action(left), Side(), entries.everybody((4,)), {4: [Service()]}, (4,))
    if left.peek(1) in {"", "log"} and left.peek() not in {"any", "host"}:
        entry.src = _checked(lambda: entries.host(left.take().rstrip(",")))
    else:
        entry.src = _side(left, dialect, objects)
    _options(left, entry, line, unified=dialect.unified)
    return entry


def extended(words: Sequence[str], dialect: Dialect, objects: Objects, line: int) -> Entry:
    """An entry with protocol, source and destination. Raises BadEntry."""
    left = Words(words)
    entry = Entry(_action(left), Side(), Side(), {}, dialect.families)
    _protocol(left, entry, dialect, objects, line)
    entry.src = _user_and_side(left, entry, dialect, objects, line)
    source = _ports(left, entry, dialect, objects, line)
    entry.dst = _user_and_side(left, entry, dialect, objects, line)
    target = _ports(left, entry, dialect, objects, line)
    if source is not None or target is not None:
        entry.services = {family: _with_ports(services, source, target) for family, services in entry.services.items()}
    _icmp(left, entry, dialect, objects)
    _options(left, entry, line, unified=dialect.unified)
    return entry


def anything(words: Sequence[str], families: Sequence[Family], why: str, line: int) -> Entry:
    """An entry of which only the action is believed: it may match any packet. Raises BadEntry when it has none."""
    everything = {family: [Service()] for family in families}
    both = (entries.everybody(families), entries.everybody(families))
    residue = [Residue("match", f"{' '.join(words)}: {why}", line)]
    return Entry(_action(Words(words)), *both, everything, tuple(families), residue=residue)


def _action(left: Words) -> Action:
    action = ACTIONS.get(left.take().lower())
    if action is None:
        raise BadEntry("it neither permits nor denies")
    return action


def _protocol(left: Words, entry: Entry, dialect: Dialect, objects: Objects, line: int) -> None:
    if left.takes("object-group", "object"):
        found, doubts = objects.services(left.take())
        entry.services = {family: list(found.get(family, [])) for family in dialect.families}
        entry.doubts.extend(doubts)
        return
    word = left.take()
    name = word.lower()
    if name == dialect.every or (dialect.unified and name in {"ip", "ipv6"}):
        entry.services = {family: [Service()] for family in dialect.families}
    elif name == "icmp" and not dialect.unified:
        entry.services = {family: [entries.icmp_of(None, None, family)] for family in dialect.families}
    else:
        entry.services = {family: [_numbered(word, entry, line)] for family in dialect.families}


def _numbered(word: str, entry: Entry, line: int) -> Service:
    try:
        value = names.number(word, cisco_names.PROTOCOLS, PROTO_TOP)
    except ValueError as problem:
        residue = Residue("match", str(problem), line)
        if residue not in entry.residue:
            entry.residue.append(residue)
        return Service()
    return Service((value, value))


def _user_and_side(left: Words, entry: Entry, dialect: Dialect, objects: Objects, line: int) -> Side:
    """A side, with the users or security groups that ASA may name before it: who they are is not known."""
    while dialect.unified and left.peek() in {"user", "user-group", "object-group-user", "security-group",
                                              "object-group-security"}:  # fmt: skip
        said = [left.take(), left.take()]
        if said[0].lower() == "security-group":
            said.append(left.take())
        entry.residue.append(Residue("match", " ".join(said), line))
    return _side(left, dialect, objects)


def _side(left: Words, dialect: Dialect, objects: Objects) -> Side:
    word = left.take()
    name = word.lower()
    if name == "any":
        return entries.everybody(dialect.families)
    if dialect.unified and name in {"any4", "any6"}:
        return entries.everybody((4,) if name == "any4" else (6,))
    if name == "host":
        value = left.take()
        return _checked(lambda: entries.host(dialect.names.get(value, value)))
    if name in {"object-group", "addrgroup", "net-group", "object"}:
        return objects.network(left.take())
    if name == "interface" and dialect.unified:
        interface = left.take()
        return dialect.own.get(interface, entries.unknown(f"the address of {interface}"))
    word = dialect.names.get(word, word)
    if "/" in word:
        return _checked(lambda: entries.prefix(word))
    mask = left.take()
    if word.endswith(",") and mask == "wildcard":
        left.take()
        word, mask = word[:-1], left.take()
    return _checked(lambda: entries.masked(word, mask, wildcard=dialect.wildcard))


def _checked(made: Callable[[], Side]) -> Side:
    try:
        return made()
    except ValueError as problem:
        raise BadEntry(str(problem)) from problem


def _ports(left: Words, entry: Entry, dialect: Dialect, objects: Objects, line: int) -> list[Interval] | None:
    """The ports that follow a side; None when none do."""
    if left.peek() in OPERATORS:
        return _named_ports(left, entry, dialect, line)
    if left.peek() in {"portgroup", "port-group", "object-group", "object"}:
        found = objects.ports(left.name())
        if found is None and left.peek() in {"portgroup", "port-group"}:
            found = [], [f"{left.name()} is not defined"]
        if found is None:
            return None
        left.skip(2)
        entry.doubts.extend(found[1])
        return found[0]
    return None


def _named_ports(left: Words, entry: Entry, dialect: Dialect, line: int) -> list[Interval]:
    operator = left.take().lower()
    protocols = {service.proto[0] for services in entry.services.values() for service in services}
    known = _port_names(protocols, unified=dialect.unified)
    count = 2 if operator == "range" else 1
    values: list[int] = []
    while True:
        word = left.peek()
        is_port = entries.is_number(word) or word in known
        if len(values) >= count and not (operator in {"eq", "neq"} and is_port and not dialect.unified):
            break
        try:
            values.append(names.number(left.take(), known, PORT_TOP))
        except ValueError as problem:
            entry.residue.append(Residue("match", f"{operator} {problem}", line))
            if operator == "range" and not values:
                left.take()
            return [ANY_PORT]
    if not protocols <= WITH_PORTS:
        entry.residue.append(Residue("match", f"{operator}, of a protocol without ports", line))
        return [ANY_PORT]
    return entries.ports(operator, values)


def _port_names(protocols: set[int], *, unified: bool) -> Mapping[str, int]:
    one = next(iter(protocols)) if len(protocols) == 1 else 132
    names = cisco_names.PORTS.get(one, cisco_names.PORTS[132])
    return {**names, **cisco_names.ASA_ONLY} if unified else names


def _with_ports(
    services: Sequence[Service], source: list[Interval] | None, target: list[Interval] | None
) -> list[Service]:
    return [
        Service(service.proto, sport, dport)
        for service in services
        for sport in (source if source is not None else [service.sport])
        for dport in (target if target is not None else [service.dport])
    ]


def _icmp(left: Words, entry: Entry, dialect: Dialect, objects: Objects) -> None:
    """The type and code behind the destination of an entry about ICMP."""
    for family, services in entry.services.items():
        if [service.proto for service in services] != [(ICMP[family], ICMP[family])] or not left.peek():
            continue
        if services[0] != entries.icmp_of(None, None, family):
            continue  # a service of an object says its type already
        if _type(left, entry, dialect, objects, family):
            _of_one_family(entry, family)
        return


def _of_one_family(entry: Entry, family: Family) -> None:
    """`icmp any any echo` of a list of both families: what a type of `icmp` means in a packet of IPv6, and one of
    `icmp6` in a packet of IPv4, is said nowhere: the protocol's number alone, the type as well, or nothing.
    """
    for other in entry.services:
        if other != family and entry.services[other]:
            service = entry.services[other][0]
            entry.services[other] = []
            entry.perhaps[other] = service, f"a type of ICMP of IPv{family} asked of a packet of IPv{other}"


def _type(left: Words, entry: Entry, dialect: Dialect, objects: Objects, family: Family) -> bool:
    """Takes a type with its code; whether there was one. Raises BadEntry."""
    if left.peek() == "object-group":
        found, doubts = objects.services(left.name())
        left.skip(2)
        entry.services[family] = list(found.get(family, []))
        entry.doubts.extend(doubts)
        return True
    word = left.peek()
    if entries.is_number(word) and int(word) <= ICMP_TOP:
        kind: int = int(left.take())
        code = int(left.take()) if entries.is_number(left.peek()) else None
    elif word in dialect.icmp[family]:
        kind, code = dialect.icmp[family][left.take().lower()]
        if code is None and entries.is_number(left.peek()):
            code = int(left.take())
    else:
        return False
    try:
        entry.services[family] = [entries.icmp_of(kind, code, family)]
    except ValueError as problem:
        raise BadEntry(str(problem)) from problem
    return True


def _options(left: Words, entry: Entry, line: int, *, unified: bool) -> None:
    """What stands behind the destination: logging, times, flags, and conditions that a box cannot say."""
    flags: list[str] = []
    while left.peek():
        word = left.take()
        name = word.lower()
        if name in {"log", "log-input"}:
            _log(left, labelled=not unified)
        elif name == "established":
            entry.states = ANSWERS
        elif name in cisco_names.FLAGS or name.lstrip("+-") in cisco_names.FLAGS or name in {"match-any", "match-all"}:
            flags.append(name)
        elif name == "fragments":
            entry.matches_first = False
        elif name == "inactive":
            entry.enabled = False
        elif name == "time-range":
            entry.enabled = False
            left.take()
        elif name == "reflect":
            left.take()
            if left.takes("timeout"):
                left.take()
        elif name == "sequence":
            left.take()
        else:
            more = [left.take() for _ in range(CONDITIONS.get(name, 0)) if left.peek()]
            entry.residue.append(Residue("match", " ".join([word, *more]), line))
    if flags:
        _flags(flags, entry, line)


def _log(left: Words, *, labelled: bool) -> None:
    """`log`, with what ASA (`warnings interval 300`) or IOS (a label at the end) says behind it.

    A label is told from a condition that nobody knows by a capital letter or a figure: keywords have none.
    """
    word = left.name(0)
    if labelled and LABEL.fullmatch(word) and not left.peek(1):
        left.take()
        return
    if left.peek() in LEVELS or entries.is_number(left.peek()):
        left.take()
    if left.takes("interval") and left.peek():
        left.take()


def _flags(flags: list[str], entry: Entry, line: int) -> None:
    """Whether a first packet, which carries SYN alone, has what is asked of its flags.

    The flags stand among the states, so that no two entries which ask for different ones are taken for the same.
    """
    said = " ".join(sorted(flags))
    asked = [flag for flag in flags if not flag.startswith("match-")]
    met = [not flag.startswith("-") if flag.lstrip("+-") == "syn" else flag.startswith("-") for flag in asked]
    if all(met) or ("match-any" in flags and any(met)):
        entry.states = frozenset({"NEW", said})
        return
    if "match-all" in flags or not any(met):
        entry.states = ANSWERS | {said}
        return
    entry.residue.append(Residue("match", " ".join(flags), line))


__all__ = ["BadEntry", "Dialect", "Objects", "anything", "extended", "standard"]
