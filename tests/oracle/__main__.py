"""`./run oracle --minutes N [--seed S]`: the kernel and the evaluator, asked the same for N minutes.

The last line on stdout is JSON: verdicts, v6 (those of them that are IPv6), disagreements and unproven. Every
disagreement is on stderr with its rules, its packet, both answers and how to repeat it. Exit: 0 none, 1 some (or the
figures are not worth their name), 2 this machine cannot be asked.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count

from tests.oracle.compare import Tally
from tests.oracle.namespace import NotPossible, missing
from tests.oracle.session import SAME_HOST, rounds
from tests.shares import __main__ as shares

MOST_UNPROVEN = 0.05  # share of the packets that the evaluator may leave undecided
MOST_TROUBLE = 0.02  # share of the sets of rules that may give no answer
KEYS = ("verdicts", "v6", "disagreements", "unproven")
MOST_WORKERS = 2


def main(words: Sequence[str] | None = None) -> int:
    """Give the exit code. With `--shares` the Samba servers are asked instead (tests/shares)."""
    given = list(sys.argv[1:] if words is None else words)
    if "--shares" in given:
        given.remove("--shares")
        return shares.main(given)
    asked = _arguments(given)
    why = missing()
    if why:
        print(why, file=sys.stderr)
        return 2
    try:
        if asked.only is not None:
            figures = _work(asked.seed, iter(asked.only), float("inf"), smaller=True)
        elif asked.worker is not None:
            figures = _work(asked.seed, _numbers(asked.worker, asked.workers), asked.minutes * 60)
        else:
            figures = _together(asked)
    except NotPossible as problem:
        print(problem, file=sys.stderr)
        return 2
    if asked.worker is not None:
        print(json.dumps(figures))
        return 0
    return _told(figures)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run oracle", description="Asks the Linux kernel and Eastwest the same.")
    parser.add_argument("--minutes", type=float, default=1.0, metavar="N", help="how long (default 1)")
    parser.add_argument("--seed", default="1", metavar="S", help="other rules and packets for each seed (default 1)")
    parser.add_argument(
        "--only",
        type=int,
        nargs="+",
        metavar="NUMBER",
        help="these sets of rules of the seed alone, with the fewest rules that still disagree",
    )
    parser.add_argument("--shares", action="store_true", help="ask real Samba servers instead (--minutes, --seed)")
    parser.add_argument("--workers", type=int, default=min(MOST_WORKERS, os.cpu_count() or 1), metavar="N")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _numbers(worker: int, workers: int) -> Iterator[int]:
    """The sets of rules of one worker: whole hosts, every `workers`-th."""
    for place in count(worker, workers):
        yield from range(place * SAME_HOST, (place + 1) * SAME_HOST)


def _work(seed: str, numbers: Iterator[int], seconds: float, *, smaller: bool = False) -> dict[str, int]:
    """Round after round until the time is up or the numbers are."""
    end = time.monotonic() + seconds
    tally, sets, trouble = Tally(), 0, 0
    for one in rounds(seed, numbers, smaller=smaller):
        for line in one.lines(seed):
            print(line, file=sys.stderr, flush=True)
        sets += 1
        trouble += bool(one.trouble)
        tally.add(one.tally)
        if time.monotonic() >= end:
            break
    return {
        "verdicts": tally.verdicts, "v6": tally.v6, "disagreements": len(tally.disagreements),
        "unproven": tally.unproven, "permitted": tally.permitted, "claims": tally.claims, "sets": sets,
        "trouble": trouble, "withdrawn": tally.withdrawn,
    }  # fmt: skip


def _together(asked: argparse.Namespace) -> dict[str, int]:
    """Several processes, each with a namespace of its own; their figures added. Raises NotPossible."""
    command = [sys.executable, "-m", "tests.oracle", "--minutes", str(asked.minutes), "--seed", asked.seed]
    command += ["--workers", str(asked.workers), "--worker"]
    running = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True) for number in range(asked.workers)
    ]
    sums: dict[str, int] = {}
    failed = False
    try:
        for one in running:
            said, _ = one.communicate()
            failed = failed or one.returncode != 0
            for key, value in json.loads(said.splitlines()[-1] if said else "{}").items():
                sums[key] = sums.get(key, 0) + value
    finally:
        for one in running:
            one.kill()
            one.wait()
    if failed:
        raise NotPossible("A worker could not go on; the lines above say why.")
    return sums


def _told(figures: dict[str, int]) -> int:
    """Say how it went, the four figures last."""
    decided, unproven = figures["verdicts"], figures["unproven"]
    wrong = figures["disagreements"]
    print(
        f"{figures['sets']} sets of rules, {figures['trouble']} of them without an answer; the kernel let "
        f"{figures['permitted']} packets through; {figures['claims']} examples of verdicts were sent again; "
        f"{figures['withdrawn']} packets were answered otherwise when sent alone.",
        file=sys.stderr,
    )
    status = 1 if wrong else 0
    if unproven > MOST_UNPROVEN * (decided + unproven) or figures["trouble"] > max(1, MOST_TROUBLE * figures["sets"]):
        print("Too much was left undecided for these figures to mean anything.", file=sys.stderr)
        status = 1
    print(json.dumps({key: figures[key] for key in KEYS}))
    return status


if __name__ == "__main__":
    sys.exit(main())
