"""The agenda: what Eastwest puts on the table when a review opens, from what is known at that moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

from django.db.models import Max

from compliance.models import ChangeRecord, ConnectionVersion, State
from compliance.models.estate import day_of
from compliance.words import VERDICTS
from evidence.attested import Standing, standings
from evidence.duties import DUTIES, OPEN
from evidence.flow_pictures import UNDECIDED, picture_of
from evidence.judgement import counted
from evidence.models import Comparison, Finding, LogExamination, LoginAttestation, Source
from evidence.readings import is_fresh
from evidence.rules import Verdict
from reviews.actions.campaigns import WITH
from reviews.campaigns import is_overdue, sentence, stands
from reviews.models import AgendaItem, Campaign, Review, ReviewAction

SOON = timedelta(days=31)  # what falls due before the next review is looked at in this one
SINGLE = 12  # findings of one kind beyond this many are one item: nobody reads a list of two hundred
AT_MOST = 25  # connections of the register in one review
MONTH = timedelta(days=30.4)
YEAR = timedelta(days=365)
Item = dict[str, Any]


def write(review: Review, *, at: datetime) -> list[AgendaItem]:
    """Writes the agenda of a review that opens now, in the caller's transaction."""
    since = last_held(review, at)
    rows = [
        *not_held(review, since, at),
        *open_actions(review, at),
        *findings(review, since),
        *accepted(review, at),
        *campaigns(review, at),
        *changes(review, since, at),
        *due(review, at),
        *attested(review, at),
        *duties(review, at),
        *unseen(review, at),
        log(review, since, at),
    ]
    known = {row["connection"].pk for row in rows if row.get("connection")}
    rows += register(review, at, known)
    items = [AgendaItem(review=review, position=number, **row) for number, row in enumerate(rows, 1)]
    AgendaItem.objects.bulk_create(items)
    return list(review.agenda.all())


def last_held(review: Review, at: datetime) -> Review | None:
    """The review of the system that was signed off last."""
    held = Review.objects.filter(system=review.system, state=Review.State.CLOSED, closed_at__lt=at)
    return held.order_by("-closed_at").first()


def since_when(review: Review, last: Review | None) -> datetime:
    """From when on something is news: since the last review, or for a month where there was none."""
    return last.closed_at if last and last.closed_at else review.due_at - SOON


def not_held(review: Review, last: Review | None, at: datetime) -> Iterator[Item]:
    """The reviews since the last one that nobody held."""
    rows = Review.objects.filter(system=review.system, state=Review.State.MISSED, due_at__lte=at)
    for row in rows.filter(due_at__gt=last.due_at) if last else rows:
        yield {
            "kind": "note",
            "title": f"{row.ref} was not held",
            "detail": f"It was due on {said(day_of(row.due_at))}. Why, and what keeps the next one from being missed?",
        }


def open_actions(review: Review, at: datetime) -> Iterator[Item]:
    """Actions of earlier reviews that are still open, the overdue ones first."""
    rows = ReviewAction.objects.filter(review__system=review.system, state=ReviewAction.State.OPEN)
    for action in rows.exclude(review=review).select_related("owner", "review").order_by("due", "pk"):
        late = "Overdue action" if action.due < day_of(at) else "Action"
        yield {
            "kind": "action",
            "title": f"{late} of {action.review.ref}: {action.text}"[:300],
            "detail": f"{action.owner}, due {said(action.due)}",
        }


def findings(review: Review, last: Review | None) -> Iterator[Item]:
    """Findings nobody accepted, the new ones of a kind first, worst kind first; many of one kind are one item."""
    since = since_when(review, last)
    grouped: dict[tuple[str, bool], list[Finding]] = {}
    rows = Finding.objects.standing().filter(system=review.system).exclude(state=Finding.State.ACCEPTED)
    for finding in rows.select_related("connection").worst_first():
        fresh = finding.first_seen > since
        grouped.setdefault((finding.verdict, True), [])
        grouped.setdefault((finding.verdict, False), [])
        grouped[finding.verdict, fresh].append(finding)
    for (verdict, fresh), found in grouped.items():
        label = VERDICTS[verdict].label
        if len(found) > SINGLE:
            refs = ", ".join(each.ref for each in found[:SINGLE])
            how_many = f"{label}: {len(found)} {'new findings' if fresh else 'findings'}"
            yield {"kind": "finding", "title": how_many, "detail": f"{refs} and more"}
            continue
        for finding in found:
            since_then = "New since the last review" if fresh else f"Open since {said(day_of(finding.first_seen))}"
            yield {
                "kind": "finding",
                "title": f"{finding.ref} {label}: {finding.subject}"[:300],
                "detail": f"{finding.because.rstrip('.')}. {since_then}.",
                "finding": finding,
                "connection": finding.connection,
            }


