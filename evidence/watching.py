"""This room's numbers for a monitoring system: findings, sources, the last comparison and the last pack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Max
from prometheus_client.core import GaugeMetricFamily, Metric

from compliance.models import Server
from compliance.watching import by_label, gauge, seconds
from evidence import readings
from evidence.models import Comparison, Finding, Pack, Source


def numbers(at: datetime) -> Iterator[Metric]:
    """Named in settings.METRICS."""
    family = GaugeMetricFamily(
        "eastwest_findings", "Standing findings by verdict and severity.", labels=["verdict", "severity"]
    )
    standing = Finding.objects.standing().order_by().values_list("verdict", "severity").annotate(count=Count("pk"))
    for verdict, severity, count in standing:
        family.add_metric([verdict, severity], count)
    yield family
    yield by_label("sources", "Sources by what they show.", "state", states(at))
    last = Comparison.objects.filter(published=True).first()
    yield gauge("last_comparison_timestamp_seconds", "When rules and register were last compared.",
                seconds(last.at if last else None))  # fmt: skip
    yield by_label("verdicts", "Subjects of the last comparison by verdict.", "verdict", last.counts if last else {})
    packs = Pack.objects.order_by().values_list("state").annotate(count=Count("pk"))
    yield by_label("packs", "Packs by state.", "state", dict.fromkeys(Pack.State.values, 0) | dict(packs))
    built = Pack.objects.aggregate(last=Max("built_at"))["last"]
    yield gauge("last_pack_timestamp_seconds", "When a pack was last built.", seconds(built))


def states(at: datetime) -> dict[str, int]:
    """How many sources show today's rules, are too old, failed the last time, or are paused."""
    rows = Source.objects.select_related("last_pull", "last_good").exclude(server__status=Server.Status.RETIRED)
    found = Counter({"fresh": 0, "stale": 0, "failed": 0, "paused": 0})
    for source in rows:
        if not source.enabled or source.paused_at is not None:
            found["paused"] += 1
        elif not readings.is_fresh(source, at):
            failed = source.last_pull is not None and source.last_pull.state == "failed"
            found["failed" if failed else "stale"] += 1
        else:
            found["fresh"] += 1
    return dict(found)
