"""The last comparison with its verdicts, the findings that stand and stood, and what else it left to be shown."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from benchmarks.populate.estate import Estate
from benchmarks.populate.evidence import Readings
from benchmarks.populate.plan import Plan
from benchmarks.populate.register import Register, Standing
from benchmarks.populate.rows import Writer
from compliance.baseline import MONTHS as BURNED
from compliance.models import Connection, Server, System
from compliance.models.estate import day_of
from compliance.traffic.addresses import parse_host
from compliance.traffic.boxes import box_of
from evidence.actions import trends
from evidence.actions.cases import fingerprint
from evidence.actions.findings import SEVERITY
from evidence.models import (
    AdminPathRow,
    BaselineGroup,
    Comparison,
    Finding,
    FindingMember,
    ServedShare,
    Sighting,
    Unlearned,
    VerdictRow,
)
from evidence.sightings import Kind

COMPARED: Final = 0.15  # days ago
MONTHS: Final = 11  # comparisons of before
CURED: Final = 8  # one in so many findings is over
AT_ONCE: Final = 5_000  # findings that wait to be written
# of what no connection is the subject: verdict → weight
BEYOND: Final = {
    "permits_more": 50, "listener_unauthorised": 15, "unfiltered": 6, "against_policy": 10, "unknown_server": 12,
    "changed_without_record": 1,
}  # fmt: skip
STATES: Final = ("open",) * 17 + ("acknowledged",) * 2 + ("accepted",)


@dataclass(slots=True)
class Found:
    """One judgement: what is said, of what."""

    verdict: str
    system: System
    subject: str
    because: str
    connection: Connection | None = None
    server: Server | None = None
    point: str = ""
    rule: str = ""
    witness: dict[str, Any] | None = None


def build(plan: Plan, out: Writer, estate: Estate, register: Register, readings: Readings) -> dict[str, int]:
    """Everything a comparison leaves. Gives the verdicts with their counts."""
    digest = hashlib.sha256(plan.seed.encode()).hexdigest()
    last = out.add(Comparison(at=plan.ago(COMPARED), register_digest=digest, published=True))
    heads, count = Counter[str](), 0
    owned: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for standing in register.standing:
        verdict = of_connection(plan, standing, readings)
        heads[verdict] += 1
        owned[standing.connection.system_id][standing.material["basis"] != "justified"] += 1
        one = about(standing, verdict)
        out.add(row_of(last, one))
        stamp(standing, verdict, plan)
        if verdict != "implemented" and count < plan.size.findings:
            follow(plan, out, last, one)
            count += 1
    update_stamps(register)
    for one in beyond(plan, estate, plan.size.findings - count):
        heads[one.verdict] += 1
        owned[one.system.pk][2] += one.verdict in ("permits_more", "unfiltered")
        cured = follow(plan, out, last, one)
        if not cured:
            out.add(row_of(last, one))
        count += 1
        if count % AT_ONCE == 0:
            out.flush()
    burned = {
        str(key): {
            "justified": numbers[0], "provisional": numbers[1], "kept": 0, "removed": 0, "lapsed": 0, "next_end": None,
            "months": [numbers[1]] * BURNED,
        }
        for key, numbers in owned.items()
    }  # fmt: skip
    trend = {str(key): numbers for key, numbers in owned.items()}
    for month in range(1, MONTHS + 1):
        out.add(
            Comparison(at=plan.ago(month * 30), register_digest=last.register_digest, published=True,
                       counts=dict(heads), trend=trend)
        )  # fmt: skip
    beside(plan, out, estate, register, last)
    out.flush()
    # It was written with the first of its findings: what all of them add up to is known only now
    Comparison.objects.filter(pk=last.pk).update(
        counts=dict(heads), trend=trend, burned=burned, heads=trends.heads(last)
    )
    return dict(heads)


def of_connection(plan: Plan, standing: Standing, readings: Readings) -> str:
    """The one verdict of a connection."""
    if standing.state == "approved":
        return "approved_not_done"
    quiet = readings.quiet.get(standing.server or 0)
    if quiet:
        return quiet
    if standing.material["kind"] == "share" and plan.one_in(30):
        return "share_wider"
    return "not_implemented" if plan.one_in(40) else "not_verifiable" if plan.one_in(60) else "implemented"


def about(standing: Standing, verdict: str) -> Found:
    """The judgement of a connection, in words."""
    said = standing.material
    name = said.get("destination") or said["server"]
    because = f"every packet of {standing.connection.ref} comes through INPUT of {name}"
    if verdict != "implemented":
        because = f"{standing.connection.ref} is {verdict.replace('_', ' ')} at INPUT of {name}"
    server = standing.connection.destination.server
    return Found(verdict, standing.connection.system, standing.connection.ref, because, standing.connection, server,
                 f"{name}/INPUT", "" if verdict != "implemented" else "iptables:filter/INPUT#5")  # fmt: skip


def stamp(standing: Standing, verdict: str, plan: Plan) -> None:
    """The verdict on the connection, as the comparison stamps it."""
    standing.connection.drift, standing.connection.drift_at = verdict, plan.ago(COMPARED)


def update_stamps(register: Register) -> None:
    """The connections are on the disk already: their stamps go there by verdict."""
    by_verdict: defaultdict[str, list[int]] = defaultdict(list)
    for one in register.standing:
        by_verdict[one.connection.drift].append(one.connection.pk)
    for verdict, keys in by_verdict.items():
        at = next(one.connection.drift_at for one in register.standing if one.connection.drift == verdict)
        for start in range(0, len(keys), 900):
            Connection.objects.filter(pk__in=keys[start : start + 900]).update(drift=verdict, drift_at=at)


def beyond(plan: Plan, estate: Estate, count: int) -> Iterator[Found]:
    """What the rules permit and nobody authorised, and what else is about no connection."""
    verdicts = plan.draw.choices(list(BEYOND), list(BEYOND.values()), k=max(count, 0))
    every = list(estate.addresses.values())
    for number, verdict in enumerate(verdicts):
        server = plan.draw.choice(estate.servers)
        port, source, mine = plan.draw.randrange(1, 65535), plan.draw.choice(every), estate.addresses[server.pk]
        witness = {"src": source, "dst": mine, "proto": "tcp", "sport": 40000, "dport": port, "in": "", "out": ""}
        subject = f"{source} → {mine} tcp/{port} ({number})"
        if verdict == "listener_unauthorised":
            subject = f"{server.name} tcp/{port} ({number})"
        elif verdict == "unknown_server":
            subject = f"unregistered in zone {plan.draw.choice(estate.zones).name} ({number})"
        because = f"{verdict.replace('_', ' ')}: {server.name} takes tcp/{port} from {source}, which nothing authorises"
        yield Found(verdict, server.system, subject, because, None, server, f"{server.name}/INPUT",
                    f"iptables:filter/INPUT#{number % 400 + 5}", witness)  # fmt: skip


def row_of(last: Comparison, one: Found) -> VerdictRow:
    """The judgement as a row of the comparison."""
    return VerdictRow(
        comparison=last, system=one.system, verdict=one.verdict, certainty="definite", subject=one.subject,
        connection=one.connection, server=one.server, point=one.point, rule=one.rule, witness=one.witness,
        because=one.because, headline=True,
    )  # fmt: skip


def follow(plan: Plan, out: Writer, last: Comparison, one: Found) -> bool:
    """The finding of a judgement; whether it is cured already. One in a hundred stands for several servers."""
    first = plan.ago(plan.draw.uniform(1, 300))
    cured = one.connection is None and plan.one_in(CURED)
    extent = []
    if one.witness:
        family, src = parse_host(one.witness["src"])
        _, dst = parse_host(one.witness["dst"])
        extent = [{"family": family, "box": list(box_of(family, src=(src, src), dst=(dst, dst)))}]
    finding = out.add(
        Finding(
            fingerprint=fingerprint(one.verdict, one.point, one.subject), system=one.system, verdict=one.verdict,
            certainty="definite", severity=SEVERITY.get(one.verdict, "low"), subject=one.subject,
            connection=one.connection, server=one.server, point=one.point, rule=one.rule, rule_file="iptables-save.txt",
            rule_line=9, rule_text="-A INPUT -j ACCEPT", extent=extent, witness=one.witness, because=one.because,
            proposal="narrow the rule to what is authorised", first_seen=first, comparison=last,
            last_seen=plan.ago(COMPARED), state="cured" if cured else plan.draw.choice(STATES),
            cured_at=plan.ago(0.5) if cured else None, cured_because="It is not shown any more." if cured else "",
        )
    )  # fmt: skip
    if finding.state == "accepted":
        finding.accepted_until = day_of(plan.now) + timedelta(days=90)
        finding.accepted_by, finding.accepted_extent = one.system.owner, extent
    if plan.one_in(100) and one.server is not None:
        for number in range(5):
            out.add(
                FindingMember(
                    finding=finding, server=one.server, subject=f"{one.subject} {number}", point=one.point,
                    certainty="definite", because=one.because, first_seen=first, last_seen=plan.ago(COMPARED),
                )
            )  # fmt: skip
    return cured


def beside(plan: Plan, out: Writer, estate: Estate, register: Register, last: Comparison) -> None:
    """Shares as they are served, ways of administration, addresses nobody registered, groups to learn from."""
    for standing in register.shares:
        said, server = standing.material, standing.connection.destination.server
        out.add(
            ServedShare(
                key=hashlib.sha256(standing.connection.ref.encode()).hexdigest()[:16], comparison=last, server=server,
                system=standing.connection.system, protocol="nfs", name=said["path"], path=said["path"], access="ro",
                who=", ".join(said["clients"]), security="krb5p", through="some", authorised=True,
                verdict=standing.connection.drift, certainty="definite", refs=[standing.connection.ref],
            )
        )  # fmt: skip
    for server in estate.servers:
        out.add(
            AdminPathRow(comparison=last, system=server.system, server=server, sockets_read=True,
                         reach="others" if plan.one_in(9) else "bastions", services=["tcp/22"])
        )  # fmt: skip
        out.add(Sighting(kind=Kind.RULES, system=server.system, ip=estate.addresses[server.pk],
                         where=f"rule 5 of {server.name}", first_seen=plan.ago(300)))  # fmt: skip
    for number in range(plan.size.findings // 20):
        server = plan.draw.choice(estate.servers)
        ip = f"10.{120 + number // 65025}.{number // 255 % 255}.{number % 255}"
        out.add(Sighting(kind=Kind.RULES, system=server.system, server=server, ip=ip, first_seen=plan.ago(40),
                         where=f"rule 9 of {server.name}", place=""))  # fmt: skip
    for number in range(plan.size.findings // 50):
        system = plan.draw.choice(estate.systems)
        pairs = [
            {"source": "web", "destination": "db", "rules": [["INPUT", f"#{each}"]]}
            for each in range(plan.draw.randrange(1, 9))
        ]
        out.add(
            BaselineGroup(comparison=last, system=system, key=f"{number:064x}", source="web of it", rows=pairs,
                          destination="db of it", services=["tcp/443"], severity="low", rules=len(pairs))
        )  # fmt: skip
    for number in range(plan.size.findings // 20):
        server = plan.draw.choice(estate.servers)
        out.add(Unlearned(comparison=last, system=server.system, server=server, point=f"{server.name}/INPUT",
                          rule=f"#{number}", wholly=plan.one_in(3), because="Its source is no server."))  # fmt: skip
