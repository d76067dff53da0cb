"""Many mutations, each on a clean log of its own kind, each judged by the one verifier; and clean logs."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from compliance.models import User
from evidence.packs import verify_ledger, verify_notes
from tests.tamper import dba
from tests.tamper.logs import Kept, Quick, grown, undone, verdict

A_LOG: Final = 150  # mutations of one log
BY_OPENSSL: Final = 250  # every so many-th is judged with the openssl command, as an auditor's machine does it

Holds = Callable[[str, bytes, bytes], bool]
Judge = Callable[[Kept, str | None, Holds], verify_ledger.Report]


@dataclass
class Tally:
    """What came of it. `outside`: taken back to a genuine state newer than the checkpoint: what is not promised."""

    mutations: int = 0
    missed: int = 0
    false_alarms: int = 0
    clean: int = 0
    outside: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


def play(mutations: int, clean: int, *, seed: int, person: User, judge: Judge = verdict) -> Tally:
    """So many mutations inside the promise, and so many clean logs."""
    chance, tally, quick = random.Random(seed), Tally(), Quick()
    while tally.mutations < mutations or tally.clean < clean:
        with tempfile.TemporaryDirectory() as folder, undone():
            kept = grown(chance, Path(folder), person)
            report = judge(kept, chance.choice([None, *kept.notes]), verify_notes.openssl_holds)
            tally.clean += 1
            if not report.ok:
                tally.false_alarms += 1
                tally.examples.append(f"clean: {report.findings[0].problem}")
            for _ in range(min(A_LOG, mutations - tally.mutations)):
                one(kept, chance, tally, quick, judge)
    return tally


def one(kept: Kept, chance: random.Random, tally: Tally, quick: Quick, judge: Judge) -> None:
    """One mutation and what the verifier says of it."""
    note = chance.choice(kept.notes)
    with undone():
        done = dba.mutated(chance, verify_notes.read_note(note).size)
        if done is None:
            return
        if not done.promised:
            tally.outside += 1
            return
        tally.mutations += 1
        tally.kinds[done.what] += 1
        holds = verify_notes.openssl_holds if tally.mutations % BY_OPENSSL == 0 else quick
        if judge(kept, note, holds).ok:
            tally.missed += 1
            tally.examples.append(f"missed: {done.what}")
