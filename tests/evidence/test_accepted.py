"""What one person accepted on a finding, before two were asked for, is carried over whole and goes on to hold."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.utils import timezone

from compliance import exceptions
from compliance.actions.ledger import record
from compliance.models import RiskAcceptance
from evidence.actions.accepted import still_accepted
from evidence.models import Finding
from tests.evidence.site import allow_in, put
from tests.evidence.test_comparing import APP, Site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]


def test_what_was_accepted_before_is_carried_over(tmp_path: Path) -> None:
    from django.db import transaction

    site = Site(tmp_path)
    put(site.data, allow_in(APP, "5432:5439"))
    site.read()
    site.compare()
    finding = Finding.objects.filter(verdict="permits_more").first() or Finding.objects.all()[0]
    until = timezone.localdate() + timedelta(days=30)
    Finding.objects.filter(pk=finding.pk).update(
        state="accepted", accepted_by=site.people.mina, accepted_until=until, accepted_rating="medium",
        alternate_control="A monitor.", accepted_extent=finding.extent,
    )  # fmt: skip
    with transaction.atomic():
        record("accept", finding, by=site.people.mina, at=timezone.now() - timedelta(days=3))
    import_module("evidence.migrations.0008_risks_of_their_own").carry_over(apps, None)
    finding.refresh_from_db()
    risk = RiskAcceptance.objects.get()
    assert (risk.key, risk.decided_by, risk.requested_by, risk.ends_on, risk.rating, risk.extent) == (
        finding.fingerprint, site.people.mina, None, until, "medium", finding.extent,
    )  # fmt: skip
    assert exceptions.is_decided(risk)
    assert still_accepted(finding, timezone.now())
    assert not still_accepted(finding, timezone.now() + timedelta(days=31))
    finding.extent = [{"family": 4, "box": [0, 2**32 - 1] * 2 + [6, 6, 0, 65535, 0, 65535]}]
    assert not still_accepted(finding, timezone.now())
