"""`eastwest read FILE…`: the format, the account of lines, the points, and every line nobody understood."""

from __future__ import annotations

import argparse
from typing import Any

from evidence.commands.answer import REFUSED, Answer, Refusal, status
from evidence.commands.dumps import artefact
from evidence.formats.table import detect
from evidence.points import summary
from evidence.rules import FormatError, Lines, Reading


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
        "points": summary(reading),
        "unread": [{"line": line, "text": text, "reason": reason} for line, text, reason in unread],
    }


def _counts(lines: Lines) -> tuple[int, int, int, int]:
    return lines.total, lines.consumed, lines.ignored, lines.unread


def _text(file: dict[str, Any]) -> str:
    lines = file["lines"]
    head = (
        f"{file['name']}: {file['format']}, {lines['total']} lines: {lines['consumed']} understood, "
        f"{lines['ignored']} say nothing, {lines['unread']} unread (coverage {file['coverage']:.0%})"
    )
    points = [f"  {one['name']}: {one['rules']} rules, else {one['default'] or 'not known'}" for one in file["points"]]
    unread = [f"  unread line {one['line']}: {one['text'].strip()} ({one['reason']})" for one in file["unread"]]
    return "\n".join([head, *points, *unread])
