"""The agenda: what Eastwest puts on the table when a review opens, from what is known at that moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from compliance.models import ChangeRecord, ConnectionVersion, State
from compliance.models.estate import day_of
from compliance.words import VERDICTS
from evidence.judgement import counted
from evidence.models import Comparison, Finding, Source
from evidence.readings import is_fresh
from evidence.rules import Verdict
from reviews.models import AgendaItem, Review, ReviewAction

SOON = timedelta(days=31)  # what falls due before the next review is looked at in this one
SINGLE = 12  # findings of one kind beyond this many are one item: nobody reads a list of two hundred
Item = dict[str, Any]


def write(review: Review, *, at: datetime) -> list[AgendaItem]:
    """Writes the agenda of a review that opens now, in the caller's transaction."""
    rows = [*open_actions(review), *findings(review), *changes(review, at), *due(review, at), *unseen(review, at)]
    if not rows:
        rows = [{"kind": "note", "title": "Nothing is open: no finding, no change, no action", "detail": ""}]
    items = [AgendaItem(review=review, position=number, **row) for number, row in enumerate(rows, 1)]
    AgendaItem.objects.bulk_create(items)
    return list(review.agenda.all())


def open_actions(review: Review) -> Iterator[Item]:
    """Actions of earlier reviews that are still open, the overdue ones first."""
    rows = ReviewAction.objects.filter(review__system=review.system, state=ReviewAction.State.OPEN)
    for action in rows.exclude(review=review).select_related("owner", "review").order_by("due", "pk"):
        yield {
            "kind": "action",
            "title": f"Action of {action.review.ref}: {action.text}"[:300],
            "detail": f"{action.owner}, due {action.due.day} {action.due:%B %Y}",
        }


def findings(review: Review) -> Iterator[Item]:
    """Standing findings, worst first; many of one kind are one item."""
    grouped: dict[str, list[Finding]] = defaultdict(list)
    rows = Finding.objects.standing().filter(system=review.system)
    for finding in rows.select_related("connection").worst_first():
        grouped[finding.verdict].append(finding)
    for verdict, found in grouped.items():
        label = VERDICTS[verdict].label
        if len(found) > SINGLE:
            refs = ", ".join(each.ref for each in found[:SINGLE])
            yield {"kind": "finding", "title": f"{label}: {len(found)} findings", "detail": f"{refs} and more"}
            continue
        for finding in found:
            yield {
                "kind": "finding",
                "title": f"{finding.ref} {label}: {finding.subject}"[:300],
                "detail": finding.because,
                "finding": finding,
                "connection": finding.connection,
            }


def changes(review: Review, at: datetime) -> Iterator[Item]:
    """Changes decided or carried out since the last review."""
    held = Review.objects.filter(system=review.system, state=Review.State.CLOSED, closed_at__lt=at)
    last = held.order_by("-closed_at").first()
    since = last.closed_at if last and last.closed_at else review.due_at - SOON
    rows = ChangeRecord.objects.filter(system=review.system, decided_at__gt=since, decided_at__lte=at)
    listed = list(rows.exclude(state=State.WITHDRAWN).order_by("pk"))
    if len(listed) > SINGLE:
        yield {
            "kind": "change",
            "title": f"{len(listed)} changes were decided since the last review",
            "detail": f"{listed[0].ref} to {listed[-1].ref}; the pack lists every one",
        }
        return
    for change in listed:
        yield {
            "kind": "change",
            "title": f"{change.ref} {change.title}"[:300],
            "detail": change.get_state_display(),
            "change": change,
        }


def due(review: Review, at: datetime) -> Iterator[Item]:
    """Connections to be looked at again, or that end, before the next review; not those whose delay is a finding."""
    today = day_of(at)
    rows = ConnectionVersion.objects.authorised_at(today).filter(connection__system=review.system)
    late = Finding.objects.standing().filter(verdict=Verdict.review_overdue, system=review.system)
    found = set(late.values_list("connection_id", flat=True))
    for version in rows.select_related("connection__source", "connection__destination"):
        review_by = None if version.connection_id in found else version.review_by
        for day, word in ((review_by, "to be reviewed by"), (version.ends_on, "ends on")):
            if day is not None and day <= today + SOON:
                yield {
                    "kind": "due",
                    "title": str(version.connection)[:300],
                    "detail": f"{word} {day.day} {day:%B %Y}",
                    "connection": version.connection,
                }


def unseen(review: Review, at: datetime) -> Iterator[Item]:
    """What could not be seen: sources that are stale, servers no source covers, and that no flow log is read."""
    sources = Source.objects.filter(system=review.system).select_related("last_pull")
    stale = [source.name for source in sources if not is_fresh(source, at)]
    if stale:
        title = f"{counted(len(stale), 'source')} without fresh evidence"
        yield {"kind": "coverage", "title": title, "detail": ", ".join(stale)}
    covered = sources.values("server_id")
    missing = review.system.servers.filter(status="in_service").exclude(pk__in=covered)
    if missing:
        names = ", ".join(missing.values_list("name", flat=True))
        yield {"kind": "coverage", "title": f"{counted(len(missing), 'server')} no source covers", "detail": names}
    yield {
        "kind": "coverage",
        "title": "No flow log is read by this version",
        "detail": "Who examined the communication logs, and what was seen in them?",
    }


def comparison_at(at: datetime) -> Comparison | None:
    """The comparison the agenda rests on."""
    return Comparison.objects.filter(published=True, at__lte=at).first()
