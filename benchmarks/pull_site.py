"""An installation of its own with many sources, read by the real jobs: what `./run bench pulls` starts and listens to.

Run as `python -m benchmarks.pull_site COUNT PLACES` with EASTWEST_VAR on an empty folder: prints one JSON object.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final

RULES: Final = 200
LIMIT_S: Final = 3  # of one reading
HUNG: Final = 4  # devices that say nothing
SERIAL: Final = 40  # sources that are read one after another as well
FIRST: Final = 10  # sources whose first reading is measured: it starts a child for the dumps


@contextmanager
def devices(*hang: int) -> Iterator[int]:
    """Fake devices; gives their port."""
    command = [sys.executable, "-m", "benchmarks.fake_devices", str(RULES), *map(str, hang)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as served:
        if served.stdout is None or served.stdin is None:
            raise OSError("no pipes")
        try:
            yield int(served.stdout.readline())
        finally:
            served.stdin.close()
            served.wait(10)


def transport(config: Mapping[str, Any], *, deadline: float, **_: Any) -> Any:
    """The collector of the fakes, by the contract of collectors."""
    from benchmarks.fake_devices import ask
    from evidence.collectors.collected import Collected, PullError
    from evidence.models import ErrorCode
    from evidence.rules import Artefact

    try:
        said = ask(config["port"], config["number"], deadline)
    except TimeoutError as error:
        raise PullError(ErrorCode.TIMEOUT, "It did not answer in time.", "Look whether it runs.") from error
    files = tuple(Artefact(name.replace(" ", ""), text.encode(), name) for name, text in said.items())
    return Collected(files, cursor="", complete=True, whole=True)


class Site:
    """A system with `count` servers, a source each."""

    def __init__(self, count: int, port: int) -> None:
        from compliance.models import Organisation, Server, System, User
        from evidence.models import Source

        person = User.objects.create(email="bench@example.org", name="Bench")
        ours = Organisation.objects.create(name="Bench", kind=Organisation.Kind.OWN)
        system = System.objects.create(name="Bench", organisation=ours, owner=person)
        rows = Server.objects.bulk_create(Server(name=f"host-{number}", system=system) for number in range(count))
        made = Source.objects.bulk_create(
            Source(
                system=system, server=row, name=f"{row.name} fake", kind="fake",
                config={"port": port, "number": number, "device": row.name},
            )
            for number, row in enumerate(rows)
        )  # fmt: skip
        self.keys = [row.pk for row in made]

    def moved(self, port: int) -> None:
        """The devices answer at another port from now on."""
        from evidence.models import Source

        rows = list(Source.objects.filter(pk__in=self.keys))
        for row in rows:
            row.config["port"] = port
        Source.objects.bulk_update(rows, ["config"], batch_size=200)

    def ask(self, keys: list[int]) -> list[int]:
        """Everything is due at once, asked for by the schedule; gives the jobs."""
        from django.utils import timezone

        from compliance.models import Job
        from evidence.actions import sources
        from evidence.models import Source

        now = timezone.now()
        Source.objects.filter(pk__in=self.keys).exclude(pk__in=keys).update(enabled=False)
        Source.objects.filter(pk__in=keys).update(enabled=True, next_at=now, failures=0)
        while sources.due(now):
            pass
        waiting = Job.objects.filter(kind="pull", state=Job.State.QUEUED).order_by("run_at", "pk")
        return list(waiting.values_list("pk", flat=True))

    def copy(self, key: int) -> None:
        """Every other source has what this one has: the same snapshot, as if it had been read."""
        from evidence.models import Pull, Snapshot, Source

        good = Snapshot.objects.get(source=key)
        others = list(Source.objects.filter(pk__in=self.keys, last_good=None).select_related("server"))
        pulls = Pull.objects.bulk_create(
            Pull(source=row, state="ok", published=True, finished_at=good.observed_at, digest=good.digest)
            for row in others
        )
        made = Snapshot.objects.bulk_create(
            Snapshot(
                source=row, server=row.server, pull=pull, digest=good.digest, reading=good.reading, tier=good.tier,
                observed_at=good.observed_at, points=good.points, lines_total=good.lines_total, published=True,
            )
            for row, pull in zip(others, pulls, strict=True)
        )  # fmt: skip
        for row, snapshot, pull in zip(others, made, pulls, strict=True):
            row.last_good, row.last_pull, row.last_seen_at = snapshot, pull, good.observed_at
        Source.objects.bulk_update(others, ["last_good", "last_pull", "last_seen_at"], batch_size=200)


def work_off(jobs: list[int], places: int) -> dict[str, float]:
    """Does the jobs as a worker with so many places would. Gives seconds, CPU seconds of ours, and of our children."""
    from django.db import connection

    from compliance.actions.jobs import run_job

    waiting: SimpleQueue[int] = SimpleQueue()
    for key in jobs:
        waiting.put(key)

    def place() -> None:
        try:
            while True:
                run_job(waiting.get_nowait())
        except Empty:
            pass
        finally:
            connection.close()

    before, began, cpu = children(), time.monotonic(), time.process_time()
    threads = [threading.Thread(target=place) for _ in range(places)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "children": children() - before,
    }


def children() -> float:
    """CPU seconds of the children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def alone(count: int, port: int, places: int) -> dict[str, float]:
    """The transport alone: every device is asked once, by as many threads, and nothing is done with what it says."""
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(count):
        waiting.put(number)

    def place() -> None:
        try:
            while True:
                transport({"port": port, "number": waiting.get_nowait()}, deadline=time.monotonic() + 60)
        except Empty:
            pass

    began, cpu = time.monotonic(), time.process_time()
    threads = [threading.Thread(target=place) for _ in range(places)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}


