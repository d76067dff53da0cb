"""Reconciliation of rows: every governed row against what the ledger said of it last, and the ledger against itself.

What somebody edits, inserts or deletes past Eastwest fits no hash; what they do to the ledger's own tables fits
neither root nor seal. It reads everything, and the log once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import connection, models
from django.utils import timezone

from compliance.actions.ledger import mac
from compliance.actions.ledger_rows import contents, digest, governed_models, known_names
from compliance.actions.ledger_seal import genuine, leaf_of
from compliance.errors import Refused
from compliance.ledger import merkle, notes, places
from compliance.ledger.keys import Keys
from compliance.ledger.one_moment import one_moment
from compliance.models import LedgerCheckpoint, LedgerEntry, LedgerHead, LedgerInbox, LedgerRow
from compliance.models.approvals import canonical

SAID_FOR: Final = timedelta(days=90)  # how long a row that a verb found altered stays a finding
PREFIX: Final = {
    "compliance.changerecord": "CHG",
    "compliance.connection": "CON",
    "evidence.finding": "FND",
    "evidence.pack": "PCK",
    "evidence.sheet": "TST",
    "reviews.review": "REV",
    "reviews.campaign": "CMP",
}


class Altered(NamedTuple):
    """A row (or `key` None: the ledger itself) that is not as Eastwest left it, with a sentence for the finding."""

    label: str
    key: int | None
    sentence: str
    kind: str = "row"

    @property
    def ref(self) -> str:
        """The id people use, else the table's name and the row's number."""
        if self.key is None:
            return self.label
        prefix = PREFIX.get(self.label)
        return f"{prefix}-{self.key}" if prefix else f"{self.label.partition('.')[2]} {self.key}"


def altered_rows(*, at: datetime | None = None) -> list[Altered]:
    """Everything of the kind, each row once, in order of table and number; log and tables as of one moment."""
    log = Log(at or timezone.now())
    with one_moment():
        found = [*log.read(), *_rows(log.last)]
    return list({(one.label, one.key, one.sentence): one for one in found}.values())


def _rows(last: dict[tuple[str, int], str]) -> Iterator[Altered]:
    """Rows against their last word, their last word against the log, and what the log knows and no table has."""
    left = {about for about, said in last.items() if said}
    spoken_of = set()
    for label, key in LedgerRow.objects.order_by("label", "key").values_list("label", "key"):
        spoken_of.add(label)
        if (label, key) not in left:
            yield Altered(label, key, f"{Altered(label, key, '').ref} has a last word that the ledger never gave.")
    governed = governed_models()
    some = spoken_of | _with_rows(governed)
    for model in governed:
        label = model._meta.label_lower
        if label not in some:
            continue
        words = {row.key: row for row in LedgerRow.objects.filter(label=label)}
        for key, problem in _table(model, words, last):
            left.discard((label, key))
            if problem:
                yield Altered(label, key, f"{Altered(label, key, '').ref} {problem}.")
    for label, key in sorted(left):
        yield Altered(label, key, f"{Altered(label, key, '').ref} is gone, and nothing in Eastwest removed it.")


def _with_rows(governed: list[type[models.Model]]) -> set[str]:
    """The labels of those whose tables have a row, in one question: most tables of most installations are empty."""
    tables = [connection.ops.quote_name(model._meta.db_table) for model in governed]
    each = (f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {table})" for number, table in enumerate(tables))  # noqa: S608 no words of anybody's
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return {governed[number]._meta.label_lower for [number] in cursor.fetchall()}


def _table(
    model: type[models.Model], words: dict[int, LedgerRow], last: dict[tuple[str, int], str]
) -> Iterator[tuple[int, str]]:
    """Each row of one table with what is wrong with it, "" where nothing is."""
    label = model._meta.label_lower
    by_names: dict[str, list[int]] = {}
    for key, word in words.items():
        by_names.setdefault(word.names, []).append(key)
    seen: set[int] = set()
    for names, keys in by_names.items():
        known = known_names(model, names)
        if known is None:
            yield from ((key, "was said with fields that this version does not have") for key in keys)
            seen.update(keys)
            continue
        for key, values in contents(model, known, None if len(by_names) == 1 else keys):
            seen.add(key)
            yield key, _problem(label, key, values, words.get(key), last)
    if len(by_names) != 1:
        strangers = model._base_manager.exclude(pk__in=list(words)).values_list("pk", flat=True)
        yield from ((key, "was not written through Eastwest") for key in strangers if key not in seen)


def _problem(
    label: str, key: int, values: dict[str, Any], word: LedgerRow | None, last: dict[tuple[str, int], str]
) -> str:
    if word is None:
        return "was not written through Eastwest"
    if word.digest != last.get((label, key)):
        return "has another last word than the ledger gave it"
    if digest(label, key, values, word.salt) != word.digest:
        return "was altered past Eastwest: it is not as the last verb left it"
    return ""


class Log:
    """One pass over the log and the inbox. `last`: (label, key) → the digest said last, "" once it was removed."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.last: dict[tuple[str, int], str] = {}
        self.keys = Keys(settings.KEYS)
        self.begun = ""
        outside = settings.CHECKPOINT_FILE  # read before the tables: what is published then is known to them already
        self.published = outside.read_text("utf-8") if outside and outside.exists() else ""

    def read(self) -> Iterator[Altered]:
        """What is wrong with the ledger's own tables."""
        rows = Numbered()
        frontier, tree_ok = merkle.Frontier(), True
        for entry in LedgerEntry.objects.order_by("seq").iterator():
            data = entry.data.encode()
            leaf = merkle.leaf(data)
            frontier.append(leaf)
            said = _said(data)
            for number in rows.before(entry.seq):
                yield _not_as_sealed(number)
            row = rows.take(entry)
            numbers = {entry.seq, said.get("seq") if said else None}
            if said is None or leaf.hex() != entry.leaf_hash or numbers != {frontier.size}:
                yield Altered(
                    f"ledger entry #{entry.seq}", None, f"Entry #{entry.seq} is not as it was sealed.", "ledger"
                )
                tree_ok = False
                if said is None:
                    continue
            elif str(entry.uid) != said.get("uid") or not _same(row, said):
                yield _not_as_sealed(entry.seq)
            self.begun = self.begun or str(said.get("sealed"))
            yield from self._says(said, entry.seq)
        for number in rows.before(None):
            yield _not_as_sealed(number)
        yield from self._waiting()
        yield from self._head(frontier) if tree_ok else ()
        yield from self._checkpoints()

    def _says(self, said: dict[str, Any], seq: int | None) -> Iterator[Altered]:
        for label, key, found in said.get("rows", ()):
            self.last[label, key] = found
        for label, key in said.get("altered", ()):
            if self.at - notes.moment(said["time"]) < SAID_FOR:
                where = f"entry #{seq}" if seq else "an entry"
                yield Altered(label, key, f"{Altered(label, key, '').ref} was altered past Eastwest before {where}.")

    def _waiting(self) -> Iterator[Altered]:
        for row in LedgerInbox.objects.filter(seq__isnull=True).order_by("pk"):
            if row.mac and genuine(row):
                yield from self._says(row.data, None)
            elif row.mac or self.keys.begun():
                yield Altered(
                    "ledger inbox", row.pk, f"Row {row.pk} of the ledger's inbox is not Eastwest's.", "ledger"
                )

    def _head(self, frontier: merkle.Frontier) -> Iterator[Altered]:
        head = LedgerHead.objects.first()
        if head is None:
            if frontier.size or self.keys.begun():
                yield Altered("ledger seal", None, "The ledger's seal is gone.", "ledger")
            return
        kept = (head.size, head.frontier, head.root)
        whole = kept == (frontier.size, frontier.packed().hex(), frontier.root().hex())
        if not whole or LedgerHead.objects.count() != 1 or not self._signed(head.seal, head.key, frontier, head.at):
            yield Altered("ledger seal", None, "The ledger's seal does not fit its entries.", "ledger")

    def _signed(self, seal: str, key: str, frontier: merkle.Frontier, at: datetime) -> bool:
        try:
            note = notes.held(seal, self.keys.public(key))
        except (ValueError, Refused):
            return False
        return note == notes.Note(self.keys.origin(), frontier.size, frontier.root(), at)

    def _checkpoints(self) -> Iterator[Altered]:
        kept = set(LedgerCheckpoint.objects.values_list("note", flat=True))
        for text in places.notes_in(self.published) if self.begun else ():
            if text not in kept and self._of_this_log(text):
                why = "A checkpoint that was published is not known here: the database was set back, or it was removed."
                yield Altered("ledger checkpoint", None, why, "ledger")
        if LedgerCheckpoint.objects.count() != len(kept):
            yield Altered("ledger checkpoint", None, "A checkpoint is there twice: it was signed once.", "ledger")
        known = [self.keys.public(path.stem) for path in sorted(self.keys.folder.glob("*.pub"))]
        for row in LedgerCheckpoint.objects.order_by("pk").iterator():
            try:
                note = next(filter(None, (notes.held(row.note, key) for key in known)), None)
            except ValueError:
                note = None
            if note is None or (note.size, note.at) != (row.size, row.at):
                yield Altered("ledger checkpoint", row.pk, f"Checkpoint {row.pk} is not as it was signed.", "ledger")

    def _of_this_log(self, text: str) -> bool:
        """Whether a note of the file was signed since this log began (a fresh database keeps the old file)."""
        try:
            note, _, _ = notes.read(text)
        except ValueError:
            return False
        return note.origin == self.keys.origin() and note.at >= notes.moment(self.begun)


