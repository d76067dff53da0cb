"""Statements of people about duties that no rule shows, and what hosts say of them at each comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from django.db import transaction
from django.utils import timezone

from compliance.actions.bulk import MOST, Outcome, outcome
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import Server, User
from compliance.models.estate import day_of
from compliance.permissions import check
from evidence.artefacts import keep
from evidence.attested import Hosts
from evidence.duties import DUTIES, of_reading
from evidence.models import Attestation, Comparison, HostSaid, Snapshot, StoredArtefact
from evidence.rules import Reading

MOST_BYTES: Final = 10 << 20  # of the file that goes with a statement
BATCH: Final = 200
NOTHING: Final = "Nothing was recorded."


class Statement(NamedTuple):
    """What is stated, for one server or for several at once."""

    kind: str
    held_on: date
    in_order: bool
    says: str
    offline: bool | None = None
    file: str = ""
    content: bytes | None = None


def attest(
    rows: Sequence[tuple[Server, int]], said: Statement, *, by: User, at: datetime | None = None
) -> list[Outcome]:
    """States the same of each server: one row each, with one file. What was stated before stays beside it.

    `rows`: the server, and the id of the statement that was read as its last (0: none). Raises Refused where nothing of
    it can be recorded; else each has an outcome of its own.
    """
    moment = at or timezone.now()
    refuse(rows, said, moment)
    for server, _ in rows:
        check(by, "attest", server, at=moment)
    stored = keep(said.content) if said.content is not None else None
    hosts = Hosts([server for server, _ in rows])

    def one(server: Server, seen: int) -> str:
        with transaction.atomic():
            Server.objects.select_for_update().get(pk=server.pk)  # two who state at once are told of each other
            last = (
                Attestation.objects.filter(server=server, kind=said.kind).order_by("-pk").values_list("pk", flat=True)
            )
            if (last.first() or 0) != seen:
                raise Refused(f"{server} was left as it is.", "Somebody stated it since you read it.", "Read it again.")
            write(server, said, stored, hosts, by=by, at=moment)
        return f"{DUTIES[said.kind].label}: recorded, as of {said.held_on.day} {said.held_on:%B %Y}."

    return [
        outcome(server.name, f"/servers/{quote(server.name, safe='')}/attestations/", one, server, seen)
        for server, seen in rows
    ]


def refuse(rows: Sequence[tuple[Server, int]], said: Statement, at: datetime) -> None:
    """What nobody can state: of no server, of too many, of a day to come, without words, with too large a file."""
    duty = DUTIES.get(said.kind)
    if duty is None:
        raise Refused(NOTHING, f"{said.kind} is no kind of statement.", "Choose one of those offered.")
    if not rows:
        raise Refused(NOTHING, "No server was named.", "Tick the servers it holds for.")
    if len(rows) > MOST:
        raise Refused(NOTHING, f"More than {MOST} at once nobody has looked at.", "Tick fewer.")
    if said.held_on > day_of(at):
        raise Refused(NOTHING, "That day is still to come.", "Give the day on which it was so.")
    if not said.says.strip():
        raise Refused(NOTHING, "Nothing was said.", "Say what was done, and what came of it.")
    if duty.offline != (said.offline is not None):
        asked = "Say whether an offline copy is kept." if duty.offline else "Leave the offline copy out."
        raise Refused(NOTHING, "An offline copy is asked for with a restore, and only there.", asked)
    if said.content is not None and not said.content:
        raise Refused(NOTHING, f"{said.file} is empty.", "Bring the file that shows it, or none.")
    if said.content is not None and len(said.content) > MOST_BYTES:
        raise Refused(NOTHING, f"A file may have {MOST_BYTES >> 20} MB.", "Bring the part that shows it.")


def write(
    server: Server, said: Statement, stored: StoredArtefact | None, hosts: Hosts, *, by: User, at: datetime
) -> Attestation:
    """The row and its ledger entry, with what the host said at that moment. In the caller's transaction."""
    host = hosts.beside(server, said.kind, said.held_on, said.in_order)
    row = Attestation.objects.create(
        system_id=server.system_id, server=server, kind=said.kind, held_on=said.held_on, in_order=said.in_order,
        offline=said.offline, says=said.says.strip(), stored=stored, file=said.file[:200] if stored else "",
        sha256=stored.sha256 if stored else "", host_sign=host.sign, host_said=host.text, attested_by=by,
        attested_at=at,
    )  # fmt: skip
    record(
        "attest", row, by=by, at=at, after=row.sha256, because=row.says, server=server.name, kind=row.kind,
        held_on=row.held_on.isoformat(), in_order=row.in_order,
    )  # fmt: skip
    return row


def write_said(
    comparison: Comparison,
    now: Mapping[str, Reading],
    fresh: Mapping[str, Iterable[Snapshot]],
    servers: Mapping[str, Server],
) -> None:
    """What each host that was read says, for an unpublished comparison. As old as the oldest of its sources."""
    rows = []
    for name, reading in now.items():
        seen = [one.source.last_seen_at or one.observed_at for one in fresh.get(name, ())]
        if name in servers and seen:
            said = of_reading(reading)
            rows.append(HostSaid(comparison=comparison, server=servers[name], said=said, read_at=min(seen)))
    HostSaid.objects.bulk_create(rows, batch_size=BATCH)


def forget_others(comparison: Comparison) -> None:
    """Removes what hosts said at earlier comparisons: each statement keeps what was said when it was made."""
    HostSaid.objects.exclude(comparison=comparison).filter(comparison__published=True).delete()
