"""Communication logs: which there are, which hours they show and why not the others, who talked, and who looked."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from compliance.models import System
from evidence.flow_pictures import DAY_H, Picture, Strip, picture_of
from evidence.judgement import counted as number
from evidence.models import FlowFile, LogExamination
from evidence.packs.content_logs import Examined, FlowGapLine, FlowLine, FlowPair, Logs, Talker
from evidence.packs.section import Scope, Section, State, Table
from evidence.packs.sections import came
from evidence.packs.sections.known import comparison, connections, counted, rows, served
from evidence.rules import Verdict

TITLE = "Communication logs"
TEMPLATE = "packs/print/logs.html"
PRINTED = 25
MEANS = "What this pack says about traffic comes from rules, never from traffic seen."
ASK = "Ask for a month of flow logs of the hosts or of the network directly, beside this pack."


def build(scope: Scope) -> Section:
    """The section: missing only where no flow log was read, held only where no hour of any is missing."""
    held = comparison(scope)
    open_ones = [row for row in counted(rows(scope, held)) if row.verdict == Verdict.usage_unknown]
    unknown = len(open_ones) if held else len(connections(scope))
    systems = set(System.objects.filter(name__in=scope.systems).values_list("pk", flat=True))
    seen = seen_of(scope)
    if seen is None:
        data = Logs("No communication logs are in this pack.", unknown, MEANS, ASK)
        because = "no flow log was read of the period."
        return Section("logs", TITLE, served("logs"), "missing", because, TEMPLATE, data)
    looked = examined(scope, systems)
    state, because = held_state(seen, looked)
    strangers, ways = came.others(seen.came or ()), came.table(seen)
    data = Logs(
        lead=lead(seen),
        usage_unknown=unknown,
        means="Where an hour was not watched, nothing is called unused.",
        next_step="" if looked else "Nobody recorded an examination of these logs in the period.",
        logs=tuple(FlowLine(one.name, one.kind, one.places, one.whole, len(seen.days), one.hours) for one in seen.logs),
        first=seen.days[0],
        last=seen.days[-1],
        gaps=tuple(
            FlowGapLine(one.name, gap["place"], gap["first_at"], gap["last_at"], gap["because"])
            for one in seen.logs for gap in one.gaps
        )[:PRINTED],
        gaps_total=sum(len(one.gaps) + one.gaps_more for one in seen.logs),
        talkers=tuple(
            Talker(one["from"] or one["src"], one["to"] or one["dst"], one["service"], one["bytes"], one["flows"],
                   one["days"], one["ref"] or "nobody authorised it")
            for one in seen.talkers[:10]
        ),
        pairs=tuple(
            FlowPair(one["from"] or one["src"], one["to"] or one["dst"], one["service"],
                     "got through" if one["passed"] else "tried", bool(one["new"]), one["last"], one["decided"])
            for one in sorted(seen.pairs, key=lambda one: not one["new"])[:PRINTED]
        ),
        pairs_total=len(seen.pairs) + seen.pairs_more,
        new=seen.new if seen.before else None,
        before=seen.before,
        examined=looked,
        came=tuple(strangers[:PRINTED]),
        came_said=came.sentence(seen),
        came_total=len(strangers),
    )  # fmt: skip
    return Section("logs", TITLE, served("logs"), state, because, TEMPLATE, data, (*tables(seen, systems), ways))


def seen_of(scope: Scope) -> Picture | None:
    """What the comparison saw in the flow logs of the period."""
    held = comparison(scope)
    systems = set(System.objects.filter(name__in=scope.systems).values_list("pk", flat=True))
    return picture_of(held, systems, since=scope.since, until=scope.until) if held else None


def whole_days(scope: Scope, days: int) -> tuple[int, str]:
    """Of how many days every hour of every flow log is there, and what is missing of the others."""
    seen = seen_of(scope)
    if seen is None or not seen.logs:
        return 0, "no flow log was read of the period"
    whole = sum(all(one.hours[at] == DAY_H for one in seen.logs) for at in range(len(seen.days)))
    return min(whole, days), ", ".join(missing(one, days) for one in seen.logs if one.whole < days)


def not_seen(scope: Scope) -> str:
    """What follows for use from the flow logs that were read, or not."""
    if seen_of(scope) is None:
        return "Whether an authorised connection was used: no flow logs were read."
    return "Whether a connection was used in hours that no flow log watched: those are listed with the logs."


def held_state(seen: Picture, looked: tuple[Examined, ...]) -> tuple[State, str]:
    """Held only when every hour of every log is there, and somebody looked."""
    if not seen.logs:
        return "partial", "the logs are another system's; their hours are not in this pack"
    short = [one for one in seen.logs if one.whole < len(seen.days)]
    gaps = sum(len(one.gaps) + one.gaps_more for one in seen.logs)
    said = [
        f"{', '.join(missing(one, len(seen.days)) for one in short)}" if short else "",
        f"{number(gaps, 'gap')} {'is' if gaps == 1 else 'are'} listed with the reason" if gaps else "",
        "" if looked else "nobody recorded that they examined them",
    ]
    because = "; ".join(one for one in said if one)
    return ("partial", f"{because}.") if because else ("held", "")


def missing(one: Strip, days: int) -> str:
    """How much of a log is not there."""
    return f"{one.name} has all hours of {one.whole} of {number(days, 'day')}"


def lead(seen: Picture) -> str:
    """What there is, in two sentences."""
    through = sum(bool(one["passed"]) for one in seen.pairs)
    tried = len(seen.pairs) - through
    logs = number(len(seen.logs), "flow log")
    said = (
        f"{logs} of {seen.days[0]:%-d %B} to {seen.days[-1]:%-d %B %Y} {'was' if len(seen.logs) == 1 else 'were'} read."
    )
    pairs = number(through, "pair")
    return f"{said} {pairs} talked that nobody authorised, and {number(tried, 'other')} tried and did not get through."


def examined(scope: Scope, systems: set[int]) -> tuple[Examined, ...]:
    """Who examined them, and when, in the period or since."""
    found = LogExamination.objects.filter(system__in=systems, at__lte=scope.as_of, until__gte=scope.since)
    found = found.filter(since__lte=scope.until).select_related("by", "system").order_by("at", "pk")
    return tuple(Examined(str(row.by), row.at, str(row.system), row.since, row.until, row.noted) for row in found)


def tables(seen: Picture, systems: set[int]) -> tuple[Table, ...]:
    """The complete lists: hours, gaps, pairs, talkers, files."""
    hours = [
        (one.name, one.kind, day, count, DAY_H - count)
        for one in seen.logs
        for day, count in zip(seen.days, one.hours, strict=True)
    ]
    gaps = [
        (one.name, gap["kind"], gap["place"], gap["first_at"], gap["last_at"], gap["because"])
        for one in seen.logs
        for gap in one.gaps
    ]
    pairs = [
        (
            one["src"],
            one["dst"],
            one["from"],
            one["to"],
            one["service"],
            "got through" if one["passed"] else "tried",
            bool(one["new"]) if seen.before else None,
            one["flows"],
            one["bytes"],
            one["first"],
            one["last"],
            one["finding"],
            one["decided"],
        )
        for one in seen.pairs
    ]
    talkers = [
        (
            one["src"],
            one["dst"],
            one["from"],
            one["to"],
            one["service"],
            one["flows"],
            one["bytes"],
            one["days"],
            one["first"],
            one["last"],
            one["ref"],
        )
        for one in seen.talkers
    ]
    first, last = seen.days[0], seen.days[-1]
    inside = Q(first_at__date__lte=last, last_at__date__gte=first)
    lost = Q(first_at__isnull=True, received_at__date__range=(first, last + timedelta(days=31)))  # its hours: not known
    files = (
        FlowFile.objects.filter(inside | lost, log__system__in=systems).select_related("log", "stored").order_by("pk")
    )
    lines = [
        (row.log.name, row.name, row.stored.sha256, row.state, row.records, row.lines_total, row.lines_ignored,
         row.lines_unread, row.first_at, row.last_at)
        for row in files
    ]  # fmt: skip
    return (
        Table("flow-hours", ("log", "kind", "day", "hours", "hours_missing"), hours),
        Table("flow-gaps", ("log", "kind", "place", "first_hour", "last_hour", "because"), gaps),
        Table("flow-pairs", ("source", "destination", "from", "to", "service", "outcome", "new", "flows", "bytes",
                             "first_seen", "last_seen", "finding", "decided"), pairs),
        Table("flow-talkers", ("source", "destination", "from", "to", "service", "flows", "bytes", "days", "first_seen",
                               "last_seen", "connection"), talkers),
        Table("flow-files", ("log", "object", "sha256", "state", "records", "lines", "left_out", "not_understood",
                             "first_hour", "last_hour"), lines),
    )  # fmt: skip
