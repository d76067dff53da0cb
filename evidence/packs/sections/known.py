"""What was known at the cut-off, for every section alike: systems, comparison, verdicts, findings, last readings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar

from django.db.models import F, Q
from django.utils import timezone

from compliance.catalogue import controls
from compliance.models import Connection, ConnectionVersion, LedgerInbox, Server, System, approvals
from compliance.models.connections import VersionQuerySet
from compliance.models.estate import day_of
from compliance.standing import newest, register_on
from evidence import readings
from evidence.actions.findings import NO_FINDING
from evidence.models import Comparison, Finding, Pull, Snapshot, Source, VerdictRow
from evidence.packs.section import Scope
from evidence.rules import Certainty, Verdict

READ: Final = (Pull.State.OK, Pull.State.UNCHANGED)
ACCEPT, ACKNOWLEDGE = "accept", "acknowledge"
Row = TypeVar("Row")
_read: ContextVar[dict[tuple[object, ...], list[Any]] | None] = ContextVar("read for this pack", default=None)


@dataclass(frozen=True, slots=True)
class Read:
    """The last reading of a server by the cut-off. `snapshot` None: never read; `because` says why it is not fresh."""

    server: Server
    source: Source | None
    snapshot: Snapshot | None
    seen_at: datetime | None
    because: str

    @property
    def fresh(self) -> bool:
        """Whether it was read, and recently enough."""
        return self.snapshot is not None and not self.because


@dataclass(frozen=True, slots=True)
class Standing:
    """A finding as the last comparison before the cut-off saw it, and what had been decided about it by then."""

    finding: Finding
    row: VerdictRow
    state: str
    opened_on: date


def served(slug: str) -> tuple[str, ...]:
    """The controls a section serves, by the catalogue."""
    return tuple(control.key for control in controls() if slug in control.parts)


def systems(scope: Scope) -> list[System]:
    """The systems of the pack."""
    rows = System.objects.filter(name__in=scope.systems)
    return list(rows.select_related("organisation", "owner", "deputy", "authorising_officer"))


def concerns(scope: Scope) -> Q:
    """Rows (verdicts, findings) of a system in scope, or about a connection of one."""
    return Q(system__name__in=scope.systems) | Q(connection__system__name__in=scope.systems)


def comparison(scope: Scope) -> Comparison | None:
    """The last published comparison by the cut-off."""
    return Comparison.objects.filter(published=True, at__lte=scope.as_of).order_by("-at", "-pk").first()


@contextmanager
def read_once() -> Iterator[None]:
    """Within it, rows and findings that several sections need are read once: while one pack is gathered, no longer."""
    token = _read.set({})
    try:
        with approvals.read_once():
            yield
    finally:
        _read.reset(token)


def once(key: tuple[object, ...], read: Callable[[], list[Row]]) -> list[Row]:
    """What `read` gives, from before where it was asked within `read_once`; a list of the caller's own."""
    kept = _read.get()
    if kept is None:
        return read()
    if key not in kept:
        kept[key] = read()
    return list(kept[key])


def rows(scope: Scope, of: Comparison | None) -> list[VerdictRow]:
    """Every verdict of the comparison that concerns the pack, counted or not."""
    return once(("rows", scope, of), lambda: _rows(scope, of))


def _rows(scope: Scope, of: Comparison | None) -> list[VerdictRow]:
    if of is None:
        return []
    found = VerdictRow.objects.filter(concerns(scope), comparison=of)
    return list(found.select_related("connection", "server", "system").order_by("pk"))


def counted(every: list[VerdictRow]) -> list[VerdictRow]:
    """The rows that are counted: the headlines, and one for each connection of which no use is known."""
    usage: dict[str, VerdictRow] = {}
    for row in every:
        if row.verdict == Verdict.usage_unknown:
            usage.setdefault(row.subject, row)
    heads = [row for row in every if row.headline and row.verdict != Verdict.usage_unknown]
    return [*heads, *usage.values()]


def findings(scope: Scope, of: Comparison | None = None) -> list[Standing]:
    """The findings that stood at the last comparison by the cut-off, seen in it or not, worst first."""
    held = of or comparison(scope)
    return once(("findings", scope, held), lambda: _findings(scope, held))


def some_findings(scope: Scope, keys: Collection[int]) -> list[Standing]:
    """Those of `findings` with these keys, read without the others unless they were read already."""
    kept, held = _read.get(), comparison(scope)
    if kept is not None:
        return [one for one in findings(scope, held) if one.finding.pk in keys]
    return _findings(scope, held, only=keys)


