"""A share that was widened since the reading before is a change without a record; one that was as wide is none."""

from __future__ import annotations

import pytest

from evidence.rules import Verdict
from tests.bench.estate import host, judged, of, register

SHARE = {
    "id": "CON-9", "server": "db-01", "path": "/srv/app", "protocol": "nfs", "access": "ro", "clients": ["web-01"],
    "security": "sys", "squash": "root",
}  # fmt: skip
MINE = "10.20.4.11"
OTHER = "/srv/other  10.20.4.11(sync,wdelay,hide,sec=sys,ro,root_squash,no_all_squash)\n"  # not authorised either


def exported(*clients: str, options: str = "ro") -> str:
    return "".join(
        f"/srv/app  {one}(sync,wdelay,hide,sec=sys,{options},root_squash,no_all_squash)\n" for one in clients
    )


def changed(now: str, then: str) -> list[str]:
    """What is said to have changed: the line and why."""
    readings, before = ({"db-01": host(exportfs=text)} for text in (now, then))
    found = judged(register(shares=(SHARE,)), readings, before=before)
    return [f"{one.rule} {one.because}" for one in of(found, Verdict.changed_without_record)]


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (exported(MINE, "*"), exported(MINE)),
        (exported(MINE, "10.20.4.12"), exported(MINE)),
        (exported(MINE, options="rw"), exported(MINE)),
        (exported("*", options="rw"), exported("*")),
        (exported("*"), OTHER),
        (exported(MINE, "@trusted"), exported(MINE)),
        (exported("10.20.4.0/24"), exported("10.20.4.12")),
    ],
)
def test_what_lets_in_more_than_before_and_than_authorised_is_a_change(now: str, then: str) -> None:
    said = changed(now, then)
    assert said
    assert all(one.startswith("nfs:/srv/app#") and one.endswith("it was not shared so before") for one in said)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (exported(MINE), exported(MINE)),
        (exported(MINE), exported("*")),
        (exported(MINE), OTHER),
        (exported("*"), exported("*")),
        (exported("*"), exported("*", options="ro") + exported(MINE)),
        (exported("10.20.4.12"), exported("10.20.4.0/24")),
        (OTHER, OTHER + exported(MINE)),
    ],
)
def test_what_is_as_it_was_narrower_or_authorised_is_none(now: str, then: str) -> None:
    assert changed(now, then) == []


def test_without_a_reading_of_shares_before_nothing_is_said_to_have_changed() -> None:
    found = judged(register(shares=(SHARE,)), {"db-01": host(exportfs=exported("*"))}, before={"db-01": host()})
    assert of(found, Verdict.share_wider)
    assert not of(found, Verdict.changed_without_record)
