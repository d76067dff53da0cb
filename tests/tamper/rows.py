"""Raw SQL over every governed table and the ledger's own: edit, insert, delete; reconciliation must name each."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from compliance.actions.ledger_rows import governed_models
from compliance.actions.reconcile_rows import Altered, altered_rows
from compliance.ledger.governed import left_out
from compliance.models import User
from tests.tamper.logs import undone
from tests.tamper.play import Tally

LEDGER: Final = ("ledgerinbox", "ledgerentry", "ledgerhead", "ledgercheckpoint", "ledgerrow")
# Not what the ledger says but how its upkeep stands: who falsifies it deceives about the next mail, not about history
UPKEEP: Final = {"compliance.ledgercheckpoint": frozenset({"because", "published_to", "problems"}),
                 "compliance.ledgerinbox": frozenset({"created", "system_id", "refused"}),
                 "compliance.ledgerrow": frozenset({"uid"})}  # fmt: skip
# What a plausible value would break: columns that say something together
SAID: Final[Mapping[str, Mapping[str, Any]]] = {
    "evidence.attestation": {"sha256": ""},  # no file
    "evidence.evidenceask": {"asked_by": User},  # somebody: by a link or by a person, and not by both
    "evidence.evidencereply": {"sha256": ""},  # no file
    "reviews.campaign": {"result_hash": ""},  # going on
}
Look = Callable[[], list[Altered]]


def tables() -> list[type[models.Model]]:
    """Every governed table, its many-to-many tables, and the ledger's own."""
    own = governed_models()
    through = [field.remote_field.through for model in own for field in model._meta.many_to_many]
    return [*own, *through, *(apps.get_model("compliance", name) for name in LEDGER)]


def filled() -> None:
    """A row in each table that the verbs left empty, so that none is passed over."""
    for model in governed_models():
        if not model._base_manager.exists():
            made(model)
        for field in model._meta.many_to_many:
            first, far = model._base_manager.first(), field.related_model
            other = far._base_manager.first() or made(far)
            if first is not None and not field.remote_field.through._base_manager.exists():
                getattr(first, field.name).add(other)


def made(model: type[models.Model]) -> models.Model:
    """A plausible row; the database may refuse some (two ends that must differ), so other ends are tried."""
    for turn in range(20):
        try:
            with transaction.atomic():
                said = {
                    name: value._base_manager.first() if isinstance(value, type) else value
                    for name, value in SAID.get(model._meta.label_lower, {}).items()
                }
                return model._base_manager.create(**{**plausible_row(model, turn), **said})
        except IntegrityError:
            continue
    raise RuntimeError(f"no row of {model._meta.label} could be made up: say in tests/tamper/rows.py how")


def plausible_row(model: type[models.Model], turn: int) -> dict[str, Any]:
    """Values for the columns that need one; foreign keys point elsewhere with each turn."""
    values: dict[str, Any] = {}
    for place, field in enumerate(model._meta.concrete_fields):
        if field.primary_key or field.null or field.generated or field.has_default():
            continue
        if isinstance(field, models.ForeignKey):
            keys = list(field.related_model._base_manager.order_by("pk").values_list("pk", flat=True)[:9])
            values[field.attname] = (
                keys[(turn * (place + 1) + place) % len(keys)] if keys else made(field.related_model).pk
            )
        else:
            value = plausible(field)  # later columns hold later moments: most tables want an end after the beginning
            values[field.attname] = value + timedelta(days=place) if isinstance(value, datetime | date) else value
    return values


def plausible(field: models.Field[Any, Any]) -> Any:
    """A value such a field may hold."""
    if field.choices:
        return field.flatchoices[0][0]
    examples: list[tuple[type[models.Field[Any, Any]], Any]] = [
        (models.UUIDField, uuid.uuid4()), (models.DateTimeField, datetime(2046, 4, 1, tzinfo=UTC)),
        (models.DateField, date(2046, 4, 1)), (models.TimeField, time(9)), (models.BooleanField, False),
        (models.JSONField, {}), (models.IntegerField, 3), (models.GenericIPAddressField, "10.9.8.7"),
        (models.EmailField, "x@example.org"),
    ]  # fmt: skip
    return next((value for kind, value in examples if isinstance(field, kind)), "x"[: field.max_length])


@contextmanager
def unguarded() -> Iterator[None]:
    """Foreign keys are not asked: whoever edits the database by hand switches them off."""
    with connection.cursor() as sql:
        if connection.vendor == "sqlite":
            sql.execute("PRAGMA foreign_keys = OFF")
        else:
            sql.execute("SET session_replication_role = replica")
        yield
        if connection.vendor == "sqlite":
            sql.execute("PRAGMA foreign_keys = ON")
        else:
            sql.execute("SET session_replication_role = DEFAULT")


