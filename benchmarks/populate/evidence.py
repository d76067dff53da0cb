"""What was read: a source a server, its readings of a year, and an iptables dump each, as the real reader reads it."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from benchmarks.populate.estate import Estate
from benchmarks.populate.plan import Plan
from benchmarks.populate.register import Register
from benchmarks.populate.rows import Writer
from compliance.models import Server
from evidence import reading_json
from evidence.artefacts import place_of
from evidence.formats import iptables
from evidence.models import Delta, Pull, PulledArtefact, RuleChange, Snapshot, Source, StoredArtefact
from evidence.points import summary
from evidence.rules import Artefact

NAME, COMMAND = "iptables-save.txt", "iptables-save"
HEAD: Final = (
    "*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT DROP [0:0]", "-A INPUT -i lo -j ACCEPT",
    "-A OUTPUT -o lo -j ACCEPT", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
)  # fmt: skip
DAYS, MONTHS = 30, 11  # readings a day, and before them one a month
SILENT, STALE = 50, 40  # one server in so many does not answer, is read too seldom


@dataclass(slots=True)
class Readings:
    """The sources, and how many rules were read in all."""

    sources: list[Source] = field(default_factory=list)
    quiet: dict[int, str] = field(default_factory=dict)  # server → stale or unreachable
    rules: int = 0


def build(plan: Plan, out: Writer, estate: Estate, register: Register) -> Readings:
    """One source a server, its last reading good, most of them of last night."""
    made, texts = Readings(), dumps(plan, estate, register)
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1), mp_context=get_context("fork")) as pool:
        read = pool.map(kept, texts, chunksize=16)
        for number, (server, (raw, reading, points, lines)) in enumerate(zip(estate.servers, read, strict=True)):
            one(plan, out, made, server, stored(out, *raw), stored(out, *reading), points, lines)
            made.rules += sum(point["rules"] for point in points)
            if number % 500 == 0:
                out.flush()
    out.flush()
    return made


def dumps(plan: Plan, estate: Estate, register: Register) -> Iterator[str]:
    """iptables-save of each server: a rule for each connection to it, and others until there are enough."""
    into: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for standing in register.standing:
        if standing.server is not None and standing.material["kind"] == "network":
            into[standing.server].append(standing.material)
    held = {row.name: estate.addresses[row.pk] for row in estate.servers}
    every = list(held.values())
    for server in estate.servers:
        mine, lines = estate.addresses[server.pk], list(HEAD)
        wanted = (
            (held[said["source"]], service)
            for said in into[server.pk] if said["source"] in held for service in said["services"]
        )  # fmt: skip
        for source, service in wanted:
            lines.append(rule("INPUT", source, mine, *service.split("/")))
        while len(lines) - len(HEAD) < plan.size.rules_each:
            out = plan.draw.random() < 0.5
            other, port = plan.draw.choice(every), str(plan.draw.randrange(1, 65535))
            lines.append(rule("OUTPUT" if out else "INPUT", *((mine, other) if out else (other, mine)), "tcp", port))
        yield "\n".join([*lines, "COMMIT", ""])


def rule(chain: str, source: str, destination: str, proto: str, port: str) -> str:
    """One permit."""
    match = f"-p icmp --icmp-type {port}" if proto == "icmp" else f"-p {proto} -m {proto} --dport {port}"
    return f"-A {chain} -s {source}/32 -d {destination}/32 {match} -j ACCEPT"


Bytes = tuple[str, int]


def kept(text: str) -> tuple[Bytes, Bytes, list[dict[str, Any]], tuple[int, int]]:
    """Raw dump and reading on the disk: the digest and size of each, the points as snapshots have them, the lines."""
    raw = text.encode()
    reading = iptables.read([Artefact(NAME, raw, COMMAND)])
    points = [{**said, "unread": 0} for said in summary(reading)]
    lines = reading.lines[NAME]
    return put(raw), put(reading_json.dump(reading)), points, (lines.total, lines.unread)


def put(content: bytes) -> Bytes:
    """The bytes where artefacts lie. Nothing waits for the disk: what is lost is made again."""
    digest = hashlib.sha256(content).hexdigest()
    place: Path = place_of(digest)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.write_bytes(content)
    return digest, len(content)


def stored(out: Writer, digest: str, size: int) -> StoredArtefact:
    """The row of bytes that are on the disk."""
    row: StoredArtefact = out.add(StoredArtefact(sha256=digest, size=size))
    return row


def one(
    plan: Plan, out: Writer, made: Readings, server: Server, raw: StoredArtefact, reading: StoredArtefact,
    points: list[dict[str, Any]], lines: tuple[int, int],
) -> None:  # fmt: skip
    """A source with its readings: the newest changed something, the others of the month did not."""
    quiet = "unreachable" if plan.one_in(SILENT) else "stale" if plan.one_in(STALE) else ""
    read = plan.ago(5 if quiet else 0.2)
    source = out.add(
        Source(system=server.system, name=f"{server.name} rules", kind=Source.Kind.DIRECTORY, server=server,
               config={"path": f"/srv/dumps/{server.name}"}, created_at=plan.ago(400), last_seen_at=read,
               next_at=plan.now + timedelta(days=1))
    )  # fmt: skip
    made.sources.append(source)
    if quiet:
        made.quiet[server.pk] = quiet
    for at in moments(plan, read):
        out.add(pull(source, Pull.State.UNCHANGED, at))
    before = snapshot(out, source, plan.ago(35), reading, points, lines, raw)
    newest = snapshot(out, source, read, reading, points, lines, raw)
    source.last_good = source.last_pull = None
    source.last_good, source.last_pull = newest, newest.pull
    if quiet == "unreachable":
        source.last_pull = out.add(pull(source, Pull.State.FAILED, plan.ago(0.2), "unreachable"))
        source.failures = 5
    delta = out.add(Delta(snapshot=newest, before=before, since=plan.ago(1.2)))
    for number in range(plan.draw.randrange(6)):
        out.add(
            RuleChange(
                delta=delta, system=server.system, server=server, at=read, point="INPUT", family=4, sure=True,
                direction="opened" if number % 2 else "closed", rule=f"iptables:filter/INPUT#{number + 5}",
                rule_file=NAME, rule_line=number + 9, rule_text="-A INPUT -j ACCEPT", boxes=[],
                outcome=plan.draw.choice(("recorded", "recorded", "repair", "unrecorded")),
                because="What the rule opens stands in a change record.",
            )
        )  # fmt: skip


def moments(plan: Plan, read: datetime) -> Iterable[datetime]:
    """When it was read and nothing had changed."""
    daily = [at for day in range(1, DAYS) if (at := plan.ago(day + 0.2)) < read]
    return [*(plan.ago(35 + 30 * month) for month in range(1, MONTHS)), *reversed(daily)]


def pull(source: Source, state: str, at: datetime, code: str = "") -> Pull:
    """One reading of a source."""
    said = {"error_code": code, "what": "It does not answer."} if code else {"digest": "0" * 64}
    return Pull(
        source=source, state=state, queued_at=at, started_at=at, finished_at=at, seen_at=at, published=True, **said
    )


def snapshot(
    out: Writer, source: Source, at: datetime, reading: StoredArtefact, points: list[dict[str, Any]],
    lines: tuple[int, int], raw: StoredArtefact,
) -> Snapshot:  # fmt: skip
    """What a reading brought, understood."""
    brought = out.add(pull(source, Pull.State.OK, at))
    out.add(PulledArtefact(pull=brought, stored=raw, name=NAME, command=COMMAND, observed_at=at, format=iptables.NAME))
    row: Snapshot = out.add(
        Snapshot(source=source, server=source.server, pull=brought, digest=raw.sha256, reading=reading, observed_at=at,
                 tier=Snapshot.Tier.GOOD, lines_total=lines[0], lines_unread=lines[1], points=points, published=True)
    )  # fmt: skip
    return row
