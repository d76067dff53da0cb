"""A small estate and its requests, made through the verbs: what tests ask for instead of building rows by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from compliance.actions import changes, connections, estate
from compliance.models import ChangeRecord, Connection, Server
from tests.people import LONG_AGO, People
from tests.remembered import remembered

WHY = {
    "business_need": "The pay run reads the hours of all staff each night.",
    "security_implications": "Read only, one service, from one server.",
    "data_carried": "Hours and staff numbers.",
}


def servers(people: People, *, at: datetime = LONG_AGO) -> dict[str, Server]:
    """Two zones and four servers: pay-app-01, pay-db-01 and file-01 of Payroll; log-01 of the Platform."""
    return remembered(
        ("servers", people.alex.pk, people.payroll.pk, people.platform.pk, at), lambda: _servers(people, at)
    )


def _servers(people: People, at: datetime) -> dict[str, Server]:
    app = estate.add_zone("app", system=people.payroll, prefixes=["10.20.20.0/24"], by=people.alex, at=at)
    data = estate.add_zone("data", system=people.payroll, prefixes=["10.20.30.0/24"], by=people.alex, at=at)
    made = {}
    for name, system, zone, ip in (
        ("pay-app-01", people.payroll, app, "10.20.20.31"),
        ("pay-db-01", people.payroll, data, "10.20.30.31"),
        ("file-01", people.payroll, data, "10.20.30.41"),
        ("log-01", people.platform, None, "10.20.40.30"),
    ):
        made[name] = estate.add_server(name, system=system, addresses=[ip], zone=zone, by=people.alex, at=at)
    return made


def network(
    source: str = "pay-app-01", destination: str = "pay-db-01", *services: str, **changed: Any
) -> dict[str, Any]:
    """The material of a network connection."""
    return {
        "kind": "network", "source": source, "destination": destination, "services": list(services or ("tcp/5432",)),
        "via": [], "expected_use": "daily", "basis": "justified", "review_by": "2027-05-31", "ends_on": None, **changed,
    }  # fmt: skip


def share(**changed: Any) -> dict[str, Any]:
    """The material of a file share."""
    return {
        "kind": "share", "server": "file-01", "path": "/export/pay", "protocol": "nfs", "access": "ro",
        "clients": ["pay-app-01"], "security": "krb5p", "squash": "root", "users": [], "expected_use": "daily",
        "basis": "justified", "review_by": "2027-05-31", "ends_on": None, **changed,
    }  # fmt: skip


def asked(people: People, material: dict[str, Any] | None = None, **changed: Any) -> ChangeRecord:
    """A request of Rita's, submitted unless told otherwise."""
    said = {"system": people.payroll, "title": "The pay run reads the hours", "by": people.rita, "justification": WHY}
    said |= {"material": material or network()} | changed
    return remembered(("asked", *told(**said)), lambda: connections.request(**said))


def told(**said: Any) -> tuple[str, ...]:
    """What a verb was told and the hour it is, as what one set-up is known by."""
    words = (f"{name}={getattr(value, 'pk', value)!r}" for name, value in sorted(said.items()))
    return (f"{timezone.localtime():%Y-%m-%d %H}", *words)


def agreed(people: People, change: ChangeRecord, *, at: datetime | None = None) -> ChangeRecord:
    """The change, approved by Omar and Mina, and by Olga where the other end is hers."""
    changes.approve(change, by=people.omar, at=at)
    changes.approve(change, by=people.mina, at=at)
    if change.needs.filter(capacity="other_owner", approval__isnull=True).exists():
        changes.approve(change, by=people.olga, at=at)
    return change


def authorised(people: People, material: dict[str, Any] | None = None, *, at: datetime | None = None) -> Connection:
    """A connection that was asked for and approved."""
    change = asked(people, material, at=at)
    who = told(omar=people.omar, mina=people.mina, olga=people.olga, change=change, at=at)
    return remembered(("agreed", *who), lambda: agreed(people, change, at=at)).connection


def seen(people: People, change: ChangeRecord, *, at: datetime | None = None) -> ChangeRecord:
    """The approved change, done by Erin and verified."""
    changes.implement(change, by=people.erin, at=at)
    return changes.verify(change, proof="a" * 64, at=at)
