"""What evidence adds to the pages of compliance (settings.PANELS, NAV_COUNTS, SERVERS_READ)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from compliance.models import ChangeRecord, Connection, Server, User
from compliance.views.navigation import at_most, shown
from compliance.words import VERDICTS
from evidence import along
from evidence.actions.verification import before_approval
from evidence.models import Comparison, Finding, FindingMember, FlowUse, Source, VerdictRow, Verification
from evidence.rules import Verdict
from evidence.tickets import says
from evidence.verdicts import BESIDE
from evidence.views import talkers
from evidence.views.rule_changes import listed as shown_change
from evidence.views.shown import is_late as is_old
from evidence.views.shown import latest, packet, spoken_point
from evidence.views.sockets import listening
from evidence.views.states import is_late, needing_a_look

LONG_AGO = datetime.min.replace(tzinfo=UTC)
FEW_CHANGES = 10  # without a record, that the list of change records names
STEPS: dict[along.State, dict[str, str]] = {
    "through": {"icon": "circle-check", "tone": "tone-ok", "says": "lets it on"},
    "stopped": {"icon": "ban", "tone": "tone-bad", "says": "stops it"},
    "unknown": {"icon": "circle-question-mark", "tone": "tone-warn", "says": "not known"},
    "apart": {"icon": "circle-minus", "tone": "tone-off", "says": "not said apart"},
    "unseen": {"icon": "circle-question-mark", "tone": "tone-off", "says": "path unknown"},
}
STOPPED = {"not_implemented", "approved_not_done"}
BAD = {"permits_more", "unfiltered", "share_wider", "changed_without_record"}


def counts(person: User) -> dict[str, int]:
    """For the navigation: open findings, and sources that need a look."""
    standing = Finding.objects.for_user(person).filter(state=Finding.State.OPEN)
    return {
        "findings": at_most(standing),
        "strangers": at_most(standing.filter(verdict=Verdict.unknown_server)),
        "sources": at_most(needing_a_look(Source.objects.for_user(person))),
    }


def servers_read(person: User, servers: Iterable[int]) -> dict[int, tuple[datetime | None, bool]]:
    """For each of these servers: when its rules were last read, and whether that is too long ago; of several sources
    the best."""
    found: dict[int, tuple[datetime | None, bool]] = {}
    for row in Source.objects.for_user(person).filter(server__in=list(servers)):
        known = found.get(row.server_id)
        if known is None or (not is_late(row), row.last_seen_at or LONG_AGO) > (not known[1], known[0] or LONG_AGO):
            found[row.server_id] = (row.last_seen_at, is_late(row))
    return found


def changes(_: Any, person: User) -> dict[str, Any]:
    """Rule changes that no record covers: the worst few, and how many there are."""
    rows = Finding.objects.for_user(person).standing().filter(verdict="changed_without_record")
    return {
        "unrecorded_count": shown(at_most(rows)),
        "unrecorded": [
            {
                "where": spoken_point(row.point),
                "text": row.because,
                "seen_at": row.first_seen,
                "url": f"/findings/{row.ref}/",
            }
            for row in rows.worst_first()[:FEW_CHANGES]
        ],
    }


def register(_: Any, person: User) -> dict[str, Any]:
    """When the register was last compared with the rules, and whether that is too long ago."""
    comparison = latest()
    return {"compared_at": comparison.at if comparison else None, "compared_late": is_old(comparison)}


def connection(subject: Connection, person: User) -> dict[str, Any]:
    """What the last comparison says of a connection, point by point, and its findings."""
    comparison = latest()
    rows = list(VerdictRow.objects.filter(comparison=comparison, connection=subject)) if comparison else []
    findings = Finding.objects.for_user(person).standing().filter(connection=subject)
    worst = next((row for row in rows if row.headline and row.verdict not in BESIDE), None)
    return {
        "certainty": worst.certainty if worst else "",
        "judged_at": comparison.at if comparison else None,
        "judged_late": is_old(comparison),
        "banner": banner(worst) if worst else never_compared(),
        "points": [
            {
                "name": spoken_point(row.point),
                "verdict": row.verdict,
                "certainty": row.certainty,
                "rule": row.rule,
                "where": "",
                "because": row.because,
                "url": "",
            }
            for row in rows
            if row.verdict not in BESIDE
        ],
        "ways": ways(rows),
        "findings": [
            {
                "ref": row.ref,
                "url": f"/findings/{row.ref}/",
                "verdict": row.verdict,
                "text": row.because,
                "opened_at": row.first_seen,
            }
            for row in findings
        ],
        "use": use_of(subject, comparison),
    }


def ways(rows: Iterable[VerdictRow]) -> list[dict[str, Any]]:
    """The way of a connection's packets, point by point in their order, for each family."""
    said = [along.Said(row.point, row.verdict, row.rule, row.because, row.family) for row in rows
            if row.verdict not in BESIDE]  # fmt: skip
    found = along.ways(said)
    return [
        {
            "family": f"IPv{family}" if len(found) > 1 else "",
            "steps": [
                {"what": one.what, "where": one.where, "because": one.because, "rule": one.rule, **STEPS[one.state]}
                for one in steps
            ],
        }
        for family, steps in found
    ]


