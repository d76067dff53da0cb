"""Whether something open is an accepted risk at a moment: worked out from the records each time, never from a flag.

    in_force("finding", fingerprint, extent, at)    -> RiskAcceptance | None
    in_force("rule", rule_key(hit, material), extent, at)
    for_hit(hit, material, at)                      -> Exempt | None   (named in settings.POLICY_EXCEPTIONS)
    of_rules(at)                                    -> what exceptions leave open of the policy's rules, for every night

`extent` and the accepted one are lists of {"family": 4 or 6, "box": ten ints}. A risk holds until its day, only while
what is open lies inside what was accepted, and only when its seal shows that it was decided through Eastwest.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db.models import Q, QuerySet

from compliance.models import RiskAcceptance
from compliance.models.approvals import canonical, content_hash
from compliance.models.estate import day_of
from compliance.policy.check import Exempt, Hit
from compliance.traffic.boxes import FAMILIES
from compliance.traffic.difference import beyond, shared

Extent = Sequence[Mapping[str, Any]]
# Of a request: when it is looked at again. Of a widening: what it opens, told version by version
WIDER_THAN: Final = {"any-address": ("server-to-internet", "internet-to-back-end")}
TOLD_APART: Final = ("review_by", "expected_use", "basis", "opens", "risk")


def in_force(kind: str, key: str, extent: Extent, at: datetime) -> RiskAcceptance | None:
    """The acceptance that covers this at that moment: the one that lasts longest, or none."""
    rows = decided_by(at).filter(kind=kind, key=key)
    for row in rows.select_related("system").order_by("-ends_on", "-pk"):
        if is_decided(row) and covers(row.extent, extent):
            return row
    return None


def decided_by(at: datetime) -> QuerySet[RiskAcceptance]:
    """Those that were accepted by then, not revoked then, and whose day is not past. Their seals are not asked here."""
    rows = RiskAcceptance.objects.filter(decided_at__lte=at, ends_on__gte=day_of(at))
    return rows.filter(state__in=["accepted", "revoked"]).filter(Q(revoked_at__isnull=True) | Q(revoked_at__gt=at))


def for_hit(hit: Hit, material: Mapping[str, Any], at: datetime) -> Exempt | None:
    """The exception decided on for exactly this request and this hit (see settings.POLICY_EXCEPTIONS).

    A hit that has grown since, because a group it names has, is not under it any more.
    """
    row = in_force(RiskAcceptance.Kind.RULE, rule_key(hit, material), as_rows(hit.extent), at)
    return Exempt(row.ends_on, row.ref, row.reason) if row else None


def rule_key(hit: Hit, material: Mapping[str, Any]) -> str:
    """What an exception from a rule is about: the rule, and the hash of exactly what is asked for.

    When it is looked at again is no part of it, nor how a widening was told; a hit about the request as a whole (its
    reasons) is bound to its own words.
    """
    said = {key: value for key, value in material.items() if key not in TOLD_APART}
    about = said if hit.of_ends else {"request": said, "what": hit.what}
    return f"{hit.rule}:{content_hash(about)}"


def as_rows(extent: Iterable[tuple[int, Sequence[int]]]) -> list[dict[str, Any]]:
    """Traffic as a record keeps it."""
    return [{"family": family, "box": list(box)} for family, box in extent]


def of_rules(at: datetime, rule: str = "") -> list[RiskAcceptance]:
    """The exceptions from rules of the policy (or from one of them) that hold at that moment and name traffic."""
    rows = decided_by(at).filter(kind=RiskAcceptance.Kind.RULE).select_related("system").order_by("ends_on", "pk")
    return [row for row in rows if row.extent and (not rule or rule in rules_of(row)) and is_decided(row)]


def rules_of(row: RiskAcceptance) -> tuple[str, ...]:
    """The rules that an exception is from. One from “nothing is open to everywhere” speaks of the internet too."""
    rule = row.key.partition(":")[0]
    return (rule, *WIDER_THAN.get(rule, ()))


def by_rules(rule: str, extent: Extent, at: datetime) -> RiskAcceptance | None:
    """The exceptions from a rule that together leave all of this open: the one of them that ends first, or none."""
    rows = [row for row in of_rules(at, rule) if touches(row.extent, extent)]
    together = [each for row in rows for each in row.extent]
    return rows[0] if rows and extent and covers(together, extent) else None


def touches(accepted: Extent, now: Extent) -> bool:
    """Whether some of what is open lies inside what was accepted."""
    inside = (next(shared(boxes(now, family), boxes(accepted, family)), None) for family in FAMILIES)
    return any(one is not None for one in inside)


def covers(accepted: Extent, now: Extent) -> bool:
    """Whether all that is open lies inside what was accepted, in both families."""
    outside = (next(beyond(boxes(now, family), boxes(accepted, family)), None) for family in FAMILIES)
    return all(one is None for one in outside) and (bool(accepted) or not now)


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
