"""`eastwest diff OLD NEW`: what NEW lets through and OLD did not, what it stops, and what only reads otherwise.

Every row names the rules that changed: those that stand in one of the files only, or at another place among the others.
Where none did (a set has other members) it names the rules that decide. Counters and handles are no part of a rule.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from compliance.traffic.boxes import FAMILIES, Box, Family, intersect, overlaps
from compliance.traffic.index import Index, undisturbed
from compliance.traffic.witness import describe
from evidence.commands.answer import Answer, Refusal, status
from evidence.commands.dumps import reading_of
from evidence.commands.rule_edits import edits, shown, without_counters
from evidence.formats.evaluate import Evaluator
from evidence.formats.pieces import TOO_MANY, Piece
from evidence.host import FABRIC
from evidence.judgement import in_own_words
from evidence.regions import changed, decides
from evidence.rules import Reading, Rule

Part = tuple[Box, Piece, Piece]  # a box with what decides it in OLD and in NEW
MOST_SHOWN = 20  # parts of one rule in the answer for people
NUMBER = re.compile(r"#\d+")


class Changed(NamedTuple):
    """A rule that stands in one of the two files only."""

    file: str
    rule: Rule


def run(asked: argparse.Namespace) -> Answer:
    """Every point and family of both files; what either side leaves unproven is listed as such."""
    with undisturbed():
        return _compared(asked)


def _compared(asked: argparse.Namespace) -> Answer:
    old, new = reading_of([asked.old]), reading_of([asked.new])
    points = told_apart(new)
    if not points or not any(point.model == "first-match" for point in old.points):
        raise Refusal("Only dumps of packet filter rules can be compared. Give two dumps of iptables-save or nft.")
    data: dict[str, list[dict[str, Any]]] = {"permitted": [], "denied": [], "unproven": []}
    told = Told((asked.old, asked.new), (old, new))
    for point in points:
        for family in FAMILIES:
            for part in _parts(old, new, point, family):
                kind = _kind(part)
                if kind:
                    data[kind].append(told.row(part, point, family))
    changed = bool(data["permitted"] or data["denied"])
    unproven = bool(data["unproven"] or old.unread or new.unread)
    answer = {**data, "text_only": told.texts()}
    return Answer(status(findings=changed, unproven=unproven), answer, _text(answer))


def told_apart(reading: Reading) -> list[str]:
    """The points that are compared: of a cloud account its lists and paths, which interfaces and subnets only use."""
    judged = [point for point in reading.points if point.model == "first-match"]
    if reading.format == FABRIC:
        judged = [
            point
            for point in judged
            if len(point.stages) > 1
            or (point.stages == (f"{FABRIC}:{point.name}",) and point.name.partition("/")[0] not in reading.addresses)
        ]
    return [point.name for point in judged]


def _parts(old: Reading, new: Reading, point: str, family: Family) -> Iterator[Part]:
    """All traffic of rules that changed, cut where either file decides it by another rule."""
    before, after = Evaluator(old, point), Evaluator(new, point)
    for region in changed(old, new, point, family):
        then = before.pieces(family, region)
        index = Index(piece.box for piece in then)
        for piece in after.pieces(family, region):
            for number in index.numbers(piece.box):
                box = intersect(then[number].box, piece.box)
                if box is None:
                    continue
                if TOO_MANY in {then[number].because, piece.because}:  # a small part of it may well be decided
                    yield from _alone(before, after, family, box)
                else:
                    yield box, then[number], piece


def _alone(before: Evaluator, after: Evaluator, family: Family, box: Box) -> Iterator[Part]:
    for piece in after.pieces(family, box):
        for earlier in before.pieces(family, piece.box):
            yield earlier.box, earlier, piece


def _kind(part: Part) -> str:
    """Where a part is listed; "" when both decide alike, or both for the same reason leave it open."""
    _, before, after = part
    if before.decision == after.decision and (after.decision != "unproven" or _why(before) == _why(after)):
        return ""
    if "unproven" in {before.decision, after.decision}:
        return "unproven"
    return "permitted" if after.decision == "permit" else "denied"


def _why(piece: Piece) -> tuple[str, str]:
    """Why a part is unproven, without the numbers of rules: they move when others come and go."""
    return NUMBER.sub("#", piece.because), without_counters(piece.origin.text) if piece.origin else ""


class Told:
    """The rules that changed, those that moved, and which of the changed ones a row has named."""

    def __init__(self, files: tuple[str, str], readings: tuple[Reading, Reading]) -> None:
        found = edits(*readings)
        old, new = files
        self._gone = [Changed(old, rule) for rule in found.gone]
        self._come = [Changed(new, rule) for rule in found.come]
        self._named: set[tuple[str, str]] = set()
        # What an edit made of a rule is named with it; two rules that have nothing in common are no edit.
        both = [(Changed(old, then), Changed(new, now)) for then, now in found.edited if _shares(then, now)]
        self._other = {**dict(both), **{now: then for then, now in both}}
        self._ids = [{one.rule.id: [one] for one in side} for side in (self._gone, self._come)]
        moved = [(Changed(old, then), Changed(new, now)) for then, now in found.moved]
        self._moved = [{pair[side].rule.id: [pair[1], pair[0]] for pair in moved} for side in (0, 1)]
        self._parts: dict[tuple[str, str], list[Rule]] = {}  # a line is a rule for each family and each limit
        for file, reading, ids in zip(files, readings, self._ids, strict=True):
            for rule in (rule for chain in reading.chains for rule in chain.rules if rule.id in ids and decides(rule)):
                self._parts.setdefault((file, rule.id), []).append(rule)

    def row(self, part: Part, point: str, family: Family) -> dict[str, Any]:
        """A box, the rules responsible, where they stand, and what decides it in OLD and in NEW."""
        box, before, after = part
        found = _on_the_way(self._ids, before, after)
        if not found:
            found = [*_on_the_way(self._moved, before, after), *self._about(box, family)]
        for one in found:
            self._named.update((each.file, each.rule.id) for each in (one, self._other.get(one, one)))
        decide = [rule for rule in dict.fromkeys((after.rule, before.rule)) if rule]
        return {
            "box": {"point": point, "family": family, **describe(family, box)},
            "rules": list(dict.fromkeys(one.rule.id for one in found)) or decide,
            "lines": [{"file": one.file, "line": one.rule.origin.first, "text": shown(one.rule)} for one in found],
            "decided_by": {"old": before.rule, "new": after.rule},
        }

    def _about(self, box: Box, family: Family) -> list[Changed]:
        """The changed rules that some of the traffic can meet, and that do something with it."""
        return [one for one in (*self._come, *self._gone) if self._meets(one, box, family)]

    def _meets(self, one: Changed, box: Box, family: Family) -> bool:
        rules = [rule for rule in self._parts.get((one.file, one.rule.id), ()) if rule.family == family]
        return any(overlaps(box, other) for rule in rules for other in rule.boxes)

    def texts(self) -> list[dict[str, str]]:
        """Rules that stand in one file only, or read otherwise, and that no row has named."""
        gone = [one.rule for one in self._gone if (one.file, one.rule.id) not in self._named]
        come = [one.rule for one in self._come if (one.file, one.rule.id) not in self._named]
        twins = _twins(gone, come)
        found = [
            {"rule": rule.id, "old": shown(twins[rule.id]) if rule.id in twins else "", "new": shown(rule)}
            for rule in come
        ]
        paired = {twin.id for twin in twins.values()}
        return [
            *found,
            *({"rule": rule.id, "old": shown(rule), "new": ""} for rule in gone if rule.id not in paired),
        ]


def _shares(then: Rule, now: Rule) -> bool:
    index = Index(now.boxes)
    return then.family == now.family and any(index.numbers(box) for box in then.boxes)


def _on_the_way(ids: Sequence[dict[str, list[Changed]]], before: Piece, after: Piece) -> list[Changed]:
    """Those rules that decide, or that lead to what decides; those of NEW first."""
    sides = ((ids[1], after), (ids[0], before))
    found = [one for held, piece in sides for rule in (piece.rule, *piece.path) for one in held.get(rule, ())]
    return list(dict.fromkeys(found))


def _twins(gone: Iterable[Rule], come: Iterable[Rule]) -> dict[str, Rule]:
    """For rules of NEW, by id, the rule of OLD that said the same: in the same chain, or in one renamed since."""
    found: dict[str, Rule] = {}
    waiting = list(gone)
    for in_chain in (True, False):
        left: dict[tuple[str, ...], list[Rule]] = {}
        for rule in reversed(waiting):
            left.setdefault(_meaning(rule, in_chain), []).append(rule)
        for rule in come:
            if rule.id not in found and left.get(_meaning(rule, in_chain)):
                found[rule.id] = left[_meaning(rule, in_chain)].pop()
        waiting = [rule for rest in left.values() for rule in reversed(rest)]
    return found


def _meaning(rule: Rule, in_chain: bool) -> tuple[str, ...]:
    words = in_own_words(rule)
    if in_chain:
        return words, rule.action.value, rule.target
    return words.removeprefix(rule.chain), rule.action.value


def _text(answer: dict[str, list[dict[str, Any]]]) -> str:
    lines = []
    for kind, sign in (("permitted", "+"), ("denied", "-"), ("unproven", "?")):
        told: Counter[str] = Counter()
        for row in answer[kind]:
            about = "{point} IPv{family}: {src} → {dst} {service}".format(**row["box"])
            by = ", ".join([*row["rules"], *(f"line {line['line']} of {line['file']}" for line in row["lines"])])
            told[by] += 1
            if told[by] <= MOST_SHOWN:
                lines.append(f"{sign} {kind} at {about} ({by})")
        lines += [
            f"{sign} {kind}: {count - MOST_SHOWN} more parts, which --json lists ({by})"
            for by, count in told.items()
            if count > MOST_SHOWN
        ]
    lines += [f"~ text only {row['rule']}: {row['old']!r} is now {row['new']!r}" for row in answer["text_only"]]
    return "\n".join(lines) or "no difference"
