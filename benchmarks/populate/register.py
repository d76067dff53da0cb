"""Connections and file shares with what was asked, why, who agreed, and what has been authorised since.

Approvals are sealed as real ones are, so that pages work as hard as they do in earnest; nobody gave them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from benchmarks.populate.estate import Estate
from benchmarks.populate.plan import SERVICES, Plan
from benchmarks.populate.rows import Writer
from compliance.models import (
    Approval,
    ApprovalNeeded,
    Capacity,
    ChangeRecord,
    Connection,
    ConnectionVersion,
    Endpoint,
    Justification,
    State,
    System,
    User,
)
from compliance.models.approvals import content_hash, seal
from compliance.models.estate import day_of

FIRST, LAST = 400, 3  # days ago: the first and the last request that was carried out
USES: Final = ("continuous", "daily", "weekly", "monthly")
NEED: Final = "{} hands its figures to {} in the {} run; without it the reports are late."
RISK: Final = "One service between two named ends; what travels is encrypted and logged at both."
# one in so many of what is asked for ends otherwise: state → one in
ASIDE: Final = {State.SUBMITTED: 250, State.DRAFT: 1500, State.REJECTED: 120, State.WITHDRAWN: 300}


@dataclass(slots=True)
class Standing:
    """A connection that is authorised today, with what the evidence is made of."""

    connection: Connection
    material: dict[str, Any]
    state: str
    server: int | None  # key of the server it goes to
    review_by: date


@dataclass(slots=True)
class Register:
    """Everything that was asked for."""

    standing: list[Standing] = field(default_factory=list)
    shares: list[Standing] = field(default_factory=list)
    waiting: int = 0


def build(plan: Plan, out: Writer, estate: Estate) -> Register:
    """As many connections as the plan says that are authorised, and what was asked beside them."""
    register = Register()
    for number in range(plan.size.connections):
        place = plan.draw.randrange(len(estate.systems))
        ask(plan, out, estate, register, place, number)
        for state, often in ASIDE.items():
            if plan.one_in(often):
                aside(plan, out, estate, register, place, state)
        if number % 2_000 == 0:
            out.flush()
    out.flush()
    return register


def pair(plan: Plan, estate: Estate, place: int) -> tuple[Endpoint, Endpoint]:
    """Two ends: the source of this system mostly, the destination of any, seven times in ten of the same."""
    source = plan.draw.choice(estate.ends[place])
    if plan.one_in(20):
        source = plan.draw.choice(estate.parties)
    while True:
        other = place if plan.draw.random() < 0.7 or source.system is None else plan.draw.randrange(len(estate.systems))
        destination = plan.draw.choice(estate.ends[other])
        if destination.pk != source.pk and destination.kind == "server":
            return source, destination


def material(plan: Plan, source: Endpoint, destination: Endpoint, review_by: date, *, share: bool) -> dict[str, Any]:
    """What would be authorised, in the shape of compliance/actions/material.py."""
    terms = {
        "expected_use": plan.draw.choice(USES), "basis": "provisional" if plan.one_in(10) else "justified",
        "review_by": review_by.isoformat(), "ends_on": None,
    }  # fmt: skip
    if share:
        path = f"/export/area-{plan.draw.randrange(40):02}"
        return {"kind": "share", "server": destination.name, "path": path, "protocol": "nfs", "access": "ro",
                "clients": [source.name], "security": "krb5p", "squash": "root", "users": [], **terms}  # fmt: skip
    several = plan.draw.sample(SERVICES, 1 if plan.draw.random() < 0.8 else 2)
    if plan.one_in(3):
        several[0] = f"tcp/{plan.draw.randrange(1024, 32768)}"
    return {"kind": "network", "source": source.name, "destination": destination.name, "services": several,
            "via": [], **terms}  # fmt: skip


def ask(plan: Plan, out: Writer, estate: Estate, register: Register, place: int, number: int) -> None:
    """One connection that stands today; one in thirty was amended since it was first asked for."""
    source, destination = pair(plan, estate, place)
    share = number % 20 == 19
    by_way = plan.draw.choice(estate.ends[place]) if plan.one_in(25) else None
    asked = plan.ago(plan.draw.uniform(LAST + 2, FIRST))
    review_by = day_of(plan.now) + timedelta(days=plan.draw.randrange(-10, 360))
    said = material(plan, source, destination, review_by, share=share)
    if by_way is not None and by_way.kind == "server" and by_way.pk not in (source.pk, destination.pk) and not share:
        said["via"] = [by_way.name]
    system = estate.systems[place]
    connection = out.add(
        Connection(system=system, kind=said["kind"], source=source, destination=destination, created_at=asked,
                   standard_service=plan.one_in(50))
    )  # fmt: skip
    state = State.APPROVED if plan.one_in(100) else State.VERIFIED
    change, on = decided(plan, out, estate, connection, said, asked, state)
    version = ConnectionVersion(
        connection=connection, change=change, material=said, material_hash=change.content_hash,
        valid_from=day_of(on), review_by=review_by, recorded_at=on,
    )  # fmt: skip
    if plan.one_in(30) and asked < plan.ago(30):
        later = plan.now - (plan.now - asked) / 2
        said = {**said, "expected_use": "standby"}
        amended, on = decided(plan, out, estate, connection, said, later, state, kind=ChangeRecord.Kind.AMEND)
        version.valid_to, version.closed_by = day_of(on), amended
        out.add(version)
        version = ConnectionVersion(
            connection=connection, change=amended, material=said, material_hash=amended.content_hash,
            valid_from=day_of(on), review_by=review_by, recorded_at=on,
        )  # fmt: skip
    out.add(version)
    one = Standing(connection, said, state, destination.server_id, review_by)
    register.standing.append(one)
    if share:
        register.shares.append(one)


def aside(plan: Plan, out: Writer, estate: Estate, register: Register, place: int, state: str) -> None:
    """A request that authorises nothing: it waits, was refused, or was taken back."""
    source, destination = pair(plan, estate, place)
    recent = state in (State.SUBMITTED, State.DRAFT)
    asked = plan.ago(plan.draw.uniform(0.1, 9) if recent else plan.draw.uniform(10, FIRST))
    said = material(plan, source, destination, day_of(plan.now) + timedelta(days=300), share=False)
    system = estate.systems[place]
    connection = out.add(
        Connection(system=system, kind="network", source=source, destination=destination, created_at=asked)
    )
    change = asked_for(plan, out, estate, connection, said, asked, state)
    if state != State.DRAFT:
        needs_of(out, estate, change)
    if state in (State.REJECTED, State.WITHDRAWN):
        change.decided_at, change.closing_note = asked + timedelta(days=1), "Another connection does it already."
    register.waiting += state == State.SUBMITTED


def asked_for(
    plan: Plan, out: Writer, estate: Estate, connection: Connection, said: dict[str, Any], at: datetime, state: str,
    kind: str = ChangeRecord.Kind.NEW,
) -> ChangeRecord:  # fmt: skip
    """The record of a request and its justification."""
    source, destination = connection.source.name, connection.destination.name
    by: User = plan.draw.choice(estate.requesters)
    change: ChangeRecord = out.add(
        ChangeRecord(
            system=connection.system, connection=connection, kind=kind, title=f"{source} to {destination}"[:200],
            material=said, content_hash=content_hash(said), state=state, requested_by=by, last_edited_by=by,
            created_at=at, submitted_at=None if state == State.DRAFT else at,
            ticket=f"TCK-{plan.draw.randrange(10**6)}",
            urgency="urgent" if plan.one_in(40) else "routine",
        )
    )  # fmt: skip
    out.add(
        Justification(
            change=change, written_by=by, written_at=at, security_implications=RISK,
            business_need=NEED.format(source, destination, said["expected_use"]), data_carried="Figures, no names.",
        )
    )  # fmt: skip
    return change


def needs_of(out: Writer, estate: Estate, change: ChangeRecord) -> list[ApprovalNeeded]:
    """Whose agreement it takes: owner and manager, and the owner of the other end."""
    ends = (change.of.source, change.of.destination)
    others = {row.pk: row for end in ends if (row := estate.system_of[end.pk]) and row.pk != change.system_id}
    asked: list[tuple[str, System]] = [(Capacity.SYSTEM_OWNER, change.system), (Capacity.MANAGER, change.system)]
    asked += [(Capacity.OTHER_OWNER, others[key]) for key in sorted(others)]
    return [out.add(ApprovalNeeded(change=change, capacity=capacity, system=system)) for capacity, system in asked]


def decided(
    plan: Plan, out: Writer, estate: Estate, connection: Connection, said: dict[str, Any], at: datetime, state: str,
    kind: str = ChangeRecord.Kind.NEW,
) -> tuple[ChangeRecord, datetime]:  # fmt: skip
    """A request that was agreed to, and mostly carried out and proven; and when the last one agreed."""
    change = asked_for(plan, out, estate, connection, said, at, state, kind)
    needs, agreed, moment = needs_of(out, estate, change), set[int](), at
    for need in needs:
        moment += timedelta(hours=2)
        able = [need.system.owner, need.system.deputy]
        if need.capacity == Capacity.MANAGER:
            able = [estate.managers[(change.pk + step) % len(estate.managers)] for step in (0, 1)]
        approver = next(one for one in able if one is not None and one.pk not in agreed)
        agreed.add(approver.pk)
        approval = Approval(
            needed=need, requested_by=change.requested_by, approver=approver, capacity=need.capacity,
            content_hash=change.content_hash, at=moment,
        )  # fmt: skip
        approval.seal = seal(change, needs, approval)
        out.add(approval)
    change.decided_at = moment
    if state == State.VERIFIED:
        change.implemented_at, change.verified_at = moment + timedelta(days=1), moment + timedelta(days=2)
        change.implemented_by, change.proof = plan.draw.choice(estate.engineers), "0" * 64
    return change, moment
