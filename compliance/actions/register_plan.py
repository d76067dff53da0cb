"""The register as code: what a register file would change, and the change records that ask for exactly that.

    plan(name, text, by=…)                 -> Plan; nothing is written
    apply(name, text, digest=…, by=…)      -> Plan, carried out; each step is a change record like any other

A plan is `apply` carried out and taken back, so what it shows is what would happen: what the policy says of each step
and whose agreement it waits for. `apply` does only what was planned: a register that moved on since is refused.
Nothing is authorised by either. What the file does not name is removed only when that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from django.db import transaction
from django.utils import timezone

from compliance.actions import connections as verbs
from compliance.actions.import_register import PLACES, Material, RegisterRows
from compliance.actions.import_requests import asked_before, comparable, ends_text
from compliance.actions.import_rows import Bad
from compliance.actions.imports import read_register
from compliance.actions.ledger import record
from compliance.actions.material import DATES
from compliance.actions.policy import NotPermitted
from compliance.actions.register_places import listed_in, plain
from compliance.actions.versions import hold_register
from compliance.errors import NotAllowed, Refused
from compliance.models import ChangeRecord, Connection, ConnectionVersion, ImportedTable, State, System, User
from compliance.models.approvals import content_hash
from compliance.models.estate import day_of
from compliance.permissions import check
from compliance.standing import newest

What = Literal["place", "new", "change", "remove"]
REF: Final = "CON-"
TOLD: Final = ("source", "destination", "services", "via", "server", "path", "protocol", "access", "clients",
               "security", "squash", "users", *DATES)  # fmt: skip
NO_REASON: Final = "Not given in {}: to be completed by the first review."


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the file asks for that does not stand.

    `ref`: the id in the register, or in the file. `differs`: field → (what stands, what is asked for). `hits`: what the
    policy says, each {"rule", "severity", "what"}. `needs`: whose agreement it waits for. `stopped`: why it would be a
    draft, "" where it is sent. `change`: the change record, "" in a plan.
    """

    what: What
    ref: str
    line: int
    text: str
    system: str = ""
    differs: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    hits: tuple[Mapping[str, Any], ...] = ()
    needs: tuple[str, ...] = ()
    stopped: str = ""
    change: str = ""


class Plan(NamedTuple):
    """All steps, how many rows stand as the file says, what is wrong with the file, and the digest of it all."""

    steps: tuple[Step, ...]
    same: int
    bad: tuple[Bad, ...]
    digest: str


class Asked(NamedTuple):
    """One row of the file as it would be authorised, or the removal of what it does not name."""

    what: What
    ref: str
    line: int
    material: Material
    row: Mapping[str, Any]
    stands: ConnectionVersion | None


def plan(
    name: str, content: bytes, *, by: User, system: str = "", remove: bool = False, at: datetime | None = None
) -> Plan:
    """What the file would change. Nothing is written. Raises Refused for a file that is none."""
    with transaction.atomic():
        found = _carried(name, content, system, remove, by, at or timezone.now())
        transaction.set_rollback(True)
    return found


def apply(
    name: str,
    content: bytes,
    *,
    digest: str,
    by: User,
    system: str = "",
    remove: bool = False,
    at: datetime | None = None,
) -> Plan:
    """Asks for what was planned: all of it, or nothing where the file has a fault or something moved on since."""
    moment = at or timezone.now()
    with transaction.atomic():
        hold_register()  # what is planned against does not move while it is asked for
        found = _carried(name, content, system, remove, by, moment)
        if found.bad:
            first = found.bad[0]
            raise Refused(
                f"Nothing was asked for: {len(found.bad)} rows of {name} cannot be.",
                f"Line {first.row}: {first.problem}",
                "Mend the file, and plan again.",
            )
        if found.digest != digest:
            raise Refused(
                "Nothing was asked for.",
                "This is not what was planned: the file, the register or the policy changed since.",
                "Plan again, read it, and apply that.",
            )
        table = ImportedTable.objects.create(
            kind="register", file=name[:200], digest=found.digest, header=[], rows=[[1, [content.decode("utf-8-sig")]]],
            brought_by=by, brought_at=moment, imported_at=moment,
        )  # fmt: skip
        record("apply_register", table, by=by, at=moment, after=found.digest, file=name, steps=len(found.steps))
    return found


