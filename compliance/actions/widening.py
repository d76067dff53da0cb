"""Members, prefixes and addresses: added where nothing is reached through them, asked for where something is, taken
away at once.

What would widen an authorisation becomes a change record of its own: owner of every system concerned and a manager
decide on exactly what it newly opens, and the row it carries counts only by their approvals.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from compliance.actions import changes as workflow
from compliance.actions.carrying import refuse_nobody, row_of, set_observed
from compliance.actions.estate import default_space, end_row, place_address, refuse_taken, zone_of
from compliance.actions.ledger import record
from compliance.actions.reach import Material, boxes_of, effect, ends_through, in_use, names_of_server, naming, waiting
from compliance.actions.versions import hold_register
from compliance.errors import Refused
from compliance.models import (
    Address,
    ChangeRecord,
    Endpoint,
    Group,
    Justification,
    Membership,
    PartyPrefix,
    Server,
    State,
    System,
    User,
    Zone,
    ZonePrefix,
)
from compliance.models.approvals import content_hash
from compliance.models.estate import check_prefix, day_of
from compliance.observed import parse, said
from compliance.permissions import check, may
from compliance.register import RegisterError
from compliance.standing import register_on

Owner = Group | Zone | Server | Endpoint  # an end outside the estate is a party
Row = Membership | ZonePrefix | PartyPrefix | Address


def member(group: Group, server: Server) -> dict[str, Any]:
    """The material of a new member."""
    return {"kind": "group_member", "group": group.name, "server": server.name}


def prefix(zone: Zone, text: str) -> dict[str, Any]:
    """The material of a new prefix."""
    try:
        check_prefix(text.strip())
    except ValidationError as error:
        raise Refused(f"{text} was not added.", " ".join(error.messages), "Correct it and try again.") from error
    return {"kind": "zone_prefix", "zone": zone.name, "prefix": str(ipaddress.ip_network(text.strip()))}


def party_prefix(end: Endpoint, text: str) -> dict[str, Any]:
    """The material of a new prefix of an end outside the estate."""
    try:
        check_prefix(text.strip())
    except ValidationError as error:
        raise Refused(f"{text} was not added.", " ".join(error.messages), "Correct it and try again.") from error
    return {"kind": "party_prefix", "party": end.name, "prefix": str(ipaddress.ip_network(text.strip()))}


def address(server: Server, text: str, *, zone: Zone | None = None, interface: str = "") -> dict[str, Any]:
    """The material of a new address; its zone is the one given, or the one whose prefix holds it."""
    try:
        value = ipaddress.ip_address(text.strip())
    except ValueError as error:
        raise Refused(f"{text} is no address.", "", "Write for example 10.20.4.12 or 2001:db8::12.") from error
    holding = zone or zone_of(value, default_space(), timezone.now())
    said = {"server": server.name, "address": str(value), "zone": holding.name if holding else ""}
    return {"kind": "server_address", **said, "interface": interface}


def ceiling(group: Group, number: int) -> dict[str, Any]:
    """The material of a higher ceiling."""
    return {"kind": "group_ceiling", "group": group.name, "ceiling": number}


def observed(group: Group, text: str) -> dict[str, Any]:
    """The material of what a group's members are known by from now on (compliance.observed); "": people name them."""
    try:
        return {"kind": "group_observed", "group": group.name, "observed": parse(text).text if text else ""}
    except ValueError as error:
        raise Refused("Nothing was changed.", f"{error}.", "Correct it and try again.") from error


def owner(material: Material) -> Owner:
    """The group, zone, server or party that becomes wider."""
    if material["kind"] == "server_address":
        return Server.objects.select_related("system").get(name=material["server"])
    if material["kind"] == "zone_prefix":
        return Zone.objects.select_related("system").get(name=material["zone"])
    if material["kind"] == "party_prefix":
        return Endpoint.objects.get(name=material["party"], server=None, group=None, zone=None)
    return Group.objects.select_related("system").get(name=material["group"])


def widen(
    material: Material, *, by: User, at: datetime | None = None, justification: Mapping[str, str] | None = None
) -> ChangeRecord | None:
    """Adds it directly where no authorisation and no request reaches it (gives None), else asks for it.

    `justification`: business_need and security_implications; needed only where it is asked for.
    """
    moment = at or timezone.now()
    with transaction.atomic():
        hold_register()  # nothing begins to be read through it between this look and the row
        if why_ask(material, moment):
            return ask(material, justification=justification or {}, by=by, at=moment)
        add(material, by=by, at=moment)
    return None


def home(thing: Owner, material: Material, at: datetime, by: User) -> System:
    """The system whose owner and manager decide first: the thing's own.

    A party outside belongs to none: it is the first of those whose connections become wider in which this person may
    ask, and the owners of the others decide too.
    """
    if not isinstance(thing, Endpoint):
        return thing.system
    systems = [one.connection.system for one in naming(ends_through(material, at), at)]
    systems += [change.system for change in waiting(ends_through(material, at))]
    if not systems:
        raise Refused("Nothing is asked for.", f"Nothing names {thing}.", "An administrator adds it directly.")
    return next((system for system in systems if may(by, "widen", system, at=at) is None), systems[0])


