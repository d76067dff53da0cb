"""Checkpoints: the head of the log, signed with the time, put outside the database where nobody can take it back.

Every 15 minutes even when nothing changed, with every pack and every minutes, and at the end of a run. What is newer
than the newest one outside can be taken back unseen by somebody who holds the database: they bound that window.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.actions.ledger_seal import ClockBehind, alone, drain
from compliance.errors import Refused
from compliance.ledger import notes, places
from compliance.ledger.keys import Keys
from compliance.ledger.merkle import Frontier
from compliance.models import LedgerCheckpoint, LedgerHead, LedgerInbox, LedgerShipment
from compliance.run import Run

EVERY: Final = timedelta(minutes=15)
TOO_OLD: Final = timedelta(minutes=60)
WAITS_TOO_LONG: Final = timedelta(minutes=10)  # a row that is not sealed by then


class Trouble(NamedTuple):
    """Something about the ledger that an administrator must see to: what, and what to do."""

    what: str
    next_step: str


def targets() -> dict[str, Callable[[str], None]]:
    """The places of this installation by name, each a function of the note."""
    found: dict[str, Callable[[str], None]] = {}
    path = settings.CHECKPOINT_FILE
    if path is not None:
        found["file"] = lambda note: places.to_file(note, path)
    if settings.CHECKPOINT_SYSLOG:
        found["syslog"] = lambda note: places.to_syslog(note, settings.CHECKPOINT_SYSLOG)
    if settings.CHECKPOINT_GIT:
        found["git"] = lambda note: places.to_git(note, settings.CHECKPOINT_GIT, settings.VAR / "checkpoints" / "git")
    if settings.CHECKPOINT_MAIL:
        found["mail"] = by_mail
    return found


def by_mail(note: str) -> None:
    """The note as a mail to each address of the setting. Raises NotPublished."""
    said, _, _ = notes.read(note)
    subject = f"Eastwest checkpoint #{said.size} {said.root.hex()[:16]}"
    try:
        send_mail(subject, note, settings.DEFAULT_FROM_EMAIL, settings.CHECKPOINT_MAIL)
    except OSError as wrong:  # SMTPException is one
        raise places.NotPublished(f"mail: {wrong}") from wrong


def checkpoint(because: str, *, at: datetime | None = None, only: tuple[str, ...] = ()) -> LedgerCheckpoint | None:
    """Seals what waits, signs the head anew and puts it to every place (or `only` these); None without any entry.

    A place that fails does not keep the others from getting it; what failed stands in `problems`. Raises ClockBehind
    and Refused when nothing can be signed, with the clock or the key to blame.
    """
    drain(at=at, wait=True)
    row = fresh(because, at or timezone.now())
    return publish(row, only=only) if row is not None else None


def fresh(because: str, at: datetime) -> LedgerCheckpoint | None:
    """A new note over the head as it stands. None when there is no head yet."""
    keys = Keys(settings.KEYS)
    with alone(wait=True):
        head = LedgerHead.objects.first()
        if head is None:
            return None
        if at < head.at:
            raise ClockBehind("No checkpoint is signed.", "The clock is behind the last seal.", "Set the clock (NTP).")
        root = Frontier.unpacked(head.size, bytes.fromhex(head.frontier)).root()
        note = notes.signed(notes.Note(keys.origin(), head.size, root, at), keys.private(head.key))
        return LedgerCheckpoint.objects.create(size=head.size, note=note, at=at, because=because[:60])


def publish(row: LedgerCheckpoint, *, only: tuple[str, ...] = ()) -> LedgerCheckpoint:
    """Puts a note to the places that do not have it yet."""
    done, problems = list(row.published_to), {}
    for name, put in targets().items():
        if name in done or (only and name not in only):
            continue
        try:
            put(row.note)
            done.append(name)
        except places.NotPublished as wrong:
            problems[name] = str(wrong)
    row.published_to, row.problems = done, problems
    row.save(update_fields=["published_to", "problems"])
    return row


def job(run: Run) -> None:
    """The job of kind `checkpoint`."""
    checkpoint(run.args.get("because", "schedule"))


def ask(because: str) -> None:
    """A checkpoint soon, by a job; in the caller's transaction. The same words are the same work."""
    enqueue("checkpoint", key=f"checkpoint:{because}", args={"because": because})


