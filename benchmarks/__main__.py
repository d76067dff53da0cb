"""`./run bench NAME [--check]`: one benchmark, each figure as a line of JSON, a summary line last."""

from __future__ import annotations

import importlib
import sys

from benchmarks.figures import report

BENCHMARKS = ("algebra", "flows", "judging", "ledger", "packs", "pulls", "web")


def main(arguments: list[str]) -> int:
    """0: done; 1: a goal was missed and --check was given; 2: there is no such benchmark."""
    names = [one for one in arguments if not one.startswith("-")]
    options = {one for one in arguments if one.startswith("-")}
    if len(names) != 1 or names[0] not in BENCHMARKS or options - {"--check"}:
        print(f"usage: ./run bench {{{','.join(BENCHMARKS)}}} [--check]", file=sys.stderr)
        return 2
    module = importlib.import_module(f"benchmarks.{names[0]}")
    return report(names[0], module.figures(), check="--check" in options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
