"""`./run fuzz --minutes N [--seed S] [--readers A,B]`: damaged files for every reader, or for these, for N minutes.

With `--cases N` instead of minutes: as many for each of them. `--workers N` shares the numbers among processes: each
case is the same whoever asks it.

The last line on stdout is JSON: executions, crashes, slow. Every trouble is on stderr with its number; `--only NUMBER`
has it again, and `--keep FOLDER` writes its bytes. Exit: 0 none, 1 some.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.fuzz.parsers import PARSERS, Parser
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
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="this many processes (default 1)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one case again, with its traceback")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the bytes of each trouble are written")
    asked = parser.parse_args(words)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    named = [name for name in asked.readers.split(",") if name]
    strange = [name for name in named if name not in {one.name for one in PARSERS}]
    if strange:
        parser.error(f"no reader is called {', '.join(strange)}: {', '.join(one.name for one in PARSERS)}")
    if asked.workers < 1:
        parser.error("--workers takes 1 or more")
    if asked.only is not None:
        return again(case(asked.seed, asked.only, _among(asked)))
    if asked.workers == 1:
        shares = [_share(asked, 0)]
    else:
        with ProcessPoolExecutor(asked.workers) as pool:
            shares = list(pool.map(_share, [asked] * asked.workers, range(asked.workers)))
    executions, crashes, slow = (sum(share[place] for share in shares) for place in range(3))
    each = sum((share[3] for share in shares), Counter[str]())
    print(json.dumps({"executions": executions, "crashes": crashes, "slow": slow, "each": dict(each)}))
    return 1 if crashes or slow else 0


def _among(asked: argparse.Namespace) -> list[Parser]:
    named = [name for name in asked.readers.split(",") if name]
    return [one for one in PARSERS if not named or one.name in named]


def _share(asked: argparse.Namespace, worker: int) -> tuple[int, int, int, Counter[str]]:
    """What one worker does, every so-manieth number: executions, crashes, slow ones, executions of each reader."""
    gc.collect()
    gc.freeze()  # what was loaded is not looked through again at every few cases
    among, tally, end = _among(asked), Tally(), time.monotonic() + asked.minutes * 60
    last = None if asked.cases is None else asked.first + asked.cases * len(among)
    for number in itertools.count(asked.first + worker, asked.workers):
        if time.monotonic() >= end if last is None else number >= last:
            break
        if len(tally.crashes) + len(tally.slow) >= MOST_TROUBLES:
            break
        for trouble in ask(case(asked.seed, number, among), tally):
            tell(trouble, asked.keep)
    return tally.executions, len(tally.crashes), len(tally.slow), tally.each


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
