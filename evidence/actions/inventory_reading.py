"""Reading an inventory: the bytes are kept first, read second, and what they name is published in one short moment.

A failed reading, or one that names less than half of what the last did, never takes the place of the last good one.
"""

from __future__ import annotations

import hashlib
import time
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.models import Job
from compliance.models.approvals import canonical
from compliance.models.estate import day_of
from compliance.run import Run
from compliance.traffic.addresses import to_text
from evidence.actions.sightings import Address, Places
from evidence.artefacts import keep, read_back
from evidence.authorised import wanted_on
from evidence.case import Case
from evidence.collectors import directory
from evidence.collectors.collected import PullError
from evidence.inventory_csv import Columns, Listing, read
from evidence.models import ErrorCode, Inventory, InventoryReading, Sighting
from evidence.models.inventory import short_name
from evidence.rules import FormatError
from evidence.sightings import LOCAL, Kind

State = InventoryReading.State
Named = tuple[Address | None, str, str]  # address, name, where
PULL_S: Final = 60.0
SHRUNK: Final = 0.5
BATCH: Final = 500
MOST_PROBLEMS: Final = 2_000  # repeated line by line; the file itself is kept whole


def take(inventory: Inventory, row: InventoryReading, *, run: Run, at: datetime | None = None) -> InventoryReading:
    """Reads an inventory into `row` and publishes what came of it. A bad file ends in the row, not in an error."""
    moment = at or timezone.now()
    InventoryReading.objects.filter(pk=row.pk).update(state=State.RUNNING)
    try:
        run.step(f"Reading {inventory.name}")
        content, seen = brought(inventory, row, moment)
        digest = digest_of(content, inventory)
        good = inventory.last_good
        if good is not None and good.digest == digest:
            return unchanged(inventory, row, run, moment, seen)
        listing = read(row.file, content, columns_of(inventory))
        refuse_smaller(inventory, row, listing)
    except PullError as error:
        return failed(inventory, row, run, moment, error.code, error.what, error.next_step)
    except FormatError as error:
        what = f"{error.what}: {error.why}."
        return failed(inventory, row, run, moment, ErrorCode.PARSE, what, error.next_step)
    run.step(f"Noting whom {inventory.name} names")
    stage(inventory, row, listing, moment)
    return published(inventory, row, listing, digest, run, moment, seen)


def brought(inventory: Inventory, row: InventoryReading, at: datetime) -> tuple[bytes, datetime]:
    """The file's bytes, kept, and of when they are: of a folder the newest, else the one a person brought.

    Raises PullError.
    """
    if row.stored is not None:
        accepted = row.accepts.finished_at if row.accepts else None
        return read_back(row.stored), accepted or row.queued_at
    config = inventory.config
    collected = directory.collect(config, secret=None, since=None, deadline=time.monotonic() + PULL_S)
    newest = max(collected.artefacts, key=lambda one: (one.observed_at or datetime.min, one.name))
    if not newest.content:
        raise PullError(ErrorCode.EMPTY, f"{newest.name} is empty.", "Look at what writes the list.")
    row.stored, row.file = keep(newest.content), newest.name[:200]
    row.save(update_fields=["stored", "file"])
    return newest.content, min(newest.observed_at or at, at)


def columns_of(inventory: Inventory) -> Columns | None:
    """Which columns count, where a person said so."""
    said = inventory.columns
    if not said:
        return None
    return Columns(said.get("name", ""), tuple(said.get("addresses", ())), said.get("status", ""))


def digest_of(content: bytes, inventory: Inventory) -> str:
    """SHA-256 over the file and what is read of it."""
    return hashlib.sha256(content + b"\0" + canonical(inventory.columns)).hexdigest()


def refuse_smaller(inventory: Inventory, row: InventoryReading, listing: Listing) -> None:
    """A list that names much less than the last was more often cut short than tidied up."""
    row.names = len(listing.entries)
    row.save(update_fields=["names"])
    last = inventory.last_good
    if last is None or row.accepts is not None or len(listing.entries) >= last.names * SHRUNK:
        return
    what = f"It names {len(listing.entries)}, and the last one {last.names}: less than half of it."
    raise PullError(ErrorCode.UNEXPECTED_SHRINK, what, "Look at the file; if it is right, accept it with a reason.")