def accepted(review: Review, at: datetime) -> Iterator[Item]:
    """Accepted risks: those that end before the next review each, the others in one line."""
    rows = Finding.objects.standing().filter(system=review.system, state=Finding.State.ACCEPTED)
    soon = day_of(at) + SOON
    later = []
    for finding in rows.order_by("accepted_until", "pk"):
        if finding.accepted_until is None or finding.accepted_until > soon:
            later.append(finding)
            continue
        yield {
            "kind": "due",
            "title": f"{finding.ref} is accepted until {said(finding.accepted_until)}: {finding.subject}"[:300],
            "detail": f"{VERDICTS[finding.verdict].label}. After that day it is open again.",
            "finding": finding,
        }
    if later:
        refs = ", ".join(finding.ref for finding in later[:SINGLE])
        more = f" and {len(later) - SINGLE} more" if len(later) > SINGLE else ""
        yield {"kind": "note", "title": f"{counted(len(later), 'accepted risk')} that go on", "detail": f"{refs}{more}"}


def attested(review: Review, at: datetime) -> Iterator[Item]:
    """What people attested a year ago, or will have by the next review: to be looked at again."""
    rows = LoginAttestation.objects.filter(system=review.system).order_by("server_id", "-seen_on", "-pk")
    newest: dict[int, LoginAttestation] = {}
    for row in rows.select_related("server"):
        newest.setdefault(row.server_id, row)
    old = [row for row in newest.values() if row.seen_on + YEAR <= day_of(at) + SOON]
    if old:
        named = ", ".join(sorted(f"{row.server.name} ({said(row.seen_on)})" for row in old))
        title = f"{counted(len(old), 'attestation')} of how one logs in to be made again"
        yield {"kind": "attest", "title": title, "detail": f"Last looked at: {named}"}


def duties(review: Review, at: datetime) -> Iterator[Item]:
    """Duties that no rule shows, in two lines: what is open or falls due by the next review, kind by kind, and where a
    host says otherwise."""
    rows = standings(review.system.servers.all(), at)
    soon = day_of(at) + SOON
    due = [row for row in rows if row.state in OPEN or (row.due is not None and row.due <= soon)]
    if due:
        of_kind = [(duty.label, [row for row in due if row.kind == kind]) for kind, duty in DUTIES.items()]
        servers = counted(len({row.server.pk for row in due}), "server")
        title = f"{counted(len(due), 'duty', 'duties')} of {servers} to be stated"
        yield {"kind": "attest", "title": title, "detail": "; ".join(of_one(*each) for each in of_kind if each[1])}
    otherwise = [row for row in rows if row.host.sign == "differs" and row.last is not None]
    if otherwise:
        title = f"{counted(len(otherwise), 'statement')} of which the host says otherwise"
        told = [f"{row.server.name}, {DUTIES[row.kind].label.lower()}: {row.host.text}" for row in otherwise[:SINGLE]]
        more = f" And {len(otherwise) - SINGLE} more." if len(otherwise) > SINGLE else ""
        yield {"kind": "attest", "title": title, "detail": f"{' '.join(told)}{more}"}


def of_one(label: str, rows: list[Standing]) -> str:
    """One duty: the servers it is to be stated of, each with how it stands."""
    named = ", ".join(f"{row.server.name} ({told_of(row)})" for row in rows[:SINGLE])
    return f"{label}: {named}{f' and {len(rows) - SINGLE} more' if len(rows) > SINGLE else ''}"


def told_of(row: Standing) -> str:
    """How one duty stands, in a few words."""
    words = {"failed": "not in order", "never": "never stated", "overdue": f"overdue since {said(row.due)}"}
    return words.get(row.state) or f"due {said(row.due)}"


def campaigns(review: Review, at: datetime) -> Iterator[Item]:
    """Campaigns that go on about the system: who has not decided, the overdue ones first."""
    rows = Campaign.objects.filter(state=Campaign.State.OPEN, systems=review.system).order_by("due", "pk")
    for row in rows:
        found = stands(row.items.filter(system=review.system).select_related(*WITH), at)
        late = "Overdue campaign" if is_overdue(row, found, day_of(at)) else "Campaign"
        detail = f"{sentence(found)}; {review.system.owner}, due {said(row.due)}. What nobody decides on is not kept."
        yield {"kind": "note", "title": f"{late} {row.ref}: {row.title}"[:300], "detail": detail}