def _carried(name: str, content: bytes, system: str, remove: bool, by: User, at: datetime) -> Plan:
    """Every step carried out, in the caller's transaction."""
    check(by, "import", None, at=at)
    _, lines = read_register(name, content)
    whose = System.objects.for_user(by).filter(name=system).first()
    if system and whose is None:
        raise NotAllowed("None of your systems has that name.", "", "Correct the name, or leave it out.")
    table = ImportedTable(kind="register", file=name[:200], rows=[list(line) for line in lines])
    rows = RegisterRows(table=table, by=by, at=at, system=whose)
    bad = rows.problems()
    steps: list[Step] = []
    same = 0
    if not bad:
        for done in (*_places(rows), *_asked_for(rows, by, at, remove)):
            if isinstance(done, Bad):
                bad.append(done)
            elif done is None:
                same += 1
            else:
                steps.append(done)
    said = [[step.what, step.ref, step.text, dict(step.differs), list(step.needs), step.stopped] for step in steps]
    return Plan(tuple(steps), same, tuple(bad), content_hash([said, content_hash(rows.register), remove]))


def _places(rows: RegisterRows) -> Iterator[Step | Bad | None]:
    """Zones, servers and groups: made where they are missing; what would widen something is asked for."""
    write = {"zones": rows.places.zone, "servers": rows.places.server, "groups": rows.group}
    for part in PLACES:
        for number, row in enumerate(listed_in(rows.register, part), 1):
            done = rows.tried(rows.line(part, number), part, write[part], row)
            if isinstance(done, Bad):
                yield done
            else:
                yield None if done.what == "same" else Step("place", row["name"], done.line, done.text)


def _asked_for(rows: RegisterRows, by: User, at: datetime, remove: bool) -> Iterator[Step | Bad | None]:
    """Connections and shares: the new, those that say something else, and those that the file does not name."""
    stands = _standing(by, at)
    named: set[int] = set()
    for part, number, row in rows.requests():
        line = rows.line(part, number)
        try:
            with transaction.atomic():
                asked = list(_of_row(rows, part, line, row, stands, named))
                done = [_step(one, rows, by, at) for one in asked if not _waits(one)]
        except Refused as refused:
            yield Bad(line, part, "", f"{refused.what} {refused.why}".strip(), refused.next_step)
            continue
        yield from done
        if not done:
            yield None
    gone = [one for key, one in stands.items() if key not in named] if remove else []
    for version in gone:
        yield _removal(version, rows, by, at)


def _removal(version: ConnectionVersion, rows: RegisterRows, by: User, at: datetime) -> Step | Bad | None:
    """What the file does not name is asked to be taken out; None where that waits already."""
    asked = Asked("remove", version.connection.ref, 0, version.said, {}, version)
    try:
        with transaction.atomic():
            return None if _waits(asked) else _step(asked, rows, by, at)
    except Refused as refused:
        return Bad(0, "", "", f"{refused.what} {refused.why}".strip(), refused.next_step)


def _standing(by: User, at: datetime) -> dict[int, ConnectionVersion]:
    """What is authorised today, of this person's systems, by the key of its connection."""
    mine = Connection.objects.for_user(by).values("pk")
    rows = ConnectionVersion.objects.filter(connection__in=mine).authorised_at(day_of(at))
    return {
        one.connection_id: one for one in newest(rows.select_related("connection__system", "change__justification"))
    }


def _of_row(
    rows: RegisterRows, part: str, line: int, row: Mapping[str, Any], stands: Mapping[int, ConnectionVersion],
    named: set[int],
) -> Iterator[Asked]:  # fmt: skip
    """What one row asks for beyond what stands. `named` learns which connections it speaks of."""
    ref = str(row["id"])
    number = ref.removeprefix(REF)
    version = stands.get(int(number)) if ref.startswith(REF) and number.isdecimal() and len(number) <= 18 else None
    materials = rows.materials(part, row)
    if version is not None and len(materials) == 1 and version.connection.kind == materials[0]["kind"]:
        named.add(version.connection_id)
        if said(materials[0], row, version) != _as_stands(version):
            yield Asked("change", ref, line, said(materials[0], row, version), row, version)
        return
    for material in materials:
        same = [key for key, one in stands.items() if comparable(one.material) == comparable(material)]
        named.update(same)
        if not same and asked_before(material) is None:
            yield Asked("new", ref, line, material, row, None)


