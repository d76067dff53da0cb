"""`eastwest diff OLD NEW`: what NEW lets through and OLD did not, what it stops, and what only reads otherwise.

Every row names the rules that changed: those that stand in one of the files only. Where none did (two rules changed
places) it names the rules that decide. Counters are no part of a rule.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from compliance.traffic.boxes import FAMILIES, Box, Family, overlaps
from compliance.traffic.witness import describe
from evidence.commands.answer import Answer, Refusal, status
from evidence.commands.dumps import reading_of
from evidence.formats.evaluate import Evaluator, Piece
from evidence.judgement import in_own_words
from evidence.regions import changed
from evidence.rules import Reading, Rule

Part = tuple[Box, Piece, Piece]  # a box with what decides it in OLD and in NEW
COUNTERS = (  # as iptables-save writes them, before a rule and behind a policy, and as nft -j does
    (re.compile(r"^\[\d+:\d+\] |(?<=^:) *| \[\d+:\d+\]$"), ""),
    (re.compile(r'"(packets|bytes)": ?\d+'), r'"\1": 0'),
)


class Changed(NamedTuple):
    """A rule that stands in one of the two files only."""

    file: str
    rule: Rule


def run(asked: argparse.Namespace) -> Answer:
    """Every point and family of both files; what either side leaves unproven is listed as such."""
    old, new = reading_of([asked.old]), reading_of([asked.new])
    points = [point.name for point in new.points if point.model == "first-match"]
    if not points or not any(point.model == "first-match" for point in old.points):
        raise Refusal("Only dumps of packet filter rules can be compared. Give two dumps of iptables-save or nft.")
    data: dict[str, list[dict[str, Any]]] = {"permitted": [], "denied": [], "unproven": []}
    gone, come = _changed_rules(old, new)
    told = Told([Changed(asked.old, rule) for rule in gone], [Changed(asked.new, rule) for rule in come])
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


def _parts(old: Reading, new: Reading, point: str, family: Family) -> Iterator[Part]:
    """All traffic of rules that changed, cut where either file decides it by another rule."""
    before, after = Evaluator(old, point), Evaluator(new, point)
    for region in changed(old, new, point, family):
        for piece in after.pieces(family, region):
            for earlier in before.pieces(family, piece.box):
                yield earlier.box, earlier, piece


def _kind(part: Part) -> str:
    """Where a part is listed; "" when both decide alike, or both for the same reason leave it open."""
    _, before, after = part
    if before.decision == after.decision and (after.decision != "unproven" or before.because == after.because):
        return ""
    if "unproven" in {before.decision, after.decision}:
        return "unproven"
    return "permitted" if after.decision == "permit" else "denied"


class Told:
    """The rules that changed, and which of them a row has named."""

    def __init__(self, gone: list[Changed], come: list[Changed]) -> None:
        self._gone, self._come = gone, come
        self._named: set[tuple[str, str]] = set()
        self._edited = _edited(gone, come)
        self._ids = [{one.rule.id: one for one in side} for side in (gone, come)]

    def row(self, part: Part, point: str, family: Family) -> dict[str, Any]:
        """A box, the rules responsible, where they stand, and what decides it in OLD and in NEW."""
        box, before, after = part
        found = self._on_the_way(before, after) or self._about(box, family)
        for one in found:
            self._named.update((each.file, each.rule.id) for each in (one, *self._edited.get(one.rule, ())))
        decide = [rule for rule in dict.fromkeys((after.rule, before.rule)) if rule]
        return {
            "box": {"point": point, "family": family, **describe(family, box)},
            "rules": list(dict.fromkeys(one.rule.id for one in found)) or decide,
            "lines": [{"file": one.file, "line": one.rule.origin.first, "text": _plain(one.rule)} for one in found],
            "decided_by": {"old": before.rule, "new": after.rule},
        }

    def _on_the_way(self, before: Piece, after: Piece) -> list[Changed]:
        """The changed rules that decide, or that lead to what decides; those of NEW first."""
        sides = ((self._ids[1], after), (self._ids[0], before))
        return [ids[rule] for ids, piece in sides for rule in (piece.rule, *piece.path) if rule in ids]

    def _about(self, box: Box, family: Family) -> list[Changed]:
        """The changed rules that some of the traffic can meet."""
        return [
            one
            for one in (*self._come, *self._gone)
            if one.rule.family == family and any(overlaps(box, other) for other in one.rule.boxes)
        ]

    def texts(self) -> list[dict[str, str]]:
        """Rules that stand in one file only, or read otherwise, and that no row has named."""
        gone = [one.rule for one in self._gone if (one.file, one.rule.id) not in self._named]
        come = [one.rule for one in self._come if (one.file, one.rule.id) not in self._named]
        twins = _twins(gone, come)
        found = [
            {"rule": rule.id, "old": twins[rule.id].origin.text if rule.id in twins else "", "new": rule.origin.text}
            for rule in come
        ]
        paired = {twin.id for twin in twins.values()}
        return [
            *found,
            *({"rule": rule.id, "old": rule.origin.text, "new": ""} for rule in gone if rule.id not in paired),
        ]


def _edited(gone: Iterable[Changed], come: Iterable[Changed]) -> dict[Rule, list[Changed]]:
    """For a changed rule what it was before, or is now: in chains that lost as many rules as they got, one by one."""
    chains: dict[str, tuple[list[Changed], list[Changed]]] = {}
    for side, found in enumerate((gone, come)):
        for one in found:
            chains.setdefault(one.rule.chain, ([], []))[side].append(one)
    pairs = [pair for then, now in chains.values() if len(then) == len(now) for pair in zip(then, now, strict=True)]
    both = [*pairs, *((now, then) for then, now in pairs)]
    return {one.rule: [other] for one, other in both}


def _changed_rules(old: Reading, new: Reading) -> tuple[list[Rule], list[Rule]]:
    """The rules of OLD that NEW does not have, and those of NEW that OLD does not have, whatever their place."""
    before, after = _rules(old), _rules(new)
    kept = Counter(map(_key, before)) & Counter(map(_key, after))
    return _left(before, kept.copy()), _left(after, kept.copy())


def _rules(reading: Reading) -> list[Rule]:
    """One rule for each line: a rule of both families is taken once."""
    return list({rule.id: rule for chain in reading.chains for rule in chain.rules}.values())


def _left(rules: Iterable[Rule], kept: Counter[tuple[str, str]]) -> list[Rule]:
    left = []
    for rule in rules:
        key = _key(rule)
        if kept[key] > 0:
            kept[key] -= 1
        else:
            left.append(rule)
    return left


def _key(rule: Rule) -> tuple[str, str]:
    return rule.chain, _plain(rule)


def _plain(rule: Rule) -> str:
    """The text of a rule without its counters."""
    text = rule.origin.text.strip()
    for pattern, instead in COUNTERS:
        text = pattern.sub(instead, text)
    return text


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
        for row in answer[kind]:
            about = "{point} IPv{family}: {src} → {dst} {service}".format(**row["box"])
            where = [f"line {line['line']} of {line['file']}" for line in row["lines"]]
            lines.append(f"{sign} {kind} at {about} ({', '.join([*row['rules'], *where])})")
    lines += [
        f"~ text only {row['rule']}: {row['old'].strip()!r} is now {row['new'].strip()!r}"
        for row in answer["text_only"]
    ]
    return "\n".join(lines) or "no difference"
