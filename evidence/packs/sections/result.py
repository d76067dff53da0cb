"""Result, coverage and gaps: the answer first, then what was seen, what was not, and what the pack does not show."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone

from compliance.models.estate import day_of
from evidence.models import Comparison, VerdictRow
from evidence.packs import content
from evidence.packs.section import Cell, Scope, Section, Table
from evidence.packs.section import State as Held
from evidence.packs.sections import flows, pairs
from evidence.packs.sections.basis import Basis, basis
from evidence.packs.sections.known import (
    Read,
    Standing,
    bases,
    comparison,
    concerns,
    counted,
    findings,
    last_reads,
    rows,
    served,
    servers,
)
from evidence.packs.sections.seen import inventory, listed, lists_read
from evidence.packs.sections.tried import agreed, with_test
from evidence.packs.sections.words import packet
from evidence.packs.verify import NOT_KNOWN
from evidence.rules import Verdict
from evidence.verdicts import BESIDE, RANK, WIDER

TITLE = "Result, coverage and gaps"
RULES = "Firewall rules"
GAPS = 25  # printed; data/findings.csv has all
MONTHS = 6
NAMED = 8
COLUMNS = ("subject", "verdict", "certainty", "system", "connection", "host", "point", "rule", "example", "because",
           "proposed_tier", "rests_on")  # fmt: skip
NOT_SHOWN = (
    "Traffic between containers of one host, and between processes of one server.",
    "Rules of devices that are not in the table of enforcement points.",
)
NO_STAMP = content.Absent("Outside time-stamp", "no time-stamping authority is named (EASTWEST_TIMESTAMP_URL)")
NOT_READ = (  # as docs/sources/formats.md and docs/sources/aws.md have it
    "Arista EOS", "what lies beyond VPN, Direct Connect and other regions of AWS (but for peerings of VPCs)",
    "accounts of AWS without a source of their own, and networks that two accounts share",
    "security groups of Azure and Google Cloud",
    "network policies of Kubernetes", "firewalls of Windows hosts",
)  # fmt: skip


def build(scope: Scope) -> Section:
    """The section, with the one table `verdicts` that the cover and the verifier count."""
    held = comparison(scope)
    every = rows(scope, held)
    heads = counted(every)
    standing = findings(scope, held)
    reads, ends = last_reads(servers(scope), scope.as_of), pairs.listed(scope, every)
    (justified, provisional), *_ = bases(scope, [scope.as_of])
    beyond = extra(heads)
    state, because = held_state(held, reads, heads)
    data = content.Result(
        lead=lead(justified, provisional, heads, compared=held is not None),
        justified=justified,
        provisional=provisional,
        beyond=beyond,
        trend=trend(scope),
        verdicts=tally(heads),
        coverage=(*coverage(scope, reads, every), *pairs.coverage(ends)),
        inventory=inventory(scope, reads, every),
        gaps=tuple(gap(one) for one in standing[:GAPS]),
        gaps_total=len(standing),
        not_shown=(*NOT_SHOWN, flows.not_seen(scope)),
        not_held=() if settings.TIMESTAMP_URL else (NO_STAMP,),
        not_read=NOT_READ,
    )
    tested = agreed(scope)
    lines = [line(row, with_test(basis(row, reads, held), row, tested)) for row in heads]
    tables = (Table("verdicts", COLUMNS, lines), listed(scope), ends)
    return Section("result", TITLE, served("result"), state, because, "packs/print/result.html", data, tables)


def held_state(held: Comparison | None, reads: dict[str, Read], heads: list[VerdictRow]) -> tuple[Held, str]:
    """Held only when everything was read and everything decided."""
    if held is None:
        return "missing", "nothing was compared by the cut-off"
    old = sum(not one.fresh for one in reads.values())
    undecided = sum(row.verdict in NOT_KNOWN for row in heads)
    said = [
        f"{old} of {len(reads)} servers have no fresh reading" if old else "",
        f"{undecided} of {len(heads)} verdicts could not be determined" if undecided else "",
        "" if heads else "there was nothing to compare",
    ]
    because = "; ".join(one for one in said if one)
    return ("partial", because) if because else ("held", "")


def lead(justified: int, provisional: int, heads: list[VerdictRow], *, compared: bool) -> str:
    """The answer in three sentences, and a fourth where reviews are overdue."""
    basis = f"{justified} connections are individually justified and {provisional} stand on a provisional baseline."
    if not compared:
        return f"{basis} Nothing was compared by the cut-off: whether the rules are as authorised is not known."
    unknown = sum(row.verdict in NOT_KNOWN for row in heads)
    late = sum(row.verdict == Verdict.review_overdue for row in heads)
    right = {*NOT_KNOWN, Verdict.implemented, Verdict.review_overdue, Verdict.review_missed}
    wrong = sum(row.verdict not in right for row in heads)
    reviews = f" {late} {'review is' if late == 1 else 'reviews are'} overdue." if late else ""
    return f"{basis} {wrong} verdicts are not as authorised. {unknown} could not be determined.{reviews}"


def extra(heads: list[VerdictRow]) -> int:
    """How much is permitted and not authorised, as far as that is known."""
    return sum(row.verdict in WIDER for row in heads)


def trend(scope: Scope) -> tuple[content.Month, ...]:
    """The three numbers at the end of each month that had a comparison, the last half year."""
    then: list[tuple[datetime, Comparison]] = []
    for end in reversed(month_ends(scope.as_of)):
        held = Comparison.objects.filter(published=True, at__lte=end).order_by("-at", "-pk").first()
        if held is not None and (held.at.year, held.at.month) == (end.year, end.month):
            then.append((end, held))
    found = []
    for (end, held), two in zip(then, bases(scope, [end for end, _ in then]), strict=True):
        heads = VerdictRow.objects.filter(concerns(scope), comparison=held, headline=True, verdict__in=WIDER)
        found.append(content.Month(f"{timezone.localtime(end):%-d %B %Y}", *two, heads.count()))
    return tuple(found)


def month_ends(as_of: datetime) -> list[datetime]:
    """The cut-off and the last moments of the months before it, the newest first."""
    local = timezone.localtime(as_of)
    found, first = [local], local.date().replace(day=1)
    for _ in range(MONTHS - 1):
        found.append(last_moment(first - timedelta(days=1)))
        first = (first - timedelta(days=1)).replace(day=1)
    return found


def last_moment(day: date) -> datetime:
    """The end of a day in the installation's time zone."""
    return datetime.combine(day, time.max, timezone.get_current_timezone())


