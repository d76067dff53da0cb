"""Change records: who asked for what and why, who must agree, who agreed, and the states between."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final, NamedTuple, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.models.connections import Connection
from compliance.models.delegations import Delegation
from compliance.models.estate import System
from compliance.models.people import User
from compliance.models.scope import Scoped
from compliance.models.written import NOTHING_BESIDE, longer, named_beside, requested, says


class State(models.TextChoices):
    """Where a change record stands."""

    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Waiting for approval"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    IMPLEMENTED = "implemented", "Implemented"
    VERIFIED = "verified", "Verified"
    DISPUTED = "disputed", "Disputed"
    RETIRED = "retired", "Retired"


class Transition(NamedTuple):
    """One row of the table: from which states a verb leads where, and which roles may do it."""

    sources: tuple[str, ...]
    target: str
    roles: tuple[str, ...]


# role → the needs that somebody who holds it can meet
CAPACITIES_OF: Final = {"manager": ("manager",), "system_owner": ("system_owner", "other_owner")}
# The whole workflow. A verb that is not here, or from a state that is not here, does not exist.
TRANSITIONS: Final[dict[str, Transition]] = {
    "edit": Transition(("draft",), "draft", ("requester", "system_owner", "engineer")),
    "submit": Transition(("draft",), "submitted", ("requester", "system_owner", "engineer")),
    "approve": Transition(("submitted",), "approved", ("system_owner", "manager")),
    "reject": Transition(("submitted",), "rejected", ("system_owner", "manager")),
    "act_first": Transition(("submitted",), "submitted", ("engineer",)),
    "withdraw": Transition(("draft", "submitted"), "withdrawn", ("requester", "system_owner", "engineer")),
    "implement": Transition(("approved", "disputed"), "implemented", ("engineer",)),
    "verify": Transition(("implemented", "disputed"), "verified", ("system",)),
    "dispute": Transition(("implemented", "verified"), "disputed", ("system", "system_owner", "engineer")),
    "retire": Transition(("approved", "implemented", "verified", "disputed"), "retired", ("system",)),
}


class ChangeQuerySet(Scoped["ChangeRecord"]):
    """Change records a person may see: of their systems, or that wait for them."""

    def for_user(self, person: Any) -> Self:
        """Those of the person's systems, those that ask for agreement in one of them, and those that wait for them as
        the person or officer named for a stage. Asked of each row, as lists of changes show the first of very many."""
        if not isinstance(person, User) or not person.is_active:
            return self.none()
        systems = person.system_ids()
        if systems is None:
            return self
        needs = ApprovalNeeded.objects.filter(change=models.OuterRef("pk"))  # each part by itself: an index answers it
        officer = needs.filter(capacity="authorising_officer", system__authorising_officer=person)
        named = models.Exists(needs.filter(person=person)) | models.Exists(officer)
        return self.filter(Q(system__in=systems) | models.Exists(needs.filter(system__in=systems)) | named)

    def saying(self, words: str) -> tuple[Self, Self]:
        """Those that ask for what the words say, whatever their capitals: by an index alone, and the few long ones."""
        rest = Q(title__icontains=words) | Q(ticket__icontains=words) | Q(material__icontains=words)
        rest |= Q(material__icontains=json.dumps(words)[1:-1])  # SQLite keeps some letters escaped
        return self.filter(says("words", words)).order_by(), self.filter(rest, longer=True).order_by()

    def waiting_for(self, person: User) -> models.QuerySet[ChangeRecord]:
        """Submitted changes with a need this person could meet: in capacity, in scope, and not their own."""
        meets = Q(person=person) | Q(capacity="authorising_officer", system__authorising_officer=person)
        for capacity, system, delegator in Delegation.objects.held_by(person):
            kinds = ["system_owner", "other_owner"] if capacity == "system_owner" else [capacity]
            theirs = Q(change__requested_by_id=delegator) | Q(change__last_edited_by_id=delegator)
            meets |= Q(capacity__in=kinds, system_id=system) & ~theirs
        for grant in person.roles_held():
            if grant.role in CAPACITIES_OF:
                row = Q(capacity__in=CAPACITIES_OF[grant.role])
                meets |= row if grant.system_id is None else row & Q(system_id=grant.system_id)
        needs = ApprovalNeeded.objects.filter(change=models.OuterRef("pk"))
        # an earlier stage waits: asked of the needs that this person could meet alone
        unmet = ApprovalNeeded.objects.filter(change=models.OuterRef("change"), approval__isnull=True)
        before = models.Exists(unmet.filter(stage__lt=models.OuterRef("stage")))
        mine = needs.filter(meets, approval__isnull=True).exclude(before)
        # a value, not EXISTS: that PostgreSQL turns around, and reads the needs of all changes for each page
        rows = self.filter(state=State.SUBMITTED).alias(mine=models.Subquery(mine.order_by("pk").values("pk")[:1]))
        rows = rows.filter(mine__isnull=False).exclude(requested_by=person).exclude(last_edited_by=person)
        return rows.exclude(models.Exists(needs.filter(approval__approver=person)))


class ChangeRecord(models.Model):
    """A request to authorise, amend or retire a connection, from the asking to the proof that it was done."""

    class Kind(models.TextChoices):
        NEW = "new", "New connection"
        AMEND = "amend", "Change to a connection"
        RETIRE = "retire", "Removal"
        WIDEN = "widen", "Widening"
        DECOMMISSION = "decommission", "Decommissioning"

    class Urgency(models.TextChoices):
        ROUTINE = "routine", "Routine change"
        URGENT = "urgent", "Urgent change"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="changes")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="changes")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.NEW)
    urgency = models.CharField(max_length=7, choices=Urgency.choices, default=Urgency.ROUTINE)
    title = models.CharField(max_length=200)
    material = models.JSONField(help_text="What would be authorised, in the shape of a version.")
    content_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=11, choices=State.choices, default=State.DRAFT)
    version = models.PositiveIntegerField(default=1)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="changes_requested")
    last_edited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="changes_edited")
    created_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    implemented_at = models.DateTimeField(null=True, blank=True)
    implemented_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="changes_implemented"
    )
    verified_at = models.DateTimeField(null=True, blank=True)
    proof = models.CharField("digest of the proof", max_length=64, blank=True)
    closing_note = models.TextField("reason given on rejection, withdrawal or dispute", blank=True)
    ticket = models.CharField("ticket in another system", max_length=60, blank=True)
    window = models.CharField("change window", max_length=120, blank=True)
    rollback = models.TextField("how to undo it", blank=True)
    due = models.DateField(null=True, blank=True)
    rests_on = models.ForeignKey(
        "compliance.RiskAcceptance", on_delete=models.PROTECT, null=True, blank=True, related_name="changes",
        help_text="The accepted risk of a provisional baseline; what counts is the one that the material names.",
    )  # fmt: skip

    words = requested()
    longer = longer()
    beside = named_beside()

    objects: ClassVar[models.Manager[ChangeRecord]] = ChangeQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "submitted_at"]),
            models.Index(fields=["created_at"]),
            models.Index(fields=["system", "state"]),
            models.Index(fields=["words", "connection", "id"], name="changes_by_their_words"),
            models.Index(fields=["id"], condition=Q(longer=True), name="changes_with_more_words"),
            models.Index(fields=["connection"], condition=~Q(beside__in=NOTHING_BESIDE), name="changes_naming_others"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="a_change_is_in_a_known_state"),
            models.CheckConstraint(
                condition=Q(kind__in=["new", "amend", "retire"], connection__isnull=False)
                | Q(kind__in=["widen", "decommission"], connection__isnull=True),
                name="a_change_is_about_one_connection_or_the_estate",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def is_urgent(self) -> bool:
        """Urgent in the words of ISM-0912 (routine, urgent): sooner, and by the same people as any other."""
        return self.urgency == self.Urgency.URGENT

    @property
    def ref(self) -> str:
        """The id people use."""
        return f"CHG-{self.pk}"

    @property
    def of(self) -> Connection:
        """The one connection it is about. A change to the estate is about none: that is a mistake of the caller."""
        if self.connection is None:
            raise TypeError(f"{self.ref} is about the estate, not about one connection")
        return self.connection

    @property
    def refs(self) -> list[str]:
        """The ids of the connections it is about: its own, or all that it widens or retires."""
        if self.connection_id is not None:
            return [f"CON-{self.connection_id}"]
        return [row["connection"] for row in (*self.material.get("opens", []), *self.material.get("retires", []))]


class Justification(models.Model):
    """Why a connection is needed, what it does to security, and what travels on it."""

    change = models.OneToOneField(ChangeRecord, on_delete=models.PROTECT, related_name="justification")
    business_need = models.TextField()
    security_implications = models.TextField()
    data_carried = models.TextField(blank=True)
    written_by = models.ForeignKey(User, on_delete=models.PROTECT)
    written_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.business_need[:80]


class Capacity(models.TextChoices):
    """In what capacity somebody must agree."""

    SYSTEM_OWNER = "system_owner", "System owner"
    MANAGER = "manager", "Manager"
    OTHER_OWNER = "other_owner", "Owner of the other end"
    AUTHORISING_OFFICER = "authorising_officer", "Authorising officer"
    NAMED = "named", "Person named for the stage"


class ApprovalNeeded(models.Model):
    """Whose agreement a submitted change needs. Written on submission, then frozen.

    `stage` 1 are those every change needs; a later stage is asked after the one before it is complete.
    """

    change = models.ForeignKey(ChangeRecord, on_delete=models.PROTECT, related_name="needs")
    capacity = models.CharField(max_length=19, choices=Capacity.choices)
    system = models.ForeignKey(System, on_delete=models.PROTECT)
    stage = models.PositiveSmallIntegerField(default=1)
    title = models.CharField(max_length=60, blank=True, help_text="What the system calls the stage.")
    person = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        # which changes ask for agreement in a system, by the index alone (ChangeQuerySet.for_user)
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["system", "change"])]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["change", "capacity", "system", "stage"], name="one_need_of_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.change.ref}: {self.label}"

    @property
    def label(self) -> str:
        """In words: "system owner of Payroll", "Security officer of Payroll (Sol Stern)"."""
        named = f" ({self.person})" if self.person_id else ""
        return f"{self.title or self.get_capacity_display().lower()} of {self.system}{named}"


class Approval(models.Model):
    """Somebody's agreement to one need, bound to the hash of what they saw and sealed with the installation's key."""

    needed = models.OneToOneField(ApprovalNeeded, on_delete=models.PROTECT, related_name="approval")
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    approver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="approvals")
    capacity = models.CharField(max_length=19, choices=Capacity.choices)
    in_place_of = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="Whose delegate agreed."
    )
    content_hash = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)
    because = models.TextField(blank=True)
    seal = models.CharField(max_length=64, help_text="HMAC over all of the above; its key is not in the database.")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=~Q(approver=F("requested_by")),
                name="nobody_approves_their_own_change",
                violation_error_message="Nobody approves their own change: a second person does.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.approver} for {self.needed}"
