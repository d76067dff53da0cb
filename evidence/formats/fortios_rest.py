"""What the REST API of a FortiOS device answers: `/api/v2/cmdb/…` as the tables of its configuration, and the counters
of `/api/v2/monitor/firewall/policy`.

Each file is one answer or a list of several; all files of a device are read together, as policies name objects of other
answers. An object of an answer counts as a line. Counters are said beside the rules and are no part of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from compliance.traffic.shares import Origin
from evidence.formats.cursor import Account, Line, digest
from evidence.formats.fortios_tables import Configuration
from evidence.formats.fortios_text import ROOT, Entry, Field, Table, Tree
from evidence.formats.json_objects import Found, members, objects
from evidence.rules import Artefact, FormatError, Lines, Reading, Statement, Unread

NAME = "fortios-rest"
HITS = "hits"  # what the statements about counters are about
MARKS = (b'"http_method"', b'"results"')
# The key of a table's entries, where it is not called `name`
NUMBERED = ("policyid", "name", "id", "seq-num")
ASKED = "q_origin_key"
# Values in which several words stand behind one another, as they do behind `set`
PARTED = frozenset(
    {"subnet", "ip", "wildcard", "tcp-portrange", "udp-portrange", "sctp-portrange", "udplite-portrange", "day", "dst",
     "allowaccess", "ip6-allowaccess", "remote-ip", "management-ip"}
)  # fmt: skip
TABLED = frozenset({"zone", "members", "realservers", "ipv6", "secondaryip", "vrrp"})
COUNTERS = ("hit_count", "bytes", "packets", "active_sessions")
TIMES = ("first_used", "last_used")
DEEPEST = 8
MOST_TIME = 2**33  # seconds: what is later is no time
OPENS = re.compile(rb"^\s*[\[{]")
AGAIN = "Ask the API again and give its whole answer."


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is an answer of such a device: 0..1."""
    if not OPENS.match(head):
        return 0.0
    start = head[:4096]
    return 0.95 if all(mark in start for mark in MARKS) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """All answers of one device. Raises FormatError when one is cut off, or is an error."""
    answers = _Answers(artefacts)
    found = _Configuration(answers).reading(NAME)
    return replace(found, lines=answers.parts.lines(), statements=(*found.statements, *answers.hits()))


class _Parts:
    """The accounts of several answers as one: their objects are numbered through."""

    def __init__(self, artefacts: Sequence[Artefact]) -> None:
        self.name, self.digest = artefacts[0].name, digest(artefacts[0])
        self.held: list[tuple[Account, Found]] = []
        self.accounts: list[Account] = []

    def add(self, artefact: Artefact, found: Sequence[Found]) -> int:
        """The objects of one more answer; gives the number before its first."""
        account = Account(artefact, len(found))
        before = len(self.held)
        self.accounts.append(account)
        self.held += [(account, replace(one, number=place)) for place, one in enumerate(found, start=1)]
        return before

    def consume(self, number: int) -> None:
        """As of an Account."""
        account, found = self.held[number - 1]
        account.consume(found.number)

    def ignore(self, number: int) -> None:
        """As of an Account."""
        account, found = self.held[number - 1]
        account.ignore(found.number)

    def fail(self, number: int, text: str, reason: str, *points: str) -> None:
        """As of an Account."""
        account, found = self.held[number - 1]
        account.fail(found.number, text, reason, *points, line=found.first)

    def unread(self) -> tuple[Unread, ...]:
        """The objects nobody understood, file by file."""
        return tuple(one for account in self.accounts for one in account.unread())

    def origin(self, line: Line, *, uid: str = "", comment: str = "") -> Origin:
        """Where something stands that no object says."""
        return Origin(self.digest, self.name, line.number, line.number, line.text, uid, comment)

    def of(self, entry: Entry, comment: str) -> Origin:
        """Where an entry stands."""
        if not entry.first:
            return self.origin(Line(0, ""), comment=comment)
        account, found = self.held[entry.first - 1]
        return found.origin(account, comment=comment)

    def lines(self) -> dict[str, Lines]:
        """The account of each file."""
        return {account.name: account.lines() for account in self.accounts}


class _Pages:
    """The answers that hold one table: page by page they may be all of it. `last`: the number of its last object."""

    def __init__(self) -> None:
        self.rows, self.of, self.last = 0, 0, 0
        self.broken_off = False

    def add(self, said: Mapping[str, Any], rows: int, last: int) -> None:
        """One more page, with what it says of the whole."""
        matched = said.get("matched_count")
        self.of = max(self.of, matched if isinstance(matched, int) else 0)
        self.rows, self.last = self.rows + rows, last
        self.broken_off |= said.get("limit_reached") is True

    def lacking(self) -> bool:
        """Whether rows were not given: fewer than it says there are, or a limit was met and nobody says how many."""
        return self.rows < self.of if self.of else self.broken_off


