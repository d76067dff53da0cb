"""`eastwest packet`: the decision of one point for the first packet of each flow of a CSV file, one answer a row."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compliance.traffic import addresses, services
from compliance.traffic.boxes import ICMP, ICMP_TOP, PORT_TOP, Box, Family, box_of
from evidence.commands.answer import Answer, Refusal, status
from evidence.commands.dumps import artefact, reading_of
from evidence.formats.cursor import decode
from evidence.formats.evaluate import Decision, Evaluator
from evidence.rules import FormatError, Reading

COLUMNS = ("src", "dst", "proto", "sport", "dport", "in", "out")
OPTIONAL = frozenset({"in", "out"})
MOST_ROWS = 1_000_000
MOST_NAMED = 20  # bad rows that are spelt out
PREFERRED = ("FORWARD", "INPUT", "OUTPUT")  # FORWARD is what a firewall is asked about
POLICY = "#policy"


@dataclass(frozen=True, slots=True)
class Asked:
    """One row. A blank port (ICMP: type or code) is any; a blank interface is not known."""

    family: Family
    box: Box
    iif: str | None
    oif: str | None


def run(asked: argparse.Namespace) -> Answer:
    """Reads the packets first: a bad row is refused by its number before anything is judged."""
    packets = _packets(asked.packets)
    reading = reading_of(asked.rules)
    point, messages = choose_point(reading, asked.point)
    evaluator = Evaluator(reading, point)
    decisions = [_decide(evaluator, one) for one in packets]
    rows = [_row(one) for one in decisions]
    unproven = any(one.decision == "unproven" for one in decisions) or bool(reading.unread)
    text = "\n".join(_text(number, one) for number, one in enumerate(decisions, start=1))
    return Answer(status(findings=False, unproven=unproven), {"point": point, "decisions": rows}, text, messages)


def choose_point(reading: Reading, given: str | None) -> tuple[str, tuple[str, ...]]:
    """The point asked for, or the one that has rules (FORWARD before INPUT before OUTPUT, and then it is said)."""
    known = [point.name for point in reading.points if point.model == "first-match"]
    if given is not None:
        if given.upper() not in known:
            raise Refusal(f"There is no point {given} in these files. They have {', '.join(known) or 'no rules'}.")
        return given.upper(), ()
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
    candidates = sorted(set(with_rules or known), key=lambda name: PREFERRED.index(name) if name in PREFERRED else 9)
    if len(candidates) == 1:
        return candidates[0], ()
    return candidates[0], (f"judged at {candidates[0]}; say --point {' or '.join(candidates[1:])} for the others",)


def _packets(path: str) -> list[Asked]:
    try:
        text = decode(artefact(path))
    except FormatError as wrong:
        raise Refusal(str(wrong)) from wrong
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as wrong:
        raise Refusal(f"{path} is not CSV: {wrong}.") from wrong
    if not rows:
        raise Refusal(f"{path} is empty. Its first line must be {','.join(COLUMNS)}.")
    header = [name.strip().lower() for name in rows[0]]
    missing = [name for name in COLUMNS if name not in header and name not in OPTIONAL]
    strange = [name for name in header if name not in COLUMNS]
    if missing or strange or len(set(header)) != len(header):
        raise Refusal(f"{path} does not begin with the line {','.join(COLUMNS)}.")
    if len(rows) > MOST_ROWS:
        raise Refusal(f"{path} has more than {MOST_ROWS:,} rows. Ask in several calls.")
    found: list[Asked] = []
    wrong_rows: list[str] = []
    for number, row in enumerate((row for row in rows[1:] if row), start=1):
        try:
            if len(row) != len(header):
                raise ValueError(f"it has {len(row)} values and not {len(header)}")
            found.append(_packet(dict(zip(header, (value.strip() for value in row), strict=True))))
        except ValueError as wrong:
            wrong_rows.append(f"row {number}: {wrong}")
    if wrong_rows:
        more = f"; and {len(wrong_rows) - MOST_NAMED} more" if len(wrong_rows) > MOST_NAMED else ""
        raise Refusal(f"{path} was not used. {'; '.join(wrong_rows[:MOST_NAMED])}{more}.")
    return found


def _packet(row: Mapping[str, str]) -> Asked:
    family, src = addresses.parse_host(row["src"])
    other, dst = addresses.parse_host(row["dst"])
    if other != family:
        raise ValueError(f"{row['src']} and {row['dst']} are of two address families")
    proto = services.protocol_number(row["proto"])
    if proto in ICMP.values() and proto != ICMP[family]:
        raise ValueError(f"{row['proto']} does not exist in IPv{family}")
    top = ICMP_TOP if proto in ICMP.values() else PORT_TOP
    box = box_of(
        family,
        src=(src, src),
        dst=(dst, dst),
        proto=proto,
        sport=_number(row["sport"], "sport", top),
        dport=_number(row["dport"], "dport", top),
    )
    return Asked(family, box, row.get("in") or None, row.get("out") or None)


def _number(text: str, name: str, top: int) -> tuple[int, int]:
    if not text:
        return 0, top
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= top):
        raise ValueError(f"{name} {text!r} is not a number 0 to {top}")
    return int(text), int(text)


def _decide(evaluator: Evaluator, asked: Asked) -> Decision:
    found = evaluator.pieces(asked.family, asked.box, iif=asked.iif, oif=asked.oif)
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


def _row(decision: Decision) -> dict[str, Any]:
    origin = decision.origin
    return {
        "decision": decision.decision,
        "rule": decision.rule,
        "file": origin.name if origin else "",
        "line": origin.first if origin else 0,
        "path": list(decision.path),
        "because": decision.because,
    }


def _text(number: int, decision: Decision) -> str:
    origin = decision.origin
    place = f" ({origin.name} line {origin.first})" if origin and origin.name else ""
    way = f" by way of {' > '.join(decision.path)}" if decision.path else ""
    return f"{number}: {decision.decision} {decision.rule}{place}{way}: {decision.because}"
