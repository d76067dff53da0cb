"""Kinds of jobs of this room (settings.JOB_KINDS)."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from compliance.actions import reminders
from compliance.actions.jobs import enqueue
from compliance.models import Job, Outbound
from compliance.run import Run


def send(run: Run) -> None:
    """Mails one message (args: `outbound`, its id) and notes it in the same breath as the job's end.

    A worker killed between the mail and the note mails again: a message twice is better than none.
    """
    message = Outbound.objects.select_related("to").get(pk=run.args["outbound"])
    if message.sent_at is None and message.to.is_active and not message.to.is_service:
        run.step("Sending")
        link = f"\n\n{settings.SITE_URL}{message.path}\n" if message.path else "\n"
        send_mail(message.subject, f"{message.body}{link}", None, [message.to.email])
    with run.finish():
        Outbound.objects.filter(pk=message.pk, sent_at__isnull=True).update(sent_at=timezone.now())


def remind_dates(run: Run) -> None:
    """Says what falls due, once each (compliance/actions/reminders.py)."""
    reminders.remind()
    with run.finish():
        run.step("Everybody was told")


def due_dates(now: datetime) -> None:
    """Once a day what falls due is looked for."""
    key = f"remind_dates:{timezone.localtime(now):%Y-%m-%d}"
    if not Job.objects.filter(key=key).exists():
        with transaction.atomic():
            enqueue("remind_dates", key=key, args={})
