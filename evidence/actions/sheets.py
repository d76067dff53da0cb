"""Test sheets: planned by one person, approved by another, run on the hosts, and what came of it brought back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import NotAllowed, Refused
from compliance.models import Connection, Server, System, User
from compliance.models.approvals import canonical
from compliance.models.estate import day_of
from compliance.permissions import check
from compliance.traffic.addresses import to_text
from evidence.artefacts import keep
from evidence.authorised import wanted_on
from evidence.models import Comparison, Sheet, SheetResult, SheetRun, Source, VerdictRow
from evidence.rules import Verdict
from evidence.sheet_pairs import Pair, chosen_by, holds
from evidence.sheet_script import MOST_BYTES, OPEN, REFUSED, UNDECIDED, Heard, NotHeard, Told, heard, text_of, told
from evidence.verdicts import RANK, WIDER

MOST: Final = 200  # pairs of a kind
LONGEST: Final = timedelta(days=7)  # of a window
NOTHING: Final = "No test was planned."
CLOSED: Final = "closed"
NOT_REACHED: Final = "not reached"


class Plan(NamedTuple):
    """What is asked for: how many of each kind, by which seed, when and why."""

    seed: str
    authorised: int
    others: int
    window_from: datetime
    window_to: datetime
    because: str


def plan(system: System, said: Plan, *, by: User, at: datetime | None = None) -> Sheet:
    """A sheet for the hosts of a system. It does nothing until a second person has approved it."""
    moment = at or timezone.now()
    check(by, "plan_test", system, at=moment)
    refuse(said, moment)
    hosts = list(Server.objects.filter(system=system, status=Server.Status.IN_SERVICE).values_list("name", flat=True))
    refs = [f"CON-{key}" for key in Connection.objects.filter(system=system).values_list("pk", flat=True)]
    wanted = wanted_on(day_of(moment))
    found = chosen_by(wanted, hosts, refs, said.seed, (said.authorised, said.others))
    if not found:
        why = "No server of the system has an IPv4 address and somebody to talk to."
        raise Refused(NOTHING, why, "Register the addresses of its servers first.")
    pairs = [as_row(number, pair, stood(pair)) for number, pair in enumerate(found, 1)]
    with transaction.atomic():
        row = Sheet.objects.create(
            system=system, seed=said.seed, pairs=pairs, sha256=hashlib.sha256(canonical(pairs)).hexdigest(),
            because=said.because.strip(), window_from=said.window_from, window_to=said.window_to, asked_by=by,
            asked_at=moment,
        )  # fmt: skip
        record("plan_test", row, by=by, at=moment, after=row.sha256, because=row.because, seed=row.seed,
               rows=len(pairs), window=[said.window_from.isoformat(), said.window_to.isoformat()])  # fmt: skip
    return row


def refuse(said: Plan, at: datetime) -> None:
    """What nobody can plan."""
    if not said.seed.strip() or not said.because.strip():
        raise Refused(NOTHING, "It has no seed, or no reason.", "Give both.")
    if not (0 <= said.authorised <= MOST and 0 <= said.others <= MOST and said.authorised + said.others):
        raise Refused(NOTHING, f"A sheet has one to {MOST} pairs of a kind.", "Choose a number.")
    if not at < said.window_to or not said.window_from < said.window_to <= said.window_from + LONGEST:
        raise Refused(
            NOTHING, "Its window is over, ends before it begins, or is longer than a week.", "Choose it anew."
        )


def as_row(number: int, pair: Pair, said: str) -> dict[str, Any]:
    """A pair as it is kept."""
    return {
        "row": number, "expected": OPEN if pair.connection else CLOSED, "connection": pair.connection,
        "from": pair.source, "to": pair.target, "source": to_text(4, pair.source_ip), "target": to_text(4, pair.ip),
        "source_value": pair.source_ip, "target_value": pair.ip, "port": pair.port, "said": said,
    }  # fmt: skip


def stood(pair: Pair) -> str:
    """What the last comparison said of a pair: a connection's worst verdict, else whether rules were found open."""
    last = Comparison.objects.filter(published=True).first()
    if last is None:
        return "not compared"
    if pair.connection:
        key = int(pair.connection.partition("-")[2])
        heads = VerdictRow.objects.filter(comparison=last, connection=key, headline=True)
        return min(heads.values_list("verdict", flat=True), key=lambda one: RANK[Verdict(one)], default="not compared")
    rows = VerdictRow.objects.filter(comparison=last, server__name=pair.target, family=4, verdict__in=WIDER)
    wide = any(holds(box, pair.source_ip, pair.ip, pair.port) for row in rows for box in row.excess)
    return "found open" if wide else "not found open"


def decide(sheet: Sheet, *, approve: bool, note: str, by: User, at: datetime | None = None) -> Sheet:
    """A second person lets the test happen in its window, or does not."""
    moment = at or timezone.now()
    check(by, "decide_test", sheet, at=moment)
    if sheet.asked_by_id == by.pk:
        raise NotAllowed(f"You do not decide on {sheet.ref}.", "You planned it.", "A second person does.")
    if approve and moment >= sheet.window_to:
        raise Refused(f"{sheet.ref} was not approved.", "Its window is over.", "Plan it again.")
    state = Sheet.State.APPROVED if approve else Sheet.State.REFUSED
    with transaction.atomic():
        changed = Sheet.objects.filter(pk=sheet.pk, state=Sheet.State.WAITING).exclude(asked_by=by)
        if not changed.update(state=state, decided_by=by, decided_at=moment, note=note.strip()):
            raise Refused(f"{sheet.ref} was decided already.", "Somebody was quicker.", "Read what they decided.")
        sheet.refresh_from_db()
        record("decide_test", sheet, by=by, at=moment, after=sheet.sha256, because=sheet.note, state=state)
    return sheet