def use_of(subject: Connection, comparison: Comparison | None) -> FlowUse | None:
    """What the flow logs show of its use; None where none was read."""
    return FlowUse.objects.filter(connection=subject, comparison=comparison).first() if comparison else None


def server(subject: Server, person: User) -> dict[str, Any]:
    """When the rules of a server were last read, and its findings."""
    keys = set(FindingMember.objects.standing().filter(server=subject).values_list("finding_id", flat=True))
    keys |= set(Finding.objects.filter(server=subject).values_list("pk", flat=True))  # each by an index of its own
    findings = Finding.objects.for_user(person).standing().filter(pk__in=keys).worst_first()
    read_at, late = servers_read(person, [subject.pk]).get(subject.pk, (None, True))
    return {
        "read_at": read_at,
        "read_late": late,
        "listening": listening(subject),
        "flows": talkers.of_server(subject, person),
        "findings": [
            {
                "ref": row.ref,
                "url": f"/findings/{row.ref}/",
                "verdict": row.verdict,
                "text": row.because,
                "opened_at": row.first_seen,
            }
            for row in findings
        ],
    }


def banner(row: VerdictRow) -> dict[str, Any] | None:
    """The worst thing known about a connection; nothing when it runs exactly as authorised."""
    if row.verdict == "implemented":
        return None
    tone = "bad" if row.verdict in BAD else "warn"
    return {
        "tone": tone,
        "title": VERDICTS[row.verdict].label,
        "text": row.because,
        "packet": packet(row.witness),
        "packet_label": "Example of traffic that is stopped" if row.verdict in STOPPED else "",
        "packet_says": "",
    }


def never_compared() -> dict[str, Any]:
    """Said where nothing was compared: silence would read as well."""
    return {
        "tone": "off",
        "title": "Not compared yet",
        "text": "No comparison has looked at this connection: nothing is known of it.",
        "packet": "",
        "packet_says": "",
    }


def caused(subject: ChangeRecord) -> list[dict[str, Any]]:
    """The rule changes that belong to a change record, newest first."""
    return [shown_change(row) for row in subject.rule_changes.select_related("server", "delta__snapshot")]


def change(subject: ChangeRecord, person: User) -> dict[str, Any]:
    """For who decides: what runs now, what it would open, and the proof once it was carried out."""
    said = before_approval(subject)
    last = Verification.objects.filter(change=subject).first()
    verification = None
    if last:
        verification = {"at": last.at, "outcome": last.outcome, "text": last.because, "packet": packet(last.witness)}
    ticket = says(subject)
    return {"verification": verification, "rule_changes": caused(subject), "ticket_says": ticket, **said}