def finding_keys(scope: Scope) -> list[int]:
    """The keys of `findings` without their content: three columns of each verdict, six of each finding, as `stood`."""
    kept, held = _read.get(), comparison(scope)
    if kept is not None or held is None:
        return [one.finding.pk for one in findings(scope, held)]
    seen = VerdictRow.objects.filter(concerns(scope), comparison=held).exclude(verdict__in=NO_FINDING)
    said = set(seen.values_list("verdict", "point", "subject"))
    whole = ("pk", "verdict", "point", "subject", "first_seen", "cured_at")
    return [
        one["pk"]
        for one in Finding.objects.filter(concerns(scope)).order_by("pk").values(*whole).iterator()
        if (one["verdict"], one["point"][:200], one["subject"]) in said
        or (one["first_seen"] <= held.at and (one["cured_at"] is None or one["cured_at"] > held.at))
    ]


def _findings(scope: Scope, held: Comparison | None, only: Collection[int] | None = None) -> list[Standing]:
    """`only`: the keys of the findings that are asked for, None for all."""
    known = Finding.objects.filter(concerns(scope))
    if only is None:
        every, decided = rows(scope, held), decisions(scope.as_of)
    else:
        known = known.filter(pk__in=only)
        about = VerdictRow.objects.filter(concerns(scope), comparison=held, subject__in=known.values("subject"))
        every = list(about.select_related("connection", "server", "system").order_by("pk")) if held else []
        decided = decisions(scope.as_of, only)
    said: dict[tuple[str, str, str], VerdictRow] = {}
    for row in every:
        if row.verdict not in NO_FINDING:
            said.setdefault((row.verdict, row.point, row.subject), row)
    order = [Finding.Severity.HIGH, Finding.Severity.MEDIUM, Finding.Severity.LOW]
    found = []
    for finding in known.select_related("system__owner", "connection", "server", "accepted_by"):
        row_then = said.get((finding.verdict, finding.point[:200], finding.subject))
        if held is None or (row_then is None and not stood(finding, held)):
            continue
        state = state_then(finding, decided.get(finding.pk, ""), day_of(scope.as_of))
        opened = day_of(min(finding.first_seen, held.at))
        found.append(Standing(finding, row_then or stand_in(finding, held), state, opened))
    return sorted(found, key=lambda one: (order.index(Finding.Severity(one.finding.severity)), one.finding.pk))


def stood(finding: Finding, held: Comparison) -> bool:
    """Whether it stood then, although no row of that comparison is its own."""
    return finding.first_seen <= held.at and (finding.cured_at is None or finding.cured_at > held.at)


def stand_in(finding: Finding, held: Comparison) -> VerdictRow:
    """A finding without a row of its own: one cause of several rows, or one that nothing could show.

    It has the words it was last seen with; what could not be looked at is not proven any more, and says so.
    """
    seen = finding.unseen_since is None or finding.unseen_since > held.at
    why = finding.unseen_because or "nothing could be looked at that would show it."
    lost = f"{finding.because.rstrip('.')}. Not seen in the last comparison and not cured: {why}"
    return VerdictRow(
        comparison=held, system=finding.system, verdict=finding.verdict,
        certainty=finding.certainty if seen else Certainty.unproven, subject=finding.subject,
        connection=finding.connection, server=finding.server, point=finding.point, rule=finding.rule,
        family=finding.family, witness=finding.witness, because=finding.because if seen else lost,
    )  # fmt: skip


def decisions(as_of: datetime, only: Collection[int] | None = None) -> dict[int, str]:
    """Finding → what people last did about it by then, from the ledger: what came later is not in the pack.

    `only`: the keys of the findings that are asked for, None for all.
    """
    said = LedgerInbox.objects.filter(
        data__object__type=Finding._meta.label_lower, data__verb__in=[ACCEPT, ACKNOWLEDGE], created__lte=as_of
    )
    said = said if only is None else said.filter(data__object__id__in=list(only))
    rows = said.order_by("created", "pk").values_list("data__object__id", "data__verb")
    return {int(key): str(verb) for key, verb in rows}


def state_then(finding: Finding, last: str, day: date) -> str:
    """Where a standing finding stood. One that was opened again since counts as open: nothing is said too well."""
    if finding.state == Finding.State.OPEN:
        return Finding.State.OPEN
    if last == ACCEPT and finding.accepted_until is not None and finding.accepted_until >= day:
        return Finding.State.ACCEPTED
    return Finding.State.ACKNOWLEDGED if last == ACKNOWLEDGE else Finding.State.OPEN


def servers(scope: Scope) -> list[Server]:
    """The servers in service of the systems of the pack."""
    found = Server.objects.filter(system__name__in=scope.systems, status=Server.Status.IN_SERVICE)
    return list(found.select_related("system").order_by("name"))


