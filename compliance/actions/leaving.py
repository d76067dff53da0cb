"""What goes with a server that leaves service: its connections both ways, its shares, groups and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from compliance.actions.estate import end_row
from compliance.actions.ledger import record
from compliance.actions.reach import boxes_of, names_of_server, naming, waiting
from compliance.errors import Refused
from compliance.models import Address, ChangeRecord, ConnectionVersion, Membership, Server
from compliance.models.estate import day_of
from compliance.register import RegisterError
from compliance.standing import mentioned, register_on


class Plan(NamedTuple):
    """What goes with a server: versions retired, versions that only become narrower, rows that end; what stands in
    the way, a sentence and the address of the page where it is settled."""

    retires: list[ConnectionVersion]
    narrows: list[ConnectionVersion]
    addresses: list[Address]
    memberships: list[Membership]
    blockers: list[tuple[str, str]]

    def material(self, server: Server) -> dict[str, Any]:
        """As it is bound to the approvals."""
        return {
            "kind": "decommission",
            "server": server.name,
            "retires": [
                {"connection": one.connection.ref, "content": one.material_hash, "says": in_words(one.material)}
                for one in self.retires
            ],
            "narrows": [one.connection.ref for one in self.narrows],
            "addresses": sorted(str(one) for one in self.addresses),
            "groups": sorted(one.group.name for one in self.memberships),
        }


def in_words(material: Mapping[str, Any]) -> str:
    """A connection or share in a line."""
    if material["kind"] == "share":
        return f"{', '.join(material['clients'])} → {material['server']} {material['protocol']} {material['path']}"
    return f"{material['source']} → {material['destination']} {', '.join(material['services'])}"


def plan(server: Server, at: datetime) -> Plan:
    """What its decommissioning would do today. Reads only."""
    names = names_of_server(server.name, at)
    after = without(register_on(day_of(at)), server.name)
    found = Plan(
        [], [],
        list(server.addresses.filter(valid_to__isnull=True).order_by("ip")),
        list(server.memberships.filter(valid_to__isnull=True).select_related("group").order_by("group__name")),
        [],
    )  # fmt: skip
    for version in naming(names, at):
        if beside_others(version.material, server.name):
            why = f"{version.connection.ref} names it beside others: ask to change it first."
            found.blockers.append((why, f"/requests/new/?amend={version.connection.ref}"))
        elif server.name in mentioned(version.material) or means_nothing(after, version, at):
            found.retires.append(version)
        else:
            found.narrows.append(version)
    for change in waiting(names):
        if server.name in mentioned(change.material) or change.connection_id in {
            one.connection_id for one in found.retires
        }:
            why = f"{change.ref} about it waits for a decision: let it be decided or withdraw it first."
            found.blockers.append((why, f"/changes/{change.ref}/"))
    return found


def beside_others(material: Mapping[str, Any], name: str) -> bool:
    """Whether a connection goes by way of the server, or a share serves other clients too: it may have to stay."""
    return name in material.get("via", []) or (name in material.get("clients", []) and len(material["clients"]) > 1)


def means_nothing(register: dict[str, Any], version: ConnectionVersion, at: datetime) -> bool:
    """Whether the connection has an end without anybody in it in this register."""
    try:
        boxes_of(register, version, at, strict=True)
    except RegisterError:
        return True
    return False


def without(register: dict[str, Any], name: str) -> dict[str, Any]:
    """The register without a server, and without connections."""
    groups = [{**one, "members": [each for each in one["members"] if each != name]} for one in register["groups"]]
    return {
        **register,
        "servers": [one for one in register["servers"] if one["name"] != name],
        "groups": [one for one in groups if one["members"]],
        "connections": [],
        "shares": [],
    }


def refuse_blocked(server: Server, found: Plan) -> None:
    """What has to be settled by its own record is settled first."""
    if found.blockers:
        why, url = found.blockers[0]
        raise Refused(f"{server} cannot be decommissioned yet.", why, "Settle that first.", link=("Open it", url))


def put_out(change: ChangeRecord, *, at: datetime) -> list[ChangeRecord]:
    """Retires all of it at once, in the transaction of the last agreement. Gives the changes whose versions ended."""
    server = Server.objects.get(name=change.material["server"])
    found = plan(server, at)
    refuse_blocked(server, found)
    if found.material(server) != change.material:
        raise Refused(
            f"{change.ref} cannot be approved.", f"What goes with {server} has changed since it was asked for.",
            "Withdraw it and ask anew, so that everybody sees what ends.",
        )  # fmt: skip
    standing = ConnectionVersion.objects.filter(
        connection_id__in=[one.connection_id for one in found.retires], valid_to__isnull=True
    )
    former = [version.change for version in standing.select_related("change")]
    standing.update(valid_to=day_of(at), closed_by=change)
    because = f"{change.ref} was approved."
    for membership in found.memberships:
        end_row(membership, "remove_member", by=None, at=at, because=because, name=str(membership))
    for address in found.addresses:
        end_row(address, "end_address", by=None, at=at, because=because, ip=address.ip)
    Server.objects.filter(pk=server.pk).update(status=Server.Status.RETIRED, retired_at=at)
    record("decommission", server, by=None, at=at, because=because, name=server.name)
    return former
