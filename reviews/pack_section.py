"""The fifth of the five questions: the last review's minutes, its decisions and what is still open."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from compliance.models.estate import day_of
from evidence.packs.content import Action
from evidence.packs.content import Review as Printed
from evidence.packs.section import Cell, Scope, Section, Table
from reviews import minutes
from reviews.models import CampaignItem, Decision, Review, ReviewAction

CONTROLS = ("ISM-1479", "ISM-0888")
RECENT = timedelta(days=45)  # a monthly duty: an older review does not answer for this period


def build(scope: Scope) -> Section:
    """The section as of the cut-off. No review, or one that was missed, is printed as exactly that."""
    rows = Review.objects.filter(system__name__in=scope.systems).select_related("system", "chair", "second")
    signed = list(rows.filter(state=Review.State.CLOSED, closed_at__lte=scope.as_of).order_by("-closed_at", "-pk"))
    altered = minutes.altered(signed)
    closed = [row for row in signed if row.pk not in altered]
    missed = missed_in(scope, rows)
    open_actions = actions(scope)
    state, because = held(scope, closed, missed, [*doubts(signed, altered), *unsigned(scope, rows)])
    tables = (
        Table(
            "reviews",
            ("review", "system", "due", "state", "chair", "signed_also_by", "closed", "minutes_sha256"),
            [
                listed(row, altered=row.pk in altered)
                for row in rows.filter(due_at__lte=scope.as_of).order_by("-due_at", "-pk")
            ],
        ),
        Table(
            "review_actions",
            ("review", "action", "owner", "due", "state"),
            [(row.review.ref, row.text, str(row.owner), row.due, row.state) for row in open_actions],
        ),
        campaigns_of(scope),
    )
    files = tuple((f"minutes/{row.ref}.md", row.minutes.encode()) for row in closed[:12])
    data = printed(closed, missed, open_actions, scope) if closed or missed else None
    return Section("review", "Last review", CONTROLS, state, because, "review.html", data, tables, files)  # type: ignore[arg-type]


def campaigns_of(scope: Scope) -> Table:
    """Each connection of the campaigns begun by the cut-off, with what its owner had decided by then: data/ alone."""
    items = CampaignItem.objects.filter(system__name__in=scope.systems, campaign__started_at__lte=scope.as_of)
    columns = ("campaign", "title", "due", "closed", "result_sha256", "connection", "system", "decided", "because",
               "until", "by", "at", "change")  # fmt: skip
    rows = items.select_related("campaign", "connection", "system", "decided_by", "change").order_by("pk")
    return Table("campaigns", columns, [decided_on(row, scope) for row in rows])


def decided_on(row: CampaignItem, scope: Scope) -> tuple[Cell, ...]:
    """One connection of a campaign; what was decided later is not decided yet."""
    whole = row.campaign
    ended = whole.closed_at is not None and whole.closed_at <= scope.as_of
    begin = (whole.ref, whole.title, whole.due, whole.closed_at if ended else None,
             whole.result_hash if ended else "", row.connection.ref, row.system.name)  # fmt: skip
    if row.decided_at is None or row.decided_at > scope.as_of or row.change is None:
        return (*begin, CampaignItem.What.NONE.label, "", None, "", None, "")
    return (*begin, row.get_what_display(), row.because, row.until, str(row.decided_by), row.decided_at, row.change.ref)


def missed_in(scope: Scope, rows: QuerySet[Review]) -> list[Review]:
    """The reviews that were due in the period and were not held."""
    return [
        row
        for row in rows.filter(state=Review.State.MISSED).order_by("due_at", "pk")
        if scope.since <= day_of(row.due_at) <= scope.until
    ]


def doubts(signed: list[Review], altered: set[int]) -> list[str]:
    """What is said of minutes that are not those that were signed off: they do not count."""
    return [f"The minutes of {row.ref} are not those that were signed off." for row in signed if row.pk in altered]


def unsigned(scope: Scope, rows: QuerySet[Review]) -> list[str]:
    """The reviews of the period that were begun, or were due, and are not signed off."""
    waiting = rows.filter(
        state__in=[Review.State.OPEN, Review.State.SIGNING, Review.State.PLANNED], due_at__lte=scope.as_of
    )
    return [
        f"{row.ref} of {row.system}, due {day_of(row.due_at):%d %B %Y}, is not signed off."
        for row in waiting.order_by("due_at", "pk")
        if scope.since <= day_of(row.due_at)
    ]


def held(scope: Scope, closed: list[Review], missed: list[Review], also: list[str]) -> tuple[str, str]:
    """held, partial or missing, and why."""
    if not closed:
        said = f"No review of {', '.join(scope.systems)} was held up to {day_of(scope.as_of):%d %B %Y}."
        return "missing", " ".join([said, *also])
    systems = {row.system.name for row in closed if row.closed_at and row.closed_at >= scope.as_of - RECENT}
    absent = [name for name in scope.systems if name not in systems]
    reasons = [f"No review of {name} was held in the last {RECENT.days} days." for name in absent]
    reasons += [f"{row.ref} of {row.system}, due {day_of(row.due_at):%d %B %Y}, was not held." for row in missed]
    reasons += also
    return ("partial", " ".join(reasons)) if reasons else ("held", "")


def actions(scope: Scope) -> list[ReviewAction]:
    """The actions that are open, and those closed in the period."""
    rows = ReviewAction.objects.filter(review__system__name__in=scope.systems, review__opened_at__lte=scope.as_of)
    return [
        row
        for row in rows.select_related("owner", "review").order_by("due", "pk")
        if row.closed_at is None or scope.since <= day_of(row.closed_at)
    ]


def listed(row: Review, *, altered: bool) -> tuple[Cell, ...]:
    """One row of the list."""
    return (
        row.ref,
        row.system.name,
        row.due_at,
        "Closed; its minutes were altered" if altered else row.get_state_display(),
        str(row.chair),
        str(row.second or ""),
        row.closed_at,
        row.minutes_hash,
    )


def printed(closed: list[Review], missed: list[Review], open_actions: list[ReviewAction], scope: Scope) -> Printed:
    """What the page takes."""
    sentences = tuple(f"{row.ref} of {row.system}, due {day_of(row.due_at):%d %B %Y}, was not held." for row in missed)
    undone = [row for row in open_actions if row.state == ReviewAction.State.OPEN]
    listing = tuple(action(row, scope) for row in open_actions)
    if not closed:
        return Printed("No review was held.", missed=sentences, actions=listing)
    last = closed[0]
    others = [row for row in closed[1:] if row.system_id != last.system_id][:1]
    also = f" The last review of {others[0].system} was {others[0].ref}." if others else ""
    decisions = Decision.objects.filter(item__review=last).exclude(what="").count()
    lead = f"{last.ref} of {last.system} recorded {decisions} decisions; {len(undone)} actions are open.{also}"
    seats = last.attendees.filter(present=True).select_related("person").order_by("person__name", "pk")
    return Printed(
        lead,
        id=last.ref,
        held_on=timezone.localtime(last.closed_at).date() if last.closed_at else None,
        chair=str(last.chair),
        attendees=tuple(str(seat.person) for seat in seats),
        minutes=last.minutes,
        minutes_sha256=last.minutes_hash,
        actions=listing,
        missed=sentences,
    )


def action(row: ReviewAction, scope: Scope) -> Action:
    """One action with the word for its state."""
    late = row.state == ReviewAction.State.OPEN and row.due < day_of(scope.as_of)
    return Action(f"{row.review.ref}/{row.pk}", row.text, str(row.owner), row.due, "overdue" if late else row.state)
