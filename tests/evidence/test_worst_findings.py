"""The worst findings are the first of the sorted list, without sorting it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from evidence.models import Finding
from tests.people import everybody

pytestmark = [pytest.mark.both, pytest.mark.django_db]


def test_the_first_few_are_those_of_the_whole_order() -> None:
    them, now = everybody(), timezone.now()
    for number in range(12):
        Finding.objects.create(
            fingerprint=f"{number:064x}", system=them.payroll, verdict="stale", certainty="definite",
            subject=str(number), severity=("low", "high", "medium")[number % 3], because="It was not read.",
            first_seen=now - timedelta(hours=number // 2), last_seen=now,
        )  # fmt: skip
    rows = Finding.objects.all()
    for most in (1, 4, 5, 9, 12, 40):
        assert rows.worst(most) == list(rows.worst_first()[:most])
