"""`./run payloads [--share N] [--no-browser]`: the whole corpus through every field, and a look at all that comes out.

The last line on stdout is JSON: fields, outputs, payloads, leaks; sent (what was posted or asked), mails, members (of a
pack), chromium (pages opened there). Each leak is on stderr. Exit: 0 none, 1 some, 2 a form or a route that the walk
does not know.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import warnings
from collections.abc import Sequence

from tests import own_var  # noqa: F401 before the settings, which read where var/ is


def main(words: Sequence[str] | None = None) -> int:
    """Gives the exit code."""
    import django

    reader = argparse.ArgumentParser(prog="./run payloads", description="Hostile words through every field.")
    reader.add_argument("--share", type=int, default=0, metavar="N", help="payloads for each field (default: all)")
    reader.add_argument("--no-browser", action="store_true", help="without Chromium")
    asked = reader.parse_args(words)
    os.environ["DJANGO_SETTINGS_MODULE"] = "compliance.project.settings"
    warnings.simplefilter("ignore")
    django.setup()
    logging.disable(logging.CRITICAL)  # what is refused is refused some ten thousand times
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    from tests.matrix import api, targets

    unknown = [*targets.unknown_rows(), *api.unknown_rows()]
    if unknown:
        print(f"The walk does not know these routes: {', '.join(unknown)}.", file=sys.stderr)
        return 2
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        return walked(asked.share, not asked.no_browser)
    finally:
        teardown_databases(databases, verbosity=0)


def walked(share: int, browser: bool) -> int:
    """The walk; gives the exit code."""
    from tests.payloads.walk import unseen_forms, walk

    outcome = walk(share=share, browser=browser, said=told)
    tally, unseen = outcome.tally, unseen_forms(outcome)
    for leak in tally.leaks:
        print(f"leak: {leak}", file=sys.stderr)
    for name in unseen:
        print(f"unknown form: {name}", file=sys.stderr)
    counted = {
        "fields": len(tally.fields), "outputs": tally.outputs, "payloads": len(tally.payloads),
        "leaks": len(tally.leaks), "sent": tally.sent, "mails": outcome.mails, "members": outcome.members,
        "chromium": outcome.opened,
    }  # fmt: skip
    print(json.dumps(counted))
    return 2 if unseen else int(bool(tally.leaks))


def told(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
