"""What stands as no verb left it: members, prefixes, addresses, ceilings, what members are known by; and addresses used
again too soon."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

from django.db.models import Q

from compliance.actions.estate import QUARANTINE
from compliance.actions.irregular import Irregularity
from compliance.actions.reach import BY_LATER
from compliance.models import (
    Address,
    ChangeRecord,
    Group,
    LedgerInbox,
    Membership,
    PartyPrefix,
    Server,
    State,
    ZonePrefix,
)
from compliance.models.approvals import shortfalls
from compliance.models.carried import Carried, faults
from compliance.models.estate import day_of
from compliance.register import RegisterError, wanted
from compliance.standing import register_on
from compliance.traffic.addresses import parse_host

Row = TypeVar("Row", bound=Carried)
ENDED: Final = {
    "remove_member": Membership, "end_prefix": ZonePrefix, "end_party_prefix": PartyPrefix, "end_address": Address,
}  # fmt: skip
DONE: Final = (State.APPROVED, State.IMPLEMENTED, State.VERIFIED, State.DISPUTED, State.RETIRED)


def irregular(at: datetime) -> Iterator[Irregularity]:
    """All of them."""
    members = list(Membership.objects.select_related("group", "server"))
    prefixes = list(ZonePrefix.objects.select_related("zone"))
    addresses = list(Address.objects.select_related("server", "zone"))
    parties = list(PartyPrefix.objects.select_related("end"))
    for held, why in wrong(parties):
        yield Irregularity("prefix", held.end, f"{held} of {held.end} authorises nothing: {why}.", str(held))
    for member, why in wrong(members):
        yield Irregularity("member", member.server, f"{member} authorises nothing: {why}.", f"in {member.group}")
    for prefix, why in wrong(prefixes):
        yield Irregularity("prefix", prefix.zone, f"{prefix} in {prefix.zone} authorises nothing: {why}.", str(prefix))
    for address, why in wrong(addresses):
        yield Irregularity(
            "address", address.server, f"{address} of {address.server} authorises nothing: {why}.", str(address)
        )
    yield from ceilings(at)
    yield from not_carried([*members, *prefixes, *parties, *addresses])
    yield from decommissioned()
    yield from too_soon(addresses, at)


def wrong(rows: Sequence[Row]) -> Iterator[tuple[Row, str]]:
    """Rows that do not count, and rows the ledger saw ending that stand again."""
    found = faults(rows)
    for row in rows:
        if row.pk in found:
            yield row, found[row.pk]
    verbs = [verb for verb, model in ENDED.items() if rows and isinstance(rows[0], model)]
    entries = LedgerInbox.objects.filter(data__verb__in=verbs).values_list("data", flat=True)
    ended = {data["object"]["id"] for data in entries}
    for row in rows:
        if row.pk in ended and row.valid_to is None and row.pk not in found:
            yield row, "it was taken away, and stands again"


def ceilings(at: datetime) -> Iterator[Irregularity]:
    """Dynamic groups whose ceiling, or what their members are known by, nobody agreed to, or that hold more than it."""
    for group in Group.objects.filter(Q(observed__gt="") | Q(observed_seal__gt="") | Q(observed_change__isnull=False)):
        if not group.observed_holds():
            why = f"What the members of {group} are known by was not written through Eastwest: nobody joins by it."
            yield Irregularity("ceiling", group, why, "members")
    for group in Group.objects.filter(ceiling__isnull=False):
        if not group.ceiling_holds():
            yield Irregularity("ceiling", group, f"The ceiling of {group} was not written through Eastwest.")
        held = group.members_on(at).count()
        if group.ceiling is not None and held > group.ceiling:
            yield Irregularity("ceiling", group, f"{group} holds {held} servers; {group.ceiling} were agreed to.")


def not_carried(rows: Sequence[Carried]) -> Iterator[Irregularity]:
    """Widenings that say they were approved, and nothing came of them."""
    carried = {row.change_id for row in rows} | set(Group.objects.values_list("ceiling_change_id", flat=True))
    for change in ChangeRecord.objects.filter(state__in=DONE, kind=ChangeRecord.Kind.WIDEN):
        if change.pk not in carried and change.material["kind"] not in BY_LATER:
            yield Irregularity("version", change, f"{change.ref} says it was approved, and nothing came of it.")


def decommissioned() -> Iterator[Irregularity]:
    """Servers that left service without an approved record, or that are back although one was approved."""
    rows = list(ChangeRecord.objects.filter(state__in=DONE, kind=ChangeRecord.Kind.DECOMMISSION))
    unproven = shortfalls([change.pk for change in rows])
    gone = {change.material["server"]: change for change in rows if change.pk not in unproven}
    for server in Server.objects.all():
        out = server.status == Server.Status.RETIRED
        if out and server.name not in gone:
            yield Irregularity("version", server, f"{server} was decommissioned without an approved change.")
        if not out and server.name in gone:
            why = f"{gone[server.name].ref} decommissioned {server}, and it is in service again."
            yield Irregularity("version", server, why)


def too_soon(rows: list[Address], at: datetime) -> Iterator[Irregularity]:
    """Addresses that have a new holder before they rested, inside something that is authorised."""
    again = [(row, former) for row in rows if row.valid_to is None for former in rows if follows(row, former)]
    if not again:
        return
    try:
        entries = wanted(register_on(day_of(at)), at=day_of(at)).entries
    except RegisterError:
        return  # the comparison says so itself
    for row, former in again:
        family, value = parse_host(row.ip)
        inside = sorted(
            {
                entry.id
                for entry in entries
                if entry.family == family
                for box in entry.boxes
                if box[0] <= value <= box[1] or box[2] <= value <= box[3]
            }
        )
        if inside:
            yield Irregularity(
                "address",
                row.server,
                f"{row} was {former.server}'s until {former.valid_to:%Y-%m-%d} and is inside {', '.join(inside[:3])}.",
                str(row),
            )


def follows(row: Address, former: Address) -> bool:
    """Whether somebody else held the address less than the time it rests before."""
    same = row.space_id == former.space_id and ipaddress.ip_address(row.ip) == ipaddress.ip_address(former.ip)
    if not same or row.server_id == former.server_id or former.valid_to is None:
        return False
    return former.valid_to <= row.valid_from < former.valid_to + QUARANTINE
