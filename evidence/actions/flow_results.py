"""What a comparison keeps of the flow logs: the use of each connection, the picture for pages and packs, troubles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from compliance.models import Connection, Server
from compliance.models.estate import day_of
from compliance.register import Entry
from compliance.traffic.addresses import parse_host, to_text
from compliance.traffic.boxes import ICMP, Family
from compliance.traffic.index import Index
from evidence.actions.flow_evidence import RECENT, Gathered
from evidence.actions.sightings import Places
from evidence.admin_path import AdminPath
from evidence.case import Case
from evidence.flow_states import Stands, stands
from evidence.flowlogs.gathered import Pair, Talk
from evidence.flowlogs.seen import Tally
from evidence.judgement import Judgement
from evidence.models import Comparison, FlowLog, FlowPicture, FlowUse
from evidence.rules import Certainty, Verdict
from evidence.usage_verdicts import DAY_H, subject_of_tally

BATCH: Final = 500
PAIRS: Final = 2_000  # of what nobody authorised; beyond, the fullest are kept and the number is said
GAPS: Final = 500
CAME: Final = 2_000  # lines of who came in by services of administration; how many more there are is said
TROUBLE: Final = {"stale": Verdict.stale, "never": Verdict.stale}


def flow_trouble(at: datetime) -> list[Judgement]:
    """Flow logs that do not show today: what they do not show proves nothing."""
    rows = list(FlowLog.objects.select_related("last_pull"))
    found = stands(rows, at)
    troubled = [(row.name, found[row.pk]) for row in rows if found[row.pk].said and not is_new(row, found[row.pk], at)]
    return [
        Judgement(
            TROUBLE.get(one.state, Verdict.not_verifiable), Certainty.unproven, f"flow log {name}", "", "", (), None,
            f"{name}: {one.said}",
        )
        for name, one in troubled
    ]  # fmt: skip


def is_new(row: FlowLog, found: Stands, at: datetime) -> bool:
    """Whether nobody could have brought anything yet."""
    return found.state == "never" and at - row.created_at <= timedelta(hours=row.fresh_hours)


class Ways(NamedTuple):
    """How servers are administered, and the servers by name."""

    paths: Sequence[AdminPath]
    servers: Mapping[str, Server]


def write(comparison: Comparison, found: Gathered | None, case: Case, ways: Ways) -> None:
    """Stages what is kept, in short batches: it shows once the comparison is published."""
    if found is None:
        return
    rows = list(uses(comparison, found, case.wanted.entries))
    for start in range(0, len(rows), BATCH):
        FlowUse.objects.bulk_create(rows[start : start + BATCH])
    FlowPicture.objects.create(comparison=comparison, data=picture(found, case, ways))


def uses(comparison: Comparison, found: Gathered, entries: tuple[Entry, ...]) -> Iterator[FlowUse]:
    """A row for each network connection that is authorised, used or not."""
    coverage = found.flows.coverage
    of: dict[str, list[Entry]] = {}
    for one in entries:
        if one.share is None:
            of.setdefault(one.id, []).append(one)
    keys = {row.ref: row.pk for row in Connection.objects.only("pk")}
    for name, several in of.items():
        if name not in keys:
            continue
        watched = coverage.every
        for one in several:
            watched &= coverage.of_boxes(one.family, one.boxes)
        used = found.used.get(name)
        yield FlowUse(
            comparison=comparison, connection_id=keys[name], watched=watched.bit_count(),
            hours=coverage.every.bit_count(), first_at=moment(used.first) if used else None,
            last_at=moment(used.last) if used else None, days=used.days if used else 0,
            flows=used.flows if used else 0, packets=used.packets if used else 0, bytes=used.bytes if used else 0,
        )  # fmt: skip


def picture(found: Gathered, case: Case, ways: Ways) -> dict[str, Any]:
    """The picture; its shape is read by evidence/flow_pictures.py."""
    ends = Ends(case)
    outside = sorted(found.flows.outside, key=lambda one: (-one.bytes, one.pair[:4]))
    first = max(found.last_day - RECENT + 1, found.first_day)
    return {
        "first_day": first,
        "last_day": found.last_day,
        "logs": [log(found, key, first) for key in sorted(found.places)],
        "talkers": [ends.talker(one) for one in found.talkers],
        "pairs": [ends.pair(one, found.earlier) for one in outside[:PAIRS]],
        "pairs_more": max(len(outside) - PAIRS, 0),
        "before": found.earlier_days,
        "elsewhere": found.flows.elsewhere,
        "came": list(came(found, ends, ways)),
    }


def came(found: Gathered, ends: Ends, ways: Ways) -> Iterator[dict[str, Any]]:
    """Who came in to each server by services of administration. Each line names what it rests on: the connection that
    authorises it, or the subject that its finding has."""
    subjects = {one.pair: subject_of_tally(one) for one in found.flows.outside if one.passed}
    left = CAME
    for way in ways.paths:
        if not way.seen or way.server not in ways.servers:
            continue
        lines: list[dict[str, Any]] = []
        for kind in ("others", "bastions"):
            kept = way.seen[kind][:left]
            left -= len(kept)
            lines += [{**one, "kind": kind, **ends.rests(one, subjects)} for one in kept]
        cut = sum(len(way.seen[kind]) for kind in ("others", "bastions")) - len(lines)
        yield {
            "server": way.server, "system": ways.servers[way.server].system_id, "bastion": way.bastion,
            "from": way.seen["from"], "lines": lines, "more": cut + sum(way.seen["more"].values()),
            "watched": way.seen["watched"], "hours": way.seen["hours"],
        }  # fmt: skip


def log(found: Gathered, key: int, first: int) -> dict[str, Any]:
    """One flow log: the hours of each day, its places, and the gaps."""
    row, places = found.logs[key], found.places[key]
    strip = [sum_of(places, day).bit_count() for day in range(first, found.last_day + 1)]
    coverage = found.flows.coverage
    names = {f"{row.name}: {sensor}" if sensor else row.name for sensor in places} | {row.name}
    gaps = [
        {"kind": gap.kind, "place": gap.sensor, "first": gap.first_hour, "last": gap.last_hour, "because": gap.because}
        for gap in (*coverage.gaps, *coverage.missing())
        if gap.sensor in names and gap.last_hour >= first * DAY_H
    ]
    told = together(gaps, row.name, len(places))
    return {
        "pk": key, "name": row.name, "system": row.system_id, "kind": row.get_kind_display(), "strip": strip,
        "places": len(places), "gaps": told[:GAPS], "gaps_more": max(len(told) - GAPS, 0),
        "first": min(min(days) for days in places.values()), "last": max(max(days) for days in places.values()),
    }  # fmt: skip


def sum_of(places: Mapping[str, Mapping[int, int]], day: int) -> int:
    """The hours of a day in which any place was awake."""
    bits = 0
    for days in places.values():
        bits |= days.get(day, 0)
    return bits


def together(gaps: list[dict[str, Any]], name: str, places: int) -> list[dict[str, Any]]:
    """What is true of several places in the same hours, once."""
    found: dict[tuple[str, int, int], list[dict[str, Any]]] = {}
    for gap in gaps:
        found.setdefault((gap["kind"], gap["first"], gap["last"]), []).append(gap)
    told = []
    for (kind, first, last), several in found.items():
        one = several[0]
        if len(several) > 1:
            place = f"{len(several)} places" if len(several) < places else f"all of {name}"
            because = f"{place} wrote nothing for {last - first + 1} hours" if kind == "missing" else one["because"]
            one = {**one, "place": place, "because": because}
        told.append(one)
    return sorted(told, key=lambda gap: (-gap["last"], gap["kind"], gap["place"]))


class Ends:
    """Whose the ends of flows are, and what of them is authorised."""

    def __init__(self, case: Case) -> None:
        self.case, self.places = case, Places(case)
        self.index: dict[Family, tuple[Index, list[str]]] = {}
        for family in (4, 6):
            held = [(one.id, box) for one in case.wanted.entries if one.family == family for box in one.boxes]
            self.index[family] = Index([box for _, box in held]), [name for name, _ in held]

    def said(self, family: Family, src: int, dst: int, proto: int, port: int | None) -> dict[str, Any]:
        """Both ends in words, with the systems that look after them."""
        systems = {self.places.of(family, value, 0).system for value in (src, dst)} - {0}
        holders = self.case.estate.holders
        return {
            "src": to_text(family, src), "dst": to_text(family, dst), "from": holders.get(src, ""),
            "to": holders.get(dst, ""), "service": service(proto, port), "systems": sorted(systems),
        }  # fmt: skip

    def ref(self, family: Family, src: int, dst: int, proto: int, port: int | None) -> str:
        """The connection that authorises all of it today; "" for none."""
        ports = (0, 65535) if port is None else (port, port)
        index, names = self.index[family]
        number = index.holder((src, src, dst, dst, proto, proto, 0, 65535, *ports))
        return names[number] if number is not None else ""

    def rests(self, line: Mapping[str, Any], subjects: Mapping[Pair, str]) -> dict[str, str]:
        """What a line about who came in rests on: its connection, and the subject of its finding."""
        family, src = parse_host(line["src"])
        pair = (family, src, parse_host(line["dst"])[1], line["proto"], line["port"])
        return {"ref": self.ref(*pair), "subject": subjects.get(pair, "")}

    def talker(self, one: Talk) -> dict[str, Any]:
        """A pair that exchanged much, and the connection it belongs to."""
        return {
            **self.said(one.family, one.src, one.dst, one.proto, one.port), "bytes": one.bytes, "flows": one.flows,
            "days": one.days, "first": one.first, "last": one.last,
            "ref": self.ref(one.family, one.src, one.dst, one.proto, one.port),
        }  # fmt: skip

    def pair(self, one: Tally, earlier: Any) -> dict[str, Any]:
        """What nobody authorised, and whether the months before knew it."""
        return {
            **self.said(one.family, one.src, one.dst, one.proto, one.port), "bytes": one.bytes, "flows": one.flows,
            "first": one.first, "last": one.last, "passed": one.passed, "sure": one.sure >= 100,
            "new": earlier is None or one.pair not in earlier, "subject": subject_of_tally(one),
        }  # fmt: skip


def service(proto: int, port: int | None) -> str:
    """As people write it."""
    named = {6: "tcp", 17: "udp", 132: "sctp", **dict.fromkeys(ICMP.values(), "icmp")}
    name = named.get(proto, f"protocol {proto}")
    return name if port is None or proto in ICMP.values() else f"{name}/{port}"


def moment(second: int) -> datetime:
    """Seconds since 1970 as a moment."""
    return datetime.fromtimestamp(second, UTC)


def last_seen(found: Gathered | None) -> dict[str, datetime]:
    """Connection -> its last proven use."""
    return {name: moment(used.last) for name, used in found.used.items()} if found else {}


def forget_others(comparison: Comparison) -> None:
    """Removes what earlier comparisons wrote: of their pictures the last of each day stays, which packs look at."""
    FlowUse.objects.exclude(comparison=comparison).filter(comparison__published=True).delete()
    earlier = FlowPicture.objects.exclude(comparison=comparison).filter(comparison__published=True)
    today = day_of(comparison.at)
    of_today = [row.pk for row in earlier.select_related("comparison").order_by("-pk")[:50]
                if day_of(row.comparison.at) == today]  # fmt: skip
    FlowPicture.objects.filter(pk__in=of_today).delete()
