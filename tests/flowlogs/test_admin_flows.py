"""Who came in to administer a server, by the flow logs: bastions apart from others, and nothing of hours unwatched."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

from compliance.policy.facts import spans_of
from evidence.admin_flows import Reached, seen
from evidence.case import Case
from evidence.flowlogs.days import spoken
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.gathered import Talk, reached_of
from evidence.flowlogs.seen import Coverage
from tests.flowlogs.logs import aws, file, rolled
from tests.flowlogs.test_learn_flows import HELD
from tests.flowlogs.test_month import ALIEN, APP, DAYS, DB, SHARED, START, SWAP, WEB, register

SSH = [span for _, span in spans_of(["tcp/22", "tcp/3389"])]
HOUR = START // 3600


def talk(src: str, dst: str, port: int, at: int = START, sure: int = 90) -> Talk:
    return Talk(4, int(ip_address(src)), int(ip_address(dst)), 6, port, sure, 1, 9, 900, at, at + 9, 1)


def said(name: str, *talks: Talk, watched: int = 10) -> dict[str, Any]:
    ends = {address: {4: [(int(ip_address(address)),) * 2]} for address in (WEB, APP, DB, SHARED)}
    live = {address: range(HOUR, HOUR + watched) for address in ends}
    reached = Reached.of(Coverage(HOUR, HOUR + 9, live, ends), HELD, talks)
    return seen(Case(register(DAYS), {}, None, {}), name, SSH, {"web-01", "old-01"}, reached)


def test_bastions_and_others_are_told_apart() -> None:
    found = said("db-01", talk(WEB, DB, 22), talk(APP, DB, 22), talk(ALIEN, DB, 3389), talk(APP, DB, 5432))
    assert found["from"] == "others"
    assert [(one["from"], one["service"]) for one in found["others"]] == [(ALIEN, "tcp/3389"), ("app-01", "tcp/22")]
    assert [one["from"] for one in found["bastions"]] == ["web-01"]
    assert said("db-01", talk(WEB, DB, 22))["from"] == "bastions"
    assert [one["sure"] for one in said("db-01", talk(APP, DB, 22, sure=50))["others"]] == [False]


def test_of_hours_nobody_watched_nothing_is_said() -> None:
    assert [said("db-01", watched=hours)["from"] for hours in (10, 3, 0)] == ["nobody", "nobody", "unknown"]
    assert [said("db-01", watched=hours)["watched"] for hours in (10, 3, 0)] == [10, 3, 0]


def test_an_address_is_whose_it_was() -> None:
    later = START + SWAP * 86_400
    assert said("db-01", talk(SHARED, DB, 22))["from"] == "bastions"
    assert said("db-01", talk(SHARED, DB, 22, at=later))["from"] == "others"
    assert said("new-01", talk(APP, SHARED, 22))["others"] == []
    assert [one["from"] for one in said("new-01", talk(APP, SHARED, 22, at=later))["others"]] == ["app-01"]


def test_only_what_got_through_to_these_services_is_asked_for(flow_engine: Engine, tmp_path: Path) -> None:
    lines = [
        aws(WEB, DB, 40000, 22), aws(WEB, DB, 40001, 23), aws(APP, DB, 40002, 22, action="REJECT"),
        aws(DB, WEB, 22, 40000),
    ]  # fmt: skip
    found = rolled(flow_engine, file(tmp_path, *lines))
    paths = [spoken(flow_engine, list(found.days.values()), tmp_path)]
    (one,) = reached_of(flow_engine, paths, SSH)
    assert (one.src, one.dst, one.port, one.days) == (int(ip_address(WEB)), int(ip_address(DB)), 22, 1)
    assert reached_of(flow_engine, paths, []) == ()
