"""Inventories that others keep: adding one, bringing its file, asking for a reading, standing for a smaller one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import System, User
from compliance.permissions import check
from evidence.artefacts import keep
from evidence.inventory_csv import MOST_BYTES
from evidence.models import ErrorCode, Inventory, InventoryReading

State = InventoryReading.State
WAITING: Final = (State.QUEUED, State.RUNNING)


def add_inventory(
    *,
    system: System,
    name: str,
    kind: str,
    by: User,
    config: Mapping[str, Any] | None = None,
    fresh_hours: int = 24 * 8,
    at: datetime | None = None,
) -> Inventory:
    """An inventory of a system, whose engineers look after it. `config`: its folder; {} where a person brings it."""
    moment = at or timezone.now()
    check(by, "add_source", system, at=moment)
    if kind not in Inventory.Kind.values:
        raise Refused("The inventory was not added.", f"{kind} is no kind of it.", "Choose one of those offered.")
    if Inventory.objects.filter(name=name.strip()).exists():
        raise Refused("The inventory was not added.", f"There is one called {name} already.", "Open it instead.")
    with transaction.atomic():
        row = Inventory.objects.create(
            system=system, name=name.strip(), kind=kind, config=dict(config or {}), fresh_hours=fresh_hours,
            created_at=moment,
        )  # fmt: skip
        record("add_inventory", row, by=by, at=moment, after=kind)
        if row.config:
            ask(row, by=by, at=moment)
    return row


def set_columns(
    inventory: Inventory, *, name: str, addresses: Sequence[str], status: str = "", by: User, at: datetime | None = None
) -> Inventory:
    """Says which columns of its file count; nothing named: they are told by their names. Read again with them."""
    moment = at or timezone.now()
    check(by, "edit_source", inventory, at=moment)
    named = {"name": name.strip(), "addresses": [one.strip() for one in addresses if one.strip()]}
    columns = named | {"status": status.strip()} if any(named.values()) else {}
    with transaction.atomic():
        before = dict(inventory.columns)
        inventory.columns = columns
        inventory.save(update_fields=["columns"])
        record("set_columns", inventory, by=by, at=moment, before=before, after=columns)
        latest = inventory.readings.filter(stored__isnull=False).first()
        if inventory.config:
            ask(inventory, by=by, at=moment)
        elif latest is not None:
            ask(inventory, by=by, at=moment, stored=latest)
    return inventory


def bring(inventory: Inventory, name: str, content: bytes, *, by: User, at: datetime | None = None) -> InventoryReading:
    """A file that a person brings: kept under its hash before anything reads it; read by a job."""
    moment = at or timezone.now()
    check(by, "pull", inventory, at=moment)
    if inventory.config:
        what = f"Nothing was brought to {inventory.name}."
        raise Refused(what, "It is read from its folder.", "Put the file there, or read it.")
    if not content:
        raise Refused(f"{name} was not taken.", "It is empty.", "Export the list again.")
    if len(content) > MOST_BYTES:
        raise Refused(f"{name} was not taken.", f"A list may have {MOST_BYTES >> 20} MB.", "Divide it into parts.")
    stored = keep(content)
    with transaction.atomic():
        row = InventoryReading(inventory=inventory, file=name[:200], stored=stored)
        row = ask(inventory, by=by, at=moment, stored=row)
        record("bring_inventory", inventory, by=by, at=moment, file=name[:200], after=stored.sha256)
    return row


def read_now(inventory: Inventory, *, by: User, at: datetime | None = None) -> InventoryReading:
    """Asks for a reading of its folder now."""
    moment = at or timezone.now()
    check(by, "pull", inventory, at=moment)
    if not inventory.config:
        raise Refused(f"{inventory.name} cannot be read by itself.", "A person brings its file.", "Bring the file.")
    with transaction.atomic():
        row = ask(inventory, by=by, at=moment)
        record("pull", inventory, by=by, at=moment)
    return row


def accept_smaller(
    reading: InventoryReading, *, because: str, by: User, at: datetime | None = None
) -> InventoryReading:
    """Somebody stands for a list that names less than half of what the one before named. It is that very file."""
    moment = at or timezone.now()
    inventory = reading.inventory
    check(by, "accept_shrink", inventory, at=moment)
    if not because.strip():
        raise Refused("Nothing was accepted.", "No reason was given.", "Say why it names so much less.")
    with transaction.atomic():
        now = Inventory.objects.get(pk=inventory.pk)
        if refused(now) != reading:
            raise Refused("Nothing was accepted.", "Another reading came in between.", "Look at the last one.")
        row = ask(now, by=by, at=moment, stored=reading, accepts=reading)
        before = now.last_good.names if now.last_good else 0
        said = {"before": str(before), "after": str(reading.names)}
        record("accept_shrink", inventory, by=by, at=moment, because=because, **said)
    return row


def refused(inventory: Inventory) -> InventoryReading | None:
    """The last reading, where it was refused for being much smaller."""
    last = inventory.last_reading
    return last if last is not None and last.error_code == ErrorCode.UNEXPECTED_SHRINK else None


def ask(
    inventory: Inventory,
    *,
    by: User | None,
    at: datetime,
    key: str = "",
    stored: InventoryReading | None = None,
    accepts: InventoryReading | None = None,
) -> InventoryReading:
    """The reading's row and its job, in the caller's transaction. `stored`: whose file is read; else its folder."""
    if inventory.readings.filter(state__in=WAITING).exists():
        raise Refused(f"{inventory.name} is being read already.", "", "Wait for that reading, then ask again.")
    row = InventoryReading.objects.create(
        inventory=inventory, queued_at=at, by=by, accepts=accepts, file=stored.file if stored else "",
        stored=stored.stored if stored else None,
    )  # fmt: skip
    name = key or f"read_inventory:{inventory.pk}:{row.pk}"
    row.job = enqueue("read_inventory", key=name, args={"inventory": inventory.pk, "reading": row.pk}, by=by)
    row.save(update_fields=["job"])
    return row
