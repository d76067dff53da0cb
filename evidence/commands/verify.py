"""`eastwest verify PACK.zip`: the one verifier of every pack, with its own exit status (0 sound, 1 not, 2 no pack)."""

from __future__ import annotations

import argparse

from evidence.commands.answer import CLEAN, FINDINGS, REFUSED, Answer
from evidence.packs import verify


def run(asked: argparse.Namespace) -> Answer:
    """What is wrong with the pack, and who signed it."""
    try:
        report = verify.verify(asked.pack, asked.fingerprint)
    except verify.NotAPack as wrong:
        nothing = verify.Report(asked.pack).as_json()
        return Answer(REFUSED, {**nothing, "error": str(wrong)}, "", (f"eastwest verify: {wrong}",))
    return Answer(CLEAN if report.ok else FINDINGS, report.as_json(), verify.told(report))