def why_ask(material: Material, at: datetime) -> str:
    """Why it takes a change record, in a sentence; "" where it is added directly.

    Members of a dynamic group are observed: up to its ceiling they were agreed to with the group. Where it is said by
    what they are known, that agreement is to those who are seen there (compliance.actions.observing) and nobody else.
    """
    if material["kind"] == "group_member":
        group = Group.objects.get(name=material["group"])
        typed = group.kind == Group.Kind.DYNAMIC and not group.observed
        if typed and group.ceiling is not None and group.ceiling_holds():
            full = group.members_on(at).count() >= group.ceiling
            return f"{group} holds {group.ceiling} members, which is its ceiling." if full else ""
    return in_use(material, at)


def add(material: Material, *, by: User, at: datetime) -> None:
    """The row itself, where nothing is reached through it yet."""
    thing = owner(material)
    check(by, *adding(thing), at=at)
    refuse_there(material, at)
    with transaction.atomic():
        if material["kind"] == "server_address" and isinstance(thing, Server):
            zone = Zone.objects.filter(name=material["zone"]).first()
            place_address(thing, material["address"], zone=zone, interface=material["interface"], by=by, at=at)
        elif isinstance(thing, Group) and material["kind"] == "group_ceiling":
            was, thing.ceiling, thing.ceiling_change = thing.ceiling, material["ceiling"], None
            thing.sealed().save(update_fields=["ceiling", "ceiling_change", "ceiling_seal"])
            record("set_ceiling", thing, by=by, at=at, was=was, now=thing.ceiling)
        elif isinstance(thing, Group) and material["kind"] == "group_observed":
            set_observed(thing, material["observed"], None, by=by, at=at)
        else:
            row = row_of(material, at).sealed()
            row.save(force_insert=True)
            record(f"add_{row._meta.model_name}", row, by=by, at=at, name=str(row))


def adding(thing: Owner) -> tuple[str, Owner | None]:
    """By what verb something is added directly, and to what: parties belong to the whole installation."""
    return ("manage_estate", None) if isinstance(thing, Endpoint) else ("add_server", thing)


def ask(
    material: Material,
    *,
    justification: Mapping[str, str],
    by: User,
    at: datetime | None = None,
    submit: bool = True,
) -> ChangeRecord:
    """The change record of a widening, submitted unless told otherwise. Its content holds what it newly authorises.

    A draft of one is not edited: it waits for an exception from the policy, and is then sent or withdrawn.
    """
    moment = at or timezone.now()
    thing = owner(material)
    system = home(thing, material, moment, by)
    check(by, "widen", system, at=moment)
    refuse_unsaid(justification)
    with transaction.atomic():
        hold_register()  # of two who ask for the same at once the second sees the first
        refuse_there(material, moment)
        refuse_twice(material)
        said = {**material, "opens": opened(material, moment)}
        return submitted(
            ChangeRecord.Kind.WIDEN, system, said, title_of(material), justification, by=by, at=moment,
            submit=submit,
        )  # fmt: skip


def submitted(
    kind: str,
    system: System,
    said: dict[str, Any],
    title: str,
    why: Mapping[str, str],
    *,
    by: User,
    at: datetime,
    submit: bool = True,
) -> ChangeRecord:
    """A change record about the estate, with its reasons, submitted or kept. In the caller's transaction."""
    change = ChangeRecord.objects.create(
        system=system, kind=kind, title=title[:200], material=said, content_hash=content_hash(said),
        requested_by=by, last_edited_by=by, created_at=at,
    )  # fmt: skip
    Justification.objects.create(
        change=change,
        business_need=why["business_need"].strip(),
        security_implications=why["security_implications"].strip(),
        written_by=by,
        written_at=at,
    )
    record("request", change, by=by, at=at, after=change.content_hash, kind=kind)
    return workflow.submit(change, by=by, at=at) if submit else change


def opened(material: Material, at: datetime) -> list[dict[str, Any]]:
    """What it newly authorises; refused where the register would not hold together with it."""
    try:
        return effect(material, at)
    except RegisterError as error:
        problem = f"The register would not hold together: {error.problems[0]}."
        raise Refused("This cannot be asked for.", problem, "Mend that first.") from error


def title_of(material: Material) -> str:
    """The change in a few words."""
    words = {
        "group_member": "Add {server} to the group {group}",
        "zone_prefix": "Add {prefix} to the zone {zone}",
        "party_prefix": "Add {prefix} to the party {party}",
        "server_address": "Give {server} the address {address}",
        "group_ceiling": "Let the group {group} grow to {ceiling} members",
        "group_observed": "Let the members of the group {group} be known by {by}",
    }
    return words[material["kind"]].format(**material, by=said(str(material.get("observed", ""))))


