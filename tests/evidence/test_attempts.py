"""When a source is read next: schedule, backoff with jitter, pauses; one session a device; a limit that holds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from compliance.actions import jobs
from compliance.errors import Later, Refused
from compliance.models import Job, LedgerInbox
from evidence.actions import attempts, sources
from evidence.actions.attempts import AFTER, LONGEST_S, did_not, next_slot, wait_s
from evidence.collectors.collected import Collected, PullError
from evidence.collectors.table import COLLECTORS
from evidence.models import ErrorCode, Pull, Source
from tests.evidence.site import APP, allow_in, begin, put, read, source_of, together
from tests.factories import servers
from tests.people import People, everybody

NOW = timezone.now()
MINUTE = timedelta(minutes=1)


@pytest.fixture
def people(db: None) -> People:
    return everybody()


@pytest.fixture
def source(people: People, tmp_path: Path) -> Source:
    made = source_of(servers(people)["pay-db-01"], put(tmp_path, allow_in(APP, "5432")), people)
    assert read(made, people).state == "ok"
    return made


def goes_wrong(monkeypatch: pytest.MonkeyPatch, error: PullError) -> list[int]:
    """From now on the folder's collector ends with this error; gives how often it was asked."""
    asked: list[int] = []

    def collect(*_: Any, **__: Any) -> Collected:
        asked.append(1)
        raise error

    monkeypatch.setitem(COLLECTORS, "directory", collect)
    return asked


def error(code: str, **more: Any) -> PullError:
    return PullError(ErrorCode(code), "It did not work.", "Mend it.", **more)


def tried(source: Source) -> Pull:
    """One reading by the schedule, at whatever time it is due."""
    from evidence.jobs import pull

    source.refresh_from_db()
    assert source.next_at
    assert sources.due(source.next_at - MINUTE) == 0  # not before its time
    assert sources.due(source.next_at + timedelta(seconds=1)) == 1
    row = Pull.objects.filter(source=source).latest("pk")
    pull(begin("pull"))
    row.refresh_from_db()
    source.refresh_from_db()
    return row


# --- how long it waits ----------------------------------------------------------------------------------------------


def test_every_code_has_a_line_in_the_table() -> None:
    assert set(AFTER) == set(ErrorCode)
    assert {code: after.pauses_at for code, after in AFTER.items() if after.pauses_at} == {
        ErrorCode.AUTH: 2,
        ErrorCode.HOSTKEY_CHANGED: 1,
    }


def test_the_wait_doubles_up_to_six_hours_and_has_some_chance_in_it() -> None:
    for failures in range(1, 40):
        middle = min(60 * 2 ** (failures - 1), LONGEST_S)
        waits = [wait_s(60, failures) for _ in range(50)]
        assert 0.75 * middle <= min(waits) <= max(waits) <= 1.25 * middle
        assert len(set(waits)) > 40


def test_the_schedule_keeps_its_hour_whatever_it_missed() -> None:
    for late in (0, 1, 59, 60, 61, 1441, 100_000):
        found = next_slot(NOW, 60, NOW + late * MINUTE)
        assert found > NOW + late * MINUTE
        assert found - (NOW + late * MINUTE) <= 60 * MINUTE
        assert (found - NOW) % timedelta(hours=1) == timedelta()
    assert next_slot(NOW + MINUTE, 60, NOW) == NOW + MINUTE  # it is to come