def due(now: datetime) -> None:
    """From `tick`: seals what waits, and asks for a checkpoint in each quarter of an hour."""
    try:
        drain(at=now)
    except ClockBehind:
        return  # said by troubles(); the next tick looks again
    slot = int(now.timestamp() // EVERY.total_seconds())
    newest = LedgerCheckpoint.objects.values_list("at", flat=True).first()
    if LedgerHead.objects.exists() and (newest is None or int(newest.timestamp() // EVERY.total_seconds()) != slot):
        with transaction.atomic():
            ask(f"schedule {slot}")


def last_words() -> None:
    """At the end of a run: a checkpoint to the near places, when there is anything to say."""
    near = tuple(name for name in targets() if name in ("file", "syslog"))
    if near and LedgerHead.objects.exists():
        checkpoint("shutdown", only=near)


def newest_published() -> LedgerCheckpoint | None:
    """The newest checkpoint that reached a place outside."""
    return next((row for row in LedgerCheckpoint.objects.all()[:200] if row.published_to), None)


def troubles(*, at: datetime | None = None) -> list[Trouble]:
    """What is wrong with the ledger's upkeep now, for administrators and `./run doctor`. Reads a handful of rows."""
    now, found = at or timezone.now(), []
    head, last, newest = LedgerHead.objects.first(), LedgerCheckpoint.objects.first(), newest_published()
    if head is None:
        return _waiting(now)
    if not targets():
        found.append(
            Trouble("No place for checkpoints is set: history could be rewritten.", "Set EASTWEST_CHECKPOINT_FILE.")
        )
    elif newest is None or now - newest.at > TOO_OLD:
        since = f"since {timezone.localtime(newest.at):%d %B %Y %H:%M}" if newest else "yet"
        found.append(
            Trouble(f"No checkpoint of the ledger left this database {since}.", "Does Eastwest run? ./run doctor")
        )
    if last is not None:
        found += [
            Trouble(f"A checkpoint was not published: {why}", "Mend the place it goes to.")
            for why in last.problems.values()
        ]
    if now < head.at:
        found.append(
            Trouble(
                f"The clock is behind the last seal ({notes.stamp(head.at)}): nothing is sealed.",
                "Set the clock (NTP).",
            )
        )
    slipped_in = LedgerInbox.objects.filter(refused=True).count()
    if slipped_in:
        found.append(
            Trouble(
                f"{slipped_in} rows in the ledger's inbox were not written by Eastwest.",
                "Find out who writes to the database.",
            )
        )
    return [*found, *_rolled_back(head), *_waiting(now), *_unshipped()]


def _waiting(now: datetime) -> list[Trouble]:
    oldest = LedgerInbox.objects.waiting().values_list("created", "pk").first()
    if oldest is None or now - oldest[0] < WAITS_TOO_LONG:
        return []
    return [
        Trouble(
            "Decisions wait to be sealed for more than ten minutes.",
            "Does Eastwest run? Is its key there? ./run doctor",
        )
    ]


def _unshipped() -> list[Trouble]:
    """Places that do not take the lines of the log (compliance/actions/shipping.py)."""
    wanted = [name for name, set_up in (("file", settings.AUDIT_FILE), ("syslog", settings.AUDIT_SYSLOG)) if set_up]
    rows = LedgerShipment.objects.filter(place__in=wanted).exclude(problem="") if wanted else []
    return [
        Trouble(
            f"The audit log is not taken since {timezone.localtime(row.problem_since or row.at):%d %B %Y %H:%M}, from "
            f"#{row.seq + 1} on: {row.problem}",
            "Mend the place it goes to: nothing is lost, and it is tried again.",
        )
        for row in rows
    ]


def _rolled_back(head: LedgerHead) -> list[Trouble]:
    """The newest note in our own file says more than the database: it was set back."""
    outside = places.newest_in(settings.CHECKPOINT_FILE) if settings.CHECKPOINT_FILE else None
    if outside is None or outside[1].origin != Keys(settings.KEYS).origin():
        return []
    text, said = outside
    known = LedgerCheckpoint.objects.filter(note=text).exists()
    if known and said.size <= head.size:
        return []
    what = (
        f"The checkpoint of #{said.size} at {notes.stamp(said.at)} was published, and this database does not know it."
    )
    return [Trouble(what, "It was set back to an older state, or another copy of it ran: verify the ledger.")]


__all__ = ["Refused", "Trouble", "ask", "checkpoint", "due", "job", "last_words", "newest_published", "troubles"]