def log(review: Review, last: Review | None, at: datetime) -> Item:
    """The examination of the communication logs: by whom it was recorded since, and what there is to look at."""
    since = f"since {said(day_of(last.closed_at))}" if last and last.closed_at else "of the last month"
    return {
        "kind": "log",
        "title": f"Examination of the communication logs {since}",
        "detail": examined(review, last, at),
    }


def examined(review: Review, last: Review | None, at: datetime) -> str:
    """What is recorded of it, and what the last comparison saw."""
    rows = LogExamination.objects.filter(system=review.system, at__gt=since_when(review, last), at__lte=at)
    found = rows.select_related("by")[:3]
    told = [f"{row.by} examined {said(row.since)} to {said(row.until)}: {row.noted}" for row in found]
    comparison = comparison_at(at)
    seen = picture_of(comparison, {review.system_id}) if comparison else None
    if seen is None:
        told.append("No flow log of it was read. Who examined them elsewhere, until when, and what was unexpected?")
        return " ".join(told)[:2000]
    waiting = sum(one["decided"] == UNDECIDED for one in seen.pairs)
    gaps = sum(len(one.gaps) + one.gaps_more for one in seen.logs)
    told.append(
        f"{counted(len(seen.pairs), 'pair')} nobody authorised ({seen.new} new, {waiting} undecided), "
        f"{counted(gaps, 'gap')}: see Flow logs."
    )
    if not rows:
        told.append("Nobody recorded an examination since the last review: who does it now, and what was unexpected?")
    return " ".join(told)[:2000]


def register(review: Review, at: datetime, known: set[int]) -> list[Item]:
    """The part of the register that was looked at longest ago: a twelfth for each month since the last review.

    What was on no signed agenda comes first, so that in a year everything was, also where reviews were missed. What
    stands on this agenda already counts as looked at.
    """
    versions = ConnectionVersion.objects.filter(connection__system=review.system).authorised_at(day_of(at))
    standing = {
        row.connection_id: row for row in versions.select_related("connection__source", "connection__destination")
    }
    held = AgendaItem.objects.filter(review__state=Review.State.CLOSED, connection__in=list(standing))
    looked = dict(held.values_list("connection").annotate(Max("review__closed_at")))
    order = sorted(standing, key=lambda key: (looked.get(key) is not None, looked.get(key) or at, key))
    last = last_held(review, at)
    months = max(1, round((at - last.closed_at) / MONTH)) if last and last.closed_at else 1
    share = [key for key in order if key not in known][: ceil(len(standing) * min(months, 12) / 12)]
    rows: list[Item] = [
        {
            "kind": "register",
            "title": str(standing[key].connection)[:300],
            "detail": f"Last looked at on {said(day_of(looked[key]))}"
            if key in looked
            else "Not looked at in a review yet",
            "connection": standing[key].connection,
        }
        for key in share[:AT_MOST]
    ]
    if len(share) > AT_MOST:
        title = f"{len(share) - AT_MOST} more of the register are due for a look"
        rows.append(
            {"kind": "register", "title": title, "detail": "More than a meeting reads: recertify them in bulk."}
        )
    return rows


def changes(review: Review, last: Review | None, at: datetime) -> Iterator[Item]:
    """Changes decided or carried out since the last review."""
    since = since_when(review, last)
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
    rows = ConnectionVersion.objects.filter(connection__system=review.system).authorised_at(today)
    late = Finding.objects.standing().filter(verdict=Verdict.review_overdue, system=review.system)
    found = set(late.values_list("connection_id", flat=True))
    for version in rows.select_related("connection__source", "connection__destination"):
        review_by = None if version.connection_id in found else version.review_by
        for day, word in ((review_by, "to be reviewed by"), (version.ends_on, "ends on")):
            if day is not None and day <= today + SOON:
                yield {
                    "kind": "due",
                    "title": str(version.connection)[:300],
                    "detail": f"{word} {said(day)}",
                    "connection": version.connection,
                }


def unseen(review: Review, at: datetime) -> Iterator[Item]:
    """What could not be seen: sources that are stale, and servers no source covers."""
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


def comparison_at(at: datetime) -> Comparison | None:
    """The comparison the agenda rests on."""
    return Comparison.objects.filter(published=True, at__lte=at).first()


def said(day: date | None) -> str:
    """A day for people: 4 October 2026."""
    return f"{day.day} {day:%B %Y}" if day else "no day"