class _Answers:
    """What the answers hold: tables, and counters of policies."""

    def __init__(self, artefacts: Sequence[Artefact]) -> None:
        self.tree, self.parts = Tree(), _Parts(artefacts)
        self.counts: list[tuple[str, Mapping[str, Any], int]] = []
        self._pages: dict[tuple[str, str], _Pages] = {}
        for artefact in artefacts:
            try:
                self._file(artefact)
            except RecursionError:
                raise _refused(artefact, "its values are nested too deeply") from None
        for (_, path), pages in self._pages.items():
            if pages.lacking():
                self.parts.fail(pages.last, path, "more rows of this answer follow, and they were not given")

    def _file(self, artefact: Artefact) -> None:
        if artefact.content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            found = objects(artefact)
            before = self.parts.add(artefact, found)
            for number, one in enumerate(found, start=before + 1):
                self._answer(artefact, one.value, number, None)
            return
        said = members(artefact)
        results = said.get("results")
        listed = results if isinstance(results, list) else None
        found = listed if listed is not None else [Found(1, 1, 1, "results", results)]
        before = self.parts.add(artefact, found)
        whole = {**said, "results": [one.value for one in found] if listed is not None else results}
        self._answer(artefact, whole, before + 1, range(before + 1, before + 1 + len(found)))

    def _answer(self, artefact: Artefact, said: Any, first: int, numbers: range | None) -> None:
        """One answer. `numbers`: of its objects, where each is counted by itself."""
        if not isinstance(said, dict) or not isinstance(said.get("path"), str) or not isinstance(said.get("name"), str):
            raise _refused(artefact, "it does not say which table it is of (`path` and `name`)")
        if said.get("status", "success") != "success" or said.get("http_status", 200) != 200:
            raise _refused(artefact, f"the API answered {said.get('http_status')} {said.get('status')}")
        path = f"{said['path']} {said['name']}".replace(".", " ").strip()
        vdom = str(said.get("vdom") or ROOT)
        if vdom not in self.tree.vdoms:
            self.tree.vdoms.append(vdom)
        results = said.get("results")
        rows = results if isinstance(results, list) else [results] if isinstance(results, dict) else None
        if rows is None or not all(isinstance(row, dict) for row in rows):
            raise _refused(artefact, "its results are no objects")
        places = list(numbers) if numbers is not None else [first] * len(rows)
        if rows and all(_is_count(row) for row in rows):
            for row, number in zip(rows, places, strict=True):
                self.counts.append((vdom, row, number))
                self.parts.consume(number)
            return
        table = self.tree.tables.setdefault((vdom, path), Table(path, vdom, Entry("", first if rows else 0, first)))
        table.lines += places
        if places:
            self._pages.setdefault((vdom, path), _Pages()).add(said, len(rows), places[-1])
        if isinstance(results, dict):
            _fill(table.own, results, first, 0)
            return
        for row, number in zip(rows, places, strict=True):
            name = _name(row, number)
            entry = Entry(name, number, number)
            if name in table.entries:
                table.entries[name].again.append(number)
                continue
            table.entries[name] = entry
            _fill(entry, row, number, 0)

    def hits(self) -> Iterator[Statement]:
        """How often each policy was met, beside the rules."""
        for vdom, row, number in self.counts:
            name = row.get("policyid", 0)
            rule = f"fortios:policy/{vdom}#{name if name else 'implicit'}"
            details = tuple((key, str(row[key])) for key in COUNTERS if isinstance(row.get(key), int))
            details += tuple((key, text) for key in TIMES if (text := _time(row.get(key))))
            count, last = row.get("hit_count"), _time(row.get("last_used"))
            value = f"{count} hits" if isinstance(count, int) else "counted"
            said = f"{value}, last {last}" if last else value
            account, found = self.parts.held[number - 1]
            yield Statement(HITS, rule, said, details, found.origin(account))


class _Configuration(Configuration):
    """The same tables, of which every entry stands in a file of its own."""

    def __init__(self, answers: _Answers) -> None:
        self.parts = answers.parts
        super().__init__(answers.tree, cast(Account, answers.parts), whole=False)

    def _origin(self, entry: Entry, comment: str) -> Origin:
        return self.parts.of(entry, comment)


def _refused(artefact: Artefact, why: str) -> FormatError:
    return FormatError(f"{artefact.name} is no answer that can be read", why, AGAIN)


def _is_count(row: Mapping[str, Any]) -> bool:
    return "policyid" in row and "srcintf" not in row and any(key in row for key in (*COUNTERS, *TIMES))


def _name(row: Mapping[str, Any], number: int) -> str:
    """What an entry is called: what was asked for, else its number or name."""
    for key in (ASKED, *NUMBERED):
        if isinstance(row.get(key), (str, int)) and str(row[key]):
            return str(row[key])
    return f"object {number}"


def _fill(entry: Entry, row: Mapping[str, Any], number: int, depth: int) -> None:
    """The members of an object as fields and tables of an entry."""
    for key, value in row.items():
        if key.startswith("q_") or value is None or value in ("", []):
            continue
        listed = isinstance(value, list)
        if isinstance(value, dict) or key in TABLED or (listed and not all(_is_name(one) for one in value)):
            if depth >= DEEPEST:
                entry.odd.append(Line(number, key))
                continue
            table = entry.tables[key] = Table(key, "", Entry("", number, number))
            for place, one in enumerate(value if listed else [], start=1):
                inner = table.entries[_name(one, place) if isinstance(one, dict) else f"{place}"] = Entry(
                    _name(one, place) if isinstance(one, dict) else f"{place}", number, number
                )
                _fill(inner, one if isinstance(one, dict) else {"value": one}, number, depth + 1)
            if isinstance(value, dict):
                _fill(table.own, value, number, depth + 1)
            continue
        words = [_word(one) for one in value] if listed else _words(key, value)
        entry.fields[key] = Field(words, number)


def _is_name(value: Any) -> bool:
    """Whether a value is a name: a text, or an object that holds one alone."""
    if not isinstance(value, dict):
        return isinstance(value, (str, int))
    return len({key for key in value if not key.startswith("q_")}) == 1 and isinstance(_only(value), (str, int))


def _only(value: Mapping[str, Any]) -> Any:
    return next(one for key, one in value.items() if not key.startswith("q_"))


def _word(value: Any) -> str:
    return str(_only(value) if isinstance(value, dict) else value)


def _words(key: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["enable" if value else "disable"]
    return value.split() if key in PARTED and isinstance(value, str) else [str(value)]


def _time(value: Any) -> str:
    """A time of the API (seconds since 1970) in words; "" for none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < MOST_TIME:
        return ""
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
