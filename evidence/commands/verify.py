"""`eastwest verify PACK.zip`: the one verifier of every pack, with its own exit status (0 sound, 1 not, 2 no pack)."""

from __future__ import annotations

import argparse

from evidence.commands.answer import CLEAN, FINDINGS, REFUSED, Answer
from evidence.packs import verify, verify_ledger
from evidence.packs.verify_notes import NotALedger


def run(asked: argparse.Namespace) -> Answer:
    """What is wrong with the pack, and who signed it; or what is wrong with an export of the ledger."""
    if asked.ledger:
        return of_ledger(asked)
    if not asked.pack:
        which = "eastwest verify: name a pack, or an export with --ledger"
        return Answer(REFUSED, {"ok": False, "error": which}, "", (which,))
    try:
        report = verify.verify(asked.pack, asked.fingerprint, asked.authority)
    except verify.NotAPack as wrong:
        nothing = verify.Report(asked.pack).as_json()
        return Answer(REFUSED, {**nothing, "error": str(wrong)}, "", (f"eastwest verify: {wrong}",))
    return Answer(CLEAN if report.ok else FINDINGS, report.as_json(), verify.told(report))


def of_ledger(asked: argparse.Namespace) -> Answer:
    """The export against key, old checkpoints and, where given, the rows."""
    try:
        report = verify_ledger.check_files(asked.ledger, asked.key, asked.checkpoint, asked.state)
    except NotALedger as wrong:
        empty = verify_ledger.Report().as_json()
        return Answer(REFUSED, {**empty, "ok": False, "error": str(wrong)}, "", (f"eastwest verify: {wrong}",))
    return Answer(CLEAN if report.ok else FINDINGS, report.as_json(), verify_ledger.told(report))
