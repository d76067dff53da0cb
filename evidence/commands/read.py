"""`eastwest read FILE…`: the format, the account of lines, the points, and every line nobody understood."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from compliance.traffic.boxes import FAMILIES
from evidence.commands.answer import REFUSED, Answer, Refusal, status
from evidence.commands.dumps import artefact
from evidence.formats.evaluate import judges
from evidence.formats.table import detect
from evidence.rules import Action, Chain, FormatError, Lines, Point, Reading

JUMPS = frozenset({Action.JUMP, Action.GOTO})
POLICY = "#policy"


def run(asked: argparse.Namespace) -> Answer:
    """Each file on its own; a file that is refused is named, and the others are still read."""
    files: list[dict[str, Any]] = []
    refused: list[str] = []
    for path in asked.files:
        try:
            dump = artefact(path)
            files.append(_file(path, detect(dump).read([dump])))
        except (FormatError, Refusal) as wrong:
            refused.append(str(wrong))
    unread = any(file["unread"] for file in files)
    data: dict[str, Any] = {"files": files}
    if refused:
        data["refused"] = refused
    code = REFUSED if refused else status(findings=False, unproven=unread)
    return Answer(code, data, "\n".join(map(_text, files)), tuple(f"eastwest read: {one}" for one in refused))


def _file(path: str, reading: Reading) -> dict[str, Any]:
    total = Lines(*(sum(parts) for parts in zip(*map(_counts, reading.lines.values()), strict=True)))
    unread = {(one.line, one.text, one.reason): None for one in reading.unread}
    return {
        "name": path,
        "format": reading.format,
        "lines": {"total": total.total, "consumed": total.consumed, "ignored": total.ignored, "unread": total.unread},
        "coverage": round(1 - total.unread / total.total, 4) if total.total else 1.0,
        "points": [_point(reading, point) for point in reading.points],
        "unread": [{"line": line, "text": text, "reason": reason} for line, text, reason in unread],
    }


def _counts(lines: Lines) -> tuple[int, int, int, int]:
    return lines.total, lines.consumed, lines.ignored, lines.unread


def _point(reading: Reading, point: Point) -> dict[str, Any]:
    if point.model != "first-match":
        size = len(reading.listeners) if point.name == "listeners" else len(reading.shares)
        return {"name": point.name, "rules": size, "default": "deny"}
    chains = {chain.name: chain for chain in reading.chains}
    stages = [chains[name] for name in point.stages if name in chains]
    rules = {rule.id for chain in _reached(stages, chains) for rule in chain.rules if not rule.id.endswith(POLICY)}
    return {"name": point.name, "rules": len(rules), "default": _default(reading, stages)}


def _reached(stages: Iterable[Chain], chains: dict[str, Chain]) -> list[Chain]:
    """The base chains of a point and every chain their rules lead to."""
    found: dict[str, Chain] = {}
    waiting = list(stages)
    while waiting:
        chain = waiting.pop()
        if chain.name in found:
            continue
        found[chain.name] = chain
        waiting.extend(chains[rule.target] for rule in chain.rules if rule.action in JUMPS and rule.target in chains)
    return list(found.values())


def _default(reading: Reading, stages: list[Chain]) -> str:
    """What becomes of a packet no rule decides: `permit`, `deny`, or one for each family that the file shows.

    A family that is shown and that no chain of the point sees is open there.
    """
    by_family: dict[str, str] = {}
    for family in FAMILIES:
        defaults = [chain.default for chain in stages if judges(chain, family)]
        if defaults or family in reading.families:
            by_family[f"IPv{family}"] = "permit" if all(one is Action.PERMIT for one in defaults) else "deny"
    if len(set(by_family.values())) <= 1:
        return next(iter(by_family.values()), "")
    return ", ".join(f"{family} {default}" for family, default in by_family.items())


def _text(file: dict[str, Any]) -> str:
    lines = file["lines"]
    head = (
        f"{file['name']}: {file['format']}, {lines['total']} lines: {lines['consumed']} understood, "
        f"{lines['ignored']} say nothing, {lines['unread']} unread (coverage {file['coverage']:.0%})"
    )
    points = [f"  {one['name']}: {one['rules']} rules, else {one['default'] or 'not known'}" for one in file["points"]]
    unread = [f"  unread line {one['line']}: {one['text'].strip()} ({one['reason']})" for one in file["unread"]]
    return "\n".join([head, *points, *unread])