def bring(sheet: Sheet, server: Server, content: bytes, *, by: User, at: datetime | None = None) -> SheetResult:
    """What the script of one host printed. Refused when it is of another sheet or host, or was run at another time."""
    moment = at or timezone.now()
    check(by, "plan_test", sheet, at=moment)
    said = understood(sheet, server, content, moment)
    with transaction.atomic():
        return kept(sheet, server, content, said, by=by, at=moment)


def understood(sheet: Sheet, server: Server, content: bytes, moment: datetime) -> Heard:
    """What a host's script or its eastwest-try printed. Refused unless it is that host's, of this sheet and window."""
    nothing = "Nothing was recorded."
    if sheet.state != Sheet.State.APPROVED:
        raise Refused(nothing, f"{sheet.ref} is not approved.", "A second person decides on it first.")
    if len(content) > MOST_BYTES:
        raise Refused(nothing, "It is much larger than what the script prints.", "Bring what it printed.")
    rows = [pair["row"] for pair in sheet.pairs if pair["from"] == server.name]
    try:
        said = heard(text_of(content), sheet.ref, sheet.sha256, server.name, rows)
    except NotHeard as error:
        raise Refused(nothing, f"This is not what the script for {server} prints: {error}.", "Run it again.") from None
    if not sheet.window_from - timedelta(minutes=1) <= said.began_at <= min(sheet.window_to, moment + LEEWAY):
        when = f"{said.began_at:%-d %B %Y, %H:%M} UTC"
        raise Refused(nothing, f"It was run on {when}: outside the window, or still to come.", "Look at its clock.")
    return said


def kept(
    sheet: Sheet, server: Server, content: bytes, said: Heard, *, by: User, at: datetime, source: Source | None = None
) -> SheetResult:
    """The row of a result and its entry in the ledger, in the caller's transaction. `source`: over which Eastwest heard
    it; None: a person brought it."""
    stored = keep(content)
    row = SheetResult.objects.create(
        sheet=sheet, server=server, began_at=said.began_at, whole=said.whole, stored=stored, sha256=stored.sha256,
        outcomes={str(number): seen for number, seen in said.outcomes.items()}, brought_by=by, brought_at=at,
        source=source,
    )  # fmt: skip
    over = {"over": source.name} if source else {}
    record("bring_test", sheet, by=by, at=at, after=row.sha256, server=server.name, whole=said.whole, **over)
    return row


LEEWAY: Final = timedelta(minutes=5)  # by which a host's clock may be ahead of ours


def came_of(sheet: Sheet, by: datetime | None = None) -> list[tuple[Mapping[str, Any], str | None, Told]]:
    """Each pair of a sheet with what was observed and what that means; of each host the latest result counts."""
    results = latest(sheet, by)
    seen = {pair["row"]: observed(results.get(pair["from"]), pair["row"]) for pair in sheet.pairs}
    answered = {pair["to"] for pair in sheet.pairs if seen[pair["row"]] in (OPEN, REFUSED)}
    missed = not_reached(sheet, set(results), by)
    return [
        (pair, NOT_REACHED, Told(UNDECIDED, missed[pair["from"]]))
        if pair["from"] in missed
        else (pair, seen[pair["row"]], told(pair, seen[pair["row"]], answered))
        for pair in sheet.pairs
    ]


def latest(sheet: Sheet, by: datetime | None = None) -> dict[str, SheetResult]:
    """The result of each host that counts: the last that came by then."""
    results = [one for one in sheet.results.all() if by is None or one.brought_at <= by]
    return {one.server.name: one for one in sorted(results, key=lambda one: one.pk)}


def not_reached(sheet: Sheet, came: set[str], by: datetime | None) -> dict[str, str]:
    """The hosts of which nothing came and that Eastwest did not reach over SSH, each with why."""
    runs = [one for one in sheet.runs.all() if one.state == SheetRun.State.NOT_REACHED]
    ended = [one for one in runs if one.finished_at and (by is None or one.finished_at <= by)]
    return {one.server.name: f"{NOT_REACHED}: {one.said}" for one in ended if one.server.name not in came}


def observed(result: SheetResult | None, row: int) -> str | None:
    """What a result says of a row."""
    return result.outcomes.get(str(row)) if result is not None else None


def hosts(sheet: Sheet) -> list[str]:
    """The servers whose scripts a sheet has, in order."""
    return sorted({pair["from"] for pair in sheet.pairs})


def approved(systems: Iterable[int] | None = None, by: datetime | None = None) -> list[Sheet]:
    """Sheets that were approved by then and of which something was brought, the oldest first."""
    rows = Sheet.objects.with_results().filter(state=Sheet.State.APPROVED, results__isnull=False)
    rows = rows.distinct().order_by("pk")
    rows = rows.filter(decided_at__lte=by) if by else rows
    return list((rows.filter(system__in=systems) if systems is not None else rows).select_related("system"))