def refuse_there(material: Material, at: datetime) -> None:
    """What is there already is not added again."""
    thing, there = owner(material), False
    if isinstance(thing, Server):
        refuse_taken(ipaddress.ip_address(material["address"]), default_space(), thing, at)
        there = thing.status == Server.Status.RETIRED
    elif isinstance(thing, Endpoint):
        there = thing.party_prefixes.filter(prefix=material["prefix"], valid_to__isnull=True).exists()
    elif isinstance(thing, Zone):
        there = thing.prefixes.filter(prefix=material["prefix"], valid_to__isnull=True).exists()
    elif material["kind"] == "group_member":
        there = thing.memberships.filter(server__name=material["server"], valid_to__isnull=True).exists()
    elif material["kind"] == "group_observed":
        there = thing.ceiling is None or thing.kind != Group.Kind.DYNAMIC or material["observed"] == thing.observed
        refuse_nobody(thing, material["observed"], at)
    else:
        there = thing.ceiling is None or material["ceiling"] <= thing.ceiling
    if there:
        raise Refused("Nothing was added.", STANDS[material["kind"]], "Look at its page.")


STANDS = {
    "group_member": "It is a member already.",
    "zone_prefix": "The zone holds this prefix already.",
    "party_prefix": "The party holds this prefix already.",
    "server_address": "The server is decommissioned.",
    "group_ceiling": "The ceiling is as high already, or the group has none.",
    "group_observed": "Its members are known by this already, or it is no dynamic group with a ceiling.",
}


def refuse_twice(material: Material) -> None:
    """One open request for the same thing at a time."""
    rows = ChangeRecord.objects.filter(kind=ChangeRecord.Kind.WIDEN, state=State.SUBMITTED)
    same = next((one for one in rows if material.items() <= one.material.items()), None)
    if same is not None:
        raise Refused("It is asked for already.", f"{same.ref} waits for a decision.", f"See {same.ref}.")


def refuse_unsaid(justification: Mapping[str, str]) -> None:
    """What somebody must agree to comes with its reasons."""
    if not all(justification.get(key, "").strip() for key in ("business_need", "security_implications")):
        raise Refused(
            "This cannot be asked for yet.", "It widens what is authorised, so two people decide on it.",
            "Say why it is needed, and what it means for security.",
        )  # fmt: skip


def take_out(row: Row, *, by: User, because: str, at: datetime | None = None) -> None:
    """Ends a row at once: it only narrows. Refused where an authorisation would mean nothing any more without it."""
    moment = at or timezone.now()
    check(by, *narrowing(thing_of(row)), at=moment)
    if not because.strip():
        raise Refused("Nothing was taken away.", "No reason was given.", "Say why in a sentence: others rely on it.")
    with transaction.atomic():
        refuse_emptied(row, moment)
        end_row(row, ENDINGS[type(row)], by=by, at=moment, because=because, name=str(row))


ENDINGS: Final[Mapping[type, str]] = {
    Membership: "remove_member", ZonePrefix: "end_prefix", PartyPrefix: "end_party_prefix", Address: "end_address",
}  # fmt: skip


def narrowing(thing: Owner) -> tuple[str, Owner | None]:
    """By what verb something is taken away, and from what."""
    return ("manage_estate", None) if isinstance(thing, Endpoint) else ("narrow", thing)


def thing_of(row: Row) -> Owner:
    """The group, zone, party or server that becomes narrower."""
    if isinstance(row, Membership):
        return row.group
    if isinstance(row, PartyPrefix):
        return row.end
    return row.zone if isinstance(row, ZonePrefix) else row.server


def refuse_emptied(row: Row, at: datetime) -> None:
    """An authorised connection that had ends has ends afterwards, else it is to be retired first."""
    thing = thing_of(row)
    names = names_of_server(thing.name, at) if isinstance(thing, Server) else {thing.name}
    versions = naming(names, at)
    if not versions:
        return
    after = without(register_on(day_of(at)), row)
    for version in versions:
        try:
            boxes_of(after, version, at, strict=True)
        except RegisterError:
            raise Refused(
                "Nothing was taken away.", f"{version.connection.ref} would not mean anything any more.",
                f"Ask for the removal of {version.connection.ref} first.",
                link=(f"Remove {version.connection.ref}", f"/connections/{version.connection.ref}/retire/"),
            ) from None  # fmt: skip


def without(register: dict[str, Any], row: Row) -> dict[str, Any]:
    """The register of today without the row, and without connections."""
    part, key, value = {
        Membership: ("groups", "members", row.server.name if isinstance(row, Membership) else ""),
        ZonePrefix: ("zones", "prefixes", str(row)),
        PartyPrefix: ("groups", "members", str(row)),
        Address: ("servers", "addresses", str(row)),
    }[type(row)]
    name = thing_of(row).name
    cut = [
        {**each, key: [one for one in each[key] if one != value]} if each["name"] == name else each
        for each in register[part]
    ]
    kept = [each for each in cut if each[key] or part == "zones"]
    gone = {each["name"] for each in cut} - {each["name"] for each in kept} if part == "servers" else set()
    after = {**register, part: kept, "connections": [], "shares": []}
    groups = [{**one, "members": [each for each in one["members"] if each not in gone]} for one in after["groups"]]
    return {**after, "groups": [one for one in groups if one["members"]]}


def reached(material: Material, at: datetime) -> list[str]:
    """The connections that would become wider, by their ids."""
    return [version.connection.ref for version in naming(ends_through(material, at), at)]
