"""Whether something open is an accepted risk at a moment: worked out from the records each time, never from a flag.

    in_force("finding", fingerprint, extent, at)    -> RiskAcceptance | None
    in_force("rule", rule_key(rule, material), [], at)
    for_rule(rule, material, at)                    -> Exempt | None   (named in settings.POLICY_EXCEPTIONS)

`extent` and the accepted one are lists of {"family": 4 or 6, "box": ten ints}. A risk holds until its day, only while
what is open lies inside what was accepted, and only when its seal shows that it was decided through Eastwest.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from compliance.models import RiskAcceptance
from compliance.models.approvals import canonical, content_hash
from compliance.models.estate import day_of
from compliance.policy.check import Exempt
from compliance.traffic.residual import difference

Extent = Sequence[Mapping[str, Any]]


def in_force(kind: str, key: str, extent: Extent, at: datetime) -> RiskAcceptance | None:
    """The acceptance that covers this at that moment: the one that lasts longest, or none."""
    rows = RiskAcceptance.objects.filter(kind=kind, key=key, decided_at__lte=at, ends_on__gte=day_of(at))
    rows = rows.filter(state__in=["accepted", "revoked"]).filter(Q(revoked_at__isnull=True) | Q(revoked_at__gt=at))
    for row in rows.select_related("system").order_by("-ends_on", "-pk"):
        if is_decided(row) and covers(row.extent, extent):
            return row
    return None


def for_rule(rule: str, material: Mapping[str, Any], at: datetime) -> Exempt | None:
    """The exception decided on for exactly this request from a rule of the policy (see settings.POLICY_EXCEPTIONS)."""
    row = in_force(RiskAcceptance.Kind.RULE, rule_key(rule, material), [], at)
    return Exempt(row.ends_on, row.ref, row.reason) if row else None


def rule_key(rule: str, material: Mapping[str, Any]) -> str:
    """What an exception from a rule is about: the rule, and the hash of exactly what is asked for."""
    return f"{rule}:{content_hash(dict(material))}"


def covers(accepted: Extent, now: Extent) -> bool:
    """Whether all that is open lies inside what was accepted, in both families."""
    for family in (4, 6):
        if difference(boxes(now, family), boxes(accepted, family)):
            return False
    return bool(accepted) or not now


def boxes(extent: Extent, family: int) -> list[Any]:
    """The boxes of one family."""
    return [tuple(each["box"]) for each in extent if each["family"] == family]


def is_decided(row: RiskAcceptance) -> bool:
    """Whether somebody else than who asked decided on exactly this, through Eastwest."""
    if row.decided_by_id is None or row.decided_by_id == row.requested_by_id:
        return False
    return hmac.compare_digest(row.seal, seal(row))


def seal(row: RiskAcceptance) -> str:
    """HMAC-SHA256 (hex) over what was accepted, until when, who asked and who decided."""
    said = {
        "risk": row.pk,
        "system": row.system_id,
        "kind": row.kind,
        "key": row.key,
        "extent": row.extent,
        "rating": row.rating,
        "ends_on": row.ends_on.isoformat(),
        "requested_by": row.requested_by_id,
        "decided_by": row.decided_by_id,
        "decided_for": row.decided_for_id,
        "decided_at": row.decided_at.timestamp() if row.decided_at else None,
    }
    return hmac.new(settings.APPROVAL_KEY.encode(), canonical(said), hashlib.sha256).hexdigest()
