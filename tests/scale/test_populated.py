"""`./run populate`, small: what it writes holds together, and every page of it answers for everybody.

One estate for all of the file: it is made, looked at and taken away again. How fast pages are is measured by
`./run bench web`, never here.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection

from benchmarks.populate.__main__ import fill
from benchmarks.populate.plan import plan_of
from compliance.errors import Refused
from compliance.models import (
    Address,
    Connection,
    ConnectionVersion,
    LedgerInbox,
    User,
    ZonePrefix,
)
from compliance.models.carried import faults
from compliance.models.estate import day_of
from compliance.register import wanted
from compliance.standing import register_on
from evidence import readings
from evidence.models import Comparison, Finding, Snapshot, Source, VerdictRow
from evidence.verdicts import BESIDE

CONNECTIONS, FINDINGS, RULES = 400, 300, 600
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]


def made() -> tuple[Any, dict[str, Any]]:
    """A small organisation in the empty database of the test."""
    plan = plan_of(CONNECTIONS, FINDINGS, RULES)
    return plan, fill(plan)


def test_what_is_written_holds_together_and_nothing_is_written_beside_it() -> None:
    plan, said = made()
    connection.check_constraints()
    today = day_of(plan.now)
    assert said["connections"] == CONNECTIONS
    assert ConnectionVersion.objects.authorised_at(today).count() == CONNECTIONS, "every approval counts"
    assert faults([*Address.objects.all(), *ZonePrefix.objects.all()]) == {}
    register = register_on(today)
    assert len(wanted(register, at=today).entries) >= CONNECTIONS, "the register is one that a comparison can read"
    for snapshot in Snapshot.objects.all()[:3]:
        assert readings.load(snapshot).lines["iptables-save.txt"].unread == 0
    assert Source.objects.exclude(last_good=None).count() == said["servers"]
    assert said["rules"] >= RULES
    last = Comparison.objects.filter(published=True).first()
    heads = VerdictRow.objects.filter(comparison=last, headline=True)
    of_register = heads.filter(connection__isnull=False).exclude(verdict__in=BESIDE)
    assert of_register.count() == CONNECTIONS, "the verdicts sum to the register"
    assert Counter(of_register.values_list("verdict", flat=True)) == Counter(
        Connection.objects.exclude(drift="").values_list("drift", flat=True)
    )
    assert Finding.objects.count() == FINDINGS
    assert list(LedgerInbox.objects.values_list("verb", flat=True)) == ["populate"], "and that it is made up is said"
    assert not any(person.has_usable_password() for person in User.objects.all())
    with pytest.raises(Refused, match="it may be real"):
        fill(plan)


def test_the_same_seed_gives_the_same_organisation() -> None:
    one, other = (plan_of(50, 20, 50, day="2026-10-01") for _ in range(2))
    assert [one.draw.random() for _ in range(9)] == [other.draw.random() for _ in range(9)]
    assert one.now == other.now
    assert plan_of(50, 20, 50, seed="another").draw.random() != plan_of(50, 20, 50).draw.random()
