"""People, what they may do, and for which system."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

Read = TypeVar("Read")


class Role(models.TextChoices):
    """What a person does here. A grant is for one system, or for the whole organisation (no system)."""

    REQUESTER = "requester", "Requester"
    SYSTEM_OWNER = "system_owner", "System owner"
    MANAGER = "manager", "Manager who approves"
    ENGINEER = "engineer", "Engineer"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"


class People(BaseUserManager["User"]):
    """People sign in by e-mail address; there are no user names."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A person. Without a password nobody can sign in as them until they set one by a one-time link."""
        person = self.model(email=self.normalize_email(email).lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def here(self) -> models.QuerySet[User]:
        """Everybody who may still come in, programs left out."""
        return self.filter(is_active=True, is_service=False)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """An administrator of the installation (Django's own admin pages). Approves nothing."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person. People are deactivated, never deleted: what they decided keeps their name."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=120)
    title = models.CharField("position", max_length=120, blank=True)
    is_service = models.BooleanField(default=False, help_text="A program with a token: it decides and manages nothing.")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[People] = People()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        """The name as the person writes it."""
        return self.name or self.email

    @property
    def initials(self) -> str:
        """One or two letters for the badge beside the name."""
        parts = self.name.split() or [self.email]
        return (parts[0][:1] + (parts[-1][:1] if len(parts) > 1 else "")).upper()

    # The grants as fetched for one page that only shows, or one question; None: the database is asked each time.
    _kept: list[RoleGrant] | None = None
    _read: dict[Hashable, Any]

    def keep_grants(self) -> None:
        """Fetches the grants once, for the time of one page that only shows; what decides has `grants_read_once`."""
        self._kept, self._read = list(RoleGrant.objects.filter(person=self)), {}

    def read_once(self, key: Hashable, read: Callable[[], Read]) -> Read:
        """What `read` gives; for as long as the grants are kept it is read once for a key."""
        if self._kept is None:
            return read()
        if key not in self._read:
            self._read[key] = read()
        found: Read = self._read[key]
        return found

    @contextmanager
    def grants_read_once(self) -> Iterator[None]:
        """Within it the grants are asked for once, as they stand now: one question about a person asks ten times."""
        if self._kept is not None:
            yield
            return
        self.keep_grants()
        try:
            yield
        finally:
            self._kept = None

    def _kept_grants(self, at: datetime | None) -> list[RoleGrant]:
        moment = at or timezone.now()
        return [row for row in self._kept or [] if self.is_active and row.holds_at(moment)]

    def grants(self, at: datetime | None = None) -> models.QuerySet[RoleGrant]:
        """The roles this person holds at that time."""
        if not self.is_active:
            return RoleGrant.objects.none()
        return RoleGrant.objects.filter(person=self).in_force(at or timezone.now())

    def roles_held(self, at: datetime | None = None) -> list[RoleGrant]:
        """The same as rows: the kept ones, where they are kept."""
        return self._kept_grants(at) if self._kept is not None else list(self.grants(at))

    def holds(
        self,
        roles: Iterable[str],
        system_id: int | None = None,
        at: datetime | None = None,
        *,
        deciding: bool = False,
    ) -> bool:
        """Whether the person holds one of the roles, for that system or for the whole organisation.

        `deciding`: only roles that may decide by now count, see `RoleGrant.decides_from`.
        """
        wanted, moment = set(roles), at or timezone.now()
        if self._kept is not None:
            return any(
                row.role in wanted
                and (system_id is None or row.system_id in (None, system_id))
                and not (deciding and row.decides_from and row.decides_from > moment)
                for row in self._kept_grants(at)
            )
        grants = self.grants(at).filter(role__in=wanted)
        if deciding:
            grants = grants.filter(Q(decides_from__isnull=True) | Q(decides_from__lte=moment))
        if system_id is not None:
            grants = grants.filter(Q(system__isnull=True) | Q(system_id=system_id))
        return grants.exists()

    def system_ids(self, at: datetime | None = None) -> set[int] | None:
        """The systems whose records the person may see; None means all of them."""
        found = {row.system_id for row in self.roles_held(at)}
        return None if None in found else {key for key in found if key is not None}


class RoleGrantQuerySet(models.QuerySet["RoleGrant"]):
    """Grants, by time."""

    def in_force(self, at: datetime) -> RoleGrantQuerySet:
        """Those that hold at that time."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=at), valid_from__lte=at, awaits_second=False)


class RoleGrant(models.Model):
    """A role given to a person, for one system or (no system) for all, from and until, and by whom."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="role_grants")
    role = models.CharField(max_length=20, choices=Role.choices)
    system = models.ForeignKey("compliance.System", on_delete=models.PROTECT, null=True, blank=True)
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="grants_given")
    by_groups = models.BooleanField(default=False, help_text="Given by a group at the organisation's provider.")
    awaits_second = models.BooleanField(default=False, help_text="Counts once a second administrator confirmed it.")
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    decides_from = models.DateTimeField(
        null=True, blank=True, help_text="Of a role that one administrator gave alone: nothing is decided in it before."
    )

    objects: ClassVar[models.Manager[RoleGrant]] = RoleGrantQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(granted_by__isnull=True) | ~Q(granted_by=models.F("person")),
                name="nobody_grants_a_role_to_themselves",
                violation_error_message="Nobody grants a role to themselves: a second administrator does it.",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True)
                | (~Q(confirmed_by=models.F("person")) & ~Q(confirmed_by=models.F("granted_by"))),
                name="a_second_administrator_is_a_third_person",
                violation_error_message="Who gave the role, or gets it, does not confirm it.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.get_role_display()}"

    def holds_at(self, at: datetime) -> bool:
        """What `in_force` asks the database, of one row."""
        return not self.awaits_second and self.valid_from <= at and (self.valid_to is None or self.valid_to > at)


def keep_grants(people: Iterable[User]) -> None:
    """Fetches the grants of all of them with one query, as `User.keep_grants` does for one: to show or tell, not to
    decide."""
    found: dict[int, list[RoleGrant]] = {person.pk: [] for person in people}
    for row in RoleGrant.objects.filter(person__in=list(found)):
        found[row.person_id].append(row)
    for person in people:
        person._kept, person._read = found[person.pk], {}


def link_digest(token: str) -> str:
    """What is kept of a one-time link: never the token itself."""
    return hashlib.sha256(token.encode()).hexdigest()


class SetUpLink(models.Model):
    """A one-time link by which a person sets their first password. There is no default password."""

    person = models.ForeignKey(User, on_delete=models.PROTECT)
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"link for {self.person}"
