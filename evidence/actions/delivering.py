"""Sending a message to a program: signed, to a judged address, tried again with growing pauses, and given up at last.

A worker killed between the sending and the note of it sends again, under the same id: twice is better than never, and
who takes it can tell by the id.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.announcing import job_key
from compliance.errors import Later
from compliance.models import Delivery, Job, Notice, Receiver, Role, RoleGrant, User
from compliance.notices import tell_all
from compliance.run import Run
from evidence.actions.pulls import Fence
from evidence.collectors import messages

# Seconds before each further try; after the last one the message is given up: some 18 hours in all
WAITS: Final = (10, 60, 300, 900, 3600, 7200, 14400, 36000)
BUSY_S: Final = 3.0
ASKED_AT_MOST_S: Final = 24 * 3600.0
_chance = secrets.SystemRandom()


def attempt(row: Delivery, *, run: Run) -> None:
    """One try of one message, and what follows it. Raises Later when it is to be tried again."""
    receiver = row.receiver
    if run.job.key != job_key(row) or row.state != Delivery.State.WAITING or receiver.paused_at is not None:
        return  # asked for anew since, over already, or it waits until somebody resumes
    if others_at(receiver, run):
        raise Later(in_s(_chance.uniform(0.5, 1.5) * BUSY_S), "Another message goes to this receiver now")
    run.step("Sending")
    outcome, now = messages.tried(row), timezone.now()
    tries = row.tries + 1
    said = {"tries": tries, "tried_at": now, "status": outcome.status, "answer": outcome.answer,
            "problem": outcome.problem[:messages.ANSWER]}  # fmt: skip
    mine = Delivery.objects.filter(pk=row.pk, round=row.round, state=Delivery.State.WAITING)
    if not outcome.problem or tries > len(WAITS):
        with run.finish():
            if not outcome.problem:
                mine.update(state=Delivery.State.SENT, next_at=None, **said)
            elif mine.update(state=Delivery.State.DEAD, next_at=None, **said):
                given_up(row, outcome.problem, now)
        return
    again = now + timedelta(seconds=pause_s(tries, outcome.retry_after))
    with Fence(run):
        mine.update(next_at=again, **said)
    raise Later(again, "It was not taken; it is tried again")


def others_at(receiver: Receiver, run: Run) -> bool:
    """Whether another message is on its way there: one at a time, so that a slow receiver holds one place only."""
    running = Job.objects.filter(kind="deliver", state=Job.State.RUNNING).exclude(pk=run.job.pk)
    keys = [args["delivery"] for args in running.values_list("args", flat=True)]
    return Delivery.objects.filter(pk__in=keys, receiver=receiver).exists()


def pause_s(tries: int, retry_after: float | None) -> float:
    """Seconds until the next try, give or take a quarter; never less than the receiver asks for (a day at most)."""
    wait = WAITS[tries - 1] * _chance.uniform(0.75, 1.25)
    return max(wait, min(retry_after or 0.0, ASKED_AT_MOST_S))


def in_s(seconds: float) -> datetime:
    """That many seconds from now."""
    return timezone.now() + timedelta(seconds=seconds)


def abandoned(job: Job) -> None:
    """The job itself was given up or cancelled: the message ends so, and says why."""
    row = Delivery.objects.select_related("receiver").get(pk=job.args["delivery"])
    cancelled, now = job.state == Job.State.CANCELLED, job.finished_at or timezone.now()
    why = "It was cancelled." if cancelled else f"The work failed {job.tries} times. {job.said}".strip()
    mine = Delivery.objects.filter(pk=row.pk, state=Delivery.State.WAITING)
    if job.key == job_key(row) and mine.update(state=Delivery.State.DEAD, next_at=None, problem=why[: messages.ANSWER]):
        given_up(row, why, now)


def given_up(row: Delivery, why: str, at: datetime) -> None:
    """Those who administer are told, once a day for each receiver; the ledger has each. In the caller's transaction."""
    record(
        "give_up_message",
        row.receiver,
        by=None,
        at=at,
        because=why[: messages.ANSWER],
        message=row.uid.hex,
        event=row.event,
    )
    held = RoleGrant.objects.in_force(at).filter(role=Role.ADMINISTRATOR, system__isnull=True)
    people = User.objects.filter(pk__in=held.values("person"), is_active=True)
    day = f"{timezone.localtime(at):%Y-%m-%d}"
    with transaction.atomic():
        tell_all(
            [(person, f"undelivered:{row.receiver_id}:{day}:{person.pk}") for person in people],
            subject=f"{row.receiver.name} takes no messages: one was given up",
            body=f"After {len(WAITS) + 1} tries. {why} It can be sent again from the page of the receiver.",
            path=f"/setup/integrations/{row.receiver_id}/",
            kind=Notice.WORK,
            at=at,
            about=row.receiver.systems.all(),
        )
