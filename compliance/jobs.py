"""The kinds of jobs of this room."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from compliance.models import Outbound
from compliance.run import Run


def send(run: Run) -> None:
    """Sends one message by mail, once. It points to a page; nothing is ever decided by a link."""
    row = Outbound.objects.select_related("to").get(pk=run.args["outbound"])
    if row.sent_at is None:
        link = f"\n\n{settings.SITE_URL}{row.path}" if row.path else ""
        send_mail(row.subject, f"{row.body}{link}", settings.DEFAULT_FROM_EMAIL, [row.to.email])
    with run.finish():
        Outbound.objects.filter(pk=row.pk, sent_at__isnull=True).update(sent_at=timezone.now())
