"""`./run fuzz --minutes N [--seed S]`: damaged files for every reader, for N minutes.

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

from tests.fuzz.session import Tally, Trouble, ask, case

MEMORY = 2 * 2**30  # bytes: what asks for more is a crash
MOST_TROUBLES = 100  # after which going on tells nothing new


def main(words: Sequence[str] | None = None) -> int:
    """Give the exit code."""
    parser = argparse.ArgumentParser(prog="./run fuzz", description="Gives damaged files to every reader.")
    parser.add_argument("--minutes", type=float, default=1.0, metavar="N", help="how long (default 1)")
    parser.add_argument("--seed", default="1", metavar="S", help="other files for each seed (default 1)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one case again, with its traceback")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the bytes of each trouble are written")
    asked = parser.parse_args(words)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if asked.only is not None:
        return again(asked.seed, asked.only)
    tally, end = Tally(), time.monotonic() + asked.minutes * 60
    for number in itertools.count():
        if time.monotonic() >= end or len(tally.crashes) + len(tally.slow) >= MOST_TROUBLES:
            break
        for trouble in ask(case(asked.seed, number), tally):
            tell(trouble, asked.keep)
    print(json.dumps({"executions": tally.executions, "crashes": len(tally.crashes), "slow": len(tally.slow)}))
    return 1 if tally.crashes or tally.slow else 0


def tell(trouble: Trouble, folder: Path | None) -> None:
    """What happened and with which case; its bytes where they are wanted."""
    print(f"{trouble.case.name}: {trouble.what}", file=sys.stderr)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / trouble.case.name.partition(" (")[0].replace(" ", "-")).write_bytes(trouble.case.content)


def again(seed: str, number: int) -> int:
    """One case, its traceback where it has one."""
    one = case(seed, number)
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
