"""Jobs: the same key is the same work, a lost lease publishes nothing, a killed worker's job is done exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from compliance import tasks
from compliance.actions import jobs
from compliance.errors import Cancelled, Lost, Refused
from compliance.models import Job, LedgerInbox
from compliance.models.jobs import fresh_token
from compliance.notices import tell
from compliance.run import Run
from tests.people import People, everybody
from tests.postgres import url_of

pytestmark = pytest.mark.both
State = Job.State
DONE: list[dict[str, Any]] = []


def note(run: Run) -> None:
    """A kind that publishes its arguments."""
    run.step("noting", 1, 1)
    with run.finish():
        DONE.append(run.args)


def quiet(run: Run) -> None:
    """A kind that has nothing to publish."""


def fail(run: Run) -> None:
    """A kind that never works."""
    raise OSError("the disk is full")


def schedule_twice(now: Any) -> None:
    """A schedule that two schedulers ask at the same time."""
    for _ in range(2):
        jobs.enqueue("note", key="daily:today", args={"n": 1})


def schedule_broken(now: Any) -> None:
    """A schedule that fails."""
    raise ValueError("no such day")


@pytest.fixture(autouse=True)
def kinds(settings: Any, db: None) -> None:
    DONE.clear()
    here = "tests.compliance.test_jobs."
    settings.JOB_KINDS = {
        "note": here + "note", "quiet": here + "quiet", "fail": here + "fail",
        "slow": "tests.compliance.job_child.slow", "send": "compliance.jobs.send",
    }  # fmt: skip
    settings.SCHEDULES = []
    settings.JOB_LEASE_S = 3


def claimed(key: str = "k", kind: str = "note") -> Job:
    job = jobs.enqueue(kind, key=key, args={})
    taken = jobs.claim(timezone.now(), only=job.pk)
    assert taken is not None
    return taken


def test_the_same_key_is_the_same_work() -> None:
    first = jobs.enqueue("note", key="a", args={"n": 1})
    again = jobs.enqueue("note", key="a", args={"n": 2})
    assert (again.pk, again.args) == (first.pk, {"n": 1})
    assert jobs.run_job(first.pk) is True
    assert jobs.run_job(first.pk) is False
    assert jobs.enqueue("note", key="a", args={"n": 3}).state == State.DONE
    assert DONE == [{"n": 1}]


def test_an_unknown_kind_is_refused_at_once() -> None:
    with pytest.raises(LookupError):
        jobs.enqueue("nonsense", key="a", args={})


def test_what_is_not_kept_is_not_enqueued() -> None:
    with transaction.atomic():
        jobs.enqueue("note", key="a", args={})
        transaction.set_rollback(True)
    assert not Job.objects.exists()


def test_a_job_waits_for_its_time() -> None:
    now = timezone.now()
    job = jobs.enqueue("quiet", key="later", args={}, run_at=now + timedelta(hours=1))
    assert jobs.claim(now) is None
    assert jobs.run_job(job.pk) is False
    assert jobs.run_job(job.pk, now=now + timedelta(hours=2)) is True
    job.refresh_from_db()
    assert job.state == State.DONE


def test_one_claim_at_a_time() -> None:
    job = claimed()
    assert jobs.claim(timezone.now()) is None
    assert jobs.run_job(job.pk) is False


def test_who_lost_the_lease_publishes_nothing() -> None:
    first = Run(claimed())
    Job.objects.filter(pk=first.job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.free_lost(timezone.now()) == 1
    second = jobs.claim(timezone.now())
    assert second is not None
    assert second.token != first.token
    with pytest.raises(Lost):
        first.step("still here")
    with pytest.raises(Lost), first.finish():
        DONE.append({"by": "the first"})
    with Run(second).finish():
        DONE.append({"by": "the second"})
    assert DONE == [{"by": "the second"}]
    with pytest.raises(Lost), Run(second).finish():
        DONE.append({"by": "twice"})


def test_publishing_and_the_end_of_the_job_are_one() -> None:
    run = Run(claimed())
    with pytest.raises(IntegrityError), run.finish():
        LedgerInbox.objects.bulk_create([LedgerInbox(uid=run.token, data={"half": part}) for part in (1, 2)])
    run.job.refresh_from_db()
    assert run.job.state == State.RUNNING
    assert not LedgerInbox.objects.exists()


def test_what_fails_is_tried_again_and_given_up_in_the_end(settings: Any) -> None:
    settings.JOB_MAX_TRIES = 3
    job = jobs.enqueue("fail", key="f", args={})
    now, waits = timezone.now(), []
    for tried in (1, 2, 3):
        before = now
        with pytest.raises(OSError, match="disk is full"):
            jobs.run_job(job.pk, now=now)
        job.refresh_from_db()
        assert job.tries == tried
        assert job.last_error.startswith("OSError: the disk is full")
        waits.append((job.run_at - before).total_seconds())
        now = job.run_at
    assert job.state == State.DEAD
    assert 0.9 < waits[0] < 5
    assert jobs.claim(timezone.now() + timedelta(days=1)) is None


def test_a_worker_that_dies_each_time_is_given_up(settings: Any) -> None:
    settings.JOB_MAX_TRIES = 2
    job, now = jobs.enqueue("note", key="d", args={}), timezone.now()
    for _ in range(2):
        assert jobs.claim(now, only=job.pk)
        now += timedelta(seconds=10)
        jobs.free_lost(now)
    job.refresh_from_db()
    assert (job.state, job.token) == (State.DEAD, None)


def test_cancelling() -> None:
    people: People = everybody()
    waiting = jobs.enqueue("note", key="w", args={}, by=people.ada)
    with pytest.raises(Refused):
        jobs.cancel(waiting, by=people.sam)
    assert jobs.cancel(waiting, by=people.ada).state == State.CANCELLED
    assert jobs.run_job(waiting.pk) is False
    run = Run(claimed("r"))
    assert jobs.cancel(run.job, by=people.erin).state == State.RUNNING
    with pytest.raises(Cancelled):
        run.step("next")
    with run.finish():
        pass
    with pytest.raises(Refused, match="nothing to cancel"):
        jobs.cancel(run.job, by=people.erin)


def test_a_cancelled_job_ends_cancelled() -> None:
    job = jobs.enqueue("note", key="c", args={})
    Job.objects.filter(pk=job.pk).update(cancel_asked=True)
    assert jobs.run_job(job.pk) is False
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert DONE == []


def test_a_tick_frees_schedules_and_tells_each_job_once_a_lease(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    queues: dict[int, str] = {}

    def word(args: tuple[int], queue: str) -> None:
        told.append(args[0])
        queues[args[0]] = queue

    monkeypatch.setattr(tasks.run_job, "apply_async", word)
    settings.JOB_QUEUES = {"elsewhere": "pull"}
    settings.JOB_KINDS = {**settings.JOB_KINDS, "elsewhere": settings.JOB_KINDS["note"]}
    elsewhere = jobs.enqueue("elsewhere", key="elsewhere", args={})
    settings.SCHEDULES = [f"tests.compliance.test_jobs.{name}" for name in ("schedule_twice", "schedule_broken")]
    lost = claimed("lost")
    Job.objects.filter(pk=lost.pk).update(lease_until=timezone.now() - timedelta(seconds=1), token=fresh_token())
    for _ in range(2):
        with pytest.raises(ValueError, match="no such day"):  # it is told, and stops neither the rest nor the next tick
            tasks.tick()
    assert sorted(told) == sorted(Job.objects.values_list("pk", flat=True))
    assert queues.pop(elsewhere.pk) == "pull"  # its kind has workers of its own
    assert set(queues.values()) == {"work"}
    assert Job.objects.count() == 3
    for key in told * 2:
        tasks.run_job(key)
    assert len(DONE) == 3


def test_the_pause_grows_to_a_bound() -> None:
    assert jobs.pause(1) < jobs.pause(6)
    assert jobs.pause(40) <= 450


def test_a_message_is_mailed_once() -> None:
    people = everybody()
    for _ in range(2):
        row = tell(people.mina, key="k1", subject="CHG-1 waits", body="Rita asks.", path="/inbox/CHG-1/")
    assert jobs.work_off() == 1
    assert jobs.work_off() == 0
    assert [letter.to for letter in mail.outbox] == [["mina@example.org"]]
    assert "/inbox/CHG-1/" in mail.outbox[0].body
    row.refresh_from_db()
    assert row.sent_at
    old = timezone.now() - timedelta(days=30)
    tell(people.mina, key="k0", subject="Old", body="History.", path="", at=old)
    assert jobs.work_off() == 0


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_s_job_is_finished_exactly_once() -> None:
    """A real process, killed with SIGKILL in the middle of the job; the lease runs out, another does it."""
    job = jobs.enqueue("slow", key="kill", args={"seconds": 60})
    start = f"import django; django.setup(); from tests.compliance.job_child import work; work({job.pk})"
    told = {
        "DATABASE_URL": url_of(connection.settings_dict),
        "DJANGO_SETTINGS_MODULE": "compliance.project.settings",
    }
    child = subprocess.Popen([sys.executable, "-c", start], env=os.environ | told)
    try:
        wait_for(lambda: Job.objects.filter(pk=job.pk, step="begun").exists(), 20)
        assert jobs.run_job(job.pk) is False
        time.sleep(2.5)  # longer than its lease: the beat keeps it
        assert jobs.free_lost(timezone.now()) == 0
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    Job.objects.filter(pk=job.pk).update(args={"seconds": 0})
    wait_for(lambda: jobs.free_lost(timezone.now()) == 1, 10)
    assert jobs.run_job(job.pk) is True
    assert jobs.run_job(job.pk) is False
    job.refresh_from_db()
    assert (job.state, job.tries) == (State.DONE, 2)
    assert LedgerInbox.objects.filter(data__verb="effect").count() == 1


def wait_for(happened: Any, seconds: float) -> None:
    """Looks ten times a second."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)
