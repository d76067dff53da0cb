"""`eastwest flows`: flow logs against a register file. What was used, outside it too, and which hours nobody watched.

A file that was given twice counts once, by its bytes or by its records. The span is that of the records; the moment a
file came is when it was last written. What a firewall or an exporter watches is not known here, so nothing is called
unused by their logs alone.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from compliance.register import RegisterError, Wanted
from compliance.register_file import wanted_of
from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES
from evidence.commands.answer import Answer, Refusal, status
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.gathered import covered, gather, span
from evidence.flowlogs.matching import Matcher
from evidence.flowlogs.seen import FlowEvidence
from evidence.flowlogs.shapes import Gap, Rolled
from evidence.flowlogs.table import read_file
from evidence.judgement import Judgement
from evidence.rules import FormatError, Verdict
from evidence.usage_verdicts import POINT
from evidence.verdicts import judge

HOUR_S: Final = 3600


def run(asked: argparse.Namespace) -> Answer:
    """Reads every file, matches them to the register and says what follows. Raises Refusal."""
    try:
        wanted = wanted_of(Path(asked.register))
    except RegisterError as wrong:
        raise Refusal(f"{asked.register} was not used:\n  " + "\n  ".join(wrong.problems)) from wrong
    with tempfile.TemporaryDirectory(prefix="eastwest-flows-") as folder, Engine(Path(folder)) as engine:
        files, again = _read(engine, [Path(one) for one in asked.files], Path(folder))
        flows = _gathered(engine, files, wanted, Path(folder))
    at = datetime.fromtimestamp(flows.coverage.last_hour * HOUR_S, UTC).date()
    every = judge(wanted, {}, before=None, flows=flows, at=at)
    kept = [one for one in every if one.point == POINT or one.verdict is Verdict.unknown_server]
    missing = list(flows.coverage.missing())
    unproven = bool(missing) or any(one.lines.unread for one in files)
    unproven = unproven or any(one.verdict is Verdict.usage_unknown for one in kept)
    findings = any(one.verdict is not Verdict.usage_unknown for one in kept)
    data = _data(files, again, missing, kept, flows, wanted)
    return Answer(status(findings=findings, unproven=unproven), data, "\n".join(_text(data)))


def _read(engine: Engine, paths: list[Path], folder: Path) -> tuple[list[Rolled], dict[str, str]]:
    """The files, and which of them say the same as an earlier one. Raises Refusal naming the file."""
    into = folder / "days"
    into.mkdir()
    found: list[Rolled] = []
    again: dict[str, str] = {}
    for path in paths:
        try:
            one = read_file(engine, path, into, name=str(path), received=int(path.stat().st_mtime))
        except OSError as error:
            raise Refusal(f"{path} cannot be read: {error.strerror}.") from error
        except FormatError as error:
            raise Refusal(str(error)) from error
        same = next((held.name for held in found if one.records and one.alike == held.alike), "")
        if same:
            again[one.name] = same
        else:
            found.append(one)
    return found, again


def _gathered(engine: Engine, files: list[Rolled], wanted: Wanted, folder: Path) -> FlowEvidence:
    days: dict[int, list[Path]] = {}
    for one in files:
        for day, path in one.days.items():
            days.setdefault(day, []).append(path)
    matcher = Matcher(engine, wanted.entries)
    stored = [matcher.day(paths, folder) for _, paths in sorted(days.items())]
    bounds = span(engine, files)
    if bounds is None:
        raise Refusal("These files hold no flow at all, so nothing follows from them. Give those of a longer time.")
    coverage = covered(engine, files, *bounds)
    servers = {value for held in wanted.servers.values() for value in held}
    scope = {
        family: intervals.merge((one.low, one.high) for one in wanted.prefixes if one.family == family)
        for family in FAMILIES
    }
    return gather(engine, stored, coverage, servers=servers, scope=scope, space=wanted.space)


def _data(
    files: list[Rolled],
    again: dict[str, str],
    missing: list[Gap],
    kept: list[Judgement],
    flows: FlowEvidence,
    wanted: Wanted,
) -> dict[str, Any]:
    names = list(dict.fromkeys(one.id for one in wanted.entries))
    last = {name: flows.last_used(name) for name in names}
    return {
        "files": [_file(one) for one in files],
        "again": again,
        "span": [_hour(flows.coverage.first_hour), _hour(flows.coverage.last_hour)],
        "gaps": [_gap(one) for one in (*flows.coverage.gaps, *missing) if one.kind != "nodata"],
        "last_used": {name: None if used is None else _moment(used) for name, used in last.items()},
        "not_server_communication": flows.elsewhere,
        "verdicts": [
            {
                "verdict": one.verdict.value,
                "certainty": one.certainty.value,
                "subject": one.subject,
                "connection": one.subject if one.subject in last else "",
                "counter_example": one.witness.as_dict() if one.witness else None,
                "because": one.because,
            }
            for one in kept
        ],
        "summary": dict(sorted(Counter(one.verdict.value for one in kept).items())),
    }


def _file(one: Rolled) -> dict[str, Any]:
    lines = {"total": one.lines.total, "consumed": one.lines.consumed, "ignored": one.lines.ignored}
    return {
        "name": one.name,
        "format": one.format,
        "sha256": one.sha256,
        "lines": {**lines, "unread": one.lines.unread},
        "unknown_columns": list(one.unknown),
        "unread": [{"line": each.line, "text": each.text, "reason": each.reason} for each in one.unread],
    }


def _gap(one: Gap) -> dict[str, Any]:
    return {
        "kind": one.kind, "place": one.sensor, "first": _hour(one.first_hour), "last": _hour(one.last_hour),
        "because": one.because,
    }  # fmt: skip


def _hour(number: int) -> str:
    return _moment(number * HOUR_S)


def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")


def _text(data: dict[str, Any]) -> Iterator[str]:
    for one in data["files"]:
        lines = one["lines"]
        said = f"{lines['total']} lines, {lines['consumed']} records, {lines['unread']} unread"
        yield f"{one['name']} ({one['format']}): {said}"
        yield from (f"    line {each['line']}: {each['reason']}" for each in one["unread"])
    yield from (f"{name}: the same records as {held}, counted once" for name, held in data["again"].items())
    yield from (f"gap ({one['kind']}) {one['first']} to {one['last']}: {one['because']}" for one in data["gaps"])
    yield from (f"{one['verdict']} ({one['certainty']}): {one['because']}" for one in data["verdicts"])
    counts = ", ".join(f"{count} {name}" for name, count in data["summary"].items()) or "nothing to say"
    yield f"{counts}; {data['span'][0]} to {data['span'][1]}"
