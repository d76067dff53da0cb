"""The ledger: an inbox in the transaction of each decision, and the Merkle log its rows are sealed into."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from compliance.models.estate import System
from compliance.models.people import User
from compliance.models.scope import Scoped


class InboxQuerySet(Scoped["LedgerInbox"]):
    """What a person may see of what was done: in their systems, and what they did themselves."""

    def for_user(self, person: object) -> InboxQuerySet:
        """All for those who audit or administer the whole organisation."""
        if not isinstance(person, User) or not person.is_active:
            return self.none()
        systems = person.system_ids()
        if systems is None and person.holds(["auditor", "administrator"]):
            return self
        mine = Q(actor=person)
        return self.filter(mine | (Q(system__isnull=False) if systems is None else Q(system__in=systems)))

    def waiting(self) -> InboxQuerySet:
        """What is not sealed yet, in order."""
        return self.filter(seq__isnull=True, refused=False).order_by("pk")


class LedgerInbox(models.Model):
    """What was done, by whom, to what, with all that is said of it. `seq` is its number once it is sealed.

    `mac` is an HMAC over data, salt and uid whose key is not in the database: a row that somebody slipped in is not
    sealed but `refused`. The payload in `data` can be erased; the entry holds only its salted hash.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    data = models.JSONField()
    created = models.DateTimeField(default=timezone.now)
    salt = models.CharField(max_length=32, blank=True)
    mac = models.CharField(max_length=64, blank=True)
    seq = models.PositiveBigIntegerField(null=True, blank=True, unique=True)
    refused = models.BooleanField(default=False)
    verb = models.CharField(max_length=60, blank=True)
    object_type = models.CharField(max_length=80, blank=True)
    object_id = models.BigIntegerField(null=True, blank=True)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    system = models.ForeignKey(System, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects: ClassVar[models.Manager[LedgerInbox]] = InboxQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "ledger inbox"
        ordering: ClassVar[list[str]] = ["pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["id"], condition=Q(seq__isnull=True), name="ledger_rows_that_wait"),
            models.Index(fields=["object_type", "object_id"], name="ledger_rows_of_an_object"),
            models.Index(fields=["verb", "created"], name="ledger_rows_of_a_verb"),
        ]

    def __str__(self) -> str:
        return f"{self.data.get('verb')} {self.data.get('object')}"


class LedgerEntry(models.Model):
    """One leaf of the log: gapless from 1, its bytes exactly as they were hashed."""

    seq = models.PositiveBigIntegerField(primary_key=True)
    uid = models.UUIDField(unique=True)
    data = models.TextField(help_text="Canonical JSON.")
    leaf_hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering: ClassVar[list[str]] = ["seq"]

    def __str__(self) -> str:
        return f"#{self.seq}"


class LedgerHead(models.Model):
    """The one row that says how far the log is: size, frontier, root, and the seal over them as a signed note."""

    size = models.PositiveBigIntegerField(default=0)
    frontier = models.TextField(blank=True, help_text="Roots of the complete subtrees, hex, one after the other.")
    root = models.CharField(max_length=64)
    seal = models.TextField(help_text="The signed note: origin, size, root, time.")
    key = models.CharField(max_length=64, help_text="SHA-256 of the public key that signs.")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"#{self.size}"


class LedgerCheckpoint(models.Model):
    """A signed note, and where outside this database it was put. `problems`: {target: why it failed}."""

    size = models.PositiveBigIntegerField()
    note = models.TextField()
    at = models.DateTimeField(default=timezone.now)
    because = models.CharField(max_length=60, blank=True)
    published_to = models.JSONField(default=list)
    problems = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"checkpoint of #{self.size}"


class LedgerShipment(models.Model):
    """How far one place outside has the log, line by line. `problem`: why it takes no more, since when."""

    place = models.CharField(max_length=20, unique=True)
    seq = models.PositiveBigIntegerField(default=0)
    at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.place} up to #{self.seq}"


class LedgerRow(models.Model):
    """What the ledger said last of one governed row: the salted hash of these fields (`names`, a comma between)."""

    label = models.CharField(max_length=80)
    key = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    salt = models.CharField(max_length=32)
    names = models.TextField()
    uid = models.UUIDField(help_text="The entry that said it.")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["label", "key"], name="one_word_about_a_row"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.key}"
