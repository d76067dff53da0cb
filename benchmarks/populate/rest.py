"""Reviews to come and missed, messages to people, and the line of the ledger that says where all this came from."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from benchmarks.populate.estate import Estate
from benchmarks.populate.plan import Plan
from benchmarks.populate.rows import Writer
from compliance.actions.ledger import record
from compliance.models import Outbound, User
from reviews.models import Review, ReviewSchedule

MONTHS = 12
MESSAGES, UNREAD = 120, 9


def build(plan: Plan, out: Writer, estate: Estate) -> None:
    """A schedule and a review to come for each system, those of the year before not held; messages to everybody."""
    for number, system in enumerate(estate.systems):
        chair: User = estate.managers[number % len(estate.managers)]
        out.add(ReviewSchedule(system=system, chair=chair))
        for month in range(MONTHS):
            due = plan.now + timedelta(days=14 - 30 * month, hours=number % 6)
            state = Review.State.MISSED if month else Review.State.PLANNED
            out.add(Review(system=system, due_at=due, named_day=due.date(), state=state, chair=chair))
    everybody = [*estate.owners, *estate.managers, *estate.engineers, *estate.auditors, *estate.requesters]
    for person in everybody:
        for number in range(MESSAGES):
            at = plan.ago(number * 2 + 0.1)
            out.add(
                Outbound(
                    key=f"populate:{person.pk}:{number}", to=person, kind="outcome", how="in_app", created_at=at,
                    subject=f"Request {number} was decided", body="It was agreed to.", path="/changes/",
                    sent_at=at, read_at=None if number < UNREAD else at,
                )
            )  # fmt: skip


def say_in_ledger(plan: Plan, written: dict[str, int]) -> None:
    """That the rows were made up, how many of each, and by which seed."""
    with transaction.atomic():
        record("populate", None, by=None, because="made up, to measure and to try", seed=plan.seed, rows=written)
