"""`./run populate`: fills an empty register with a made-up organisation of any size, to measure and to try.

    ./run populate --connections 100000 --findings 100000 --rules 1000000 --into var/populated

Without --into: var/populated. With DATABASE_URL the rows go there, files and keys to the folder. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.populate.plan import Plan

LACKS = (
    "nobody gave the approvals, they are sealed by this command",
    "the ledger says nothing of the rows: a comparison reports them as written past Eastwest",
    "no packs, no minutes, no inventories, no risks behind accepted findings",
    "verdicts and findings are drawn by lot and are not what comparing the dumps would say",
)


def main(words: Sequence[str]) -> int:
    """0 when it is filled, 1 when it was refused."""
    asked = asked_for(words)
    os.environ["EASTWEST_VAR"] = str(Path(asked.into).absolute())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.project.settings")
    from compliance.errors import Refused
    from compliance.project.prepare import prepare

    try:
        prepare()
        from benchmarks.populate.plan import plan_of

        plan = plan_of(asked.connections, asked.findings, asked.rules, seed=asked.seed, day=asked.day)
        done = fill(plan)
    except Refused as refused:
        sys.stderr.write(f"{refused.what} {refused.why} {refused.next_step}\n")
        return 1
    sys.stderr.write(f"This is a made-up organisation: {'; '.join(LACKS)}.\n")
    sys.stderr.write(f"It starts with: EASTWEST_VAR={asked.into} ./run\n")
    sys.stdout.write(json.dumps(done) + "\n")
    return 0


def asked_for(words: Sequence[str]) -> argparse.Namespace:
    """The words of the command line."""
    parser = argparse.ArgumentParser(prog="./run populate", description=__doc__)
    parser.add_argument("--connections", type=int, default=1_000, help="authorised; one in twenty is a file share")
    parser.add_argument("--findings", type=int, default=1_000, help="one in nine of them is cured")
    parser.add_argument("--rules", type=int, default=10_000, help="of packet filters, on all servers together")
    parser.add_argument("--into", default="var/populated", help="the folder of files, keys and the SQLite database")
    parser.add_argument("--seed", default="eastwest", help="the same seed and day give the same organisation")
    parser.add_argument("--day", default="", help="the day on which all is as it is (2026-11-30; default: today)")
    return parser.parse_args(words)


def fill(plan: Plan) -> dict[str, Any]:
    """Everything, in one transaction; what was written, and the seconds it took. Raises Refused."""
    from django.db import connection, transaction

    from benchmarks.populate import estate, evidence, findings, register, rest
    from benchmarks.populate.rows import Writer

    begun = time.monotonic()
    refuse_if_used()
    out = Writer()
    with transaction.atomic():
        held = estate.build(plan, out)
        say(begun, f"{len(held.systems)} systems, {len(held.servers)} servers")
        asked = register.build(plan, out, held)
        say(begun, f"{len(asked.standing)} connections, {asked.waiting} requests that wait")
        read = evidence.build(plan, out, held, asked)
        say(begun, f"{read.rules} rules of {len(read.sources)} sources")
        verdicts = findings.build(plan, out, held, asked, read)
        rest.build(plan, out, held)
        out.flush()
        say(begun, f"{sum(out.written.values())} rows")
        if pending := getattr(connection, "pending", None):
            pending.forget()  # the stamps: nothing of this is in the ledger, and what is half in it would be worse
    out.finish()
    rest.say_in_ledger(plan, dict(out.written))
    return {
        "connections": len(asked.standing), "findings": plan.size.findings, "rules": read.rules,
        "servers": len(held.servers), "people": out.written["compliance.user"], "rows": sum(out.written.values()),
        "verdicts": verdicts, "seconds": round(time.monotonic() - begun, 1), "database": connection.vendor,
    }  # fmt: skip


def refuse_if_used() -> None:
    """Only an empty register is filled: nothing made up ever stands beside what is real."""
    from compliance.errors import Refused
    from compliance.models import LedgerHead, LedgerInbox, Organisation, Server, System, User

    used = [model._meta.verbose_name for model in (User, Organisation, System, Server) if model._base_manager.exists()]
    used += ["ledger"] if LedgerHead.objects.exists() or LedgerInbox.objects.exists() else []
    if used:
        raise Refused(
            "Nothing was populated.",
            f"There is something in this database already ({', '.join(map(str, used))}), and it may be real.",
            "Name another folder with --into, or an empty database with DATABASE_URL.",
        )


def say(begun: float, text: str) -> None:
    """How far it is."""
    sys.stderr.write(f"{time.monotonic() - begun:6.1f} s  {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
