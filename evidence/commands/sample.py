"""`eastwest sample FILE.json`: draws a sample again from its seed (0 as it says, 1 other rows, 2 no sample)."""

from __future__ import annotations

import argparse

from evidence.commands.answer import CLEAN, FINDINGS, REFUSED, Answer
from evidence.packs.verify_sampling import NotASample, check_file


def run(asked: argparse.Namespace) -> Answer:
    """Whether the seed chooses the rows that the file holds."""
    try:
        wrong, said = check_file(asked.sample)
    except NotASample as refused:
        return Answer(REFUSED, {"ok": False, "error": str(refused)}, "", (f"eastwest sample: {refused}",))
    return Answer(FINDINGS if wrong else CLEAN, {"ok": not wrong, "problems": wrong}, said)
