"""Cases by number: the same seed and number are the same bytes, so that every trouble can be had again."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final, NamedTuple

from tests.fuzz.mutations import MUTATIONS
from tests.fuzz.parsers import PARSERS, Parser

SLOW_S: Final = 2.0  # of processor time for one case
MOST: Final = 2 * 2**20  # bytes of a case: what is slow is slow long before
STUCK_S: Final = 60  # of processor time, after which a case is given up: a busy machine makes nobody stuck


class Case(NamedTuple):
    """One input of one reader."""

    parser: Parser
    content: bytes
    name: str


class Trouble(NamedTuple):
    """A case that crashed or took too long."""

    case: Case
    what: str


@dataclass(slots=True)
class Tally:
    """What came out."""

    executions: int = 0
    each: Counter[str] = field(default_factory=Counter)  # by reader
    crashes: list[Trouble] = field(default_factory=list)
    slow: list[Trouble] = field(default_factory=list)


class Stuck(BaseException):
    """A case is not ready after STUCK_S; no reader can take it for its own error."""


def case(seed: str, number: int, among: Sequence[Parser] = PARSERS) -> Case:
    """The case of that number: readers take turns, so every one is asked as often."""
    parser = among[number % len(among)]
    rng = random.Random(f"{seed}:{number}")
    content, other = rng.choice(parser.files), rng.choice(parser.files)
    ways = rng.choices(MUTATIONS, k=rng.choice((1, 1, 1, 2, 3)))
    for way in ways:
        content = way(rng, content, other)[:MOST]
    return Case(parser, content, f"{parser.name} {number} ({', '.join(way.__name__ for way in ways)})")


def ask(asked: Case, tally: Tally) -> list[Trouble]:
    """One case: counted, and noted where it crashed or was slow. Gives what is new."""
    before = len(tally.crashes), len(tally.slow)
    _ask(asked, tally)
    return [*tally.crashes[before[0] :], *tally.slow[before[1] :]]


def _ask(asked: Case, tally: Tally) -> None:
    tally.executions += 1
    tally.each[asked.parser.name] += 1
    begun = time.thread_time()  # of this thread: what others of the process do is not the reader's
    try:
        with given_up_after(STUCK_S):
            asked.parser.ask(asked.content)
    except Stuck:
        tally.slow.append(Trouble(asked, f"not ready after {STUCK_S} s"))
        return
    except Exception as crash:  # noqa: BLE001 (what else it raises is what is looked for)
        tally.crashes.append(Trouble(asked, f"{type(crash).__name__}: {crash}"[:300]))
    taken = time.thread_time() - begun
    if taken > SLOW_S:
        tally.slow.append(Trouble(asked, f"{taken:.1f} s"))


@contextmanager
def given_up_after(seconds: int) -> Iterator[None]:
    """Raises Stuck inside when the time is over."""

    def over(signal_: int, frame: FrameType | None) -> None:
        raise Stuck

    held = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, held)
