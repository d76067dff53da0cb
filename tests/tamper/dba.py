"""Somebody who has the database, naive or clever: the clever one makes every hash fit again, but cannot sign."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from compliance.ledger import merkle, notes
from compliance.models import LedgerCheckpoint, LedgerEntry, LedgerHead
from compliance.models.approvals import canonical

FORGER: Final = Ed25519PrivateKey.generate()


class Done(NamedTuple):
    """What was done, and whether the promise covers it (a genuine old state newer than the checkpoint is not)."""

    what: str
    promised: bool = True


Entries = list[tuple[str, str, str]]  # uid, data, leaf hash; in order


def read() -> Entries:
    """The entries as the table holds them."""
    rows = LedgerEntry.objects.order_by("seq").values_list("uid", "data", "leaf_hash")
    return [(uid.hex if connection.vendor == "sqlite" else str(uid), data, leaf) for uid, data, leaf in rows]


def write(entries: Entries) -> None:
    """The table anew, by SQL."""
    with connection.cursor() as sql:
        sql.execute("DELETE FROM compliance_ledgerentry")
        sql.executemany(
            "INSERT INTO compliance_ledgerentry (seq, uid, data, leaf_hash) VALUES (%s, %s, %s, %s)",
            [(number, *one) for number, one in enumerate(entries, 1)],
        )


# --- What is changed of the entries ----------------------------------------------------------------------------------


def edit(entries: Entries, chance: random.Random) -> None:
    """Another word in one entry: who, what, why, when, or the hash of a row."""
    place = chance.randrange(len(entries))
    uid, data, leaf = entries[place]
    said = json.loads(data)
    name = chance.choice(["verb", "because", "actor", "time", "payload", "object", "sealed", "uid"])
    if name == "actor":
        said["actor"]["name"] = f"Somebody {chance.random()}"
    elif name == "object":
        said["object"] = {"type": "compliance.changerecord", "id": chance.randint(1000, 9999), "version": 1}
    elif name == "sealed":
        said["sealed"] = notes.stamp(notes.moment(said["sealed"]) - timedelta(seconds=chance.randint(1, 10**6)))
    elif name == "uid":
        said["uid"] = (
            json.loads(entries[chance.randrange(len(entries)) - 1][1])["uid"][:-4] + f"{chance.randrange(9999):04d}"
        )
    else:
        said[name] = f"{said[name]} {chance.random()}"
    entries[place] = (uid, canonical(said).decode(), leaf)


def flip(entries: Entries, chance: random.Random) -> None:
    """One letter of an entry, or of its hash."""
    place = chance.randrange(len(entries))
    uid, data, leaf = entries[place]
    at = chance.randrange(1, len(data) - 1)
    if chance.random() < 0.7:
        entries[place] = (uid, data[:at] + ("x" if data[at] != "x" else "y") + data[at + 1 :], leaf)
    else:
        at = chance.randrange(64)
        entries[place] = (uid, data, leaf[:at] + ("0" if leaf[at] != "0" else "1") + leaf[at + 1 :])


def delete(entries: Entries, chance: random.Random) -> None:
    """One entry less."""
    entries.pop(chance.randrange(len(entries)))


def swap(entries: Entries, chance: random.Random) -> None:
    """Two entries in each other's place."""
    one, other = chance.sample(range(len(entries)), 2)
    entries[one], entries[other] = entries[other], entries[one]


def insert(entries: Entries, chance: random.Random) -> None:
    """An approval that was never given."""
    said = json.loads(chance.choice(entries)[1])
    said["uid"] = f"{chance.getrandbits(128):032x}"
    said["uid"] = "-".join(
        [said["uid"][:8], said["uid"][8:12], said["uid"][12:16], said["uid"][16:20], said["uid"][20:]]
    )
    said.update(verb="approve", because=f"Agreed {chance.random()}")
    data = canonical(said)
    uid = said["uid"].replace("-", "") if connection.vendor == "sqlite" else said["uid"]
    entries.insert(chance.randint(0, len(entries)), (uid, data.decode(), merkle.leaf(data).hex()))


def truncate(entries: Entries, chance: random.Random) -> None:
    """The newest entries are gone."""
    del entries[chance.randrange(len(entries)) :]


def clock_back(entries: Entries, chance: random.Random) -> None:
    """Everything from one entry on is sealed at an earlier time, in order."""
    start, by = chance.randrange(len(entries)), timedelta(seconds=chance.randint(1, 10**7))
    for place in range(start, len(entries)):
        uid, data, leaf = entries[place]
        said = json.loads(data)
        said["sealed"] = notes.stamp(notes.moment(said["sealed"]) - by)
        entries[place] = (uid, canonical(said).decode(), leaf)


