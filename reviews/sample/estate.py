"""The people, systems, zones, servers, groups and outside parties of the sample organisation, through the verbs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from compliance.actions import estate, people
from compliance.models import Endpoint, Role, System, User
from reviews.sample.story import Story

DOMAIN = "sample.example"


def build(story: Story, *, at: datetime) -> tuple[dict[str, User], dict[str, System]]:
    """Everybody and everything, as set up at that moment: (people by key, systems by name)."""
    everybody = make_people(story, at)
    admin = everybody["alex"]
    systems = make_systems(story, everybody, at)
    for row in story.history["people"]:
        for role in row["roles"]:
            if role not in (Role.ADMINISTRATOR, Role.SYSTEM_OWNER):
                until = story.at + people.AUDITORS_STAY if role == Role.AUDITOR else None
                people.grant(everybody[row["key"]], role, by=admin, at=at, until=until)
    make_estate(story, systems, admin, at)
    return everybody, systems


def make_people(story: Story, at: datetime) -> dict[str, User]:
    """The people; the administrator comes first, and makes the others."""
    made: dict[str, User] = {}
    for row in story.history["people"]:
        first = not made
        address = f"{row['name'].split()[0].lower()}@{DOMAIN}"
        made[row["key"]] = people.make_person(
            address,
            row["name"],
            title=row["title"],
            roles=[Role.ADMINISTRATOR] if first else [],
            by=None if first else made["alex"],
            at=at,
        )
    return made


def make_systems(story: Story, everybody: dict[str, User], at: datetime) -> dict[str, System]:
    """The SAMPLE organisation and its systems."""
    admin, told = everybody["alex"], story.history["organisation"]
    ours = estate.add_organisation(
        told["name"],
        marking=told["marking"],
        approvers_need_mfa=told["approvers_need_mfa"],
        is_sample=True,
        by=admin,
        at=at,
    )
    made = {}
    for row in story.history["systems"]:
        persons = {key: everybody[row[key]] for key in ("owner", "deputy", "authorising_officer")}
        kept = ("purpose", "classification", "boundary_in", "boundary_out", "inherited")
        texts = {key: row[key] for key in kept}
        made[row["name"]] = estate.add_system(row["name"], organisation=ours, by=admin, at=at, **persons, **texts)
    return made


def make_estate(story: Story, systems: dict[str, System], admin: User, at: datetime) -> None:
    """Zones, servers, groups, and the ends outside."""
    rows = story.register["servers"]
    zones = {}
    for slot, row in enumerate(story.register["zones"]):
        holder = next(server["system"] for server in rows if server["zone"] == row["name"])
        zones[row["name"]] = estate.add_zone(
            row["name"],
            title=row["name"].upper() if row["name"] == "dmz" else row["name"].capitalize(),
            system=systems[holder],
            prefixes=row["prefixes"],
            environment=row.get("environment", "production"),
            slot=slot,
            by=admin,
            at=at,
        )
    servers = {}
    for row in rows:
        flags: dict[str, Any] = {key: bool(row.get(key)) for key in ("critical", "high_value")}
        texts = {key: row[key] for key in ("role", "environment")}
        servers[row["name"]] = estate.add_server(
            row["name"],
            system=systems[row["system"]],
            addresses=row["addresses"],
            zone=zones[row["zone"]],
            by=admin,
            at=at,
            **flags,
            **texts,
        )
    for name, members in story.groups():
        holder = servers[members[0]].system
        estate.add_group(name, system=holder, members=[servers[member] for member in members], by=admin, at=at)
    for name, prefixes, owner in story.external():
        organisation = estate.add_organisation(owner, kind="vendor", by=admin, at=at) if owner else None
        kind = Endpoint.Kind.USER_NETWORK if name.endswith("-network") else Endpoint.Kind.EXTERNAL_PARTY
        whole = [as_prefix(each) for each in prefixes]
        estate.add_party(name, prefixes=whole, kind=kind, organisation=organisation, by=admin, at=at)


def as_prefix(text: str) -> str:
    """A single address as the prefix that holds it alone."""
    if "/" in text:
        return text
    return f"{text}/128" if ":" in text else f"{text}/32"
