"""What this room hears of the room below: each bell only enqueues a job."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.dispatch import receiver

from compliance.actions.jobs import enqueue
from compliance.models import ChangeRecord, State
from compliance.signals import change_implemented


@receiver(change_implemented)
def check_what_was_done(sender: Any, change: ChangeRecord, **_: Any) -> None:
    """A change was marked as done: its servers are read again and compared."""
    if not ChangeRecord.objects.filter(pk=change.pk, state=State.IMPLEMENTED).exists():
        return  # it has gone on since: there is nothing to check any more
    with transaction.atomic():
        enqueue("verify_change", key=f"verify:{change.ref}:{change.version}", args={"change": change.pk})
