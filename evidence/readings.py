"""The readings a comparison rests on: per server the last good ones, and why there is none where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from compliance.models import Server
from compliance.words import span
from evidence import reading_json
from evidence.artefacts import read_back
from evidence.judgement import Silence
from evidence.models import Comparison, ErrorCode, Finding, Snapshot, Source, VerdictRow
from evidence.paths import FORWARD, OUTPUT, Standing, stood
from evidence.rules import Reading, Verdict
from evidence.sides import Joined, Side, joined

LATEST = datetime.max.replace(tzinfo=UTC)
NO_ANSWER = frozenset({ErrorCode.UNREACHABLE, ErrorCode.TIMEOUT})
NOT_THAT_HOST = frozenset({ErrorCode.HOSTKEY_CHANGED})  # whoever answers now need not be who answered then
SILENT = NO_ANSWER | NOT_THAT_HOST


def load(snapshot: Snapshot) -> Reading:
    """A snapshot's reading, its stored bytes checked against their digest."""
    return reading_json.load(read_back(snapshot.reading))


Held = dict[str, list[Snapshot]]


def current(at: datetime, names: Iterable[str] | None = None) -> tuple[Held, dict[str, Silence]]:
    """(server → the fresh snapshot of each of its sources, server → why it has none): by name of server.

    `names`: the servers that are asked about; None for all.
    """
    fresh: Held = {}
    absent: dict[str, Silence] = {}
    rows = Source.objects.select_related("server", "last_good__reading", "last_pull").order_by("pk")
    rows = rows if names is None else rows.filter(server__name__in=list(names))
    for source in rows.exclude(server__status=Server.Status.RETIRED):  # what it said last is of another time
        name, snapshot = source.server.name, source.last_good
        if snapshot is not None and is_fresh(source, at):
            snapshot.source = source  # who says it is asked where a server has several
            fresh.setdefault(name, []).append(snapshot)
        else:
            silent = silence(source)
            if silent.verdict is Verdict.unreachable or name not in absent:
                absent[name] = silent
    return fresh, {name: why for name, why in absent.items() if name not in fresh}


def standings(names: Iterable[str] | None = None) -> list[Standing]:
    """Where devices stood when they were last read, fresh or not: all of them, or those of these servers."""
    rows = Source.objects.exclude(last_good__isnull=True).exclude(last_good__networks=[])
    rows = rows.exclude(server__status=Server.Status.RETIRED).select_related("server", "last_good").order_by("pk")
    if names is not None:
        rows = rows.filter(server__name__in=list(names))
    found: list[Standing] = []
    for source in rows:
        points = {str(one.get("name")) for one in source.last_good.points} if source.last_good else set()
        if source.last_good and FORWARD in points and OUTPUT not in points:  # as evidence.paths.is_device has it
            found.append(stood(source.server.name, source.last_good.networks))
    return found


def silence(source: Source) -> Silence:
    """Why there is nothing to believe from a source today: three different things, and what is known of each."""
    pull, name, seen = source.last_pull, source.server.name, source.last_seen_at
    last = f"it was last read on {spoken(seen)}" if seen else "it was never read"
    if pull is not None and pull.error_code in NO_ANSWER:
        return Silence(Verdict.unreachable, f"{name} could not be reached on {spoken(pull.finished_at)}; {last}")
    if is_another(source):
        return Silence(Verdict.not_verifiable, f"{name} shows another host key than the confirmed one; {last}")
    if seen is None:
        why = f": {pull.what}" if pull is not None and pull.what else ""
        said = f"no evidence from {name}: {source.name} was never read{why}"
        return Silence(Verdict.not_verifiable, said, known=False)
    paused = "" if source.enabled else f"; {source.name} is paused"
    limit = f"its limit is {span(source.fresh_hours)}"
    return Silence(Verdict.stale, f"the evidence of {name} is too old: {last}, {limit}{paused}")


def spoken(moment: datetime | None) -> str:
    """A moment in a sentence."""
    if moment is None:
        return "an unknown day"
    local = timezone.localtime(moment)
    return f"{local.day} {local:%B %Y, %H:%M}"


def is_fresh(source: Source, at: datetime) -> bool:
    """Whether the last sign of life of a source is within its limit. A source that does not answer is not fresh, nor
    one at whose address another host seems to answer."""
    silent = source.last_pull is not None and source.last_pull.error_code in SILENT
    return not silent and within(source.last_seen_at, source.fresh_hours, at)


