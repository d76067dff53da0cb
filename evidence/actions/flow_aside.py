"""Setting aside a file of a flow log that nobody can read: a person says which days it should have shown.

Until then nobody knows which hours it held, so that the log counts as not watched for weeks (`FlowLog.blind_hours`).
What is set aside ends that, and hides nothing: the days that were named stay not known, in every comparison and pack.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import User
from compliance.permissions import check
from evidence.actions.flow_files import moment
from evidence.flow_states import LOST
from evidence.models import FlowFile, FlowGap

LONGEST: Final = 367  # days; a comparison looks back no further
WRONG: Final = "It was not set aside."


class Blind(NamedTuple):
    """The days a file that nobody can read makes not known: the first and the last."""

    since: date
    until: date


def blinds(file: FlowFile) -> Blind:
    """The days it makes not known as long as nobody says which it should have shown."""
    if file.format and file.first_at and file.last_at:  # it was read once: these are its own
        return Blind(min(days_at(file.first_at)), max(days_at(file.last_at)))
    came = file.received_at
    return Blind(min(days_at(came - timedelta(hours=file.log.blind_hours))), max(days_at(came)))


def days_at(at: datetime) -> tuple[date, date]:
    """The day of a moment, by the clock of this installation and by UTC: a log may mean either."""
    return timezone.localtime(at).date(), at.astimezone(UTC).date()


def hours_of(since: date, until: date) -> tuple[int, int]:
    """The first and the last hour (since 1970) of days, by whichever of the two clocks they are longer."""
    after = until + timedelta(days=1)
    clocks = (UTC, timezone.get_current_timezone())
    begins = [datetime.combine(since, time(), clock).timestamp() for clock in clocks]
    ends = [datetime.combine(after, time(), clock).timestamp() for clock in clocks]
    return int(min(begins)) // 3600, int(max(ends) - 1) // 3600


def set_aside(
    file: FlowFile, *, since: date, until: date, because: str, by: User, at: datetime | None = None
) -> FlowFile:
    """From here on only these days of its flow log are not known because of it, and they stay so. Its bytes stay.

    Raises Refused for a file that is read, for days that cannot be its, and without a reason.
    """
    now = at or timezone.now()
    check(by, "edit_source", file.log, at=now)
    refuse_days(file, since, until)
    if not because.strip():
        raise Refused(WRONG, "No reason was given.", "Say why it cannot be read, and how you know its days.")
    first, last = hours_of(since, until)
    said = f"{file.name} was set aside by {by}, so what it held is not known: {because.strip()}"
    with transaction.atomic():
        moved = FlowFile.objects.filter(pk=file.pk, state__in=LOST).update(
            state=FlowFile.State.ASIDE, what=f"Set aside by {by}: {because.strip()}", next_step="", read_at=now,
            first_at=moment(first), last_at=moment(last),
        )  # fmt: skip
        if not moved:
            raise Refused(WRONG, "It is read, waits for it, or was set aside already.", "Look at it again.")
        FlowGap.objects.filter(file=file).delete()
        FlowGap.objects.create(file=file, kind="aside", first_hour=first, last_hour=last, because=said)
        record("set_aside", file.log, by=by, at=now, because=because.strip(), file=file.name,
               sha256=file.stored.sha256, since=since.isoformat(), until=until.isoformat())  # fmt: skip
    file.refresh_from_db()
    return file


def refuse_days(file: FlowFile, since: date, until: date) -> None:
    """Raises Refused for days it cannot have been about."""
    known = blinds(file) if file.format else None
    came = max(days_at(file.received_at))
    if since > until:
        raise Refused(WRONG, "The first day lies after the last.", "Turn them round.")
    if until > came:
        raise Refused(WRONG, f"It came on {came:%-d %B %Y}, and shows nothing after that.", "Name an earlier last day.")
    if (until - since).days >= LONGEST:
        raise Refused(WRONG, f"That is more than {LONGEST} days.", "Name a later first day.")
    if known and (since > known.since or until < known.until):
        days = f"{known.since:%-d %B} to {known.until:%-d %B %Y}"
        raise Refused(WRONG, f"It was read once, and showed {days}.", "Name at least these days.")