def stage(inventory: Inventory, row: InventoryReading, listing: Listing, at: datetime) -> None:
    """What the file names, as rows of this reading: nobody sees them before it is the last good one."""
    Sighting.objects.filter(reading=row).delete()  # of an attempt that was killed
    places = Places(Case(wanted_on(day_of(at)), {}, None, {}))
    shown = Sighting.objects.filter(inventory=inventory, reading=inventory.last_good_id or 0)
    old = {(str(one.ip or ""), one.name): one for one in shown}
    rows = []
    for one in named(listing):
        address, name, where = one
        before = old.pop((to_text(*address) if address else "", name), None)
        place = places.of(*address, inventory.system_id) if address else None
        rows.append(
            Sighting(
                kind=Kind.INVENTORY, inventory=inventory, reading=row, name=name, short=short_name(name)[:200],
                system_id=place.system if place else inventory.system_id, zone_id=place.zone if place else None,
                place=place.name if place else "", ip=to_text(*address) if address else None, where=where[:400],
                first_seen=before.first_seen if before and before.gone_at is None else at,
            )
        )  # fmt: skip
    for gone in old.values():  # what it named before stays, with the day it was gone
        gone.pk, gone.reading, gone.gone_at = None, row, gone.gone_at or at
        rows.append(gone)
    for start in range(0, len(rows), BATCH):
        Sighting.objects.bulk_create(rows[start : start + BATCH])


def named(listing: Listing) -> list[Named]:
    """(address or None, name, where) of each thing the list names, once each."""
    found: dict[tuple[Address | None, str], Named] = {}
    for one in listing.entries:
        where = f"line {one.line}" + (f" ({listing.columns.status}: {one.status})" if one.status else "")
        own = [each for each in one.addresses if not any(low <= each[1] <= high for low, high in LOCAL[each[0]])]
        places: list[Address | None] = [*own] or [None]
        for address in places:
            found.setdefault((address, one.name), (address, one.name, where))
    return [one for one in found.values() if one[0] is not None or one[1]]


def published(
    inventory: Inventory,
    row: InventoryReading,
    listing: Listing,
    digest: str,
    run: Run,
    at: datetime,
    seen: datetime,
) -> InventoryReading:
    """From here on it is what the inventory says; the rows of the one before are removed afterwards."""
    unread = listing.lines.unread
    said = f"{len(listing.entries)} rows of {row.file} name something"
    with run.finish():
        end(
            row, State.PARTIAL if unread else State.OK, at, digest=digest, names=len(listing.entries),
            lines_total=listing.lines.total, lines_unread=unread,
            what=f"{said}; {unread} of {listing.lines.total} lines could not be read." if unread else f"{said}.",
            next_step="Correct these lines where the list is kept, and bring it again." if unread else "",
            problems=[one._asdict() for one in listing.problems[:MOST_PROBLEMS]],
        )  # fmt: skip
        Inventory.objects.filter(pk=inventory.pk).update(last_reading=row, last_good=row, last_seen_at=seen)
    Sighting.objects.filter(inventory=inventory).exclude(reading=row).delete()
    row.refresh_from_db()
    return row


def unchanged(inventory: Inventory, row: InventoryReading, run: Run, at: datetime, seen: datetime) -> InventoryReading:
    """The same list: a sign of life."""
    with run.finish():
        end(row, State.UNCHANGED, at, what="It is the same list as before.")
        Inventory.objects.filter(pk=inventory.pk).update(last_reading=row, last_seen_at=seen)
    row.refresh_from_db()
    return row


def failed(
    inventory: Inventory, row: InventoryReading, run: Run, at: datetime, code: ErrorCode, what: str, next_step: str
) -> InventoryReading:
    """The failure is kept with what to do about it; the last good list stays."""
    with run.finish():
        end(row, State.FAILED, at, error_code=code, what=what, next_step=next_step)
        Inventory.objects.filter(pk=inventory.pk).update(last_reading=row)
    row.refresh_from_db()
    return row


def abandoned(job: Job) -> None:
    """The job ended without a result: so does the reading, with a sentence."""
    cancelled = job.state == Job.State.CANCELLED
    what = "The reading was cancelled." if cancelled else f"The reading failed {job.tries} times. {job.said}"
    for row in InventoryReading.objects.filter(job=job, state__in=[State.QUEUED, State.RUNNING]):
        end(row, State.FAILED, job.finished_at or timezone.now(), what=what.strip(), next_step="Bring the list again.")
        Inventory.objects.filter(pk=row.inventory_id).update(last_reading=row)


def end(row: InventoryReading, state: State, at: datetime, **said: object) -> None:
    """The reading's end."""
    with transaction.atomic():
        InventoryReading.objects.filter(pk=row.pk).update(state=state, finished_at=at, **said)