def last_reads(of: list[Server], at: datetime) -> dict[str, Read]:
    """By name of server: its best reading by that moment, or none and why."""
    key = ("reads", at, tuple(server.pk for server in of))
    return {read.server.name: read for read in once(key, lambda: _last_reads(of, at))}


def _last_reads(of: list[Server], at: datetime) -> list[Read]:
    by_server: dict[int, list[Read]] = {server.pk: [] for server in of}
    whose = {server.pk: server for server in of}
    for source in Source.objects.filter(server__in=of, created_at__lte=at).order_by("pk"):
        by_server[source.server_id].append(read_from(source, whose[source.server_id], at))
    return [best(server, by_server[server.pk]) for server in of]


def best(server: Server, found: list[Read]) -> Read:
    """The fresh one, else the newest; a server without a source says so."""
    if not found:
        return Read(server, None, None, None, "no source is set up for it")
    oldest = datetime.min.replace(tzinfo=timezone.get_current_timezone())
    return max(found, key=lambda one: (one.fresh, one.snapshot.observed_at if one.snapshot else oldest))


def read_from(source: Source, server: Server, at: datetime) -> Read:
    """What one source had brought by that moment."""
    pulls = Pull.objects.filter(source=source, published=True, finished_at__lte=at).order_by("-finished_at", "-pk")
    last, good = pulls.first(), pulls.filter(state__in=READ).first()
    seen = (good.seen_at or good.finished_at) if good else None
    held = Snapshot.objects.filter(source=source, published=True, pull__finished_at__lte=at)
    snapshot = held.select_related("reading", "pull").order_by("-pull__finished_at", "-pk").first()
    return Read(server, source, snapshot, seen, why_not(source, last, seen, at))


def why_not(source: Source, last: Pull | None, seen: datetime | None, at: datetime) -> str:
    """Why the reading of a source does not count as fresh; "" when it does."""
    if last is None:
        return f"{source.name} was never read"
    if seen is None or last.error_code in readings.NO_ANSWER:
        return last.what or "it could not be read"
    if at - seen > timedelta(hours=source.fresh_hours):
        return f"last read on {timezone.localtime(seen):%-d %B %Y}; the limit is {source.fresh_hours} hours"
    return ""


def span(scope: Scope) -> tuple[datetime, datetime]:
    """The period as two moments, never past the cut-off."""
    zone = timezone.get_current_timezone()
    begin = datetime.combine(scope.since, datetime.min.time(), zone)
    end = datetime.combine(scope.until + timedelta(days=1), datetime.min.time(), zone)
    return begin, min(end, scope.as_of)


def standing_at(moment: datetime) -> dict[str, Any]:
    """The register as it stood at a moment, as known then. Not to be altered: several parts of a pack read the same."""
    return once(("register", moment), lambda: [register_on(day_of(moment), known_at=moment)])[0]


def versions(scope: Scope, at: datetime) -> list[ConnectionVersion]:
    """What was authorised then of the systems of the pack, as known then, one version a connection by its number.

    Only theirs are looked at, seal by seal: a pack of one system does not read the register of all.
    """
    mine = ConnectionVersion.objects.filter(connection__system__name__in=scope.systems)
    found = mine.authorised_at(day_of(at), at).select_related("connection__source", "connection__destination")
    return once(("versions", scope, at), lambda: newest(found))


def connections(scope: Scope) -> list[Connection]:
    """The connections and shares of the systems of the pack that were authorised at the cut-off, as known then."""
    return [version.connection for version in versions(scope, scope.as_of)]


def bases(scope: Scope, moments: Sequence[datetime]) -> list[tuple[int, int]]:
    """(individually justified, provisional) among the connections authorised at each moment, as known then.

    The approvals are read once for all moments: a year of months is not a year of readings.
    """
    mine = VersionQuerySet(ConnectionVersion).filter(connection__system__name__in=scope.systems)
    proven = approvals.proven(mine.order_by().values("change_id"))
    return [bases_at(mine, proven, at) for at in moments]


def bases_at(mine: VersionQuerySet, proven: approvals.Proven, at: datetime) -> tuple[int, int]:
    """The same at one moment: one version a connection, the newest of those in force."""
    standing = mine.standing_on(day_of(at), at).filter(change__content_hash=F("material_hash"))
    names = ("connection_id", "valid_from", "pk", "change_id", "material__basis")
    rows = standing.order_by("connection_id", "valid_from", "pk").values_list(*names)
    found = [row for row in rows if row[3] in proven.rows]
    bad = proven.without_force(day_of(at), at, {row[3] for row in found})
    basis = {row[0]: row[4] for row in found if row[3] not in bad}
    justified = sum(one == "justified" for one in basis.values())
    return justified, len(basis) - justified
