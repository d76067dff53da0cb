"""What reconciliation finds is of the system of the record itself, not of the first there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.actions import estate
from compliance.models import ChangeRecord, Server, System
from evidence.models import Finding, VerdictRow
from tests.evidence.site import Site
from tests.factories import asked, network
from tests.people import LONG_AGO

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    assert System.objects.order_by("pk").first() == made.people.payroll
    return made


def found(subject: str) -> set[tuple[System, Server | None]]:
    """Of which system and server each finding about a record is: its state is wrong, and nothing came of it."""
    rows = Finding.objects.standing().filter(subject=subject, verdict="changed_without_record")
    assert {row.point for row in rows} == {"register/state", "register/version"}
    return {(row.system, row.server) for row in rows}


def test_a_forged_change_is_a_finding_of_its_own_system(site: Site) -> None:
    people = site.people
    change = asked(people, network("pay-app-01", "log-01", "tcp/514"), system=people.platform)
    ChangeRecord.objects.filter(pk=change.pk).update(state="approved")
    site.compare()
    assert found(change.ref) == {(people.platform, None)}
    assert set(VerdictRow.objects.filter(subject=change.ref).values_list("system", flat=True)) == {people.platform.pk}


def test_a_server_called_register_is_not_meant(site: Site) -> None:
    people = site.people
    estate.add_server("register", system=people.payroll, addresses=["10.20.20.77"], by=people.alex, at=LONG_AGO)
    change = asked(people, network("pay-app-01", "log-01", "tcp/514"), system=people.platform)
    ChangeRecord.objects.filter(pk=change.pk).update(state="approved")
    site.compare()
    assert found(change.ref) == {(people.platform, None)}
