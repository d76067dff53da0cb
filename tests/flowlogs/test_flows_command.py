"""`eastwest flows`: real files in, one JSON object out, and an exit status that says how it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence import cli
from tests.flowlogs.logs import NOON, aws, file, silent

REGISTER = """
servers:
  - {name: web-01, addresses: [10.0.0.1]}
  - {name: db-01, addresses: [10.0.0.2]}
connections:
  - {id: CON-1, source: web-01, destination: db-01, services: [tcp/5432], expected_use: continuous}
  - {id: CON-2, source: web-01, destination: db-01, services: [tcp/9000], expected_use: continuous}
"""


def asked(folder: Path, capsys: pytest.CaptureFixture[str], *files: Path) -> tuple[int, Any, str]:
    register = folder / "register.yaml"
    register.write_text(REGISTER, encoding="utf-8")
    status = cli.main(["flows", "--json", "--register", str(register), *map(str, files)])
    said = capsys.readouterr()
    return status, json.loads(said.out), said.err


def a_day(*more: str) -> list[str]:
    """A day and an hour in which both interfaces log each hour, and the database answers once an hour."""
    lines = [*more]
    for hour in range(25):
        at = NOON + hour * 3600
        for eni, ends in (
            ("eni-web", ("10.0.0.1", "10.0.0.2", 40000, 5432)),
            ("eni-db", ("10.0.0.2", "10.0.0.9", 40000, 53)),
        ):
            lines += [silent("NODATA", at=at, eni=eni), aws(*ends, at=at, eni=eni)]
        lines.append(aws("10.0.0.1", "10.0.0.8", 40000, 53, at=at, eni="eni-web"))
        lines.append(aws("10.0.0.2", "10.0.0.1", 5432, 40000, at=at, eni="eni-db"))
    return lines


def test_what_was_used_outside_or_not_at_all_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = file(tmp_path, *a_day(aws("10.0.0.1", "10.0.0.2", 40000, 22, eni="eni-web")))
    status, said, _ = asked(tmp_path, capsys, log)
    found = {(one["verdict"], one["subject"]) for one in said["verdicts"]}
    assert status == 1
    assert ("used_outside", "10.0.0.1 → 10.0.0.2 tcp/22") in found
    assert ("unused", "CON-2") in found
    assert not {one for one in found if one[1] == "CON-1"}
    assert said["last_used"] == {"CON-1": "2026-10-02T12:00:30Z", "CON-2": None}
    assert said["files"][0]["lines"] == {"total": 152, "consumed": 151, "ignored": 1, "unread": 0}


def test_a_file_given_twice_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = file(tmp_path, *a_day())
    other = file(tmp_path, *reversed(a_day()), name="again.log")
    once, twice = asked(tmp_path, capsys, log), asked(tmp_path, capsys, log, other, log)
    assert twice[1]["again"] == {str(other): str(log), str(log): str(log)}
    assert [twice[1][key] for key in ("verdicts", "last_used", "gaps")] == [
        once[1][key] for key in ("verdicts", "last_used", "gaps")
    ]


def test_what_is_no_flow_log_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "odd"
    odd.write_text("hello\n", encoding="utf-8")
    status, said, told = asked(tmp_path, capsys, odd)
    assert status == 2
    assert "it is like none of the flow logs known" in said["error"]
    assert "it is like none" in told
