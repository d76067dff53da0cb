"""Who may agree to what, said a second time and in another way, so that the two can be held against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

ROLE_OF: Final = {"system_owner": "system_owner", "manager": "manager", "other_owner": "system_owner"}


class Grant(NamedTuple):
    """A role of a person, for one system or (None) for all, from and until (None: no end)."""

    person: int
    role: str
    system: int | None
    start: datetime
    end: datetime | None


class Place(NamedTuple):
    """Somebody decides in somebody's place."""

    delegator: int
    delegate: int
    role: str
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

    def holds(self, person: int, role: str, system: int | None, at: datetime) -> bool:
        """Whether the person holds the role for that system at that time."""
        return self.active.get(person, False) and any(
            grant.person == person
            and grant.role == role
            and (system is None or grant.system in (None, system))
            and grant.start <= at
            and (grant.end is None or at < grant.end)
            for grant in self.grants
        )

    def why_not(self, person: int, need: dict[str, Any], change: dict[str, Any], at: datetime) -> str:
        """Why the person could not meet this need of this change; "" when they could."""
        if person in (change["requested_by_id"], change["last_edited_by_id"]):
            return "their own change"
        if person in self.superusers or self.holds(person, "administrator", None, at):
            return "an administrator"
        role, system = ROLE_OF[need["capacity"]], need["system_id"]
        if self.holds(person, role, system, at) or self.stands_in(person, role, system, change, at):
            return ""
        return f"not {need['capacity']} of system {system}"

    def stands_in(self, person: int, role: str, system: int, change: dict[str, Any], at: datetime) -> bool:
        """Whether the person decides in somebody's place who holds the role, and neither asked nor edited."""
        own = (change["requested_by_id"], change["last_edited_by_id"])
        return self.active.get(person, False) and any(
            (place.delegate, place.role, place.system) == (person, role, system)
            and place.start <= at < place.end
            and place.delegator not in own
            and self.holds(place.delegator, role, system, at)
            for place in self.places
        )

    def end(self, person: int, at: datetime) -> None:
        """A person is deactivated: they may nothing any more."""
        self.active[person] = False
