"""`ipset save`, and `ipset list` as it prints without options: the members of the sets that iptables rules refer to.

Seen with ipset 7.17. Neither output says that it is complete: an output cut between two lines cannot be told from a
shorter one, except that `ipset list` counts its members. What a member needs beyond addresses, ports and interfaces
(a MAC address, a mark, a bridge port) and a member that expires are kept as unsure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from compliance.traffic import addresses
from compliance.traffic.boxes import ICMP, PORT_TOP, PROTO_TOP, Family
from evidence.formats import names
from evidence.formats.cursor import Account, Line, ends_whole, lines_of
from evidence.formats.matching import address_range
from evidence.rules import AddressSet, Artefact, FormatError, Lines, Member, Reading, Unread

NAME = "ipset"
FAMILY: dict[str, Family] = {"inet": 4, "inet6": 6}
LONGEST = 20  # characters of a number
SAVED = re.compile(r"^create \S+ (?:hash|bitmap|list):\S", re.MULTILINE)
LISTED = re.compile(r"^Name: \S[^\n]*\nType: (?:hash|bitmap|list):\S", re.MULTILINE)
WORD = re.compile(r'"[^"]*"|[^\s"]+')
# Options of a set and of a member that do not change whom it means; the second number: how many words follow.
SET_OPTIONS = {
    "hashsize": 1, "maxelem": 1, "bucketsize": 1, "initval": 1, "probes": 1, "resize": 1, "counters": 0, "comment": 0,
    "skbinfo": 0, "forceadd": 0, "size": 1, "range": 1, "family": 1, "netmask": 1, "timeout": 1, "markmask": 1,
    "-exist": 0,
}  # fmt: skip
MEMBER_OPTIONS = {
    "packets": 1, "bytes": 1, "comment": 1, "skbmark": 1, "skbprio": 1, "skbqueue": 1, "timeout": 1, "nomatch": 0,
    "wildcard": 0, "before": 1, "after": 1, "-exist": 0,
}  # fmt: skip
KINDS = frozenset({"ip", "net", "port", "iface", "set", "mac", "mark"})
WITH_PORTS = frozenset({6, 17, 132, 136})
BOTH_PORTS = ("tcp", "udp")  # what a bitmap of ports looks at
LIST_HEAD = ("Type:", "Revision:", "Header:", "Size in memory:", "References:", "Number of entries:")
AGAIN = "Give the whole output of `ipset save` again."


class BadMember(ValueError):
    """What the line says cannot be a member of its set."""


@dataclass(slots=True)
class Draft:
    """A set while its lines are read. `unsure`: why nothing is known about its members."""

    name: str
    line: Line
    type: str
    options: dict[str, str] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    unsure: str = ""
    counted: int | None = None  # what `ipset list` says
    found: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each dimension is."""
        return tuple(self.type.partition(":")[2].split(","))

    @property
    def family(self) -> Family | None:
        """None where members are of no family: ports, lists of sets, MAC addresses."""
        if not {"ip", "net"} & set(self.kinds):
            return None
        return FAMILY.get(self.options.get("family", "inet"))


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such an output: 0..1."""
    text = head.decode("utf-8", errors="replace").replace("\r\n", "\n").removeprefix("\ufeff")
    if SAVED.search(text) or LISTED.search(text):
        return 0.95
    return 0.6 if not head.strip() and "ipset" in name.lower() else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """The sets with their members. Raises FormatError when the last line is cut. No line at all: no sets."""
    found: list[AddressSet] = []
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    for artefact in artefacts:
        file = _File(artefact)
        found.extend(file.sets())
        unread.extend(file.account.unread())
        lines[artefact.name] = file.account.lines()
    return Reading(format=NAME, unread=tuple(unread), lines=lines, sets=tuple(found))


class _File:
    """One artefact, line by line."""

    def __init__(self, artefact: Artefact) -> None:
        rows = lines_of(artefact)
        if rows and not ends_whole(artefact):
            raise FormatError(f"{artefact.name} is cut off", "its last line does not end", AGAIN)
        self.account = Account(artefact, len(rows))
        self._sets: dict[str, Draft] = {}
        self._listed: Draft | None = None
        self._members = False
        for row in rows:
            self._line(row)

    def _line(self, row: Line) -> None:
        text = row.text.strip()
        if not text:
            self._listed = None
            self.account.ignore(row.number)
        elif text.startswith("#") or text == "COMMIT":
            self.account.ignore(row.number)
        elif text.startswith("Name: "):
            self._listed, self._members = self._create(row, text.removeprefix("Name: "), ""), False
        elif self._listed is not None:
            self._list_line(self._listed, row, text)
        else:
            self._command(row, text)

    def _command(self, row: Line, text: str) -> None:
        words = WORD.findall(text)
        if row.damaged or len(words) < 3 or words[0] not in {"create", "add"}:
            self._fail(row, "only sets (create) and members (add) stand in such an output", words[1:3])
        elif words[0] == "create":
            draft = self._create(row, words[1], words[2])
            self._options(draft, words[3:])
        elif words[1] not in self._sets:
            self._fail(row, f"set {words[1]} was not created before", words[1:2])
        else:
            self._add(self._sets[words[1]], row, words[2:])

    def _fail(self, row: Line, reason: str, concerned: Iterable[str]) -> None:
        self.account.fail(row.number, row.text, reason)
        for name in concerned:
            if name in self._sets:
                self._sets[name].unsure = f"line {row.number} was not read"

    def _create(self, row: Line, name: str, kind: str) -> Draft:
        draft = Draft(name.strip('"'), row, kind)
        if draft.name in self._sets:
            draft = self._sets[draft.name]
            self.account.fail(row.number, row.text, f"set {draft.name} comes twice")
            draft.unsure = "it comes twice"
            return draft
        self._sets[draft.name] = draft
        self.account.consume(row.number)
        return draft

    def _options(self, draft: Draft, words: Sequence[str]) -> None:
        given, strange = _options(words, SET_OPTIONS)
        draft.options.update(given)
        if strange:
            draft.unsure = f"the option {strange} of the set is not modelled"
        elif not set(draft.kinds) <= KINDS:
            draft.unsure = f"sets of type {draft.type} are not modelled"
        elif draft.options.get("family", "inet") not in FAMILY:
            draft.unsure = f"its family {draft.options['family']} is not known"

    def _list_line(self, draft: Draft, row: Line, text: str) -> None:
        if self._members:
            self._add(draft, row, WORD.findall(text))
            return
        self._members = text == "Members:"
        key, colon, value = text.partition(":")
        if not self._members and (f"{key}{colon}" not in LIST_HEAD or row.damaged):
            self._fail(row, "it is no line of a set", [draft.name])
            return
        self.account.consume(row.number)
        if key == "Type":
            draft.type = value.strip()
        elif key == "Header":
            self._options(draft, WORD.findall(value))
        elif key == "Number of entries" and value.strip().isdecimal() and len(value) <= LONGEST:
            draft.counted = int(value)

    def _add(self, draft: Draft, row: Line, words: Sequence[str]) -> None:
        draft.found += 1
        if draft.unsure:
            self.account.consume(row.number)
            return
        try:
            if row.damaged and "\ufffd" in words[0]:
                raise BadMember("it holds bytes that are no UTF-8")
            draft.members.extend(_members(draft, words))
        except ValueError as problem:
            self._fail(row, str(problem), [draft.name])
            return
        self.account.consume(row.number)

    def sets(self) -> list[AddressSet]:
        """Every set; one whose members do not match their count is not known."""
        return [self._finished(draft) for draft in self._sets.values()]

    def _finished(self, draft: Draft) -> AddressSet:
        expires = "timeout" in draft.options
        if draft.counted is not None and draft.found != draft.counted and not (expires and draft.found < draft.counted):
            draft.unsure = draft.unsure or f"{draft.counted} members are counted, {draft.found} are shown"
        if not set(draft.kinds) <= KINDS:
            draft.unsure = draft.unsure or f"sets of type {draft.type} are not modelled"
        return AddressSet(
            name=draft.name, kinds=draft.kinds, family=draft.family,
            members=() if draft.unsure else tuple(draft.members), unsure=draft.unsure,
            origin=self.account.origin(draft.line),
        )  # fmt: skip


def _options(words: Sequence[str], known: dict[str, int]) -> tuple[dict[str, str], str]:
    """Options with their value, and the first that is not known ("" = none)."""
    given: dict[str, str] = {}
    at = 0
    while at < len(words):
        count = known.get(words[at])
        if count is None or at + count >= len(words):
            return given, words[at]
        given[words[at]] = words[at + 1] if count else ""
        at += 1 + count
    return given, ""


def _members(draft: Draft, words: Sequence[str]) -> list[Member]:
    """One line's members: a range of networks and a port of either protocol are several. Raises ValueError."""
    given, strange = _options(words[1:], MEMBER_OPTIONS)
    if strange:
        raise BadMember(f"the option {strange} of a member is not known")
    texts = words[0].strip('"').split(",") if draft.type != "list:set" else [words[0].strip('"')]
    if len(texts) > len(draft.kinds):
        raise BadMember(f"a set of type {draft.type} has no such members")
    unsure = _expires(draft, given)
    combined: list[tuple[tuple[int, ...] | str, ...]] = [()]
    for kind, text in zip(draft.kinds, texts, strict=False):
        if kind in {"mac", "mark"} or (kind == "iface" and text.startswith("physdev:")):
            unsure = unsure or f"its {kind} {text} cannot be told from a packet of a box"
            continue
        parts = _parts(draft, kind, text, wildcard="wildcard" in given)
        combined = [(*before, part) for before in combined for part in parts]
    if len(texts) < len(draft.kinds):
        if draft.type != "bitmap:ip,mac":
            raise BadMember(f"a set of type {draft.type} has no such members")
        unsure = unsure or "it takes the first MAC address that comes"
    return [Member(parts, "nomatch" in given, unsure) for parts in combined]


