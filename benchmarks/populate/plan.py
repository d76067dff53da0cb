"""How large the organisation is, and all that is drawn by lot for it: the same for the same seed and day."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

SERVICES: Final = (
    "tcp/443", "tcp/5432", "tcp/1521", "tcp/3306", "tcp/8443", "tcp/22", "tcp/389", "tcp/636", "tcp/1433", "tcp/445",
    "udp/53", "udp/123", "udp/514", "tcp/9092", "tcp/5671", "tcp/6379", "tcp/8080", "udp/161", "tcp/2049", "icmp/8",
)  # fmt: skip
AREAS: Final = (
    "Payroll", "Grants", "Case Management", "Licensing", "Archives", "Procurement", "Fleet", "Surveys", "Mapping",
    "Identity", "Mail", "Backup", "Monitoring", "Permits", "Inspections", "Finance", "Recruitment", "Learning",
    "Library", "Statistics",
)  # fmt: skip
GIVEN: Final = (
    "Aisha", "Ben", "Carla", "Dinesh", "Eva", "Felix", "Grace", "Hugo", "Ida", "Jonas", "Keiko", "Liam", "Maya",
    "Nils", "Olive", "Piotr", "Quinn", "Rosa", "Samir", "Tess",
)  # fmt: skip
FAMILY: Final = (
    "Abbott", "Bauer", "Costa", "Dunn", "Evans", "Farah", "Green", "Hansen", "Ito", "Jansen", "Kaur", "Lindqvist",
    "Moreau", "Nolan", "Okoye", "Petrov", "Quist", "Reyes", "Sato", "Turner",
)  # fmt: skip
ROLES: Final = ("web", "app", "db", "file", "batch")


@dataclass(frozen=True, slots=True)
class Size:
    """What was asked for, and what follows from it."""

    connections: int
    findings: int
    rules: int

    @property
    def servers(self) -> int:
        """One to fifty connections."""
        return max(12, self.connections // 50)

    @property
    def systems(self) -> int:
        """One to fifty servers, forty at most."""
        return min(40, max(3, self.servers // 50))

    @property
    def rules_each(self) -> int:
        """On each server."""
        return max(1, self.rules // self.servers)


@dataclass(slots=True)
class Plan:
    """The size, the seed and the day on which all of it is as it is."""

    size: Size
    seed: str
    now: datetime
    draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(f"{self.seed}/{self.size}")  # noqa: S311 (data to measure with)

    def ago(self, days: float) -> datetime:
        """So many days before now."""
        return self.now - timedelta(days=days)

    def one_in(self, number: int) -> bool:
        """True once in so many times."""
        return self.draw.randrange(number) == 0

    def person(self, number: int) -> str:
        """A name, each a different one for the first four hundred."""
        return f"{GIVEN[number % 20]} {FAMILY[(number // 20 + number) % 20]}"


def plan_of(connections: int, findings: int, rules: int, *, seed: str = "eastwest", day: str = "") -> Plan:
    """The plan; `day`: an ISO day whose beginning counts as now (empty: the present hour)."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    if day:
        now = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return Plan(Size(connections, findings, rules), seed, now)
