"""What a monitoring system may know: counts and times, never a name, an address or a reason.

A room gives families of numbers; settings.METRICS names the functions. Names follow Prometheus: a unit at the end,
times as seconds since 1970. What is not known has no sample: a missing number alarms, a zero would calm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone
from django.utils.module_loading import import_string
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from compliance.actions.checkpoints import newest_published, troubles
from compliance.models import ChangeRecord, ConnectionVersion, Job, LedgerInbox, State
from compliance.models.estate import day_of

Family = Callable[[datetime], Iterable[Metric]]
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Rooms(Collector):
    """Every room's numbers, asked for at each scrape."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def collect(self) -> Iterator[Metric]:
        """The families, room by room."""
        for dotted in settings.METRICS:
            family: Family = import_string(dotted)
            yield from family(self.at)


def exposition(*, at: datetime | None = None) -> bytes:
    """All numbers in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Rooms(at or timezone.now()))
    found: bytes = generate_latest(registry)
    return found


def gauge(name: str, says: str, value: float | None) -> GaugeMetricFamily:
    """One number; none where it is not known."""
    family = GaugeMetricFamily(f"eastwest_{name}", says)
    if value is not None:
        family.add_metric([], value)
    return family


def by_label(name: str, says: str, label: str, counts: Mapping[str, float]) -> GaugeMetricFamily:
    """A number for each value of a label."""
    family = GaugeMetricFamily(f"eastwest_{name}", says, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def seconds(moment: datetime | None) -> float | None:
    """A moment as Prometheus writes it."""
    return moment.timestamp() if moment else None


def own(at: datetime) -> Iterator[Metric]:
    """Of decisions: what stands, what waits and since when, jobs, and the ledger's upkeep."""
    standing = ConnectionVersion.objects.authorised_at(day_of(at)).values_list("material", flat=True)
    bases = [str(said.get("basis")) for said in standing]
    yield by_label(
        "connections_authorised", "Connections and shares authorised today, by their basis.", "basis",
        {name: bases.count(name) for name in ("justified", "provisional")},
    )  # fmt: skip
    rows = ChangeRecord.objects.order_by().values_list("state").annotate(count=Count("pk"))
    counts = dict.fromkeys(State.values, 0) | dict(rows)
    yield by_label("changes", "Change records by state.", "state", counts)
    oldest = ChangeRecord.objects.filter(state=State.SUBMITTED).aggregate(first=Min("submitted_at"))["first"]
    yield gauge("oldest_waiting_change_timestamp_seconds", "When the change that waits longest was sent.",
                seconds(oldest))  # fmt: skip
    jobs = Job.objects.order_by().values_list("state").annotate(count=Count("pk"))
    yield by_label("jobs", "Jobs by state.", "state", dict.fromkeys(Job.State.values, 0) | dict(jobs))
    due = Job.objects.filter(state=Job.State.QUEUED, run_at__lte=at).aggregate(first=Min("run_at"))["first"]
    late = (at - due).total_seconds() if due else 0.0
    yield gauge("oldest_due_job_seconds", "For how long the job that is due longest waits.", late)
    yield gauge("ledger_unsealed_entries", "Entries of the ledger that are not sealed yet.",
                LedgerInbox.objects.filter(seq__isnull=True, refused=False).count())  # fmt: skip
    last = newest_published()
    yield gauge("ledger_checkpoint_timestamp_seconds", "When a checkpoint of the ledger last left this database.",
                seconds(last.at if last else None))  # fmt: skip
    yield gauge("ledger_troubles", "What is wrong with the ledger's upkeep.", len(troubles(at=at)))
