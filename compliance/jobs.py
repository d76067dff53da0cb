"""Kinds of jobs of this room (settings.JOB_KINDS)."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from compliance.actions import digests as digest_actions
from compliance.actions import reminders
from compliance.actions.jobs import enqueue
from compliance.models import Job, Outbound, User
from compliance.run import Run


def send(run: Run) -> None:
    """Mails one message (args: `outbound`, its id) and notes it in the same breath as the job's end.

    A worker killed between the mail and the note mails again: a message twice is better than none.
    """
    message = Outbound.objects.select_related("to").get(pk=run.args["outbound"])
    if message.sent_at is None and message.to.is_active and not message.to.is_service:
        run.step("Sending")
        link = f"\n\n{settings.SITE_URL}{message.path}\n" if message.path else "\n"
        subject = " ".join(message.subject.split())  # one line, whoever wrote the row
        send_mail(subject, f"{message.body}{link}", None, [message.to.email])
    with run.finish():
        Outbound.objects.filter(pk=message.pk, sent_at__isnull=True).update(sent_at=timezone.now())


def digests(run: Run) -> None:
    """Asks for the mail of the day of everybody something waits for."""
    day = f"{timezone.localtime():%Y-%m-%d}"
    digest_actions.ask_for_each(run.job.key.partition(":")[2] or day, timezone.now())


def digest(run: Run) -> None:
    """One person's mail of the day (args: `person`), noted with the job's end: a message twice is better than none."""
    person, at = User.objects.get(pk=run.args["person"]), timezone.now()
    mail = digest_actions.written(person, at)
    if mail is not None:
        run.step("Sending")
        send_mail(mail.subject, mail.body, None, [person.email])
    with run.finish():
        digest_actions.mailed(mail.messages if mail else (), at)


def remind_dates(run: Run) -> None:
    """Says what falls due, once each (compliance/actions/reminders.py)."""
    run.step("Telling everybody")
    reminders.remind()


def due_dates(now: datetime) -> None:
    """Once a day what falls due is looked for."""
    key = f"remind_dates:{timezone.localtime(now):%Y-%m-%d}"
    if not Job.objects.filter(key=key).exists():
        with transaction.atomic():
            enqueue("remind_dates", key=key, args={})
