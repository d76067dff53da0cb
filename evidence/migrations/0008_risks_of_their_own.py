"""Risks that were accepted on findings become records of their own; nothing that was accepted is lost.

One person accepted them, before two were asked for: who asked is not recorded, and the record says so.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from django.conf import settings
from django.db import migrations


def seal(row: Any) -> str:
    """The seal of compliance/exceptions.py as it is on the day of this migration."""
    said = {
        "risk": row.pk,
        "system": row.system_id,
        "kind": row.kind,
        "key": row.key,
        "extent": row.extent,
        "rating": row.rating,
        "ends_on": row.ends_on.isoformat(),
        "requested_by": None,
        "decided_by": row.decided_by_id,
        "decided_for": None,
        "decided_at": row.decided_at.timestamp(),
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(settings.APPROVAL_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def carry_over(apps: Any, schema_editor: Any) -> None:
    """A record for each finding that somebody accepted, dated by the ledger."""
    findings = apps.get_model("evidence", "Finding").objects
    risks = apps.get_model("compliance", "RiskAcceptance").objects
    inbox = apps.get_model("compliance", "LedgerInbox").objects
    for finding in findings.filter(accepted_by__isnull=False, accepted_until__isnull=False).iterator():
        said = inbox.filter(data__verb="accept", data__object__type="evidence.finding", data__object__id=finding.pk)
        when = said.order_by("-pk").values_list("created", flat=True).first()
        row = risks.create(
            system_id=finding.system_id,
            kind="finding",
            key=finding.fingerprint,
            about=f"FND-{finding.pk} {finding.because}"[:300],
            path=f"/findings/FND-{finding.pk}/",
            extent=finding.accepted_extent,
            rating=finding.accepted_rating if finding.accepted_rating in ("low", "medium", "high") else "high",
            reason="Accepted on the finding itself, before risks were records of their own.",
            alternate_control=finding.alternate_control or "Nothing is stated.",
            ends_on=finding.accepted_until,
            state="accepted",
            requested_by=None,
            requested_at=when or finding.first_seen,
            decided_by_id=finding.accepted_by_id,
            decided_at=when or finding.first_seen,
        )
        row.seal = seal(row)
        row.save(update_fields=["seal"])


class Migration(migrations.Migration):
    dependencies = [("compliance", "0009_risks"), ("evidence", "0007_against_policy")]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
