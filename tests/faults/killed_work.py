"""Pulls and a pack whose worker is killed in the middle, in an installation of their own. Prints what came of them.

Run as `python -m tests.faults.killed_work` with EASTWEST_VAR on an empty folder and EASTWEST_JOB_LEASE_S short.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

PATIENCE_S = 150.0


def main() -> None:
    """Sets up the hosts of the sample, kills the worker while it reads and while it builds, and counts the effects."""
    from compliance.project.prepare import prepare

    prepare()
    from django.conf import settings
    from django.db import connection, transaction
    from django.utils import timezone

    from compliance.models import Job, LedgerInbox, System
    from compliance.project.supervise import Stack, stack
    from evidence.actions import packs, sources
    from evidence.models import Pack, Pull, Snapshot, Source
    from reviews.sample import estate, site
    from reviews.sample.story import Story

    def running(kind: str) -> bool:
        return Job.objects.filter(kind=kind, state=Job.State.RUNNING).exists()

    def kill_in(kind: str, parts: Stack) -> None:
        """Kills the worker inside a job of the kind: it is stopped first, so that look and kill are one."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            wait(parts, lambda: running(kind))
            worker = parts.part("pull" if kind == "pull" else "work")
            held = worker.process
            if held is None or not worker.is_running():
                continue
            os.killpg(held.pid, signal.SIGSTOP)
            if running(kind):
                os.killpg(held.pid, signal.SIGKILL)
                return
            os.killpg(held.pid, signal.SIGCONT)
        raise TimeoutError(f"no {kind} could be stopped in the middle")

    def wait(parts: Stack, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"jobs: {list(Job.objects.values_list('kind', 'state', 'last_error'))[-5:]}")
            parts.mend(lambda said: None)
            time.sleep(0.05)

    now = timezone.now()
    with transaction.atomic():  # without its three months: what is asked here is the same on a register without them
        people, _ = estate.build(Story(now), at=now)
        site.add_sources(people["erin"], now)
    erin, ada = people["erin"], people["ada"]
    site.arrive("now", now)
    site.lose()
    with stack(settings.VAR) as parts:
        with transaction.atomic():
            rows = [sources.read_now(source, by=erin) for source in Source.objects.filter(enabled=True)]
        kill_in("pull", parts)
        numbers = [row.job_id for row in rows]
        wait(parts, lambda: not Job.objects.filter(pk__in=numbers).exclude(state=Job.State.DONE).exists())
        today = timezone.localdate()
        systems = list(System.objects.all())
        pack = packs.ask(systems=systems, since=today - timedelta(days=30), until=today, by=ada)
        wait(parts, lambda: running("build_pack"))
        time.sleep(1)
        kill_in("build_pack", parts)
        wait(parts, lambda: Job.objects.get(pk=pack.job_id).state == Job.State.DONE)
    pack = Pack.objects.get(pk=pack.pk)
    pulls = Pull.objects.filter(pk__in=[row.pk for row in rows])
    said = {
        "database": connection.vendor,
        "pulls": pulls.count(),
        "pull_states": sorted(Counter(pulls.values_list("state", flat=True))),
        "most_snapshots_of_one_pull": max(Counter(Snapshot.objects.values_list("pull", flat=True)).values()),
        "tries_of_the_killed": max(Job.objects.filter(kind="pull").values_list("tries", flat=True)),
        "pack": pack.state,
        "pack_tries": Job.objects.get(pk=pack.job_id).tries,
        "packs_in_ledger": LedgerInbox.objects.filter(data__verb="build_pack").count(),
        "verifies": packs.path_of(pack).exists(),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