def _expires(draft: Draft, given: dict[str, str]) -> str:
    left = given.get("timeout", draft.options.get("timeout", "0"))
    if not left.isdecimal() or len(left) > LONGEST:
        raise BadMember(f"{left} is no time")
    return "" if int(left) == 0 else f"it expires (timeout {left})"


def _parts(draft: Draft, kind: str, text: str, *, wildcard: bool) -> list[tuple[int, ...] | str]:
    if kind == "set":
        return [text]
    if kind == "iface":
        return [text + "+" if wildcard else text]
    if kind == "port":
        if draft.type.startswith("bitmap:"):
            return [_port(f"{proto}:{text}") for proto in BOTH_PORTS]
        return [_port(text)]
    if draft.family is None:
        raise BadMember("the family of the set is not known")
    return [*_addresses(draft, draft.family, kind, text)]


def _addresses(draft: Draft, family: Family, kind: str, text: str) -> list[tuple[int, int]]:
    first, dash, last = text.partition("-")
    low, high = address_range(first, family)
    if dash:
        high = address_range(last, family)[1]
        if low > high:
            raise BadMember(f"{text} ends before it starts")
        return _networks(family, low, high) if kind == "net" else [(low, high)]
    mask = draft.options.get("netmask", "")
    if mask and "/" not in first:
        return [address_range(f"{first}/{mask}", family)]
    return [(low, high)]


