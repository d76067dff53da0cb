"""One session a device, whichever source and worker asks for it; and a limit that holds where a transport hangs."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from compliance.actions import jobs
from compliance.errors import Later
from compliance.models import Job, Server
from evidence.actions import devices, sources
from evidence.collectors import limited
from evidence.collectors.collected import PullError
from evidence.collectors.limited import Aside, LeftBehind, within
from evidence.models import DeviceLease, ErrorCode, Pull, Source
from tests.evidence.site import together
from tests.factories import servers
from tests.people import People, everybody

MINUTE = timedelta(minutes=1)


@pytest.fixture
def people(db: None) -> People:
    return everybody()


def machine(people: People, name: str, server: str = "pay-db-01", **config: str) -> Source:
    """A source that talks to a device, made without its first reading."""
    made = sources.add_source(
        server=Server.objects.get(name=server), kind="local", name=name, config=config, by=people.alex
    )
    Pull.objects.filter(source=made).update(state="failed", published=True)
    Job.objects.filter(kind="pull").update(state="done")
    return made


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_two_sources_of_one_device_never_talk_to_it_at_once() -> None:
    people = everybody()
    servers(people)
    first, second = machine(people, "one"), machine(people, "two")
    inside, most, turned_away, lock = [0], [0], [], threading.Lock()

    def talk() -> str:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        threading.Event().wait(0.05)
        with lock:
            inside[0] -= 1
        return "said"

    def several() -> None:
        for source in (first, second) * 3:
            try:
                assert devices.talk(source, talk, seconds=5, began=str, beat=str) == "said"
            except Later as later:
                turned_away.append(later.at)

    together(4, several)
    assert most[0] == 1
    assert turned_away
    assert not DeviceLease.objects.exists()
    assert min(turned_away) > timezone.now() - timedelta(minutes=5)


@pytest.mark.both
@pytest.mark.django_db
def test_a_device_is_known_by_its_server_and_by_the_name_it_is_reached_under(people: People) -> None:
    servers(people)
    here = machine(people, "here")
    assert devices.keys(here) == [f"server:{here.server_id}", "host:this machine"]
    there = Source(kind="ssh", server_id=here.server_id + 1, config={"host": " FW-01.Example ", "port": 22})
    assert devices.keys(there) == [f"server:{there.server_id}", "host:fw-01.example"]
    assert devices.keys(Source(kind="directory", server_id=1, config={"path": "/srv"})) == []


@pytest.mark.both
@pytest.mark.django_db
def test_a_lease_of_a_dead_worker_ends_by_itself(people: People) -> None:
    servers(people)
    source = machine(people, "here")
    past = timezone.now() - timedelta(seconds=1)
    DeviceLease.objects.create(key=devices.keys(source)[1], token="0" * 32, until=past)
    assert devices.talk(source, lambda: "said", seconds=5, began=str, beat=str) == "said"
    DeviceLease.objects.create(key=devices.keys(source)[1], token="0" * 32, until=timezone.now() + MINUTE)
    with pytest.raises(Later) as waits:
        devices.talk(source, lambda: "said", seconds=5, began=str, beat=str)
    assert waits.value.at <= timezone.now() + timedelta(seconds=devices.LOOK_AGAIN_S)


def test_a_job_that_finds_the_device_taken_waits_its_turn_and_loses_no_try(people: People) -> None:
    servers(people)
    source = machine(people, "here")
    row = sources.read_now(source, by=people.erin)
    assert row.job
    held = DeviceLease.objects.create(key=devices.keys(source)[0], token="0" * 32, until=timezone.now() + MINUTE)
    for _ in range(20):  # more often than a job is tried
        Job.objects.filter(pk=row.job.pk).update(run_at=timezone.now())
        assert jobs.run_job(row.job.pk) is False
    row.job.refresh_from_db()
    row.refresh_from_db()
    assert (row.job.state, row.job.tries, row.state) == ("queued", 0, "queued")
    assert row.job.step == "Waiting until nobody else reads pay-db-01"
    assert row.job.run_at > timezone.now()
    held.delete()
    Job.objects.filter(pk=row.job.pk).update(run_at=timezone.now())
    assert jobs.run_job(row.job.pk) is True
    row.refresh_from_db()
    assert row.published
    assert row.started_at


# --- a limit that holds ---------------------------------------------------------------------------------------------


def test_what_hangs_is_left_behind_and_its_device_stays_taken(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    servers(people)
    source, over, beats = machine(people, "here"), threading.Event(), []
    monkeypatch.setattr(limited, "GRACE_S", 0.1)
    monkeypatch.setattr(limited, "LOOKS_EVERY_S", 0.05)
    with pytest.raises(LeftBehind):
        devices.talk(source, over.wait, seconds=0.2, began=str, beat=lambda: beats.append(1))
    assert len(beats) >= 3
    left = DeviceLease.objects.get(key=devices.keys(source)[0])
    assert left.until > timezone.now() + timedelta(seconds=devices.LEFT_BEHIND_S - 60)
    over.set()


def test_a_cancelled_reading_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "LOOKS_EVERY_S", 0.05)
    over = threading.Event()

    def cancelled() -> None:
        raise KeyError("cancelled")

    with pytest.raises(KeyError):
        within(60, Aside(over.wait), beat=cancelled)
    over.set()


def test_an_error_of_the_transport_comes_through_as_it_is() -> None:
    def refuse() -> None:
        raise PullError(ErrorCode.AUTH, "It did not work.", "Mend it.")

    with pytest.raises(PullError) as caught:
        within(5, Aside(refuse), beat=str)
    assert caught.value.code == "auth"
