"""What an import asks for: a baseline is written down whole, and what the policy stops is kept as a draft, not lost."""

from __future__ import annotations

from typing import Any

from compliance.actions import connections
from compliance.actions.policy import NotPermitted
from compliance.models import ChangeRecord


def request_or_keep(**said: Any) -> tuple[ChangeRecord, str]:
    """Asks for it (see connections.request). What the policy does not permit becomes a draft: it, and why in words."""
    try:
        return connections.request(**said), ""
    except NotPermitted as stopped:
        first = stopped.hits[0]
        draft = connections.request(**(said | {"submit": False}))
        return draft, f"kept as the draft {draft.ref}, because the policy does not permit it: {first.title}"