def _networks(family: Family, low: int, high: int) -> list[tuple[int, int]]:
    """A range as the networks that the tool makes of it: which of two is the narrower one decides."""
    found: list[tuple[int, int]] = []
    while low <= high:
        size = min((low & -low).bit_length() - 1 if low else addresses.BITS[family], (high - low + 1).bit_length() - 1)
        found.append((low, low + (1 << size) - 1))
        low += 1 << size
    return found


def _port(text: str) -> tuple[int, int, int]:
    """`tcp:80`, `80-90` (TCP), `icmp:8/0`, `icmp:echo-request`, `vrrp:0` (all of the protocol). Raises ValueError."""
    proto_text, colon, port = text.rpartition(":")
    proto = names.number(proto_text if colon else "tcp", names.PROTOCOLS, PROTO_TOP)
    if proto in ICMP.values():
        return (proto, *_icmp(port, 4 if proto == ICMP[4] else 6))
    first, dash, last = port.partition("-")
    low = names.number(first, names.PORTS, PORT_TOP)
    high = names.number(last, names.PORTS, PORT_TOP) if dash else low
    if low > high:
        raise BadMember(f"ports {port} end before they start")
    if proto in WITH_PORTS:
        return proto, low, high
    if (low, high) != (0, 0):
        raise BadMember(f"protocol {proto_text} has no ports here")
    return proto, 0, PORT_TOP


def _icmp(text: str, family: Family) -> tuple[int, int]:
    known = names.IPTABLES_ICMP4 if family == 4 else names.IPTABLES_ICMP6
    kind, code = known.get(text, (None, None))
    if kind is not None:
        return kind, code or 0
    kind_text, _, code_text = text.partition("/")
    return names.number(kind_text, {}, 255), names.number(code_text, {}, 255)
