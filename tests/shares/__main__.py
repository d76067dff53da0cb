"""`./run oracle --shares --minutes N [--seed S]`: real Samba servers and our reading of them, asked the same.

The last line on stdout is JSON: verdicts, disagreements and unknown. Exit: 0 no disagreement, 1 some (or too much left
unknown for the figures to mean anything), 2 no server can be asked here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import count

from tests.oracle.namespace import NotPossible
from tests.shares.server import missing
from tests.shares.session import Tally, rounds

MOST_UNKNOWN = 0.4  # names, groups and doubts are drawn often on purpose


def main(words: Sequence[str] | None = None) -> int:
    """Give the exit code."""
    parser = argparse.ArgumentParser(prog="./run oracle --shares", description="Asks real Samba servers.")
    parser.add_argument("--minutes", type=float, default=1.0, metavar="N", help="how long (default 1)")
    parser.add_argument("--seed", default="1", metavar="S", help="other configurations for each seed (default 1)")
    parser.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="these configurations of the seed alone")
    asked = parser.parse_args(words)
    why = missing()
    if why:
        print(why, file=sys.stderr)
        return 2
    tally = Tally()
    seconds = float("inf") if asked.only else asked.minutes * 60
    sets = 0
    try:
        for _ in rounds(asked.seed, iter(asked.only or count()), tally, seconds=seconds):
            sets += 1
    except NotPossible as problem:
        print(problem, file=sys.stderr)
        return 2
    for line in tally.disagreements:
        print(line, file=sys.stderr)
    print(f"{sets} servers; the answers were {tally.by_answer}", file=sys.stderr)
    whole = tally.verdicts + tally.unknown
    figures = {"verdicts": tally.verdicts, "disagreements": len(tally.disagreements), "unknown": tally.unknown}
    print(json.dumps(figures))
    return 1 if tally.disagreements or tally.unknown > MOST_UNKNOWN * whole else 0


if __name__ == "__main__":
    sys.exit(main())