# --- what follows a failure -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(set(AFTER) - {ErrorCode.AUTH, ErrorCode.HOSTKEY_CHANGED}))
def test_it_is_tried_again_later_and_later_and_goes_on_as_before_once_it_works(
    source: Source, people: People, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    good = source.last_good
    works = COLLECTORS["directory"]
    asked = goes_wrong(monkeypatch, error(code))
    for failures in range(1, 5):
        row = tried(source)
        assert (row.state, row.error_code, row.next_step) == ("failed", code, "Mend it.")
        assert (source.failures, source.enabled, source.paused_code) == (failures, True, "")
        waits = (source.next_at - row.finished_at).total_seconds() / AFTER[ErrorCode(code)].first_s
        assert 0.75 * 2 ** (failures - 1) <= waits <= 1.25 * 2 ** (failures - 1)
        assert source.last_good == good
    assert len(asked) == 4
    monkeypatch.setitem(COLLECTORS, "directory", works)
    row = tried(source)
    assert (row.state, source.failures, source.last_good) == ("unchanged", 0, good)
    assert source.next_at == row.finished_at + timedelta(minutes=source.every_minutes)


def test_a_refused_sign_in_is_tried_once_more_then_nobody_asks_until_a_person_resumes(
    source: Source, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = goes_wrong(monkeypatch, error("auth"))
    tried(source)
    assert source.enabled
    assert source.next_at is not None
    row = tried(source)
    assert (source.enabled, source.paused_code, source.paused_at, source.next_at) == (
        False, "auth", row.finished_at, None,
    )  # fmt: skip
    said = LedgerInbox.objects.get(data__verb="pause").data
    assert (said["object"]["id"], said["actor"]["name"]) == (source.pk, "Eastwest")
    assert said["because"] == attempts.PAUSED["auth"]
    assert sources.due(timezone.now() + timedelta(days=400)) == 0
    with pytest.raises(Refused, match="paused and was not read"):
        sources.read_now(source, by=people.erin)
    waits = sources.ask(source, by=None, at=None)  # asked for before it paused, or by the check of a change
    from evidence.jobs import pull

    pull(begin("pull"))
    waits.refresh_from_db()
    source.refresh_from_db()
    assert (waits.state, waits.error_code) == ("failed", "auth")
    assert "was not asked" in waits.what
    assert source.last_pull == row
    assert len(asked) == 2  # in all this time
    sources.pause(source, on=False, by=people.erin)
    pull(begin("pull"))
    source.refresh_from_db()
    assert (len(asked), source.enabled, source.failures) == (3, True, 1)  # one try and one more, anew
    tried(source)
    assert (len(asked), source.enabled, source.paused_code) == (4, False, "auth")


def test_auth_counts_only_in_a_row(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    for code in ("auth", "unreachable", "auth", "timeout", "auth"):
        goes_wrong(monkeypatch, error(code))
        tried(source)
        assert source.enabled
    tried(source)
    assert not source.enabled


def test_another_host_key_is_never_tried_again(source: Source, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = goes_wrong(monkeypatch, error("hostkey_changed"))
    tried(source)
    assert (source.enabled, source.paused_code, source.next_at, len(asked)) == (False, "hostkey_changed", None, 1)
    assert sources.due(timezone.now() + timedelta(days=400)) == 0


@pytest.mark.parametrize(("asked", "least"), [(1.0, 45.0), (400.0, 400.0), (10**9, 24 * 3600.0)])
def test_a_device_that_asks_to_be_left_alone_is(
    source: Source, people: People, monkeypatch: pytest.MonkeyPatch, asked: float, least: float
) -> None:
    goes_wrong(monkeypatch, error("rate_limited", retry_after=asked))
    row = tried(source)
    waits = (source.next_at - row.finished_at).total_seconds()
    assert least <= waits <= max(1.1 * least, 75.0)
    with pytest.raises(Refused, match="was not read"):
        sources.read_now(source, by=people.erin)
    sources.read_now(source, by=people.erin, at=source.next_at)


def test_a_person_s_pause_ends_as_it_began(source: Source, people: People) -> None:
    sources.pause(source, on=True, by=people.erin)
    source.refresh_from_db()
    assert (source.enabled, source.paused_code, source.next_at) == (False, "", None)
    with pytest.raises(Refused, match="paused already"):
        sources.pause(source, on=True, by=people.erin)
    sources.read_now(source, by=people.erin)  # a person may; nothing speaks against it
    sources.pause(source, on=False, by=people.erin)
    assert Pull.objects.filter(source=source, state="queued").count() == 1


# --- two schedulers -------------------------------------------------------------------------------------------------


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_schedulers_at_once_ask_for_each_reading_once(tmp_path: Path) -> None:
    people = everybody()
    server = servers(people)["pay-db-01"]
    config = {"path": str(put(tmp_path))}
    for number in range(12):
        sources.add_source(server=server, kind="directory", name=f"folder {number}", config=config, by=people.alex)
    Pull.objects.update(state="ok", published=True)
    due_at = timezone.now() + timedelta(days=2)
    together(4, lambda: sources.due(due_at))
    fresh = Pull.objects.filter(state="queued").select_related("job")
    assert fresh.count() == 12
    keys = {row.job.key for row in fresh if row.job}
    assert len(keys) == 12
    assert all(key.startswith("pull:src") for key in keys)
    together(4, lambda: sources.due(due_at))
    assert Pull.objects.filter(state="queued").count() == 12  # and none again while it waits


@pytest.mark.both
@pytest.mark.django_db
def test_a_reading_that_vanished_is_asked_for_again_at_the_next_slot(people: People, tmp_path: Path) -> None:
    source = source_of(servers(people)["pay-db-01"], put(tmp_path), people)
    Pull.objects.update(state="failed", published=True)  # as `sweep` ends what a dead job left
    assert source.next_at is not None
    assert sources.due(source.next_at) == 1
    Pull.objects.filter(state="queued").update(state="failed", published=True)
    assert sources.due(source.next_at + timedelta(minutes=source.every_minutes - 1)) == 0
    assert sources.due(source.next_at + timedelta(minutes=source.every_minutes)) == 1


def test_sources_that_failed_never_hold_more_than_half_of_the_places(
    people: People, tmp_path: Path, settings: Any
) -> None:
    from evidence.jobs import pull

    settings.PULL_SLOTS = 4
    server, config = servers(people)["pay-db-01"], {"path": str(put(tmp_path))}
    made = [
        sources.add_source(server=server, kind="directory", name=f"folder {number}", config=config, by=people.alex)
        for number in range(4)
    ]
    Source.objects.exclude(pk=made[3].pk).update(failures=1)
    begin("pull"), begin("pull")
    third, fourth = begin("pull"), begin("pull")
    with pytest.raises(Later):
        pull(third)
    pull(fourth)  # it answered the last time
    assert Pull.objects.get(source=made[3]).state == "ok"


def test_a_given_up_reading_is_tried_later_and_a_cancelled_one_by_the_schedule(source: Source, people: People) -> None:
    row = sources.read_now(source, by=people.erin)
    assert row.job
    slot = source.next_at
    jobs.cancel(row.job, by=people.erin)
    source.refresh_from_db()
    assert (source.failures, source.next_at) == (0, slot)
    row = sources.read_now(source, by=people.erin)
    jobs.abandon(Job.objects.filter(pk=row.job_id), Job.State.DEAD, NOW, last_error="OSError")
    source.refresh_from_db()
    assert source.failures == 1
    assert source.next_at is not None
    assert did_not(source, None, NOW)["failures"] == 2
