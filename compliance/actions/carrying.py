"""What an approved widening becomes: the member, the prefix, the address or the ceiling that its change carries."""

from __future__ import annotations

from datetime import datetime

from compliance.actions.estate import place_address
from compliance.actions.ledger import record
from compliance.actions.reach import Material, effect
from compliance.errors import Refused
from compliance.models import ChangeRecord, Endpoint, Group, Membership, PartyPrefix, Server, User, Zone, ZonePrefix
from compliance.models.carried import Carried
from compliance.register import RegisterError


def carry(change: ChangeRecord, *, at: datetime) -> None:
    """Writes the row of a widening whose last need was met at `at`. Called in the transaction of that approval.

    Refused when it opens something else by now than what everybody agreed to.
    """
    refuse_moved(change, at)
    said = change.material
    kind = said["kind"]
    if kind == "group_ceiling":
        raise_ceiling(change, at)
        return
    if kind == "group_observed":
        set_observed(Group.objects.get(name=said["group"]), said["observed"], change, by=None, at=at)
        return
    if kind == "server_address":
        server = Server.objects.get(name=said["server"])
        zone = Zone.objects.filter(name=said["zone"]).first() if said["zone"] else None
        place_address(server, said["address"], zone=zone, interface=said["interface"], by=None, at=at, change=change)
        return
    row = row_of(said, at, change)
    row.sealed().save(force_insert=True)
    record(f"add_{row._meta.model_name}", row, by=None, at=at, because=f"{change.ref} was approved.", name=str(row))


def row_of(material: Material, at: datetime, change: ChangeRecord | None = None) -> Carried:
    """The new row of a group, a party outside or a zone."""
    if material["kind"] == "group_member":
        group, server = Group.objects.get(name=material["group"]), Server.objects.get(name=material["server"])
        return Membership(group=group, server=server, valid_from=at, change=change)
    if material["kind"] == "party_prefix":
        end = Endpoint.objects.get(name=material["party"])
        return PartyPrefix(end=end, prefix=material["prefix"], valid_from=at, change=change)
    zone = Zone.objects.get(name=material["zone"])
    return ZonePrefix(zone=zone, prefix=material["prefix"], valid_from=at, change=change)


def raise_ceiling(change: ChangeRecord, at: datetime) -> None:
    """The group's ceiling as approved."""
    group = Group.objects.get(name=change.material["group"])
    before, group.ceiling, group.ceiling_change = group.ceiling, change.material["ceiling"], change
    group.sealed().save(update_fields=["ceiling", "ceiling_change", "ceiling_seal"])
    record("set_ceiling", group, by=None, at=at, because=f"{change.ref} was approved.", was=before, now=group.ceiling)


def set_observed(group: Group, text: str, change: ChangeRecord | None, *, by: User | None, at: datetime) -> None:
    """By what the group's members are known from now on; "": people name them. In the caller's transaction."""
    refuse_nobody(group, text, at)
    was, group.observed, group.observed_change = group.observed, text, change
    group.observed_sealed().save(update_fields=["observed", "observed_change", "observed_seal"])
    because = f"{change.ref} was approved." if change else ""
    record("set_observed", group, by=by, at=at, because=because, was=was, now=text)


def refuse_nobody(group: Group, text: str, at: datetime) -> None:
    """Where people name the members, the name of a group without any means nothing, nor does what names it."""
    if not text and not group.members_on(at).exists():
        raise Refused("Nothing was changed.", f"Nobody is in {group} now.", "Wait until somebody is seen there.")


def refuse_moved(change: ChangeRecord, at: datetime, step: str = "approved") -> None:
    """What it says that it opens is what it opens now, word for word."""
    try:
        now = effect(change.material, at)
    except RegisterError as error:
        raise Refused(
            f"{change.ref} cannot be {step}.", f"The register would not hold together: {error.problems[0]}.",
            "Withdraw it, and mend that first.",
        ) from error  # fmt: skip
    if now != change.material["opens"]:
        raise Refused(
            f"{change.ref} cannot be {step}.",
            "It opens something else by now than when it was asked for: what it is read through has changed since.",
            "Withdraw it and ask anew, so that everybody sees what it opens.",
        )