def measured(count: int, places: int) -> dict[str, Any]:
    """Everything, in one installation."""
    from django.conf import settings

    from evidence.collectors.table import COLLECTORS
    from evidence.models import Pull, Snapshot

    COLLECTORS["fake"] = transport
    settings.PULL_LIMIT_S, settings.PULL_SLOTS = LIMIT_S, places
    found: dict[str, Any] = {"count": count, "places": places, "limit": LIMIT_S}
    with devices() as port:
        site = Site(count, port)
        found["first"] = work_off(site.ask(site.keys[:FIRST]), places)
        site.copy(site.keys[0])
        snapshots = Snapshot.objects.count()
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        jobs = site.ask(site.keys)
        found["unchanged"] = work_off(jobs, places)
        found["states"] = sorted(set(Pull.objects.filter(job__in=jobs).values_list("state", flat=True)))
        found["snapshots"] = Snapshot.objects.count() - snapshots
        found["memory"] = [rss, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]
        found["alone"] = alone(count, port, places)
        part = site.keys[: count // 4]
        found["healthy"] = last_of_the_others(site.ask(part), places)
    hung = range(0, len(part), max(len(part) // HUNG, 1))
    with devices(*hung) as port:
        site.moved(port)
        jobs = site.ask(part)
        found["beside hung ones"] = last_of_the_others(jobs, places)
        fine = Pull.objects.filter(job__in=jobs, state="unchanged").count()
        found["hung"] = {"devices": len(hung), "fine": fine, "asked": len(jobs)}
        few = part[:SERIAL]
        found["serial"] = {"sources": SERIAL, "hung": sum(number < SERIAL for number in hung)}
        found["serial"]["seconds"] = last_of_the_others(site.ask(few), 1)
        found["same sources"] = last_of_the_others(site.ask(few), places)
    return found


def last_of_the_others(jobs: list[int], places: int) -> float:
    """Does the jobs; gives the seconds until the last of those that can be read was."""
    from django.utils import timezone

    from evidence.models import Pull

    began = timezone.now()
    work_off(jobs, places)
    read = Pull.objects.filter(job__in=jobs, state="unchanged").order_by("finished_at").last()
    if read is None or read.finished_at is None:
        raise ValueError("nothing was read")
    return float((read.finished_at - began).total_seconds())


def main(arguments: list[str]) -> int:
    """Prepares the installation, measures, prints."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.project.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(json.dumps(measured(*map(int, arguments))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
