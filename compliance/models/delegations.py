"""Delegation: somebody who decides names who decides in their place, from and until."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.models.estate import System
from compliance.models.people import User
from compliance.models.scope import Scoped


class DelegationQuerySet(Scoped["Delegation"]):
    """Delegations, by time."""

    def in_force(self, at: datetime) -> DelegationQuerySet:
        """Those that hold at that time, as far as the delegator still holds what they gave: that is asked apart."""
        return self.filter(valid_from__lte=at, valid_to__gt=at).filter(Q(ended_at__isnull=True) | Q(ended_at__gt=at))

    def held_by(self, person: User) -> list[tuple[str, int, int]]:
        """(capacity, system, delegator) of those the person holds now, and whose delegator still may give them."""
        if not person.is_active or person.is_superuser:
            return []
        rows = self.filter(delegate=person, delegator__is_active=True).in_force(timezone.now())
        return [
            (row.capacity, row.system_id, row.delegator_id)
            for row in rows.select_related("delegator", "system")
            if row.capacity == Delegation.Capacity.AUTHORISING_OFFICER
            or row.delegator.holds([row.capacity], row.system_id)
        ]


class Delegation(models.Model):
    """One person decides in another's place, in one capacity for one system, from and until. It ends by itself."""

    class Capacity(models.TextChoices):
        SYSTEM_OWNER = "system_owner", "System owner"
        MANAGER = "manager", "Manager"
        AUTHORISING_OFFICER = "authorising_officer", "Authorising officer"

    delegator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey(User, on_delete=models.PROTECT, related_name="delegations_held")
    capacity = models.CharField(max_length=19, choices=Capacity.choices)
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="delegations")
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField()
    because = models.TextField()
    made_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[Delegation]] = DelegationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=~Q(delegate=F("delegator")),
                name="nobody_is_their_own_delegate",
                violation_error_message="A delegate is somebody else.",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__gt=F("valid_from")),
                name="a_delegation_ends_after_it_begins",
                violation_error_message="A delegation ends after it begins.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delegate} for {self.delegator}: {self.get_capacity_display()} of {self.system}"