def _waits(asked: Asked) -> bool:
    """Whether exactly this was asked for already and is not decided: a file is planned more often than it changes."""
    if asked.stands is None:
        return False
    kind = ChangeRecord.Kind.RETIRE if asked.what == "remove" else ChangeRecord.Kind.AMEND
    found = asked.stands.connection.changes.filter(state__in=[State.DRAFT, State.SUBMITTED], kind=kind)
    return any(asked.what == "remove" or change.material == asked.material for change in found)


def said(material: Material, row: Mapping[str, Any], version: ConnectionVersion) -> Material:
    """The material of a row; on what the row does not speak of, what stands goes on standing."""
    standing = {key: version.material.get(key) for key in DATES if key not in row}
    return {**material, **standing}


def _as_stands(version: ConnectionVersion) -> Material:
    return {key: value for key, value in version.said.items() if key != "risk"}


def _step(asked: Asked, rows: RegisterRows, by: User, at: datetime) -> Step:
    """Asks for one thing, and says what came of it."""
    change, stopped = _request(asked, rows, by, at)
    check_of = change.policy_checks.last()
    needs = tuple(f"{need.label}" for need in change.needs.select_related("system", "person").order_by("stage", "pk"))
    before = _as_stands(asked.stands) if asked.stands is not None else {}
    after = {} if asked.what == "remove" else asked.material
    differs = {
        key: (before.get(key), after.get(key))
        for key in TOLD
        if asked.what == "change" and before.get(key) != after.get(key)
    }
    return Step(
        asked.what, asked.ref, asked.line, told(asked.material), change.system.name, differs,
        tuple(check_of.hits) if check_of else (), needs, stopped, change.ref,
    )  # fmt: skip


def told(material: Material) -> str:
    """From whom to whom, and what."""
    share = material["kind"] == "share"
    what = [material["path"], material["access"]] if share else [", ".join(material["services"])]
    return " ".join([ends_text(material), *what])


def _request(asked: Asked, rows: RegisterRows, by: User, at: datetime) -> tuple[ChangeRecord, str]:
    """By the verb it would have on its own page. What the policy does not permit is kept as a draft."""
    origin = f"{rows.table.file}, {asked.ref}"
    if asked.what == "remove" and asked.stands is not None:
        why = f"{rows.table.file} does not name it any more."
        return verbs.retire(asked.stands.connection, because=why, by=by, at=at), ""
    title = ends_text(asked.material)[:200]
    ticket = str(asked.row.get("change") or "")[:60]

    def send(*, submit: bool) -> ChangeRecord:
        if asked.stands is not None:
            why = _reasons(asked, origin)
            return verbs.amend(
                asked.stands.connection, material=asked.material, justification=why, title=title, ticket=ticket,
                by=by, at=at, submit=submit,
            )  # fmt: skip
        where = ("clients", "server") if asked.material["kind"] == "share" else ("source", "destination")
        names = [asked.material[where[1]], *([asked.material[where[0]]] if where[0] == "source" else [])]
        return verbs.request(
            system=rows.places.system_of(asked.row, *names), material=asked.material, title=title, ticket=ticket,
            justification=rows.justification(asked.row, origin), by=by, at=at, submit=submit,
            source_row={"file": rows.table.file, **plain(asked.row)},
        )  # fmt: skip

    try:
        with transaction.atomic():
            return send(submit=True), ""
    except NotPermitted as stopped:
        return send(submit=False), " ".join(hit.what for hit in stopped.hits)


def _reasons(asked: Asked, origin: str) -> dict[str, str]:
    """The reasons of a change: the row's own, else those that stand."""
    stands = asked.stands.change.justification if asked.stands is not None else None
    need = asked.row.get("justification") or (stands.business_need if stands else NO_REASON.format(origin))
    security = asked.row.get("security_implications") or (
        stands.security_implications if stands else NO_REASON.format(origin)
    )
    data = asked.row.get("data") or (stands.data_carried if stands else "")
    return {"business_need": str(need), "security_implications": str(security), "data_carried": str(data)}
