"""Kinds of jobs of this room (settings.JOB_KINDS)."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from compliance.models import Outbound
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
