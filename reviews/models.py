"""Reviews: when they are due, what was on the table, who was there, what was decided and what follows."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.models import ChangeRecord, Connection, ConnectionVersion, RiskAcceptance, System, User, Zone
from compliance.models.scope import Scoped
from evidence.models import Comparison, Finding


class Holiday(models.Model):
    """A day on which no review is held: one list for the installation."""

    day = models.DateField(unique=True)
    name = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["day"]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.name}".strip()


class ScheduleQuerySet(Scoped["ReviewSchedule"]):
    """Schedules of the systems a person may see."""


class ReviewSchedule(models.Model):
    """The standing duty: a review of a system every month, or by a rule of its own, at a time of day."""

    class OnHoliday(models.TextChoices):
        NEXT = "next", "On the next working day"
        BEFORE = "before", "On the last working day before"
        KEEP = "keep", "All the same"

    system = models.OneToOneField(System, on_delete=models.PROTECT, related_name="review_schedule")
    week = models.PositiveSmallIntegerField(default=3, help_text="1 to 4: which such weekday of the month; 5 = last.")
    weekday = models.PositiveSmallIntegerField(default=2, help_text="0 Monday to 6 Sunday.")
    hour = models.PositiveSmallIntegerField(default=10)
    minute = models.PositiveSmallIntegerField(default=0)
    rule = models.CharField(max_length=200, blank=True, help_text="RFC 5545; empty: monthly, on that weekday.")
    starts_on = models.DateField(null=True, blank=True, help_text="Every second week, or third month, counts from it.")
    on_holiday = models.CharField(max_length=6, choices=OnHoliday.choices, default=OnHoliday.NEXT)
    time_zone = models.CharField(max_length=60, default="Australia/Sydney")
    chair = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reviews_chaired_by_schedule")
    invited = models.ManyToManyField(User, blank=True, related_name="review_schedules")
    remind_days = models.PositiveSmallIntegerField(default=14, help_text="The first reminder; then 7 days and 1 ahead.")
    quorum = models.PositiveSmallIntegerField(default=2, help_text="How many have to be there: two at least.")
    enabled = models.BooleanField(default=True)

    objects: ClassVar[models.Manager[ReviewSchedule]] = ScheduleQuerySet.as_manager()

    def __str__(self) -> str:
        return f"review of {self.system}"


class ReviewQuerySet(Scoped["Review"]):
    """Reviews of the systems a person may see."""


class Review(models.Model):
    """One review, due or held. Once closed its minutes are frozen with their hash."""

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        OPEN = "open", "In session"
        SIGNING = "signing", "Signed by the chair"
        CLOSED = "closed", "Closed"
        MISSED = "missed", "Not held"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="reviews")
    due_at = models.DateTimeField()
    named_day = models.DateField(
        null=True, blank=True, help_text="The day that the schedule names, whatever day it is held on; none beside it."
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.PLANNED)
    chair = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reviews_chaired")
    second = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="reviews_seconded")
    opened_at = models.DateTimeField(null=True, blank=True)
    signed_at = models.DateTimeField("signed by the chair", null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, null=True, blank=True)
    notes = models.TextField("what people said", blank=True)
    minutes = models.TextField("minutes, as frozen (Markdown)", blank=True)
    minutes_hash = models.CharField(max_length=64, blank=True)

    objects: ClassVar[models.Manager[Review]] = ReviewQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-due_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "due_at"], name="one_review_at_a_time"),
            models.UniqueConstraint(fields=["system", "named_day"], name="one_review_a_named_day"),
            models.CheckConstraint(
                condition=Q(second__isnull=True) | ~Q(second=F("chair")),
                name="a_second_person_signs_the_minutes",
                violation_error_message="The minutes are signed by the chair and by somebody else.",
            ),
            models.CheckConstraint(
                condition=~Q(state="closed")
                | (Q(second__isnull=False, closed_at__isnull=False) & ~Q(minutes="") & ~Q(minutes_hash="")),
                name="what_is_closed_was_signed_by_two",
                violation_error_message="Minutes are closed by two signatures.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} of {self.system}"

    @property
    def ref(self) -> str:
        """The id people use."""
        return f"REV-{self.pk}"


class AgendaItem(models.Model):
    """One thing to look at. Written by Eastwest when the review opens; what was decided on it is a Decision."""

    class Kind(models.TextChoices):
        FINDING = "finding", "Finding"
        DUE = "due", "Due for review"
        CHANGE = "change", "Change since the last review"
        ACTION = "action", "Open action"
        COVERAGE = "coverage", "What could not be seen"
        LOG = "log", "Examination of logs"
        ATTEST = "attest", "Attestation to be made again"
        REGISTER = "register", "Part of the register"
        NOTE = "note", "Other"

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="agenda")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    title = models.CharField(max_length=300)
    detail = models.TextField(blank=True)
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, null=True, blank=True)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True)
    change = models.ForeignKey(ChangeRecord, on_delete=models.PROTECT, null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]

    def __str__(self) -> str:
        return self.title


class Decision(models.Model):
    """What the review decided on an item of its agenda."""

    class What(models.TextChoices):
        KEEP = "keep", "Keep"
        NARROW = "narrow", "Narrow"
        REVOKE = "revoke", "Remove"
        ACCEPT = "accept", "Accept the risk until a date"
        FIX = "fix", "To be mended"
        NOTED = "noted", "Noted"

    item = models.OneToOneField(AgendaItem, on_delete=models.PROTECT, related_name="decision")
    what = models.CharField(max_length=8, choices=What.choices)
    note = models.TextField(blank=True)
    until = models.DateField(null=True, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1, help_text="Of two who write at once one is told.")
    outcome = models.TextField("what came of it, as written by Eastwest", blank=True)
    change = models.ForeignKey(ChangeRecord, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    risk = models.ForeignKey(RiskAcceptance, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    carried_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    carried_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {self.item}"


class Attendee(models.Model):
    """Who was there: confirmed by themselves, or recorded by the chair."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="attendees")
    person = models.ForeignKey(User, on_delete=models.PROTECT)
    present = models.BooleanField(default=True)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["review", "person"], name="one_seat_a_person"),
        ]

    def __str__(self) -> str:
        return str(self.person)


