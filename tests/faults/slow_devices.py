"""Hosts that take a connection and say nothing, beside folders, read by the real stack. Prints what came of them.

Run as `python -m tests.faults.slow_devices` with EASTWEST_VAR on an empty folder, EASTWEST_MAY_REACH=127.0.0.0/8,
EASTWEST_PULL_SLOTS=4 and a short EASTWEST_PULL_LIMIT_S.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 240.0
HUNG, FINE = 6, 8


def main() -> None:
    """Both rounds: hosts that were never asked, and hosts that hung the last time."""
    from compliance.project.prepare import prepare

    prepare()
    from django.conf import settings
    from django.db import transaction

    from compliance.actions import estate
    from compliance.models import Job
    from compliance.project.supervise import Stack, stack
    from evidence.actions import access, adding, sources
    from evidence.collectors.keys import Shown
    from evidence.models import DeviceLease, Pull, Source
    from tests.evidence.site import APP, allow_in, put, source_of
    from tests.people import everybody

    people = everybody()
    silent = socket.create_server(("0.0.0.0", 0), backlog=64)  # noqa: S104 nobody outside is told of it
    port = silent.getsockname()[1]
    hung, fine = [], []
    for number in range(HUNG):
        host = estate.add_server(f"hung-{number}", system=people.payroll, by=people.alex)
        config = {"host": f"127.0.0.{number + 2}", "port": port, "user": "eastwest"}
        made = adding.add(server=host, kind="ssh", name=f"hung-{number} ssh", config=config, by=people.erin)
        shown = Shown("ssh", f"127.0.0.{number + 2}:{port}", "ssh-ed25519", "AAAA", "SHA256:of-the-test")
        pin = access.propose_pin(made, shown, by=people.erin)
        access.confirm_pin(pin, fingerprint=shown.fingerprint, because="Read out.", by=people.alex)
        hung.append(made)
    for number in range(FINE):
        host = estate.add_server(f"fine-{number}", system=people.payroll, by=people.alex)
        folder = put(Path(settings.VAR) / "dumps" / host.name, allow_in(APP, "5432"))
        fine.append(source_of(host, folder, people))
    Pull.objects.all().update(state="failed", published=True)
    Job.objects.all().update(state=Job.State.DONE)
    Source.objects.update(next_at=None, enabled=False)  # nothing but what is asked for here

    def wait(parts: Stack, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(str(list(Pull.objects.values_list("source__name", "state"))))
            parts.mend(lambda said: None)
            time.sleep(0.05)

    def asked(rows: list[Source]) -> list[int]:
        with transaction.atomic():
            return [sources.read_now(row, by=people.alex).pk for row in rows]

    def over(pulls: list[int]) -> bool:
        return not Pull.objects.filter(pk__in=pulls, state__in=["queued", "running"]).exists()

    def running(pulls: list[int]) -> int:
        return Pull.objects.filter(pk__in=pulls, state="running").count()

    said: dict[str, object] = {}
    with stack(settings.VAR, beat=True, pulls=settings.PULL_SLOTS) as parts:
        slow = asked(hung[:2])
        wait(parts, lambda: running(slow) == 2)
        quick = asked(fine)
        with transaction.atomic():
            other = sources.enqueue("compare", key="compare:beside", args={})
        wait(parts, lambda: over(quick) and Job.objects.get(pk=other.pk).state == Job.State.DONE)
        said["hung while others were read"] = running(slow)
        said["held devices"] = DeviceLease.objects.count()
        wait(parts, lambda: over(slow))
        said["codes"] = sorted(Pull.objects.filter(pk__in=slow).values_list("error_code", flat=True))
        said["took"] = [
            round((row.finished_at - row.started_at).total_seconds()) for row in Pull.objects.filter(pk__in=slow)
        ]
        said["failures"] = sorted(
            Source.objects.filter(pk__in=[row.pk for row in hung]).values_list("failures", flat=True)
        )
        Source.objects.filter(pk__in=[row.pk for row in hung]).update(failures=1)
        slow = asked(hung)
        wait(parts, lambda: running(slow) >= 1)
        again = asked(fine)
        most = 0

        def watched() -> bool:
            nonlocal most
            most = max(most, running(slow))
            return over(again)

        wait(parts, watched)
        said["most at once of those that hung before"] = most
        said["of them not through when all others were"] = (
            HUNG - Pull.objects.filter(pk__in=slow, published=True).count()
        )
        wait(parts, lambda: over(slow))
    said["states"] = sorted(set(Pull.objects.filter(pk__in=[*quick, *again]).values_list("state", flat=True)))
    said["most snapshots"] = max(row.snapshots.count() for row in fine)
    said["leases left"] = DeviceLease.objects.count()
    print(json.dumps(said))


if __name__ == "__main__":
    main()
