"""How a change moves, in words: the table TRANSITIONS of compliance/models/changes.py for people to read.

The page /help/changes/ shows these rows, and docs/requests.md holds them word for word (a house test compares).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from compliance.models import TRANSITIONS, Role, State

# verb → what it is called on the page, who of those with the role, and what it brings about
SAID: Final[dict[str, tuple[str, str, str]]] = {
    "edit": ("Edit", "its requester", "Replaces what the draft says. It is hashed anew."),
    "submit": (
        "Send for approval",
        "who may ask in that system",
        "Freezes what it says and whose agreement it needs: two people at least.",
    ),
    "approve": (
        "Approve",
        "one person for each need; never who asked, edited it last, or administers",
        "Records one agreement, bound to the hash of what was read. The last one that is needed authorises.",
    ),
    "reject": (
        "Reject",
        "any of those whose agreement it needs; never who asked or edited it last",
        "Ends it with a reason. A new draft can be made from it.",
    ),
    "act_first": (
        "Carry out first",
        "an engineer of the system, for an urgent change and once",
        "Says that it was done before it was approved. Its approvals alone authorise it, due in two business days.",
    ),
    "withdraw": (
        "Withdraw",
        "who asked for it, or an owner of the system",
        "Ends it with a reason. A new draft can be made from it.",
    ),
    "implement": (
        "Mark as done",
        "an engineer of the system",
        "The rules of both ends, of devices between and of accounts they stand in are read again and compared with what"
        " was approved.",
    ),
    "verify": ("Verify", "nobody by hand", "The rules as read show it done. The proof is kept."),
    "dispute": (
        "Dispute",
        "an owner or engineer of the system, or a reading that shows it",
        "Says that what was done is not what was approved. It can be done again.",
    ),
    "retire": ("Retire", "nobody by hand", "An approved change, or an approved removal, took its place."),
}


class Step(NamedTuple):
    """One row of the table, in words."""

    verb: str
    label: str
    sources: tuple[str, ...]
    target: str
    roles: tuple[str, ...]
    who: str
    what: str


def steps() -> list[Step]:
    """Every row of TRANSITIONS, in its order. A verb without words is an error, never a gap in the table."""
    rows = []
    for verb, step in TRANSITIONS.items():
        label, who, what = SAID[verb]
        sources = tuple(State(source).label for source in step.sources)
        roles = tuple(Role(role).label if role in Role.values else "Eastwest itself" for role in step.roles)
        rows.append(Step(verb, label, sources, State(step.target).label, roles, who, what))
    return rows


def as_markdown() -> str:
    """The table as docs/requests.md holds it."""
    lines = ["| step | from | to | roles | who of them | what it does |", "|---|---|---|---|---|---|"]
    for row in steps():
        cells = (f"`{row.verb}`", ", ".join(row.sources), row.target, ", ".join(row.roles), row.who, row.what)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
