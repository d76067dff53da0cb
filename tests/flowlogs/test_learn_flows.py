"""What flow logs saw becomes a proposal only where the register could hold it, and nothing wider."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from evidence.actions.learning import added, expected
from evidence.case import Case
from evidence.flowlogs.seen import Coverage, FlowEvidence, Holding, Tally
from evidence.learn import Left
from evidence.learn_flows import Talked, learn_flows
from tests.flowlogs.test_month import ALIEN, APP, DAYS, DB, SHARED, START, SWAP, WEB, register, tally

LATER = START + SWAP * 86_400
HELD = (
    Holding(4, int(ip_address(SHARED)), "old-01", 0, LATER - 1),
    Holding(4, int(ip_address(SHARED)), "new-01", LATER, 2**32),
)


def learned(*tallies: Tally) -> list[Talked | Left]:
    flows = FlowEvidence(Coverage(START // 3600, START // 3600, {}, {}), outside=tallies, holdings=HELD)
    return list(learn_flows(Case(register(DAYS), {}, None, {}), flows, []))


def said(*tallies: Tally) -> list[tuple[str, ...]]:
    return [tuple(one[:3]) for one in learned(*tallies)]


def test_what_got_through_is_one_entry_with_when_and_how_sure() -> None:
    twice = replace(tally(APP, DB, 22, None, sure=90), days=3, flows=7)
    (one,) = learned(twice, tally(APP, DB, 23, None, sure=90, passed=False))
    assert one == Talked("app-01", "db-01", "tcp/22", START, START + 9, 3, 7, 60, False)
    (proven,) = learned(tally(APP, DB, 22, None, sure=100))
    assert isinstance(proven, Talked)
    assert proven.sure
    both = added(added(None, one), proven._replace(first=START - 9, days=1))
    assert (both["first"], both["days"], both["flows"], both["bytes"], both["sure"]) == (START - 9, 3, 8, 120, False)


def test_what_the_register_cannot_hold_is_left_with_the_reason() -> None:
    place = "db-01/flows"
    assert said(tally(ALIEN, DB, 22, None, sure=100)) == [
        (place, f"{ALIEN} → {DB} tcp/22", f"nobody registered {ALIEN}")
    ]
    ((_, _, unsure),) = said(tally(WEB, DB, 50051, 40000))
    assert unsure == "neither the log nor the ports tell who began it"
    ((_, _, port),) = said(replace(tally(WEB, DB, 1, None, sure=90), port=None))
    assert port == "the log does not keep its port"
    assert said(tally(ALIEN, "203.0.113.7", 22, None, sure=100)) == []


def test_an_address_that_was_anothers_then_is_not_learned_as_who_has_it_now() -> None:
    early, late = tally(APP, SHARED, 22, None, sure=100), replace(tally(APP, SHARED, 23, None, sure=100), first=LATER)
    late = replace(late, last=LATER + 9)
    assert said(early, late) == [
        ("new-01/flows", f"{APP} → {SHARED} tcp/22", f"{SHARED} was old-01's when it was seen, and is new-01's now"),
        ("app-01", "new-01", "tcp/23"),
    ]


def test_how_often_it_is_expected_is_taken_from_the_days_it_was_seen_on() -> None:
    days = {"tcp/1": {"days": 31}, "tcp/2": {"days": 4}}
    uses = [expected({"seen": seen}) for seen in ({}, {"tcp/1": {"days": 31}}, days, {"tcp/1": {"days": 1}})]
    assert uses == ["continuous", "daily", "weekly", "monthly"]
