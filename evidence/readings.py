"""The readings a comparison rests on: per server the last good ones, and why there is none where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from compliance.models import Server
from evidence import reading_json
from evidence.artefacts import read_back
from evidence.host import merge
from evidence.models import Comparison, ErrorCode, Finding, Snapshot, Source, VerdictRow
from evidence.rules import Reading, Verdict

NO_ANSWER = frozenset({ErrorCode.UNREACHABLE, ErrorCode.TIMEOUT})
NOT_THAT_HOST = frozenset({ErrorCode.HOSTKEY_CHANGED})  # whoever answers now need not be who answered then


def load(snapshot: Snapshot) -> Reading:
    """A snapshot's reading, its stored bytes checked against their digest."""
    return reading_json.load(read_back(snapshot.reading))


Held = dict[str, list[Snapshot]]


def current(at: datetime) -> tuple[Held, dict[str, Verdict]]:
    """(server → the fresh snapshot of each of its sources, server → why it has none): by name of server.

    A server whose source never brought anything is in neither: nothing is known of it.
    """
    fresh: Held = {}
    absent: dict[str, Verdict] = {}
    rows = Source.objects.select_related("server", "last_good__reading", "last_pull").order_by("pk")
    for source in rows.exclude(server__status=Server.Status.RETIRED):  # what it said last is of another time
        name, snapshot = source.server.name, source.last_good
        if snapshot is not None and is_fresh(source, at):
            fresh.setdefault(name, []).append(snapshot)
        elif source.last_pull is not None and source.last_pull.error_code in NO_ANSWER:
            absent[name] = Verdict.unreachable
        elif snapshot is not None and not is_another(source):
            absent.setdefault(name, Verdict.stale)
    return fresh, {name: why for name, why in absent.items() if name not in fresh}


def is_fresh(source: Source, at: datetime) -> bool:
    """Whether the last sign of life of a source is within its limit. A source that does not answer is not fresh, nor
    one at whose address another host seems to answer."""
    seen = source.last_seen_at
    if seen is None or is_another(source) or (source.last_pull and source.last_pull.error_code in NO_ANSWER):
        return False
    return at - seen <= timedelta(hours=source.fresh_hours)


def is_another(source: Source) -> bool:
    """Whether the host showed another key than the confirmed one when it was asked last."""
    return source.last_pull is not None and source.last_pull.error_code in NOT_THAT_HOST


def before(servers: Iterable[str], compared_at: datetime | None) -> Held:
    """What each server showed at the comparison before, or, where a change without a record stands, before that change.

    Otherwise the change would be forgotten one comparison later, and nobody would have decided anything.
    """
    if compared_at is None:
        return {}
    limits = pinned(compared_at)
    found: dict[str, dict[int, Snapshot]] = {}
    rows = Snapshot.objects.filter(published=True, server__name__in=list(servers)).select_related("server", "reading")
    for snapshot in rows.order_by("observed_at", "pk"):
        if snapshot.observed_at <= limits.get(snapshot.server.name, compared_at):
            found.setdefault(snapshot.server.name, {})[snapshot.source_id] = snapshot
    return {name: list(by_source.values()) for name, by_source in found.items()}


def pinned(compared_at: datetime) -> dict[str, datetime]:
    """Server → the comparison before those that found its change without a record, while that stands.

    Two comparisons may run at once, and the later one may publish first: the other one has seen the change as well.
    """
    limits: dict[str, datetime] = {}
    standing = Finding.objects.standing().filter(verdict=Verdict.changed_without_record, server__isnull=False)
    for name, subject, first_seen in standing.values_list("server__name", "subject", "first_seen"):
        saw_it = VerdictRow.objects.filter(
            verdict=Verdict.changed_without_record, server__name=name, subject=subject
        ).values("comparison_id")
        earlier = Comparison.objects.filter(published=True, at__lt=first_seen).exclude(pk__in=saw_it)
        at = earlier.values_list("at", flat=True).first()
        if at is not None:
            limits[name] = min(at, limits.get(name, at))
    return limits


def readings_of(
    held: Mapping[str, Sequence[Snapshot]], known: Mapping[str, Reading] | None = None
) -> dict[str, Reading]:
    """One reading a server: what all its sources showed, joined. `known`: digest (see `digests_of`) -> a reading that
    is loaded already, as most servers show what they showed before."""
    digests = digests_of(held)
    return {name: (known or {}).get(digests[name]) or _joined(snapshots) for name, snapshots in held.items()}


def _joined(snapshots: Sequence[Snapshot]) -> Reading:
    found = [load(snapshot) for snapshot in snapshots]
    return merge(found) if len(found) > 1 else found[0]


def digests_of(held: Mapping[str, Sequence[Snapshot]]) -> dict[str, str]:
    """The digest of what all sources of a server showed: the same for the same bytes in the same order."""
    return {name: " ".join(snapshot.reading.sha256 for snapshot in snapshots) for name, snapshots in held.items()}
