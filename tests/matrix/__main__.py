"""`./run matrix`: every route × method × principal × scope, on a database of its own that is thrown away.

The last line on stdout is JSON: cases, leaks, and wrong (answers that are no leak and not what the table says). Each
is on stderr. Exit: 0 neither, 1 some, 2 the table and the URL configuration do not know the same routes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from tests.own_var import VAR


def main() -> int:
    """Gives the exit code."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "compliance.project.settings"
    django.setup()
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    from tests.matrix import api
    from tests.matrix.targets import unknown_rows

    unknown = [*unknown_rows(), *api.unknown_rows()]
    if unknown:
        print(f"Give these routes a row in tests/matrix/table.py, or take it away: {', '.join(unknown)}.",
              file=sys.stderr)  # fmt: skip
        return 2
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        return walked()
    finally:
        teardown_databases(databases, verbosity=0)


def walked() -> int:
    """The whole walk; gives the exit code."""
    from tests.matrix import api
    from tests.matrix.principals import everyone
    from tests.matrix.walk import cases, walk
    from tests.matrix.world import build

    with tempfile.TemporaryDirectory(dir=VAR) as place:
        world = build(Path(place))
        tally = walk(world, cases(everyone(world)), told)
        more = api.walk(world, api.cases(api.programs(world)), told)
    tally.cases += more.cases
    tally.leaks += more.leaks
    tally.wrong += more.wrong
    for kind, found in (("leak", tally.leaks), ("wrong", tally.wrong)):
        for line in found:
            print(f"{kind}: {line}", file=sys.stderr)
    print(json.dumps({"cases": tally.cases, "leaks": len(tally.leaks), "wrong": len(tally.wrong)}))
    return 1 if tally.leaks or tally.wrong else 0


def told(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
