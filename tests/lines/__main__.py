"""`./run lines [FILE…] [--lists N] [--seed S]`: which lines of access lists no packet reaches, asked twice.

With files, of each list in each of them; without, of N lists made from a seed. Eastwest's answer is held against a
reader and an engine of other make, line by line. The last line on stdout is JSON: lists, lines, unreachable, empty
(what nothing can match), shadowed (unreachable as `Policy.shadow` counts), differences, left_out (lists), and why.
Every difference is on stderr. Exit: 0 none, 1 some.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from evidence.rules import FormatError
from tests.lines.compare import Tally, compare
from tests.lines.drawn import made
from tests.lines.formulas import Bits


def main(words: Sequence[str] | None = None) -> int:
    """Give the exit code."""
    parser = argparse.ArgumentParser(prog="./run lines", description="Unreachable lines of access lists, asked twice.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="configurations of Cisco and Juniper")
    parser.add_argument("--lists", type=int, default=500, metavar="N", help="how many are made (default 500)")
    parser.add_argument("--seed", default="1", metavar="S", help="other lists for each seed (default 1)")
    asked = parser.parse_args(words)
    tally = Tally()
    for name, content in _given(asked.files) if asked.files else _made(asked.seed, asked.lists):
        try:
            compare(name, content, tally, Bits())
        except FormatError as problem:
            print(f"{name}: {problem}", file=sys.stderr)
            tally.left_out["a file that Eastwest does not read"] += 1
    for one in tally.told:
        print(one, file=sys.stderr)
    print(json.dumps(tally.said()))
    return 1 if tally.told else 0


def _given(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        yield file.name, file.read_bytes()


def _made(seed: str, lists: int) -> Iterator[tuple[str, bytes]]:
    for number in range(lists):
        yield f"list {seed}/{number}", made(f"{seed}/{number}").text.encode()


if __name__ == "__main__":
    sys.exit(main())
