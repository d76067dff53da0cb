"""The sample organisation, judged without a database: every planted fault is found where it was put, nothing else."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from compliance.register import Wanted
from evidence.host import read_host
from evidence.rules import Artefact, Certainty, Reading, Verdict
from evidence.verdicts import Judgement, judge, roll_up
from reviews.sample import make
from reviews.sample.plan import HERE, MONTHS, NOW, Plan

GONE = {"dev-old-01": Verdict.stale, "test-v6-01": Verdict.unreachable}
NOT_DONE = "CON-70"
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| `([\w-]+)`(?: `([\w.-]+)`)? \| ?(\d*) ?\|", re.MULTILINE)
PLANTED = {
    Verdict.permits_more: "iptables:filter/INPUT: 10.20.20.0/24 any tcp/5432",
    Verdict.not_implemented: "CON-35",
    Verdict.unfiltered: "zone development",
    Verdict.share_wider: "CON-62",
    Verdict.listener_unauthorised: "gis-app-01 tcp/8000",
    Verdict.no_listener: "CON-49",
    Verdict.changed_without_record: "CON-54",
    Verdict.approved_not_done: NOT_DONE,
    Verdict.unknown_server: "unregistered in zone management",
    Verdict.not_verifiable: "dev-git-01",
    Verdict.stale: "CON-55",
    Verdict.unreachable: "CON-56",
}
IMPLEMENTED = 63


def folder_of(host: str, month: int) -> Path:
    """The dumps that held in a month: its own, or those of the next month that has any."""
    return next(place for name in MONTHS[month:] if (place := HERE / "rules" / host / name).is_dir())


def read_all(plan: Plan, month: int) -> dict[str, Reading]:
    """Every host that can be read."""
    return {
        host: read_host([Artefact(file.name, file.read_bytes()) for file in sorted(folder_of(host, month).iterdir())])
        for host in plan.names
        if host not in GONE
    }


@pytest.fixture(name="plan", scope="module")
def _plan() -> Plan:
    return Plan()


@pytest.fixture(name="wanted", scope="module")
def _wanted(plan: Plan) -> Wanted:
    entries = tuple(replace(one, implemented=one.id != NOT_DONE) for one in plan.wanted.entries)
    return replace(plan.wanted, entries=entries)


@pytest.fixture(name="now", scope="module")
def _now(plan: Plan) -> dict[str, Reading]:
    return read_all(plan, NOW)


@pytest.fixture(name="judgements", scope="module")
def _judgements(plan: Plan, wanted: Wanted, now: dict[str, Reading]) -> tuple[Judgement, ...]:
    return judge(wanted, now, before=read_all(plan, NOW - 1), flows=None, at=date(2026, 6, 1), absent=GONE)


def test_the_verdicts_are_exactly_as_planted(judgements: tuple[Judgement, ...]) -> None:
    found = roll_up(judgements)
    assert {verdict: subject for subject, verdict in found.items() if verdict is not Verdict.implemented} == PLANTED
    assert Counter(found.values())[Verdict.implemented] == IMPLEMENTED
    assert len(found) == IMPLEMENTED + len(PLANTED)


def test_what_is_implemented_is_proven_and_what_is_unproven_was_planted(judgements: tuple[Judgement, ...]) -> None:
    unsure = {one.verdict for one in judgements if one.certainty is not Certainty.definite}
    assert unsure == {
        Verdict.stale, Verdict.unreachable, Verdict.not_verifiable, Verdict.unfiltered, Verdict.usage_unknown,
    }  # fmt: skip
    assert len([one for one in judgements if one.verdict is Verdict.usage_unknown]) == 60


def test_the_verdicts_do_not_depend_on_the_day(
    plan: Plan, wanted: Wanted, now: dict[str, Reading], judgements: tuple[Judgement, ...]
) -> None:
    later = judge(wanted, now, before=read_all(plan, NOW - 1), flows=None, at=date(2033, 2, 28), absent=GONE)
    assert roll_up(later) == roll_up(judgements)


def test_every_fault_stands_where_the_readme_says(judgements: tuple[Judgement, ...]) -> None:
    told = {Verdict(verdict): (host, file, line) for verdict, _, host, file, line in ROW.findall(_readme())}
    assert set(told) == set(PLANTED)
    for verdict, (host, file, line) in told.items():
        mine = [one for one in judgements if (one.verdict, one.subject) == (verdict, PLANTED[verdict])]
        assert any(host in f"{one.point} {one.because}" for one in mine) or verdict is Verdict.unfiltered, verdict
        if line:
            assert any(f"line {line} of {file}" in one.because for one in mine), verdict


def test_the_readme_tells_the_size_of_the_estate(plan: Plan) -> None:
    said = f"{len(plan.names)} servers in {len(plan.register['zones'])} zones, "
    said += f"{len(plan.register['connections'])} connections, {len(plan.register['shares'])} file shares"
    assert said in " ".join(_readme().split())
    assert f"Of the {len(plan.register['connections']) + len(plan.register['shares'])} connections" in _readme()


def test_every_format_is_there_and_only_the_damaged_line_is_unread(now: dict[str, Reading]) -> None:
    assert {part for reading in now.values() for part in reading.format.split("+")} == {
        "iptables-save", "nft-json", "ip-addr", "ip-route", "ss", "exportfs", "exports", "testparm",
    }  # fmt: skip
    assert [(host, one.line) for host, reading in now.items() for one in reading.unread] == [("dev-git-01", 23)]
    for host in GONE:
        assert not read_host(
            [Artefact(file.name, file.read_bytes()) for file in sorted(folder_of(host, NOW).iterdir())]
        ).unread


def test_the_committed_files_are_what_the_register_makes() -> None:
    made = make.everything()
    held = {path.relative_to(HERE).as_posix(): path for path in (HERE / "rules").rglob("*") if path.is_file()}
    assert set(held) == set(made) - {"servers.csv"}
    assert [name for name, text in made.items() if (HERE / name).read_text(encoding="utf-8") != text] == []


def _readme() -> str:
    return (HERE / "README.md").read_text(encoding="utf-8")