class Numbered:
    """The inbox rows that have a number, in its order and few at a time: a log of a million entries fits."""

    def __init__(self) -> None:
        self.rest = LedgerInbox.objects.filter(seq__isnull=False).order_by("seq").iterator()
        self.next = next(self.rest, None)

    def before(self, seq: int | None) -> Iterator[int | None]:
        """The numbers of the rows before an entry (None: of all that are left), which no entry has taken."""
        while self.next is not None and (seq is None or (self.next.seq or 0) < seq):
            number, self.next = self.next.seq, next(self.rest, None)
            yield number

    def take(self, entry: LedgerEntry) -> LedgerInbox | None:
        """The row of this entry; None where the row with its number is another's, which then stands for nothing."""
        row = self.next
        if row is None or row.seq != entry.seq:
            return None
        self.next = next(self.rest, None)
        return row if row.uid == entry.uid else None


def _same(row: LedgerInbox | None, said: dict[str, Any]) -> bool:
    """Whether what pages show of an entry is what was sealed."""
    if row is None or row.seq != said.get("seq"):
        return False
    about = row.data.get("object") or {}
    shown = (row.verb, row.object_type, row.object_id, row.actor_id)
    whole = {**leaf_of(row), "seq": said["seq"], "sealed": said.get("sealed")}
    if canonical(whole) != canonical(said):
        return False
    if not row.mac:  # of before the log
        return True
    real = (row.data["verb"][:60], about.get("type") or "", about.get("id"), (row.data.get("actor") or {}).get("id"))
    return shown == real and row.mac == mac(row.uid, row.data, row.salt)


def _said(data: bytes) -> dict[str, Any] | None:
    """What an entry says; None where its bytes were altered until they say nothing."""
    try:
        found = json.loads(data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _not_as_sealed(seq: int | None) -> Altered:
    return Altered(f"ledger entry #{seq}", None, f"What is shown of entry #{seq} is not what was sealed.", "ledger")
