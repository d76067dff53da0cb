"""Minutes as Markdown: what Eastwest wrote and what people said, kept apart; and safe HTML of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

import nh3
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from compliance.models import LedgerInbox
from reviews.models import AgendaItem, Decision, Review
from reviews.steps import step_of

SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>#|!"})


def render(review: Review, *, signed_at: datetime) -> str:
    """The whole minutes. Deterministic: the same review gives the same text, so that its hash says something."""
    return "\n".join([*head(review, signed_at), *items(review), *said(review), *actions(review), ""])


def head(review: Review, signed_at: datetime) -> Iterator[str]:
    """Which review, when, who."""
    yield f"# {review.ref}: review of {plain(str(review.system))}"
    yield ""
    yield f"- Due: {moment(review.due_at)}"
    yield f"- Opened: {moment(review.opened_at)}"
    yield f"- Chair: {plain(str(review.chair))}, who signed this text: {moment(signed_at)}"
    yield "- The second signature, of somebody else who was there, is kept beside this text, under its SHA-256"
    if review.comparison:
        yield f"- Rests on the comparison of {moment(review.comparison.at)}"
    yield ""
    yield "## Present"
    yield ""
    for seat in (
        review.attendees.filter(present=True).select_related("person", "recorded_by").order_by("person__name", "pk")
    ):
        how = "confirmed by themselves" if seat.confirmed_at else f"recorded by {seat.recorded_by}"
        yield f"- {plain(str(seat.person))} ({plain(how)})"
    yield ""


def items(review: Review) -> Iterator[str]:
    """The agenda as written by Eastwest, each item with what was decided on it."""
    yield "## Agenda, as written by Eastwest, and decisions"
    yield ""
    for item in review.agenda.select_related("decision__by", "decision__carried_by", "finding", "connection"):
        mark = f"{item.position}. "
        yield f"{mark}**{plain(item.title)}**{f' – {plain(item.detail)}' if item.detail else ''}"
        # as deep as the number is wide: with three blanks below "10." a list would begin anew
        yield from (f"{' ' * len(mark)}- {line}" for line in decided(item))
    yield ""


def decided(item: AgendaItem) -> Iterator[str]:
    """The decision on an item, or that there was none: silence is no decision. What people said, and what Eastwest
    wrote of what came of it, each on a line of its own."""
    decision = getattr(item, "decision", None)
    if decision is None or not decision.what:
        yield "No decision was recorded."
    else:
        until = f" until {decision.until.day} {decision.until:%B %Y}" if decision.until else ""
        yield f"{decision.get_what_display()}{until} ({plain(str(decision.by))})."
    if decision is not None and decision.note:
        yield f"Said: {plain(decision.note)}"
    if decision is not None and decision.outcome:
        yield f"Eastwest: {plain(decision.outcome)} ({plain(str(decision.carried_by))})"
    elif decision is not None and step_of(item, decision.what) and decision.what != Decision.What.FIX:
        yield "Eastwest: Nobody has asked for it yet."


def said(review: Review) -> Iterator[str]:
    """What people said."""
    yield "## What was said"
    yield ""
    yield plain(review.notes) if review.notes.strip() else "Nothing beyond the decisions above was recorded."
    yield ""


def actions(review: Review) -> Iterator[str]:
    """Who undertook what by when."""
    yield "## Actions"
    yield ""
    rows = list(review.actions.select_related("owner").order_by("due", "pk"))
    if not rows:
        yield "No action was agreed."
    for action in rows:
        state = action.get_state_display().lower()
        yield f"- {plain(action.text)} – {plain(str(action.owner))}, by {action.due.day} {action.due:%B %Y} ({state})"


def moment(at: datetime | None) -> str:
    """A moment in the installation's time zone."""
    return f"{timezone.localtime(at):%d %B %Y, %H:%M %Z}" if at else "not recorded"


def plain(text: str) -> str:
    """Text in which no sign means anything to Markdown, on one line."""
    return " ".join(text.split()).translate(SIGNS)


def digest(text: str) -> str:
    """The hash under which minutes are frozen: SHA-256 of the text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def altered(reviews: Iterable[Review]) -> set[int]:
    """The keys of the closed ones whose minutes, or whose signing off, are not what the ledger recorded."""
    closed = [review for review in reviews if review.state == Review.State.CLOSED]
    said = LedgerInbox.objects.filter(data__object__type="reviews.review")
    said = said.filter(data__object__id__in=[review.pk for review in closed])
    ends = said.filter(data__verb="close_review") if closed else said.none()
    signed = set(ends.values_list("data__object__id", "data__after", "data__payload__second"))
    # by the chair: a signature of its own; before there were any, who closed it named the second
    first = said.filter(data__verb__in=["sign_review", "close_review"]) if closed else said.none()
    chaired = set(first.values_list("data__object__id", "data__after", "data__actor__id"))
    return {
        review.pk
        for review in closed
        if digest(review.minutes) != review.minutes_hash
        or (review.pk, review.minutes_hash, review.second_id) not in signed
        or (review.pk, review.minutes_hash, review.chair_id) not in chaired
    }


def html(markdown: str) -> SafeString:
    """Safe HTML of minutes: rendered without raw HTML, then cleaned."""
    return mark_safe(nh3.clean(MarkdownIt("commonmark", {"html": False}).render(markdown)))  # noqa: S308  cleaned just now
