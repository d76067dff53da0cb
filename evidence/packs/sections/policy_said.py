"""What the policy said of a change record when it was approved, or when it was sent; kept then, printed now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from compliance.models import PolicyCheck
from compliance.words import POLICY
from evidence.packs.section import Cell

COLUMNS: Final = ("policy_version", "policy_sha256", "policy_rules_met", "policy_exceptions")
NOTHING: Final[tuple[Cell, ...]] = (None, None, None, None)  # from before there was a policy, or not asked of it


def checks_of(changes: Iterable[int], as_of: datetime) -> dict[int, PolicyCheck]:
    """Change → the last check by the cut-off: that of the approval where there is one, else that of the sending."""
    rows = PolicyCheck.objects.filter(change_id__in=list(changes), at__lte=as_of).select_related("version")
    return {row.change_id: row for row in rows.order_by("pk")}


def sentence(check: PolicyCheck | None) -> str:
    """For the printed record."""
    if check is None:
        return ""
    start = f"{check.get_when_display()}, by {check.version.ref} ({check.version.content_hash[:12]}): "
    if not check.hits:
        return f"{start}no rule stood against it."
    return start + " ".join(f"{POLICY[hit['level']].label}: {hit['title']}.{excepted(hit)}" for hit in check.hits)


def excepted(hit: dict[str, str]) -> str:
    """The exception under which a rule was met."""
    return f" Excepted: {hit['excepted'].rstrip('.')}." if hit["excepted"] else ""


def cells(check: PolicyCheck | None) -> tuple[Cell, ...]:
    """For the list: version, its hash, the rules met with their severity, the exceptions."""
    if check is None:
        return NOTHING
    met = "; ".join(f"{hit['rule']}: {hit['level']}" for hit in check.hits)
    exempt = "; ".join(f"{hit['rule']}: {hit['excepted']}" for hit in check.hits if hit["excepted"])
    return check.version.ref, check.version.content_hash, met, exempt
