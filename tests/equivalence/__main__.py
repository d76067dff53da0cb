"""`./run equivalence [--policies N] [--seed S]`: one policy in every dialect that aerleon writes and we read.

The last line on stdout is JSON: policies, differences, and how often each dialect was compared. Every difference is on
stderr with the seed that draws its policy again. Exit: 0 none, 1 some.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence

from tests.equivalence.dialects import DIALECTS, differences
from tests.equivalence.policies import drawn
from tests.oracle.namespace import missing

FAMILIES = (4, 4, 6)  # more dialects are written for IPv4


def main(words: Sequence[str] | None = None) -> int:
    """Give the exit code."""
    parser = argparse.ArgumentParser(prog="./run equivalence", description=__doc__)
    parser.add_argument("--policies", type=int, default=500, metavar="N")
    parser.add_argument("--seed", default="1", metavar="S")
    asked = parser.parse_args(words)
    if missing():
        print(f"nftables is left out: {missing()}", file=sys.stderr)
    tally: Counter[str] = Counter()
    count = 0
    for number in range(asked.policies):
        seed = f"{asked.seed}/{number}"
        found = differences(drawn(seed, FAMILIES[number % 3]), tally)
        count += len(found)
        for one in found:
            print(f"policy {seed}: {one}", file=sys.stderr)
    compared = {name: tally[name] for name in DIALECTS if name in tally}
    print(json.dumps({"policies": asked.policies, "differences": count, "compared": compared}))
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