def within(seen: datetime | None, hours: int, at: datetime) -> bool:
    """Whether a last sign of life is within its limit."""
    return seen is not None and at - seen <= timedelta(hours=hours)


def silent_among(sources: QuerySet[Source]) -> set[int]:
    """The keys of those that are not fresh however lately they were read: of thousands the few are looked for, by the
    index of such pulls."""
    return set(sources.filter(last_pull__error_code__in=sorted(SILENT)).order_by().values_list("pk", flat=True))


def is_another(source: Source) -> bool:
    """Whether the host showed another key than the confirmed one when it was asked last."""
    return source.last_pull is not None and source.last_pull.error_code in NOT_THAT_HOST


def before(servers: Iterable[str] | None, compared_at: datetime | None, *, judged: bool = False) -> Held:
    """What each server showed at the comparison before, or, where a change without a record stands, before that change.

    Otherwise the change would be forgotten one comparison later, and nobody would have decided anything. A reading was
    there when it had been published, whatever moment it speaks for: a commit, or the oldest file of a folder, may be
    older than a comparison that knew nothing of it. `servers`: their names; None: all. `judged`: only what a comparison
    has held against the one before; what is published while one runs may bear an earlier time than that comparison.
    """
    if compared_at is None:
        return {}
    limits = pinned(compared_at)
    found: dict[str, dict[int, Snapshot]] = {}
    rows = Snapshot.objects.filter(published=True)
    rows = rows if servers is None else rows.filter(server__name__in=list(servers))
    rows = rows.exclude(delta=None) if judged else rows
    for snapshot in rows.select_related("server", "reading", "source", "pull").order_by("pk"):
        if there_since(snapshot) <= limits.get(snapshot.server.name, compared_at):
            found.setdefault(snapshot.server.name, {})[snapshot.source_id] = snapshot
    return {name: list(by_source.values()) for name, by_source in found.items()}


def there_since(snapshot: Snapshot) -> datetime:
    """When a comparison could know of it."""
    return max(snapshot.observed_at, snapshot.pull.finished_at or snapshot.observed_at)


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


def several(
    held: Mapping[str, Sequence[Snapshot]], at: datetime | None = None, known: Mapping[str, Reading] | None = None
) -> dict[str, Joined]:
    """Of the servers with more than one source: what each aspect is taken from, and where they differ.

    `at`: the moment for which these snapshots are asked (None: now); `known`: digest -> a reading loaded already.
    """
    return {name: joined(sides_of(snapshots, at, known)) for name, snapshots in held.items() if len(snapshots) > 1}


def readings_of(
    held: Mapping[str, Sequence[Snapshot]],
    known: Mapping[str, Reading] | None = None,
    picked: Mapping[str, Joined] | None = None,
) -> dict[str, Reading]:
    """One reading a server: what its sources show, each aspect from the one to be believed (`picked`, see `several`).

    `known`: digest (see `digests_of`) -> a reading that is loaded already, as most servers show what they did before.
    """
    chosen = several(held) if picked is None else picked
    digests = digests_of(held, chosen)
    found = {name: chosen[name].reading for name in held if name in chosen}
    alone = {name: snapshots[0] for name, snapshots in held.items() if name not in chosen}
    return {**found, **{name: (known or {}).get(digests[name]) or load(one) for name, one in alone.items()}}


def sides_of(
    snapshots: Sequence[Snapshot], at: datetime | None = None, known: Mapping[str, Reading] | None = None
) -> list[Side]:
    """What each source of a host says, or said at that moment."""
    return [
        Side(
            one.source.name,
            one.tier == Snapshot.Tier.GOOD,
            one.observed_at,
            max(one.observed_at, min(one.source.last_seen_at or one.observed_at, at or LATEST)),
            (known or {}).get(one.reading.sha256) or load(one),
        )
        for one in snapshots
    ]


def digests_of(held: Mapping[str, Sequence[Snapshot]], picked: Mapping[str, Joined] | None = None) -> dict[str, str]:
    """The digest of what the sources of a server showed, and of who is believed about what where there are several."""
    chosen = several(held) if picked is None else picked
    plain = {name: " ".join(one.reading.sha256 for one in snapshots) for name, snapshots in held.items()}
    return {name: f"{said} {chosen[name].taken}" if name in chosen else said for name, said in plain.items()}
