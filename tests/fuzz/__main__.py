"""`./run fuzz --minutes N [--seed S] [--readers A,B]`: damaged files for every reader, or for these, for N minutes.

With `--cases N` instead of minutes: as many for each of them.

The last line on stdout is JSON: executions, crashes, slow. Every trouble is on stderr with its number; `--only NUMBER`
has it again, and `--keep FOLDER` writes its bytes. Exit: 0 none, 1 some.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.parsers import PARSERS
from tests.fuzz.session import Case, Tally, Trouble, ask, case

MEMORY = 2 * 2**30  # bytes: what asks for more is a crash
MOST_TROUBLES = 100  # after which going on tells nothing new


def main(words: Sequence[str] | None = None) -> int:
    """Give the exit code."""
    parser = argparse.ArgumentParser(prog="./run fuzz", description="Gives damaged files to every reader.")
    parser.add_argument("--minutes", type=float, default=1.0, metavar="N", help="how long (default 1)")
    parser.add_argument("--cases", type=int, metavar="N", help="so many for each reader, however long that takes")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the number of the first case (default 0)")
    parser.add_argument("--seed", default="1", metavar="S", help="other files for each seed (default 1)")
    parser.add_argument("--readers", default="", metavar="A,B", help="these readers alone (default all)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one case again, with its traceback")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the bytes of each trouble are written")
    asked = parser.parse_args(words)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    named = [name for name in asked.readers.split(",") if name]
    among = [one for one in PARSERS if not named or one.name in named]
    if not among:
        parser.error(f"no reader is called {asked.readers}: {', '.join(one.name for one in PARSERS)}")
    if asked.only is not None:
        return again(case(asked.seed, asked.only, among))
    tally, end = Tally(), time.monotonic() + asked.minutes * 60
    numbers = itertools.count(asked.first)
    for number in numbers if asked.cases is None else itertools.islice(numbers, asked.cases * len(among)):
        if (asked.cases is None and time.monotonic() >= end) or len(tally.crashes) + len(tally.slow) >= MOST_TROUBLES:
            break
        for trouble in ask(case(asked.seed, number, among), tally):
            tell(trouble, asked.keep)
    said = {"executions": tally.executions, "crashes": len(tally.crashes), "slow": len(tally.slow)}
    print(json.dumps({**said, "each": dict(tally.each)}))
    return 1 if tally.crashes or tally.slow else 0


def tell(trouble: Trouble, folder: Path | None) -> None:
    """What happened and with which case; its bytes where they are wanted."""
    print(f"{trouble.case.name}: {trouble.what}", file=sys.stderr)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / trouble.case.name.partition(" (")[0].replace(" ", "-")).write_bytes(trouble.case.content)


def again(one: Case) -> int:
    """One case, its traceback where it has one."""
    print(one.name, file=sys.stderr)
    begun = time.process_time()
    try:
        one.parser.ask(one.content)
    except Exception:  # noqa: BLE001 (it is what is looked for)
        traceback.print_exc()
        return 1
    print(f"no crash, {time.process_time() - begun:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
