"""Work that is given up or cancelled leaves nothing waiting: the pack or the reading ends as failed, in a sentence."""

from __future__ import annotations

import os
import stat
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import jobs
from compliance.models import Job, LedgerInbox, Outbound, User
from evidence import artefacts
from evidence.actions import packs, sources
from evidence.jobs import due_pulls
from evidence.models import Pack, Pull
from tests.browser.session import cookie
from tests.evidence.site import APP, allow_in, put, source_of
from tests.factories import servers
from tests.people import People, everybody

BROKEN = ["tests.evidence.test_given_up.no_section"]


def no_section(_scope: Any) -> None:
    """A section on a machine whose disk is full."""
    raise OSError(28, "No space left on device")


@pytest.fixture
def people(db: None, settings: Any) -> People:
    settings.JOB_MAX_TRIES = 2
    return everybody()


def wanted(people: People) -> Pack:
    return packs.ask(systems=[people.payroll], since=date(2026, 10, 1), until=date(2026, 10, 31), by=people.ada)


def tried(job: Job, *, fails: type[Exception]) -> None:
    """The job, by workers, until it is given up."""
    now = timezone.now()
    for _ in range(2):
        with pytest.raises(fails):
            jobs.run_job(job.pk, now=now)
        now += timedelta(minutes=10)


def browser(person: User) -> Client:
    client = Client()
    client.cookies["sessionid"] = cookie(person)
    return client


def test_a_pack_whose_job_is_given_up_ends_failed_and_is_built_again(people: People, settings: Any) -> None:
    sections, settings.PACK_SECTIONS = settings.PACK_SECTIONS, BROKEN
    pack = wanted(people)
    assert pack.job is not None
    with pytest.raises(OSError, match="No space"):
        jobs.run_job(pack.job.pk)
    pack.refresh_from_db()
    assert (pack.state, pack.problem) == ("queued", "")  # it is tried again
    pack.job.refresh_from_db()
    with pytest.raises(OSError, match="No space"):
        jobs.run_job(pack.job.pk, now=pack.job.run_at)
    pack.refresh_from_db()
    assert pack.state == "failed"
    assert pack.problem.startswith("Building it failed 2 times. The last time: OSError: [Errno 28] No space left")
    assert LedgerInbox.objects.filter(data__verb="fail_pack").count() == 1
    assert Outbound.objects.get(to=people.ada).subject == f"{pack.ref} could not be built"
    ada = browser(people.ada)
    page = ada.get(f"/packs/{pack.ref}/").content.decode()
    assert "No space left on device" in page
    assert f"/packs/{pack.ref}/again/" in page
    settings.PACK_SECTIONS = sections
    answer = ada.post(f"/packs/{pack.ref}/again/")
    again = Pack.objects.exclude(pk=pack.pk).get()
    assert answer["Location"] == f"/packs/{again.ref}/"
    assert (again.since, again.until, again.marking) == (pack.since, pack.until, pack.marking)
    assert list(again.systems.all()) == [people.payroll]
    assert again.job is not None
    assert jobs.run_job(again.job.pk) is True
    again.refresh_from_db()
    assert again.state == "built"
    assert ada.post(f"/packs/{again.ref}/again/").status_code == 403  # what did not fail is not built again
    assert browser(people.rita).post(f"/packs/{pack.ref}/again/").status_code in (403, 404)


def test_a_pack_whose_worker_dies_each_time_ends_failed(people: People) -> None:
    pack, now = wanted(people), timezone.now()
    assert pack.job is not None
    for _ in range(2):
        assert jobs.claim(now, only=pack.job.pk)
        now += timedelta(minutes=5)
        jobs.free_lost(now)
    pack.refresh_from_db()
    assert pack.state == "failed"
    assert "Its worker stopped in the middle" in pack.problem
    assert jobs.free_lost(now) == 0
    assert LedgerInbox.objects.filter(data__verb="fail_pack").count() == 1


def test_a_pack_whose_job_is_cancelled_ends_failed(people: People) -> None:
    waiting, running = wanted(people), wanted(people)
    assert waiting.job
    assert running.job
    jobs.cancel(waiting.job, by=people.ada)
    jobs.claim(timezone.now(), only=running.job.pk)
    jobs.cancel(running.job, by=people.ada)
    jobs.free_lost(timezone.now() + timedelta(minutes=5))
    for pack in (waiting, running):
        pack.refresh_from_db()
        assert (pack.state, pack.problem) == ("failed", "It was cancelled.")


def test_a_reading_that_is_given_up_leaves_its_source_free(people: People, tmp_path: Path, settings: Any) -> None:
    source = source_of(servers(people)["pay-db-01"], put(tmp_path, allow_in(APP, "5432")), people)
    row = Pull.objects.get()
    assert row.job is not None
    place, settings.ARTEFACTS = settings.ARTEFACTS, tmp_path / "iptables-save.txt"  # a file where a folder must be
    tried(row.job, fails=OSError)
    row.refresh_from_db()
    source.refresh_from_db()
    assert (row.state, source.last_pull, source.last_good) == ("failed", row, None)
    assert row.what.startswith("The reading failed 2 times. The last time: ")
    assert row.next_step
    settings.ARTEFACTS = place
    due_pulls(timezone.now() + timedelta(days=2))
    fresh = Pull.objects.exclude(pk=row.pk).get()
    assert fresh.job is not None
    assert jobs.run_job(fresh.job.pk, now=timezone.now() + timedelta(days=2)) is True
    fresh.refresh_from_db()
    assert fresh.state == "ok"


def test_the_telling_and_the_end_of_the_job_are_one(people: People, settings: Any) -> None:
    """Where the word cannot be given, the job is not ended either: the lease gives it back, and it is tried anew."""
    source = source_of(servers(people)["pay-db-01"], Path("/nowhere"), people)
    job = sources.read_now(source, by=people.erin).job
    assert job is not None
    settings.JOB_ABANDONED = {"pull": "tests.evidence.test_given_up.no_section"}
    with pytest.raises(OSError, match="No space"):
        jobs.cancel(job, by=people.erin)
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED


@pytest.mark.django_db
def test_kept_bytes_and_their_names_are_on_the_disk(settings: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Every folder in which a name is new is put on the disk after the name is there (fsync(2))."""
    settings.ARTEFACTS = tmp_path / "artefacts"
    settled: list[tuple[bool, set[str]]] = []
    real = os.fsync

    def noted(handle: int) -> None:
        place = Path(f"/proc/self/fd/{handle}").readlink()
        is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        settled.append((is_folder, {each.name for each in place.iterdir()} if is_folder else {place.name}))
        real(handle)

    monkeypatch.setattr(os, "fsync", noted)
    row = artefacts.keep(b"what a host said")
    assert [is_folder for is_folder, _ in settled] == [True, False, True]
    assert settled[0][1] == {row.sha256[:2]}
    assert settled[2][1] == {row.sha256}
    assert artefacts.read_back(row) == b"what a host said"
