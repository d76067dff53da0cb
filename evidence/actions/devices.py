"""One session a device: whoever talks to one holds its lease, which a worker that died holds for a while only."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.errors import Later
from evidence.collectors.limited import GRACE_S, Aside, within
from evidence.collectors.table import NO_SESSION, host_of
from evidence.models import DeviceLease, Source

T = TypeVar("T")
LOOK_AGAIN_S: Final = 5.0  # a device that is being read is asked for again so often
LEFT_BEHIND_S: Final = 600.0  # a session nobody waits for any more may still be open


def keys(source: Source) -> list[str]:
    """What a reading of this source talks to: its server, and the name or address it is reached under."""
    if source.kind in NO_SESSION:
        return []
    host = host_of(source.kind, source.config)
    return [f"server:{source.server_id}", *([f"host:{host}"[:300]] if host else [])]


def talk(
    source: Source,
    work: Callable[[], T],
    *,
    seconds: float,
    began: Callable[[], object],
    beat: Callable[[], object],
) -> T:
    """What `work` gives, which talks to the source's device for so long at most, and alone.

    `began` is called when its turn has come, `beat` every two seconds from then on. Raises Later when somebody else
    talks to the device, LeftBehind when the time is over, and what `work` or `beat` raises.
    """
    names, token = keys(source), uuid.uuid4()
    take(names, token, source, seconds)
    aside = Aside(work)
    try:
        began()
        return within(seconds, aside, beat=beat)
    finally:
        if aside.over.is_set() or aside.ident is None:  # it is over, or never began
            DeviceLease.objects.filter(token=token).delete()
        else:  # nobody waits for it any more, and its session may still be open
            until = timezone.now() + timedelta(seconds=LEFT_BEHIND_S)
            DeviceLease.objects.filter(token=token).update(until=until)


def take(names: list[str], token: uuid.UUID, source: Source, seconds: float = 0.0) -> None:
    """All of these leases, or none and Later. `seconds`: how long it will be, where that is longer than a reading."""
    if not names:
        return
    now = timezone.now()
    until = now + timedelta(seconds=max(settings.PULL_LIMIT_S, seconds) + GRACE_S + settings.JOB_LEASE_S)
    DeviceLease.objects.filter(key__in=names, until__lt=now).delete()
    try:
        with transaction.atomic():
            DeviceLease.objects.bulk_create(DeviceLease(key=name, token=token, until=until) for name in names)
    except IntegrityError:
        raise busy(names, source, now) from None


def busy(names: list[str], source: Source, now: datetime) -> Later:
    """Somebody talks to the device: when to look again."""
    first = DeviceLease.objects.filter(key__in=names).order_by("until").values_list("until", flat=True).first()
    soon = now + timedelta(seconds=LOOK_AGAIN_S)
    return Later(min(first, soon) if first else soon, f"Waiting until nobody else reads {source.server.name}")