def play_rows(mutations: int, *, seed: int, look: Look = altered_rows) -> Tally:
    """So many raw mutations, each looked for. A clean database before and after raises no alarm."""
    chance, tally, every = random.Random(seed), Tally(), tables()
    alarms = look()
    tally.false_alarms += len(alarms)
    tally.examples += [f"false alarm: {one.sentence}" for one in alarms[:3]]
    with unguarded():
        turn = 0
        while tally.mutations < mutations:
            model, turn = every[turn % len(every)], turn + 1
            with undone():
                what = mutated(model, chance)
                if what:
                    tally.mutations += 1
                    tally.kinds[what] += 1
                    if not look():
                        tally.missed += 1
                        tally.examples.append(f"missed: {what} {model._meta.label}")
    tally.false_alarms += len(look())
    return tally


def mutated(model: type[models.Model], chance: random.Random) -> str:
    """One raw statement on the table; "" when the database refused it, or nothing changed."""
    rows = list(model._base_manager.values_list("pk", flat=True))
    if not rows:
        return ""
    key, way = chance.choice(rows), chance.choice([edited, edited, deleted, inserted])
    try:
        with transaction.atomic():
            return way(model, key, chance)
    except DatabaseError:  # unique, check or type: the database itself refuses
        return ""


def row(model: type[models.Model], key: Any) -> dict[str, Any]:
    """The row as the driver gives it."""
    meta = model._meta
    with connection.cursor() as sql:
        sql.execute(f'SELECT * FROM "{meta.db_table}" WHERE "{meta.pk.column}" = %s', [prepared(model, key)])
        found = sql.fetchone()
        return dict(zip([column[0] for column in sql.description], found or (), strict=False))


def prepared(model: type[models.Model], key: Any) -> Any:
    """A key as SQL takes it."""
    return model._meta.pk.get_db_prep_value(key, connection)


def edited(model: type[models.Model], key: Any, chance: random.Random) -> str:
    """Another value in one governed column."""
    meta = model._meta
    out = left_out(meta.label_lower) | UPKEEP.get(meta.label_lower, frozenset())
    stored = [one for one in meta.concrete_fields if not one.primary_key and not one.generated]
    fields = [one for one in stored if one.attname not in out]
    if not fields:
        return ""
    field, before = chance.choice(fields), row(model, key)
    value = changed(field, getattr(model._base_manager.get(pk=key), field.attname), chance)
    with connection.cursor() as sql:
        words = [field.get_db_prep_save(value, connection), prepared(model, key)]
        sql.execute(f'UPDATE "{meta.db_table}" SET "{field.column}" = %s WHERE "{meta.pk.column}" = %s', words)
    return f"edit {meta.label_lower}.{field.name}" if row(model, key) != before else ""


def changed(field: models.Field[Any, Any], old: Any, chance: random.Random) -> Any:
    """Another value of the same kind."""
    if field.null and old is not None and chance.random() < 0.3:
        return None
    if isinstance(field, models.ForeignKey):
        keys = list(field.related_model._base_manager.exclude(pk=old).values_list("pk", flat=True)[:50])
        return chance.choice(keys) if keys else old
    if field.choices:
        others = [value for value, _ in field.flatchoices if value != old]
        return chance.choice(others) if others else old
    value = old if old is not None else plausible(field)
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(value, datetime | date):
        return value + timedelta(days=chance.randint(1, 400))
    if isinstance(value, int):
        return value + chance.randint(1, 5)
    if isinstance(value, dict | list):
        return {"was": value, "now": chance.random()}
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=chance.getrandbits(128))
    if isinstance(field, models.GenericIPAddressField):
        return f"10.200.{chance.randrange(256)}.{chance.randrange(256)}"
    text = str(value)
    at = chance.randrange(len(text)) if text else 0
    return (text[:at] + chance.choice("abcdef0123") + text[at + 1 :])[: field.max_length]


def deleted(model: type[models.Model], key: Any, _: random.Random) -> str:
    """The row is gone."""
    meta = model._meta
    with connection.cursor() as sql:
        sql.execute(f'DELETE FROM "{meta.db_table}" WHERE "{meta.pk.column}" = %s', [prepared(model, key)])
    return f"delete {meta.label_lower}"


def inserted(model: type[models.Model], key: Any, chance: random.Random) -> str:
    """A copy of the row under a number of its own, with other values where two may not have the same."""
    meta, values = model._meta, row(model, key)
    unique = {field.column for field in meta.concrete_fields if field.unique and not field.primary_key}
    unique |= {meta.get_field(name).column for each in meta.constraints for name in getattr(each, "fields", ())}
    for field in meta.concrete_fields:
        if field.generated:
            values.pop(field.column)
        elif field.primary_key:
            values[field.column] = 10**6 + chance.randrange(10**6)
        elif field.column in unique:
            old = getattr(model._base_manager.get(pk=key), field.attname)
            values[field.column] = field.get_db_prep_save(changed(field, old, chance), connection)
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(["%s"] * len(values))
    with connection.cursor() as sql:
        sql.execute(f'INSERT INTO "{meta.db_table}" ({names}) VALUES ({places})', list(values.values()))
    return f"insert {meta.label_lower}"