def tally(heads: list[VerdictRow]) -> tuple[tuple[str, int], ...]:
    """Each verdict with its count, worst first, implemented before all."""
    found = Counter(row.verdict for row in heads)
    order = sorted(found, key=lambda name: (name != Verdict.implemented, RANK[Verdict(name)]))
    return tuple((name, found[name]) for name in order)


def coverage(scope: Scope, reads: dict[str, Read], every: list[VerdictRow]) -> tuple[content.Coverage, ...]:
    """What could be seen of each kind of evidence."""
    unread = [f"{name} ({one.because or 'never read'})" for name, one in sorted(reads.items()) if not one.fresh]
    ends = {(row.subject, row.point) for row in every if row.connection_id and row.verdict not in BESIDE}
    dark = {(row.subject, row.point) for row in every if row.connection_id and row.verdict in NOT_KNOWN}
    dark &= ends
    lines = [one.snapshot for one in reads.values() if one.snapshot]
    total, lost = sum(one.lines_total for one in lines), sum(one.lines_unread for one in lines)
    lists, fresh, late = lists_read(scope)
    days = (min(scope.until, day_of(scope.as_of)) - scope.since).days + 1
    return (
        content.Coverage("Servers with rules read and fresh", len(reads), len(reads) - len(unread), named(unread)),
        content.Coverage("Ends of connections decided by rules", len(ends), len(ends - dark),
                         named(sorted(f"{subject} at {point or 'an unknown path'}" for subject, point in dark))),
        content.Coverage("Lines of configurations read", total, total - lost,
                         f"not understood; each is named under {RULES}" if lost else ""),
        content.Coverage("Inventories of others, read and fresh", lists, fresh, named(late)),
        content.Coverage("Days of communication logs", max(days, 0), *flows.whole_days(scope, max(days, 0))),
    )  # fmt: skip


def named(several: list[str]) -> str:
    """The first few of a list, and how many more."""
    more = len(several) - NAMED
    return ", ".join(several[:NAMED]) + (f" and {more} more" if more > 0 else "")


def gap(one: Standing) -> content.Gap:
    """A finding in one line, with its example."""
    example = packet(one.row.witness)
    what = f"{one.row.because}{'' if one.row.because.endswith('.') else '.'}"
    due = one.finding.accepted_until if one.state == "accepted" else None
    return content.Gap(
        one.finding.ref, one.row.verdict, f"{what} Example: {example}." if example else what,
        str(one.finding.system.owner), due,
    )  # fmt: skip


def line(row: VerdictRow, on: Basis) -> tuple[Cell, ...]:
    """A counted verdict as a row of the list."""
    return (
        row.subject, row.verdict, row.certainty, row.system.name, row.connection.ref if row.connection else None,
        row.server.name if row.server else None, row.point, row.rule, packet(row.witness), row.because,
        on.tier, " ".join(on.rests_on),
    )  # fmt: skip
