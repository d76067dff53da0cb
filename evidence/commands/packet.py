"""`eastwest packet`: the decision of one point for the first packet of each flow of a CSV file, one answer a row."""

from __future__ import annotations

import argparse
import csv
import io
import socket
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from compliance.traffic import addresses, services
from compliance.traffic.boxes import ICMP, ICMP_TOP, PORT_TOP, Box, Family
from compliance.traffic.shares import Origin
from evidence.commands.answer import Answer, Refusal, status
from evidence.commands.dumps import artefact, reading_of
from evidence.formats.cursor import decode
from evidence.formats.evaluate import Decision, Evaluator
from evidence.formats.first_hit import Values
from evidence.rules import FormatError, Reading

COLUMNS = ("src", "dst", "proto", "sport", "dport", "in", "out")
OPTIONAL = frozenset({"in", "out"})
MOST_ROWS = 1_000_000
MOST_NAMED = 20  # bad rows that are spelt out
PREFERRED = ("FORWARD", "INPUT", "OUTPUT")  # FORWARD is what a firewall is asked about
POLICY = "#policy"
ICMPS = frozenset(ICMP.values())
MOST_POINTS = 12  # points that are named
MOST_LINES = 3  # unread lines that are named


class Reader(Protocol):
    """What csv.reader gives."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...


class Asked(NamedTuple):
    """One row: the values of one packet. `box` where a port (ICMP: type or code) is blank, which means any.

    A blank interface is not known.
    """

    family: Family
    values: Values
    box: Box | None
    iif: str | None
    oif: str | None


def run(asked: argparse.Namespace) -> Answer:
    """Reads the packets first: a bad row is refused by its number before anything is judged."""
    packets = _packets(asked.packets)
    reading = reading_of(asked.rules)
    point, messages = choose_point(reading, asked.point)
    evaluator = Evaluator(reading, point)
    answer = evaluator.answer
    decisions = [
        answer(family, values, iif, oif) if box is None else _undecided_port(evaluator, family, box, iif, oif)
        for family, values, box, iif, oif in packets
    ]
    told = Told(reading, point)
    unproven = bool(reading.unread) or any(one.decision == "unproven" for one in decisions)
    code = status(findings=False, unproven=unproven)
    if asked.json:
        return Answer(code, {"point": point, "decisions": [told.row(one) for one in decisions]}, "", messages)
    text = "\n".join(f"{number}: {told.text(one)}" for number, one in enumerate(decisions, start=1))
    return Answer(code, {}, text, messages)


def choose_point(reading: Reading, given: str | None) -> tuple[str, tuple[str, ...]]:
    """The point asked for, or the one that has rules (FORWARD before INPUT before OUTPUT, and then it is said)."""
    known = [point.name for point in reading.points if point.model == "first-match"]
    if given is not None:
        alike = [name for name in known if name.casefold() == given.casefold()]
        found = given if given in alike else next(iter(alike), None)
        if found is None:
            raise Refusal(f"There is no point {given} in these files. They have {spelt(known) or 'no rules'}.")
        return found, ()
    if not known:
        raise Refusal("These files hold no packet filter rules. Give the dump of iptables-save or nft.")
    chains = {chain.name: chain for chain in reading.chains}
    hooks = {"INPUT": "input", "FORWARD": "forward", "OUTPUT": "output"}
    with_rules = [
        point.name
        for point in reading.points
        if point.name in hooks
        for name in point.stages
        if name in chains and chains[name].hook == hooks[point.name]
        and any(not rule.id.endswith(POLICY) for rule in chains[name].rules)
    ]  # fmt: skip
    candidates = sorted(
        dict.fromkeys(with_rules or known), key=lambda name: PREFERRED.index(name) if name in PREFERRED else 9
    )
    if len(candidates) == 1:
        return candidates[0], ()
    others = " or ".join(candidates[1 : MOST_POINTS + 1])
    more = f" or one of {len(candidates) - 1 - MOST_POINTS} more" if len(candidates) - 1 > MOST_POINTS else ""
    return candidates[0], (f"judged at {candidates[0]}; say --point {others}{more} for the others",)


def spelt(names: Sequence[str]) -> str:
    """The names of points: a cloud account has thousands, and the first of them are enough to see how they are made."""
    more = f" and {len(names) - MOST_POINTS} more" if len(names) > MOST_POINTS else ""
    return ", ".join(names[:MOST_POINTS]) + more


def _packets(path: str) -> list[Asked]:
    try:
        text = decode(artefact(path))
    except FormatError as wrong:
        raise Refusal(str(wrong)) from wrong
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next((row for row in reader if _filled(row)), None)
        if header is None:
            raise Refusal(f"{path} is empty. Its first line must be {','.join(COLUMNS)}.")
        return _rows(path, [name.strip().lower() for name in header], reader)
    except csv.Error as wrong:
        raise Refusal(f"{path} is not CSV: line {reader.line_num}: {wrong}.") from wrong


def _filled(row: Sequence[str]) -> bool:
    """Whether there is anything in a line."""
    return len(row) > 1 or any(value.strip() for value in row)


def _rows(path: str, header: Sequence[str], reader: Reader) -> list[Asked]:
    missing = [name for name in COLUMNS if name not in header and name not in OPTIONAL]
    strange = [name for name in header if name not in COLUMNS]
    if missing or strange or len(set(header)) != len(header):
        said = [*(f"there is no column {name}" for name in missing), *(f"nobody knows {name!r}" for name in strange)]
        why = f" ({'; '.join(said)})" if said else " (a column comes twice)"
        raise Refusal(f"{path} does not begin with the line {','.join(COLUMNS)}{why}.")
    places = tuple(header.index(name) if name in header else None for name in COLUMNS)
    words = Words()
    found: list[Asked] = []
    wrong_rows: list[str] = []
    number, width = 0, len(header)
    for row in reader:
        if not _filled(row):
            continue
        number += 1
        if number > MOST_ROWS:
            raise Refusal(f"{path} has more than {MOST_ROWS:,} rows. Ask in several calls.")
        try:
            if len(row) != width:
                raise ValueError(f"it has {len(row)} values and not {width}")
            found.append(words.packet(*[row[place] if place is not None else "" for place in places]))
        except ValueError as wrong:
            wrong_rows.append(f"row {number}: {wrong}")
    if wrong_rows:
        more = f"; and {len(wrong_rows) - MOST_NAMED} more" if len(wrong_rows) > MOST_NAMED else ""
        raise Refusal(f"{path} was not used. {'; '.join(wrong_rows[:MOST_NAMED])}{more}.")
    return found


class Words:
    """What stands in the columns, each word understood once."""

    def __init__(self) -> None:
        self._hosts: dict[str, tuple[Family, int]] = {}
        self._protocols: dict[str, int] = {}
        self._ports: dict[tuple[str, str, bool], tuple[int, int]] = {}

    def packet(self, src: str, dst: str, proto: str, sport: str, dport: str, come: str, go: str) -> Asked:
        """One row. Raises ValueError that says what is wrong with it."""
        family, source = self._hosts.get(src) or self._host(src)
        other, target = self._hosts.get(dst) or self._host(dst)
        if other != family:
            raise ValueError(f"{src.strip()} and {dst.strip()} are of two address families")
        number = self._protocols.get(proto)
        if number is None:
            number = self._protocols[proto] = services.protocol_number(proto)
        if number in ICMPS and number != ICMP[family]:
            raise ValueError(f"{proto.strip()} does not exist in IPv{family}")
        typed = number in ICMPS
        ports = self._ports
        first = ports.get(("sport", sport, typed)) or self._port("sport", sport, typed)
        last = ports.get(("dport", dport, typed)) or self._port("dport", dport, typed)
        values = (source, target, number, first[0], last[0])
        box = None
        if first[0] != first[1] or last[0] != last[1]:
            box = (source, source, target, target, number, number, *first, *last)
        return Asked(family, values, box, come.strip() or None, go.strip() or None)

    def _host(self, text: str) -> tuple[Family, int]:
        try:  # as strict as parse_host, and several times as quick
            found: tuple[Family, int] = (4, int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big"))
        except (OSError, ValueError):
            found = addresses.parse_host(text)
        self._hosts[text] = found
        return found

    def _port(self, name: str, text: str, typed: bool) -> tuple[int, int]:
        top = ICMP_TOP if typed else PORT_TOP
        found = self._ports[name, text, typed] = _number(text.strip(), name, top)
        return found


def _number(text: str, name: str, top: int) -> tuple[int, int]:
    if not text:
        return 0, top
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= top):
        raise ValueError(f"{name} {text!r} is not a number 0 to {top}")
    return int(text), int(text)


def _undecided_port(evaluator: Evaluator, family: Family, box: Box, iif: str | None, oif: str | None) -> Decision:
    found = evaluator.pieces(family, box, iif=iif, oif=oif)
    if not found:
        why = "neither end is an address of this host: the packet does not pass this point"
        return Decision("unproven", "", None, (), why)
    first = found[0]
    different = next((one for one in found if one.decision != first.decision), None)
    if different is not None:
        why = (
            f"it depends on the blank port: {first.decision} by {first.rule}, {different.decision} by {different.rule}"
        )
        return Decision("unproven", first.rule, first.origin, first.path, why)
    return Decision(first.decision, first.rule, first.origin, first.path, first.because)


class Told:
    """Decisions in words: what is in doubt is named with the place where it stands."""

    def __init__(self, reading: Reading, point: str) -> None:
        self._rows: dict[int, tuple[Decision, dict[str, Any]]] = {}
        self._reading, self._point = reading, point

    def row(self, decision: Decision) -> dict[str, Any]:
        """What --json prints of a decision; the same object for the same decision."""
        kept = self._rows.get(id(decision))
        if kept is not None:
            return kept[1]
        origin = decision.origin
        made = {
            "decision": decision.decision,
            "rule": decision.rule,
            "file": origin.name if origin else "",
            "line": origin.first if origin else 0,
            "path": list(decision.path),
            "because": self._because(decision),
        }
        self._rows[id(decision)] = (decision, made)
        return made

    def text(self, decision: Decision) -> str:
        """What a person reads of a decision."""
        origin = decision.origin
        place = f" ({_place(origin)})" if origin and origin.name else ""
        way = f" by way of {' > '.join(self._placed(rule) for rule in decision.path)}" if decision.path else ""
        return f"{decision.decision} {decision.rule}{place}{way}: {self._because(decision)}"

    def _because(self, decision: Decision) -> str:
        """The reason; of what is unproven also where the doubtful rule or the unread lines stand."""
        if decision.decision != "unproven":
            return decision.because
        rule, colon, rest = decision.because.partition(": ")
        said = f"{self._placed(rule)}: {rest}" if colon and rule in self._origins else decision.because
        if not colon and decision.rule in self._origins:
            said = f"{said} ({_place(self._origins[decision.rule])})"
        unread = [one for one in self._reading.unread if one.point in {"", self._point}]
        if not unread:
            return said
        named = ", ".join(f"line {one.line} of {one.name}" for one in unread[:MOST_LINES])
        return f"{said} [not read: {named}{' and more' if len(unread) > MOST_LINES else ''}]"

    def _placed(self, rule: str) -> str:
        origin = self._origins.get(rule)
        return f"{rule} ({_place(origin)})" if origin else rule

    @cached_property
    def _origins(self) -> dict[str, Origin]:
        rules = (rule for chain in self._reading.chains for rule in chain.rules)
        return {rule.id: rule.origin for rule in rules if rule.origin.name}


def _place(origin: Origin) -> str:
    return f"{origin.name} line {origin.first}"
