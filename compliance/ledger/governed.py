"""Which rows the ledger answers for, and with which fields: everything of our own but what this table leaves out.

A model or field that is not named here is governed, so a new one cannot be forgotten. Whatever stands here can be
changed in the database without the ledger noticing; each line says why that does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ROOMS: Final = frozenset({"compliance", "evidence", "reviews"})
# Tables of libraries by which somebody comes in
DOORS: Final = frozenset({"account.emailaddress", "mfa.authenticator", "socialaccount.socialaccount"})

LEFT_OUT: Final[Mapping[str, str]] = {
    "compliance.ledgerinbox": "sealed itself, entry by entry",
    "compliance.ledgerentry": "the log: its root is sealed",
    "compliance.ledgerhead": "the seal itself",
    "compliance.ledgercheckpoint": "signed itself, and published outside",
    "compliance.ledgerrow": "what the log said of each row last: compared with the log",
    "compliance.ledgershipment": "how far the log was sent outside; its lines carry their own numbers",
    "compliance.job": "work in progress",
    "compliance.outbound": "mail in progress",
    "compliance.delivery": "a message to a program, and its tries; who set the receiver up is governed",
    "compliance.keptform": "a convenience of one person: what they typed and did not send",
    "compliance.savedfilter": "a convenience of one person: an address of a list",
    "compliance.columnmapping": "a convenience: which column was which the last time",
    "evidence.comparison": "made again from snapshots and register at each comparison",
    "evidence.servedshare": "part of a comparison",
    "evidence.verdictrow": "part of a comparison",
    "evidence.adminpathrow": "part of a comparison",
    "evidence.hostsaid": "part of a comparison",
    "evidence.baselinegroup": "part of a comparison",
    "evidence.unlearned": "part of a comparison",
    "evidence.groupobservation": "made again at each comparison; who joined and left by it is governed",
    "evidence.findingmember": "made again at each comparison; its finding, and whether that stands, is governed",
    "evidence.ticketreading": "what another system says of its ticket: it decides nothing here",
    "evidence.pull": "work in progress; what came of it is its snapshot",
    "evidence.devicelease": "work in progress: who talks to a device now",
    "evidence.sourcetest": "a try to reach a source: nothing of it is evidence",
    "evidence.inventoryreading": "work in progress; who brought which file stands in the log with its hash",
    "evidence.sighting": "made again from snapshots, neighbour tables and inventories at each comparison",
    "evidence.ruleuse": "what counters of devices show, anew with every reading",
    "evidence.met": "what hosts said in passing, anew with every reading",
    "evidence.pulledartefact": "part of a pull; the snapshot's digest covers the bytes",
    "evidence.storedartefact": "named by the SHA-256 of its own bytes",
}

FIELDS_LEFT_OUT: Final[Mapping[str, frozenset[str]]] = {
    "compliance.user": frozenset({"last_login"}),
    "compliance.servicetoken": frozenset({"last_used_at"}),
    "mfa.authenticator": frozenset({"last_used_at"}),
    # stamps of the comparison, outside the approved hash
    "compliance.connection": frozenset({"last_seen_at", "drift", "drift_at"}),
    "evidence.source": frozenset({"last_pull_id", "last_good_id", "last_seen_at", "next_at", "failures"}),
    "evidence.inventory": frozenset({"last_reading_id", "last_good_id", "last_seen_at"}),
    # what each comparison says anew; whether it stands, who accepted it and what cured it is governed
    "evidence.finding": frozenset(
        {"certainty", "severity", "rule", "rule_file", "rule_line", "rule_text", "extent", "witness", "because",
         "proposal", "last_seen", "unseen_since", "unseen_because", "comparison_id"}
    ),
    "evidence.pack": frozenset({"job_id"}),
    # authenticated by its own key and bound to the row's serial; a state dump for others must not carry it
    "evidence.sourcesecret": frozenset({"sealed", "sealed_with"}),
}  # fmt: skip


def is_governed(label: str) -> bool:
    """Whether rows of this model (`app.model`, lower case) are answered for."""
    return label in DOORS or (label.partition(".")[0] in ROOMS and label not in LEFT_OUT)


def left_out(label: str) -> frozenset[str]:
    """The columns of a governed model that may change unseen."""
    return FIELDS_LEFT_OUT.get(label, frozenset())
