"""Who may agree to what, said a second time and in another way, so that the two can be held against each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

ROLE_OF: Final = {"system_owner": "system_owner", "manager": "manager", "other_owner": "system_owner"}
HEAVY: Final = ("system_owner", "manager", "administrator")
FIRST_DAY: Final = timedelta(days=1)  # of a role that one administrator gave alone: nothing is decided in it


@dataclass(frozen=True)
class Grant:
    """A role of a person, for one system or (None) for all, from and until (None: no end).

    `decides`: from when it decides; `waits`: it counts once a second administrator confirmed it.
    """

    key: int
    person: int
    role: str
    system: int | None
    start: datetime
    end: datetime | None
    decides: datetime | None = None
    waits: bool = False
    giver: int | None = None


@dataclass(frozen=True)
class Place:
    """Somebody decides in somebody's place."""

    key: int
    delegator: int
    delegate: int
    capacity: str
    system: int
    start: datetime
    end: datetime


@dataclass
class Rights:
    """Everybody's roles, who is active and who is a superuser; kept by the test, never read back from the tables."""

    grants: list[Grant] = field(default_factory=list)
    active: dict[int, bool] = field(default_factory=dict)
    superusers: set[int] = field(default_factory=set)
    places: list[Place] = field(default_factory=list)
    officers: dict[int, int] = field(default_factory=dict)

    def copy(self) -> Rights:
        """Another account that begins as this one."""
        return Rights(
            list(self.grants), dict(self.active), set(self.superusers), list(self.places), dict(self.officers)
        )

    def holds(self, person: int, role: str, system: int | None, at: datetime, *, deciding: bool = False) -> bool:
        """Whether the person holds the role for that system at that time; `deciding`: so that they decide in it."""
        return self.active.get(person, False) and any(
            grant.person == person
            and grant.role == role
            and (system is None or grant.system in (None, system))
            and grant.start <= at
            and (grant.end is None or at < grant.end)
            and not grant.waits
            and not (deciding and grant.decides is not None and at < grant.decides)
            for grant in self.grants
        )

    def never_decides(self, person: int, at: datetime) -> bool:
        """Administrators manage; they decide on nothing."""
        return person in self.superusers or self.holds(person, "administrator", None, at)

    def why_not(self, person: int, need: dict[str, Any], change: dict[str, Any], at: datetime) -> str:
        """Why the person could not meet this need of this change; "" when they could."""
        own = (change["requested_by_id"], change["last_edited_by_id"])
        if person in own:
            return "their own change"
        if self.never_decides(person, at):
            return "an administrator"
        capacity, system = need["capacity"], need["system_id"]
        if self.capable(person, capacity, system, at, named=need["person_id"]):
            return ""
        if capacity != "named" and self.stands_in(person, ROLE_OF.get(capacity, capacity), system, at, never=own):
            return ""
        return f"not {capacity} of system {system}"

    def capable(self, person: int, capacity: str, system: int, at: datetime, *, named: int | None = None) -> bool:
        """Whether the person holds the capacity in their own right."""
        if capacity == "named":
            return self.active.get(person, False) and named == person
        if capacity == "authorising_officer":
            return self.active.get(person, False) and self.officers.get(system) == person
        return self.holds(person, ROLE_OF.get(capacity, capacity), system, at, deciding=True)

    def stands_in(
        self, person: int, capacity: str, system: int, at: datetime, *, never: Iterable[int | None] = ()
    ) -> bool:
        """Whether the person decides in the place of somebody who holds the capacity, none of `never`."""
        return self.active.get(person, False) and any(
            (place.delegate, place.capacity, place.system) == (person, capacity, system)
            and place.start <= at < place.end
            and place.delegator not in never
            and self.capable(place.delegator, capacity, system, at)
            for place in self.places
        )

    def why_not_risk(self, person: int, risk: dict[str, Any], at: datetime, *, revoking: bool = False) -> str:
        """Why the person could not decide on this risk, or revoke it; "" when they could."""
        officer = self.officers.get(risk["system_id"])
        if officer is None or not self.active.get(officer, False):
            return "nobody is its officer"
        if person != officer and not self.stands_in(person, "authorising_officer", risk["system_id"], at):
            return "neither the officer nor a delegate"
        if self.never_decides(person, at):
            return "an administrator"
        return "" if revoking or risk["requested_by_id"] != person else "their own request"

    # What changes it

    def give(self, grant: Grant, at: datetime) -> None:
        """A role is given: one that decides or administers waits for a second administrator, if there is one, else it
        decides nothing in its first day."""
        others = any(
            self.holds(person, "administrator", None, at)
            for person in self.active
            if person not in (grant.person, grant.giver)
        )
        if grant.role in HEAVY and others:
            grant = replace(grant, waits=True)
        elif grant.role in HEAVY and grant.role != "administrator":
            grant = replace(grant, decides=at + FIRST_DAY)
        self.grants.append(grant)

    def confirm(self, key: int) -> None:
        """The second administrator agreed."""
        self.grants = [replace(one, waits=False) if one.key == key else one for one in self.grants]

    def take_away(self, key: int, at: datetime) -> None:
        """The role ends."""
        self.grants = [replace(one, end=at) if one.key == key else one for one in self.grants]

    def leave(self, person: int, at: datetime) -> None:
        """A person is deactivated: they may nothing any more, and their roles have ended."""
        self.active[person] = False

    def end_place(self, key: int, at: datetime) -> None:
        """A delegation is ended early."""
        self.places = [replace(one, end=at) if one.key == key else one for one in self.places]
