"""A month of flow logs with planted faults: each is found, nothing else is said, and the same files change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from ipaddress import ip_address
from pathlib import Path

import pytest

from compliance.register import Wanted, wanted
from compliance.traffic.addresses import prefix_range
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.gathered import covered, gather
from evidence.flowlogs.matching import Matcher, Stored
from evidence.flowlogs.seen import Coverage, FlowEvidence, Holding, Tally, unexpected
from evidence.flowlogs.shapes import Rolled
from evidence.judgement import Judgement
from evidence.rules import Certainty, Verdict
from evidence.verdicts import judge
from tests.flowlogs.logs import aws, file, rolled, silent

START = 1_790_812_800  # 1 October 2026
DAYS, HOUR = 35, 3600
WEB, APP, DB, NTP, SHARED, ALIEN = (f"10.20.4.{last}" for last in (11, 12, 13, 14, 30, 99))
OUTSIDE = "203.0.113.7"
NAMES = {"web-01": WEB, "app-01": APP, "db-01": DB, "ntp-01": NTP}
LOGGING = (*NAMES.values(), SHARED, ALIEN, OUTSIDE, "198.51.100.9")
SWAP = 15  # the day on which the address of old-01 becomes that of new-01
PORTS = {"CON-1": 5432, "CON-2": 8443, "CON-3": 9000, "CON-4": 9001, "CON-5": 9002}


def register(day: int) -> Wanted:
    """What is authorised on a day of the month: an address changes hands in its middle."""
    last = {**NAMES, "old-01": SHARED} if day < SWAP else {**NAMES, "new-01": SHARED}
    uses = {"CON-1": "daily", "CON-2": "weekly", "CON-3": "monthly", "CON-4": "weekly", "CON-5": "standby"}
    rows = [
        {
            "id": name,
            "source": "web-01",
            "destination": "db-01",
            "services": [f"tcp/{PORTS[name]}"],
            "expected_use": use,
        }
        for name, use in uses.items()
    ]
    every = {"source": ["web-01", "app-01", "db-01"], "destination": "ntp-01"}
    rows.append({"id": "CON-6", **every, "services": ["udp/123"], "expected_use": "daily"})
    if day < SWAP:
        rows.append({"id": "CON-7", "source": "app-01", "destination": "old-01", "services": ["tcp/7000"],
                     "expected_use": "standby"})  # fmt: skip
    servers = [{"name": name, "addresses": [address], "zone": "app"} for name, address in last.items()]
    zones = [{"name": "app", "prefixes": ["10.20.4.0/24"]}]
    return wanted({"servers": servers, "zones": zones, "connections": rows}, at=date(2026, 10, 1))


def both(src: str, dst: str, port: int, at: int, *, proto: int = 6, action: str = "ACCEPT") -> Iterator[str]:
    """A conversation as the network interfaces of both ends write it."""
    for eni in (f"eni-{src}", f"eni-{dst}"):
        yield aws(src, dst, 40000, port, at=at, eni=eni, proto=proto, action=action)
        if action == "ACCEPT":
            yield aws(dst, src, port, 40000, at=at, eni=eni, proto=proto)


def day_of_logs(day: int) -> list[str]:
    """One day: the ordinary, what is planted, and a line of NODATA each hour from each interface but in the gap."""
    begin = START + day * 86_400
    lines: list[str] = []
    for at in range(24):
        moment = begin + at * HOUR + 60
        gap = day == 9 and 3 <= at < 6
        lines += [silent("NODATA", at=moment, eni=f"eni-{one}") for one in LOGGING if not (gap and one == APP)]
        if at == 10:
            lines += both(WEB, DB, 5432, moment)
            lines += [*both(WEB, NTP, 123, moment, proto=17), *both(DB, NTP, 123, moment, proto=17)]
        if at == 11 and day in {3, 10, 17, 24, 31}:
            lines += both(WEB, DB, 8443, moment)
        if at == 11 and day == 20:
            lines += both(WEB, DB, 9000, moment)
        if at == 12 and day == 5:
            lines += both(APP, DB, 22, moment)  # planted: nobody authorised it
            lines += both(WEB, DB, 3306, moment, action="REJECT")  # planted: tried
            lines += both(ALIEN, DB, 5432, moment)  # planted: nobody registered that address
        if at == 13 and day in {7, 21}:
            lines += both(APP, SHARED, 7000, moment)  # planted: the second time it is another server's address
        if at == 14 and day == 6:
            lines += both(OUTSIDE, "198.51.100.9", 443, moment)  # between strangers: counted, and nothing is said
    return lines


@pytest.fixture(scope="module")
def month(flow_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[FlowEvidence, list[Rolled], Path]:
    folder = tmp_path_factory.mktemp("month")
    files = [rolled(flow_engine, file(folder, *day_of_logs(day), name=f"day-{day:02d}.log.gz")) for day in range(DAYS)]
    return gathered(flow_engine, files, folder), files, folder


def gathered(engine: Engine, files: list[Rolled], folder: Path) -> FlowEvidence:
    stored: list[Stored] = []
    for days in (range(SWAP), range(SWAP, DAYS)):
        matcher = Matcher(engine, register(days[0]).entries)
        stored += [matcher.day(list(files[day].days.values()), folder) for day in days]
    first = START // HOUR
    coverage = covered(engine, files, first, first + DAYS * 24 - 1)
    servers = {value for held in register(0).servers.values() for value in held}
    found = gather(
        engine, stored, coverage, servers=servers, scope={4: [prefix_range(4, int(ip_address(WEB)) & ~255, 24)]}
    )
    shared = int(ip_address(SHARED))
    held = (
        Holding(4, shared, "old-01", 0, START + SWAP * 86_400 - 1),
        Holding(4, shared, "new-01", START + SWAP * 86_400, 2**32),
    )
    return FlowEvidence(found.coverage, found.uses, found.outside, found.elsewhere, found.seen, held,
                        duties={"CON-6": "time"})  # fmt: skip


def judged(flows: FlowEvidence) -> list[Judgement]:
    every = judge(register(DAYS), {}, before=None, flows=flows, at=date(2026, 11, 5))
    return [one for one in every if one.point == "flows" or one.verdict is Verdict.unknown_server]


def test_each_planted_fault_is_found_and_nothing_else(month: tuple[FlowEvidence, list[Rolled], Path]) -> None:
    found = {(one.verdict, one.subject): one for one in judged(month[0])}
    assert set(found) == {
        (Verdict.used_outside, f"{APP} → {DB} tcp/22"),
        (Verdict.used_outside, f"{ALIEN} → {DB} tcp/5432"),
        (Verdict.used_outside, f"{APP} → {SHARED} tcp/7000"),
        (Verdict.attempted, f"{WEB} → {DB} tcp/3306"),
        (Verdict.unused, "CON-4"),
        (Verdict.silent_baseline, "app-01 time"),
        (Verdict.unknown_server, "unregistered in zone app"),
    }
    reused = found[Verdict.used_outside, f"{APP} → {SHARED} tcp/7000"]
    assert "from app-01 to new-01" in reused.because
    assert "1 flow" in reused.because or "2 flows" in reused.because
    assert [box[2] for box in found[Verdict.unknown_server, "unregistered in zone app"].excess] == [
        int(ip_address(ALIEN))
    ]
    assert "is expected to be used weekly" in found[Verdict.unused, "CON-4"].because
    assert found[Verdict.used_outside, f"{APP} → {DB} tcp/22"].certainty is Certainty.possible


def test_the_gap_of_three_hours_is_the_only_one(month: tuple[FlowEvidence, list[Rolled], Path]) -> None:
    day = START // HOUR + 9 * 24
    found = [(gap.sensor, gap.first_hour, gap.last_hour) for gap in month[0].coverage.missing()]
    assert found == [(f"eni-{APP}", day + 3, day + 5)]


def test_what_the_gap_could_hide_is_not_called_unused(month: tuple[FlowEvidence, list[Rolled], Path]) -> None:
    whole = month[0].coverage
    watches = {f"eni-{one}": {4: [(int(ip_address(one)),) * 2]} for one in NAMES.values()}
    hours = range(whole.first_hour, whole.last_hour + 1)
    every = {"CON-1", "CON-2", "CON-3", "CON-4", "CON-6"}
    for blind, verdict in (((), Verdict.unused), (hours[::72], Verdict.usage_unknown)):  # an hour of every three days
        live = {name: [hour for hour in hours if hour not in blind] for name in watches}
        coverage = Coverage(whole.first_hour, whole.last_hour, live, watches)
        said = judged(FlowEvidence(coverage, duties={"CON-6": "time"}))
        assert {one.subject for one in said if one.verdict is verdict} == every
        silent_ones = {one.subject for one in said if one.verdict is Verdict.silent_baseline}
        assert silent_ones == (set() if blind else {"web-01 time", "app-01 time", "db-01 time"})


def test_last_used_is_kept_for_each_connection(month: tuple[FlowEvidence, list[Rolled], Path]) -> None:
    flows = month[0]
    assert flows.last_used("CON-3") == START + 20 * 86_400 + 11 * HOUR + 90
    assert flows.last_used("CON-4") is None
    assert flows.elsewhere > 0


def test_the_same_files_again_change_nothing(
    month: tuple[FlowEvidence, list[Rolled], Path], flow_engine: Engine
) -> None:
    flows, files, folder = month
    again = [rolled(flow_engine, folder / one.name) for one in files]
    assert [(one.sha256, one.alike, one.days) for one in again] == [(one.sha256, one.alike, one.days) for one in files]
    anew = gathered(flow_engine, again, folder)
    assert (anew.uses, anew.outside, anew.seen) == (flows.uses, flows.outside, flows.seen)


def test_pairs_of_before_are_not_unexpected_again(month: tuple[FlowEvidence, list[Rolled], Path]) -> None:
    every = month[0].outside
    assert unexpected(every, every) == []
    assert [one.pair for one in unexpected(every, every[1:])] == [every[0].pair]


def tally(src: str, dst: str, port: int, other: int | None, *, sure: int = 50, passed: bool = True) -> Tally:
    ends = int(ip_address(src)), int(ip_address(dst))
    return Tally(4, *ends, 6, port, other, sure, passed, 1, 1, 60, START, START + 9, "eni-a")


def said_of(*tallies: Tally) -> list[tuple[str, str, str]]:
    coverage = Coverage(START // HOUR, START // HOUR, {}, {})
    found = judged(FlowEvidence(coverage, outside=tallies))
    return sorted((one.verdict.value, one.certainty.value, one.subject) for one in found if one.excess)


def test_conversations_nobody_can_orient_are_said_once_by_the_port_that_stays() -> None:
    calls = [tally(WEB, DB, 50051, 40000 + at) for at in range(4)]
    answers = [tally(DB, WEB, 40000 + at, 50051) for at in range(4)]
    assert said_of(*calls, *answers) == [("used_outside", "possible", f"{WEB} → {DB} tcp/50051")]


def test_a_conversation_the_log_orients_is_not_said_again_and_the_other_way_round_is() -> None:
    proven = tally(WEB, DB, 50051, None, sure=100)
    again = tally(DB, WEB, 40000, 50051)
    back = tally(DB, WEB, 50051, None, sure=90)
    assert said_of(proven, again, back) == [
        ("used_outside", "definite", f"{WEB} → {DB} tcp/50051"),
        ("used_outside", "possible", f"{DB} → {WEB} tcp/50051"),
    ]


def test_what_was_stopped_for_certain_does_not_hide_what_may_have_passed() -> None:
    stopped, passed = tally(WEB, DB, 50051, None, sure=100, passed=False), tally(WEB, DB, 50051, 40000)
    assert [one[0] for one in said_of(stopped, passed)] == ["attempted", "used_outside"]


def test_a_scan_from_outside_is_one_event() -> None:
    many = [tally(f"203.0.113.{at}", DB, 22, None, sure=100, passed=False) for at in range(1, 9)]
    assert said_of(*many) == [("attempted", "definite", f"outside → {DB} tcp/22")]
