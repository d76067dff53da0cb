"""The story of the sample organisation as plain values: what `history.yaml` and `register.yaml` say, with real dates.

Days are days before the day it is told (`at`); every event of the past has an hour of the working day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import yaml
from django.utils import timezone

from compliance import register_file
from reviews.sample.plan import HERE

YEAR = 365
HOURS = {
    "asked": 9,
    "agreed": 14,
    "decided": 15,
    "rejected": 16,
    "done": 18,
    "verified": 20,
    "pulled": 4,
    "compared": 5,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request with all that happened to it; moments are None where it did not happen (yet)."""

    name: str
    material: dict[str, Any]
    justification: dict[str, str]
    title: str
    system: str
    by: str
    engineer: str
    urgency: str
    ticket: str
    window: str
    rollback: str
    because: str
    due: date | None
    moments: dict[str, datetime]


class Story:
    """Everything that is told, as of one moment."""

    def __init__(self, at: datetime) -> None:
        self.at = timezone.localtime(at)
        self.register: dict[str, Any] = register_file.read_text((HERE / "register.yaml").read_bytes())
        self.history: dict[str, Any] = yaml.safe_load((HERE / "history.yaml").read_text(encoding="utf-8"))
        self._system_of = {row["name"]: row["system"] for row in self.register["servers"]}
        self._groups = {row["name"]: row["members"] for row in self.register["groups"]}

    def day(self, days: int) -> date:
        """The calendar day so many days before the story is told."""
        return (self.at - timedelta(days=days)).date()

    def moment(self, days: int, what: str) -> datetime:
        """The hour of that day at which such a thing is done."""
        return timezone.make_aware(datetime.combine(self.day(days), datetime.min.time())) + timedelta(hours=HOURS[what])

    def system_of(self, name: str) -> str:
        """The system of a server or group; "" for the ends outside."""
        if name in self._groups:
            return next((self._system_of[one] for one in self._groups[name] if one in self._system_of), "")
        return str(self._system_of.get(name, ""))

    def external(self) -> Iterator[tuple[str, list[str], str]]:
        """(name, prefixes, organisation or "") of the ends outside the estate."""
        for name, members in self._groups.items():
            if members[0] not in self._system_of:
                yield name, list(members), self.history["external"].get(name, "")

    def groups(self) -> Iterator[tuple[str, list[str]]]:
        """(name, servers) of the groups of servers."""
        for name, members in self._groups.items():
            if members[0] in self._system_of:
                yield name, list(members)

    def requests(self) -> list[Asked]:
        """Every request, in the order of the connections' ids."""
        rows = [*self.register["connections"], *self.register["shares"]]
        rows.sort(key=lambda row: int(row["id"].removeprefix("CON-")))
        apart = {row["connection"]: row for row in self.history["changes"]}
        known = [self._registered(row, apart.get(row["id"], self.history["baseline"])) for row in rows]
        return known + [self._unregistered(row) for row in self.history["asked"]]

    def _registered(self, row: dict[str, Any], told: dict[str, Any]) -> Asked:
        review_in = self.history["review_in"].get(row["id"])
        review_by = self.day(told["asked"] - YEAR if review_in is None else -review_in)
        ends = self._material(row) | self._terms(row["expected_use"], review_by, None)
        justification = {
            "business_need": row["justification"], "security_implications": row["security_implications"],
            "data_carried": "",
        }  # fmt: skip
        return self._asked(row["id"], ends, justification, told)

    def _unregistered(self, told: dict[str, Any]) -> Asked:
        ends_on = self.day(told["ends"]) if "ends" in told else None
        material = self._material(told) | self._terms("monthly", self.day(told["asked"] - YEAR), ends_on)
        justification = {
            "business_need": told["need"], "security_implications": told["security"], "data_carried": "",
        }  # fmt: skip
        return self._asked("", material, justification, told)

    def _material(self, row: dict[str, Any]) -> dict[str, Any]:
        if "server" in row:
            kept = {key: row[key] for key in ("server", "path", "protocol", "access", "clients", "security")}
            return {"kind": "share", **kept, "squash": row.get("squash", ""), "users": row.get("users", [])}
        ends = {key: row[key] for key in ("source", "destination", "services")}
        return {"kind": "network", **ends, "via": []}

    def _terms(self, use: str, review_by: date, ends_on: date | None) -> dict[str, Any]:
        return {
            "expected_use": use, "basis": "justified", "review_by": review_by.isoformat(),
            "ends_on": ends_on.isoformat() if ends_on else None,
        }  # fmt: skip

    def _asked(self, name: str, material: dict[str, Any], justification: dict[str, str], told: dict[str, Any]) -> Asked:
        target = material.get("destination") or material["server"]
        source = material.get("source", "")
        return Asked(
            name=name,
            material=material,
            justification=justification,
            title=told.get("title", justification["business_need"].rstrip(".")),
            system=self.system_of(target) or self.system_of(source),
            by=told["by"],
            engineer=told.get("engineer", ""),
            urgency=told.get("urgency", "routine"),
            ticket=told.get("ticket", ""),
            window=told.get("window", ""),
            rollback=told.get("rollback", ""),
            because=told.get("because", ""),
            due=self.day(-told["due"]) if "due" in told else None,
            moments={what: self.moment(told[what], what) for what in HOURS if what in told},
        )
