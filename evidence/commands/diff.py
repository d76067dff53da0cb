"""`eastwest diff OLD NEW`: what NEW lets through and OLD did not, what it stops, and what only reads otherwise."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from typing import Any

from compliance.traffic.boxes import FAMILIES, Box, Family
from compliance.traffic.witness import describe
from evidence.commands.answer import Answer, Refusal, status
from evidence.commands.dumps import reading_of
from evidence.formats.evaluate import Evaluator, Piece
from evidence.judgement import in_own_words
from evidence.regions import changed
from evidence.rules import Reading, Rule

Part = tuple[Box, Piece, Piece]  # a box with what decides it in OLD and in NEW


def run(asked: argparse.Namespace) -> Answer:
    """Every point and family of both files; what either side leaves unproven is listed as such."""
    old, new = reading_of([asked.old]), reading_of([asked.new])
    points = [point.name for point in new.points if point.model == "first-match"]
    if not points or not any(point.model == "first-match" for point in old.points):
        raise Refusal("Only dumps of packet filter rules can be compared. Give two dumps of iptables-save or nft.")
    data: dict[str, list[dict[str, Any]]] = {"permitted": [], "denied": [], "unproven": []}
    named: set[str] = set()
    for point in points:
        for family in FAMILIES:
            for part in _parts(old, new, point, family):
                kind = _kind(part)
                if kind:
                    data[kind].append(_row(part, point, family))
                    for piece in part[1:]:
                        named.update({piece.rule, *piece.path})
    texts = _texts(old, new, named)
    changed = bool(data["permitted"] or data["denied"])
    unproven = bool(data["unproven"] or old.unread or new.unread)
    answer = {**data, "text_only": texts}
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


def _row(part: Part, point: str, family: Family) -> dict[str, Any]:
    box, before, after = part
    rules = [rule for rule in dict.fromkeys((after.rule, before.rule)) if rule]
    return {"box": {"point": point, "family": family, **describe(family, box)}, "rules": rules}


def _texts(old: Reading, new: Reading, named: set[str]) -> list[dict[str, str]]:
    """Rules that stand in one file only, or read otherwise, and decide no packet differently."""
    before, after = _rules(old), _rules(new)
    kept = Counter(rule.origin.text.strip() for rule in before) & Counter(rule.origin.text.strip() for rule in after)
    gone, come = _left(before, kept.copy()), _left(after, kept.copy())
    found: list[dict[str, str]] = []
    for rule in come:
        twin = next((one for one in gone if _meaning(one) == _meaning(rule)), None)
        if twin is not None:
            gone.remove(twin)
        if rule.id not in named:
            found.append({"rule": rule.id, "old": twin.origin.text if twin else "", "new": rule.origin.text})
    found += [{"rule": rule.id, "old": rule.origin.text, "new": ""} for rule in gone if rule.id not in named]
    return found


def _rules(reading: Reading) -> list[Rule]:
    """One rule for each line: a rule of both families is taken once."""
    return list({rule.id: rule for chain in reading.chains for rule in chain.rules}.values())


def _left(rules: list[Rule], kept: Counter[str]) -> list[Rule]:
    left = []
    for rule in rules:
        text = rule.origin.text.strip()
        if kept[text] > 0:
            kept[text] -= 1
        else:
            left.append(rule)
    return left


def _meaning(rule: Rule) -> tuple[str, str, str]:
    return in_own_words(rule), rule.action.value, rule.target


def _text(answer: dict[str, list[dict[str, Any]]]) -> str:
    lines = []
    for kind, sign in (("permitted", "+"), ("denied", "-"), ("unproven", "?")):
        for row in answer[kind]:
            about = "{point} IPv{family}: {src} → {dst} {service}".format(**row["box"])
            lines.append(f"{sign} {kind} at {about} ({', '.join(row['rules'])})")
    lines += [
        f"~ text only {row['rule']}: {row['old'].strip()!r} is now {row['new'].strip()!r}"
        for row in answer["text_only"]
    ]
    return "\n".join(lines) or "no difference"
