"""Plays the sample organisation's three months through the same verbs that people use, in the order of time.

Nothing is written past the verbs: what may not be done in Eastwest may not be done here either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from compliance.actions import changes, connections
from compliance.actions.notices import deciders
from compliance.models import ChangeRecord, State, System, User
from compliance.permissions import may
from evidence.actions import footprint, verification
from reviews.sample import estate, meetings, policy, site
from reviews.sample.story import Asked, Story

BEGINNING = 100  # days ago: when Eastwest was set up
# days ago: the first reading, before the baseline is verified; the second month; the month after
PULLS = ((92, "two-months-ago"), (62, "one-month-ago"), (31, "one-month-ago"))
PAUSED = 60
POLICY = 95  # between the asking for the baseline and its approval
REVIEWS = (70, 40, 10)  # the middle one was missed
Say = Callable[[str], None]
Event = tuple[datetime, Callable[[datetime], object]]


def load(*, at: datetime, say: Say) -> None:
    """The whole sample organisation, as it has become by `at`."""
    story = Story(at)
    with transaction.atomic():
        people, systems = estate.build(story, at=story.moment(BEGINNING, "asked"))
        say(f"{len(people)} people, {len(systems)} systems, {len(story.register['servers'])} servers in place")
        tale = Tale(story, people, systems)
        for moment, happen in sorted(tale.events(), key=lambda event: event[0]):
            happen(moment)
    site.arrive("now", at)
    site.lose()
    say(f"{len(tale.records)} requests with their decisions, {len(PULLS)} readings, {len(REVIEWS)} months of reviews")


@dataclass
class Tale:
    """The events of the story, each a verb of somebody."""

    story: Story
    people: dict[str, User]
    systems: dict[str, System]
    records: dict[int, ChangeRecord] = field(default_factory=dict)

    def events(self) -> Iterator[Event]:
        """Everything that happened, with its moment. Requests keep the order of the register within a day."""
        steps = {
            "asked": self.ask, "agreed": self.agree_once, "decided": self.agree, "rejected": self.reject,
            "done": self.do,
        }  # fmt: skip
        seen: dict[datetime, list[int]] = {}
        for number, asked in enumerate(self.story.requests()):
            for what, moment in asked.moments.items():
                if what == "verified":
                    seen.setdefault(moment, []).append(number)
                else:
                    yield moment + timedelta(seconds=number), partial(steps[what], number, asked)
        for moment, numbers in seen.items():
            yield moment, partial(self.see, numbers)
        yield self.story.moment(POLICY, "asked"), partial(policy.propose, self.people["mina"])
        yield self.story.moment(POLICY, "decided"), partial(policy.adopt, self.people["chandra"])
        yield from self.readings()
        yield from self.meetings()

    def ask(self, number: int, asked: Asked, at: datetime) -> None:
        """Somebody asks."""
        self.records[number] = connections.request(
            system=self.systems[asked.system],
            material=asked.material,
            justification=asked.justification,
            title=asked.title,
            urgency=asked.urgency,
            window=asked.window,
            rollback=asked.rollback,
            ticket=asked.ticket,
            due=asked.due,
            standard_service=asked.material.get("source") in ("managed", "backed-up"),
            by=self.people[asked.by],
            at=at,
        )

    def agree_once(self, number: int, asked: Asked, at: datetime) -> None:
        """The first who may agrees, and the others have not looked yet."""
        change = self.records[number]
        person = next(each for each in self.people.values() if may(each, "approve", change, at=at) is None)
        self.records[number] = changes.approve(change, by=person, because="Agreed.", at=at)

    def agree(self, number: int, asked: Asked, at: datetime) -> None:
        """Everybody whose agreement is needed agrees, a few minutes apart."""
        able = {person.pk for person in deciders(self.records[number], at)}
        for later, person in enumerate(self.people.values()):
            change = self.records[number]
            if person.pk in able and change.state == State.SUBMITTED and may(person, "approve", change, at=at) is None:
                moment = at + timedelta(minutes=7 * later)
                self.records[number] = changes.approve(change, by=person, because="Needed, and no wider.", at=moment)

    def reject(self, number: int, asked: Asked, at: datetime) -> None:
        """A manager says no, and why."""
        change = self.records[number]
        person = next(each for each in self.people.values() if may(each, "reject", change, at=at) is None)
        self.records[number] = changes.reject(change, by=person, because=asked.because, at=at)

    def do(self, number: int, asked: Asked, at: datetime) -> None:
        """The engineer marks it as done."""
        engineer = self.people[asked.engineer]
        self.records[number] = changes.implement(self.records[number], by=engineer, at=at)

    def see(self, numbers: list[int], at: datetime) -> None:
        """The rules as read by then say whether it was done as approved."""
        if at > self.story.moment(PULLS[-1][0], "pulled"):  # since the last monthly reading: the ends are read again
            hosts = {host for number in numbers for host in footprint.affected(self.records[number])}
            site.arrive("now", at, sorted(hosts))
            site.read_all(self.people["erin"], at, hosts)
        verification.settle([self.records[number] for number in numbers], at=at)

    def readings(self) -> Iterator[Event]:
        """The dumps arrive, are read, and compared; one source is paused."""
        erin = self.people["erin"]
        yield self.story.moment(BEGINNING, "decided"), partial(site.add_sources, erin)
        for days, month in PULLS:
            moment = self.story.moment(days, "pulled")
            yield moment, partial(site.month, month, erin)
            yield self.story.moment(days, "compared"), site.compared
        yield self.story.moment(PAUSED, "asked"), partial(site.pause, erin)

    def meetings(self) -> Iterator[Event]:
        """The reviews of both systems."""
        begun = self.story.moment(BEGINNING, "decided")
        yield begun, partial(meetings.planned, self.story, self.systems, self.people)
        for days, meet in zip(REVIEWS, (meetings.held, meetings.missed, meetings.held), strict=True):
            for later, system in enumerate(self.systems.values()):
                moment = self.story.moment(days, "agreed") + timedelta(hours=later)
                yield moment, partial(meet, self.story, system, self.people)