CHANGES: Final[tuple[Callable[[Entries, random.Random], None], ...]] = (
    edit, flip, delete, swap, insert, truncate, clock_back
)  # fmt: skip


# --- How it is covered up --------------------------------------------------------------------------------------------


def naive(chance: random.Random) -> Done | None:
    """Changes entries, or the seal's row, and leaves all else."""
    if chance.random() < 0.15:
        return seal_edited(chance)
    change = chance.choice(CHANGES)
    before = read()
    entries = list(before)
    change(entries, chance)
    if entries == before:
        return None
    write(entries)
    return Done(f"naive {change.__name__}")


def seal_edited(chance: random.Random) -> Done | None:
    """A letter of the seal, or of a checkpoint in the table."""
    model = chance.choice([LedgerHead, LedgerCheckpoint])
    column = "seal" if model is LedgerHead else "note"
    row = chance.choice(list(model.objects.all()))
    text = getattr(row, column)
    at = chance.randrange(len(text) - 1)
    changed = text[:at] + chance.choice("0aA=\n") + text[at + 1 :]
    if changed == text:
        return None
    with connection.cursor() as sql:
        sql.execute(f"UPDATE {model._meta.db_table} SET {column} = %s WHERE id = %s", [changed, row.pk])
    return Done(f"naive {model.__name__}")


def clever(chance: random.Random, held: int) -> Done | None:
    """Numbers, hashes, frontier, root and checkpoints all fit again; the seal is a genuine old one, or a forged one.

    `held`: how many entries the checkpoint outside counts.
    """
    before, head = read(), LedgerHead.objects.get()
    change = chance.choice([one for one in CHANGES if one is not flip])
    entries = list(before)
    change(entries, chance)
    if entries == before:
        return None
    genuine = [head.seal, *LedgerCheckpoint.objects.values_list("note", flat=True)]
    fitting = [note for note in genuine if notes.read(note)[0].size <= len(entries)]
    if fitting and chance.random() < 0.4:  # as long as a genuine seal fits by its size
        del entries[notes.read(seal := chance.choice(fitting))[0].size :]
    else:
        seal = ""
    entries = refitted(entries)
    tree = merkle.Frontier()
    for _, _, leaf in entries:
        tree.append(bytes.fromhex(leaf))
    write(entries)
    seal = seal or forged(head, tree, chance)
    with connection.cursor() as sql:
        words = [tree.size, tree.packed().hex(), tree.root().hex(), seal]
        sql.execute("UPDATE compliance_ledgerhead SET size = %s, frontier = %s, root = %s, seal = %s", words)
    covered_up(chance, tree, seal)
    rolled_back = entries == before[: len(entries)] and len(entries) >= held and seal in genuine
    return Done(f"clever {change.__name__}", promised=not rolled_back)


def refitted(entries: Entries) -> Entries:
    """Renumbered, with the hashes that belong to what it says now."""
    found: Entries = []
    for number, (uid, data, _) in enumerate(entries, 1):
        again = canonical({**json.loads(data), "seq": number})
        found.append((uid, again.decode(), merkle.leaf(again).hex()))
    return found


def forged(head: LedgerHead, tree: merkle.Frontier, chance: random.Random) -> str:
    """A seal over the new root: with the old signature, or one by a key of the forger's own."""
    was, _, _ = notes.read(head.seal)
    note = notes.Note(was.origin, tree.size, tree.root(), was.at)
    if chance.random() < 0.5:
        return notes.signed(note, FORGER)
    return f"{note.text}\n{head.seal.rpartition(chr(10) * 2)[2]}"


def covered_up(chance: random.Random, tree: merkle.Frontier, seal: str) -> None:
    """The checkpoints in the database: left, all deleted, those beyond the new end deleted, or one put in."""
    way = chance.choice(["left", "all", "newer", "one"])
    with connection.cursor() as sql:
        if way in ("all", "one"):
            sql.execute("DELETE FROM compliance_ledgercheckpoint")
        if way == "newer":
            sql.execute("DELETE FROM compliance_ledgercheckpoint WHERE size > %s", [tree.size])
    if way == "one":
        LedgerCheckpoint.objects.create(size=tree.size, note=seal, at=notes.read(seal)[0].at)


def mutated(chance: random.Random, held: int) -> Done | None:
    """One mutation; None when it happened to change nothing."""
    return naive(chance) if chance.random() < 0.4 else clever(chance, held)
