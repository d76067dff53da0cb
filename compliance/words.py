"""The words and signs every page, mail and pack uses for a state: one literal table, no Django.

A status is never told by colour alone: each has a label, the name of a lucide icon and a tone.
Tones: ok (as it should be), warn (someone should look), bad (something is open that should not be),
off (nothing is claimed). A name that is not in the table is shown as it is, in tone off: it never looks fine.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Tone = Literal["ok", "warn", "bad", "off"]


class Status(NamedTuple):
    """How one state is shown: `label` for people, `icon` a lucide name, `tone` the colour class."""

    label: str
    icon: str
    tone: Tone


VERDICTS: dict[str, Status] = {
    "implemented": Status("Implemented", "circle-check", "ok"),
    "permits_more": Status("Over-permissive rule", "triangle-alert", "bad"),
    "not_implemented": Status("Not implemented", "circle-dashed", "warn"),
    "unfiltered": Status("Unfiltered", "lock-open", "bad"),
    "share_wider": Status("Share wider than authorised", "folder-open", "bad"),
    "listener_unauthorised": Status("Listener nobody authorised", "ear", "bad"),
    "no_listener": Status("No service listening", "ear-off", "warn"),
    "changed_without_record": Status("Changed without a record", "file-exclamation-point", "bad"),
    "approved_not_done": Status("Approved but never done", "clock-alert", "warn"),
    "used_outside": Status("Used outside authorisation", "footprints", "bad"),
    "attempted": Status("Attempted", "ban", "warn"),
    "unused": Status("No longer used", "archive", "warn"),
    "usage_unknown": Status("Usage unknown", "circle-question-mark", "off"),
    "silent_baseline": Status("Silent baseline", "volume-x", "warn"),
    "against_policy": Status("Against the policy", "scroll-text", "bad"),
    "review_overdue": Status("Review overdue", "calendar-x", "warn"),
    "review_missed": Status("Review not held", "calendar-x", "warn"),
    "unknown_server": Status("Unknown server", "server-off", "bad"),
    "not_verifiable": Status("Not verifiable", "shield-question-mark", "warn"),
    "stale": Status("Evidence stale", "timer-off", "warn"),
    "unreachable": Status("Source unreachable", "wifi-off", "warn"),
}

CERTAINTIES: dict[str, Status] = {
    "definite": Status("Proven", "badge-check", "off"),
    "possible": Status("Possible", "circle-question-mark", "off"),
    "unproven": Status("Could not be determined", "shield-question-mark", "warn"),
}

HELD: dict[str, Status] = {
    "complete": Status("Complete", "circle-check", "ok"),
    "held": Status("Complete", "circle-check", "ok"),
    "partial": Status("Partial", "circle-minus", "warn"),
    "missing": Status("Missing", "circle-x", "bad"),
}

CHANGES: dict[str, Status] = {
    "draft": Status("Draft", "pencil", "off"),
    "submitted": Status("Waiting for approval", "hourglass", "warn"),
    "approved": Status("Approved, to be done", "stamp", "warn"),
    "rejected": Status("Rejected", "circle-x", "off"),
    "withdrawn": Status("Withdrawn", "undo-2", "off"),
    "implemented": Status("Done, not yet seen", "wand-sparkles", "warn"),
    "verified": Status("Verified", "badge-check", "ok"),
    "disputed": Status("Disputed", "octagon-alert", "bad"),
    "retired": Status("Retired", "archive", "off"),
}

FINDINGS: dict[str, Status] = {
    "open": Status("Open", "circle-alert", "bad"),
    "acknowledged": Status("Acknowledged", "eye", "warn"),
    "accepted": Status("Risk accepted", "scale", "off"),
    "cured": Status("Cured", "circle-check", "ok"),
}

SEVERITIES: dict[str, Status] = {
    "high": Status("High", "chevrons-up", "bad"),
    "medium": Status("Medium", "equal", "warn"),
    "low": Status("Low", "chevrons-down", "off"),
}

JOBS: dict[str, Status] = {
    "queued": Status("Waiting", "hourglass", "off"),
    "running": Status("Running", "refresh-cw", "off"),
    "done": Status("Done", "circle-check", "ok"),
    "failed": Status("Failed, will be tried again", "circle-alert", "warn"),
    "dead": Status("Failed", "circle-x", "bad"),
    "cancelled": Status("Cancelled", "ban", "off"),
}

PULLS: dict[str, Status] = {
    "queued": Status("Waiting", "hourglass", "off"),
    "running": Status("Reading", "refresh-cw", "off"),
    "ok": Status("Read", "circle-check", "ok"),
    "unchanged": Status("Unchanged", "equal", "ok"),
    "partial": Status("Partly read", "circle-minus", "warn"),
    "failed": Status("Failed", "circle-x", "bad"),
}

FLOW_FILES: dict[str, Status] = {
    "waiting": Status("Waiting", "hourglass", "off"),
    "read": Status("Read", "circle-check", "ok"),
    "again": Status("The same as another", "copy", "off"),
    "replaced": Status("Held by a later one", "layers", "off"),
    "refused": Status("Not understood", "circle-x", "bad"),
    "failed": Status("Not read", "circle-x", "bad"),
    "aside": Status("Set aside, its days not known", "archive", "warn"),
}

SOURCES: dict[str, Status] = {
    "fresh": Status("Fresh", "circle-check", "ok"),
    "partial": Status("Partly read", "circle-minus", "warn"),
    "stale": Status("Stale", "timer-off", "warn"),
    "unreachable": Status("Unreachable", "wifi-off", "bad"),
    "never": Status("Never read", "circle-dashed", "warn"),
    "failing": Status("Last reading failed", "circle-alert", "warn"),
    "stopped": Status("Paused by itself", "octagon-pause", "bad"),
    "paused": Status("Paused", "circle-pause", "off"),
}

COVERAGE: dict[str, Status] = {
    "live": Status("The server says", "server", "ok"),
    "copy": Status("A copy", "copy", "warn"),
    "old": Status("Too old", "timer-off", "warn"),
    "none": Status("No evidence", "circle-dashed", "bad"),
}

REVIEWS: dict[str, Status] = {
    "planned": Status("Planned", "calendar-clock", "off"),
    "due": Status("Due", "clock-alert", "warn"),
    "held": Status("Held, to be signed", "pen-line", "warn"),
    "signing": Status("Signed once", "pen-line", "warn"),
    "signed": Status("Signed off", "badge-check", "ok"),
    "missed": Status("Missed", "calendar-x", "bad"),
}

ACTIONS: dict[str, Status] = {
    "open": Status("Open", "circle-dashed", "warn"),
    "overdue": Status("Overdue", "clock-alert", "bad"),
    "done": Status("Done", "circle-check", "ok"),
    "dropped": Status("Dropped", "circle-slash", "off"),
}

PACKS: dict[str, Status] = {
    "building": Status("Being built", "refresh-cw", "off"),
    "signed": Status("Signed", "shield-check", "ok"),
    "failed": Status("Failed", "circle-x", "bad"),
}

CONNECTIONS: dict[str, Status] = {
    "requested": Status("Requested", "hourglass", "off"),
    "authorised": Status("Authorised", "stamp", "ok"),
    "provisional": Status("Provisional", "clock-alert", "warn"),
    "overdue": Status("Review overdue", "calendar-x", "warn"),
    "ended": Status("Ended", "calendar-off", "off"),
    "retired": Status("Retired", "archive", "off"),
    "not_authorised": Status("Not authorised", "ban", "bad"),
}

RULE_CHANGES: dict[str, Status] = {
    "recorded": Status("As a record says", "badge-check", "ok"),
    "surplus": Status("Beyond its record", "file-plus", "bad"),
    "unrecorded": Status("No change record", "file-exclamation-point", "bad"),
    "repair": Status("Repair", "wrench", "off"),
}

# How gravely a rule of the policy meets a request
POLICY: dict[str, Status] = {
    "block": Status("Not permitted", "octagon-x", "bad"),
    "serious": Status("Serious", "triangle-alert", "bad"),
    "warn": Status("Look at this", "eye", "warn"),
    "note": Status("Note", "info", "off"),
    "unknown": Status("Could not be determined", "circle-question-mark", "warn"),
}

POLICY_VERSIONS: dict[str, Status] = {
    "shipped": Status("As shipped", "package", "off"),
    "proposed": Status("Proposed", "hourglass", "warn"),
    "adopted": Status("Adopted", "stamp", "ok"),
    "rejected": Status("Turned down", "circle-x", "off"),
}

# What the zone matrix says of traffic from one zone to another
ZONE_PAIRS: dict[str, Status] = {
    "allowed": Status("Allowed", "check", "off"),
    "reason": Status("Needs a reason", "message-circle-question-mark", "warn"),
    "never": Status("Never", "ban", "bad"),
}

CHECKS: dict[str, Status] = {
    "pass": Status("Passed", "circle-check", "ok"),
    "warn": Status("Look at this", "triangle-alert", "warn"),
    "fail": Status("Failed", "circle-x", "bad"),
    "unknown": Status("Could not be determined", "circle-question-mark", "warn"),
}

RISKS: dict[str, Status] = {
    "requested": Status("Waiting for a decision", "hourglass", "warn"),
    "accepted": Status("Accepted", "scale", "off"),
    "refused": Status("Not accepted", "circle-x", "bad"),
    "revoked": Status("Revoked", "undo-2", "bad"),
    "ended": Status("Ended", "calendar-off", "warn"),
}

# A duty that a person states: evidence/duties.py
DUTIES: dict[str, Status] = {
    "failed": Status("Stated as not in order", "circle-x", "bad"),
    "never": Status("Never stated", "circle-dashed", "warn"),
    "overdue": Status("Overdue", "calendar-x", "bad"),
    "due": Status("Due soon", "clock-alert", "warn"),
    "current": Status("Stated", "pen-line", "off"),
}

# A connection of a recertification campaign: reviews/campaigns.py
CAMPAIGN_ITEMS: dict[str, Status] = {
    "open": Status("Not decided", "circle-dashed", "warn"),
    "changed": Status("Changed since, not decided", "pencil", "warn"),
    "draft": Status("A draft, not sent", "pencil", "warn"),
    "refused": Status("Turned down: to be decided anew", "circle-x", "bad"),
    "asked": Status("Decided, waits for agreement", "hourglass", "off"),
    "kept": Status("Kept", "circle-check", "ok"),
    "narrowed": Status("Narrowed", "circle-check", "ok"),
    "removed": Status("Removed", "archive", "ok"),
    "gone": Status("Not authorised any more", "archive", "off"),
}

CAMPAIGNS: dict[str, Status] = {
    "open": Status("Going on", "hourglass", "warn"),
    "overdue": Status("Overdue", "calendar-x", "bad"),
    "closed": Status("Closed", "lock", "off"),
}

# What a host says of itself beside a statement
HOST_SAYS: dict[str, Status] = {
    "agrees": Status("The host bears it out", "circle-check", "ok"),
    "differs": Status("The host says otherwise", "triangle-alert", "bad"),
    "unclear": Status("The host does not settle it", "circle-question-mark", "warn"),
    "silent": Status("Not known from the host", "circle-dashed", "off"),
}

RECEIVERS: dict[str, Status] = {
    "works": Status("Messages arrive", "circle-check", "ok"),
    "failing": Status("Not taken, tried again", "rotate-cw", "warn"),
    "dead": Status("Messages were given up", "circle-x", "bad"),
    "unused": Status("Nothing sent yet", "circle-dashed", "off"),
    "paused": Status("Paused, messages wait", "circle-pause", "warn"),
    "ended": Status("Ended", "archive", "off"),
}

SHIPMENTS: dict[str, Status] = {
    "works": Status("All of it is there", "circle-check", "ok"),
    "failing": Status("Not taken, tried again", "rotate-cw", "bad"),
    "unused": Status("On its way", "hourglass", "warn"),
}

DELIVERIES: dict[str, Status] = {
    "waiting": Status("Waiting", "hourglass", "warn"),
    "sent": Status("Taken", "circle-check", "ok"),
    "dead": Status("Given up", "circle-x", "bad"),
    "dropped": Status("Not sent", "circle-slash", "off"),
}

KINDS: dict[str, dict[str, Status]] = {
    "verdict": VERDICTS,
    "certainty": CERTAINTIES,
    "held": HELD,
    "change": CHANGES,
    "finding": FINDINGS,
    "risk": RISKS,
    "severity": SEVERITIES,
    "job": JOBS,
    "pull": PULLS,
    "source": SOURCES,
    "flow_file": FLOW_FILES,
    "coverage": COVERAGE,
    "review": REVIEWS,
    "action": ACTIONS,
    "pack": PACKS,
    "connection": CONNECTIONS,
    "check": CHECKS,
    "policy": POLICY,
    "policy_version": POLICY_VERSIONS,
    "zone_pair": ZONE_PAIRS,
    "rule_change": RULE_CHANGES,
    "duty": DUTIES,
    "host_says": HOST_SAYS,
    "receiver": RECEIVERS,
    "delivery": DELIVERIES,
    "shipment": SHIPMENTS,
    "campaign_item": CAMPAIGN_ITEMS,
    "campaign": CAMPAIGNS,
}


def status(kind: str, name: str) -> Status:
    """The words and sign for state `name` of `kind` (a key of KINDS); unknown names are shown as they are, tone off."""
    known = KINDS[kind].get(str(name))
    return known or Status(str(name).replace("_", " ").capitalize() or "Not known", "circle-question-mark", "off")


def span(hours: int) -> str:
    """A length of time as people say it: whole days from two on, hours before."""
    return f"{hours // 24} days" if hours >= 48 and hours % 24 == 0 else f"{hours} h"
