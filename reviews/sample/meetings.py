"""The sample organisation's reviews: one held, one missed, one held, for each system."""

from __future__ import annotations

from datetime import datetime, timedelta

from compliance.models import System, User
from reviews import actions
from reviews.models import AgendaItem, Decision, Review
from reviews.sample.story import Story

LENGTH = timedelta(minutes=50)
WEEKS = timedelta(days=21)  # how long people take for what they undertake
SAID = "The engineers reported that no change is waiting for a window. Nothing else was raised."


def planned(story: Story, systems: dict[str, System], people: dict[str, User], at: datetime) -> None:
    """The standing duty: monthly, with chair and invited people."""
    told = story.history["reviews"]
    for system in systems.values():
        invited = [people[key] for key in told["invited"]]
        actions.set_schedule(system, chair=people[told["chair"]], invited=invited, by=people[told["chair"]], at=at)


def held(story: Story, system: System, people: dict[str, User], at: datetime) -> Review:
    """A review from opening to sign-off, with a decision on every finding and an action where one is needed."""
    told = story.history["reviews"]
    chair, second = people[told["chair"]], people[told["second"]]
    review = actions.add_review(system, due_at=at, chair=chair, by=chair, at=at - timedelta(days=28))
    review = actions.open_review(review, by=chair, at=at)
    present = [chair, second, *(people[key] for key in told["attending"])]
    actions.attend(review, people=present, by=chair, at=at)
    for item in review.agenda.select_related("finding"):
        decided(review, item, system, chair, at)
    actions.sign(review, by=chair, notes=SAID, at=at + LENGTH)
    return actions.countersign(review, by=second, seen=review.minutes_hash, at=at + LENGTH)


def decided(review: Review, item: AgendaItem, system: System, chair: User, at: datetime) -> None:
    """One item: findings are to be mended by the owner, the rest is noted."""
    if item.kind != AgendaItem.Kind.FINDING:
        actions.decide(item, what=Decision.What.NOTED, by=chair, at=at)
        return
    actions.decide(item, what=Decision.What.FIX, note=f"{system.owner} sees to it.", by=chair, at=at)
    due = (at + WEEKS).date()
    actions.add_action(review, item=item, text=f"Mend: {item.title}", owner=system.owner, due=due, by=chair, at=at)


def missed(story: Story, system: System, people: dict[str, User], at: datetime) -> None:
    """A review that nobody opened."""
    chair = people[story.history["reviews"]["chair"]]
    review = actions.add_review(system, due_at=at, chair=chair, by=chair, at=at - timedelta(days=28))
    actions.mark_missed(review, at=at + timedelta(days=4))
