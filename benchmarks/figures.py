"""One measured figure as one line of JSON, the summary last, and whether a goal was missed."""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`; `goal` with `sense` (None: it is only told). `beside`: the peers and sizes of the same run."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    sense: Literal["at most", "at least"] = "at most"
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def missed(self) -> bool:
        """Whether the goal is not met."""
        if self.goal is None:
            return False
        return self.value > self.goal if self.sense == "at most" else self.value < self.goal

    def line(self) -> str:
        """The figure as JSON."""
        goal = None if self.goal is None else f"{self.sense} {self.goal:g}"
        said = {"figure": self.name, "value": round(self.value, 4), "unit": self.unit, "goal": goal}
        return json.dumps({**said, "met": not self.missed, **self.beside})


def seconds(work: Callable[[], object], *, best_of: int = 1) -> float:
    """CPU seconds of the quickest of some runs."""
    best = float("inf")
    for _ in range(best_of):
        gc.collect()
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def peak_megabytes(module: str) -> float:
    """What `python -m module` needed at its fullest, said by itself on its last line."""
    done = subprocess.run([sys.executable, "-m", module], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def say_peak() -> None:
    """Prints what this process needed at its fullest, in MB."""
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def report(name: str, figures: Iterable[Figure], *, check: bool) -> int:
    """Prints each figure as it comes and the summary; the exit status is 1 when a goal was missed and `check` asks."""
    every: list[Figure] = []
    for figure in figures:
        every.append(figure)
        print(figure.line(), flush=True)
    missed = [figure.name for figure in every if figure.missed]
    print(json.dumps({"benchmark": name, "figures": len(every), "missed": missed}))
    return 1 if check and missed else 0