class ReviewAction(models.Model):
    """Something somebody undertook to do by a date."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Done"

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="actions")
    item = models.ForeignKey(AgendaItem, on_delete=models.PROTECT, null=True, blank=True, related_name="actions")
    text = models.CharField(max_length=300)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="review_actions")
    due = models.DateField()
    state = models.CharField(max_length=4, choices=State.choices, default=State.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_note = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["due", "pk"]

    def __str__(self) -> str:
        return self.text


class CalendarFeed(models.Model):
    """The address of a person's calendar: the digest of its token alone is kept. One at a time is open."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="calendar_feeds")
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(ended_at__isnull=True), name="one_open_calendar_a_person"
            ),
        ]

    def __str__(self) -> str:
        return f"calendar of {self.person}"


class CampaignQuerySet(Scoped["Campaign"]):
    """Campaigns that are about a system a person may see."""

    system_paths = ("systems",)

    def for_user(self, person: Any) -> Self:
        """Each once, also where it is about several of them."""
        return super().for_user(person).distinct()


class Campaign(models.Model):
    """Connections that their owners go through by a day. Closed, its result is frozen with its hash."""

    class State(models.TextChoices):
        OPEN = "open", "Going on"
        CLOSED = "closed", "Closed"

    class Which(models.TextChoices):
        ALL = "all", "All that are authorised"
        DUE = "due", "Those to be reviewed by a day"
        PROVISIONAL = "provisional", "Those on a provisional basis"
        ZONE = "zone", "Those with an end in a zone"

    title = models.CharField(max_length=120)
    systems = models.ManyToManyField(System, related_name="campaigns")
    which = models.CharField(max_length=12, choices=Which.choices)
    before = models.DateField(null=True, blank=True, help_text="Of those to be reviewed by a day: the day.")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, null=True, blank=True, related_name="campaigns")
    due = models.DateField(help_text="By when every owner has decided.")
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="campaigns_started")
    started_at = models.DateTimeField()
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_because = models.TextField(blank=True)
    result = models.TextField("result, as frozen (JSON)", blank=True)
    result_hash = models.CharField(max_length=64, blank=True)

    objects: ClassVar[models.Manager[Campaign]] = CampaignQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state="open", result_hash="")
                | (Q(state="closed", closed_at__isnull=False, closed_by__isnull=False) & ~Q(result_hash="")),
                name="a_closed_campaign_has_its_result",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def ref(self) -> str:
        """The id people use."""
        return f"CMP-{self.pk}"


class CampaignItemQuerySet(Scoped["CampaignItem"]):
    """What is to be decided in the systems a person may see."""


class CampaignItem(models.Model):
    """One connection of a campaign, as it stood when that began, and what its owner decided, if anything."""

    class What(models.TextChoices):
        NONE = "", "Not decided"
        KEEP = "keep", "Keep"
        NARROW = "narrow", "Narrow"
        REVOKE = "revoke", "Remove"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="items")
    system = models.ForeignKey(System, on_delete=models.PROTECT)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="campaign_items")
    version = models.ForeignKey(ConnectionVersion, on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=6, choices=What.choices, default=What.NONE, blank=True)
    because = models.TextField(blank=True)
    until = models.DateField(null=True, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    change = models.ForeignKey(ChangeRecord, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects: ClassVar[models.Manager[CampaignItem]] = CampaignItemQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["campaign", "connection"], name="a_connection_once_a_campaign"),
            models.CheckConstraint(
                condition=Q(what="", change__isnull=True, decided_by__isnull=True)
                | (~Q(what="") & Q(change__isnull=False, decided_by__isnull=False)),
                name="what_an_owner_decided_has_its_record",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection.ref} in CMP-{self.campaign_id}"
