"""Roles that decide or administer: a second administrator, or a day; and none longer than the person stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from compliance.actions import changes
from compliance.actions import people as verbs
from compliance.errors import Refused
from compliance.models import ChangeRecord, RoleGrant, User
from compliance.permissions import may
from tests.browser.session import cookie
from tests.factories import agreed, asked, servers
from tests.people import LONG_AGO, People, everybody

pytestmark = pytest.mark.both
DAY = timedelta(days=1)


@pytest.fixture
def people(db: None) -> People:
    return everybody()


@pytest.fixture
def second(people: People) -> User:
    """A second administrator."""
    return verbs.make_person("astrid@example.org", "Astrid Berg", roles=["administrator"], by=people.alex, at=LONG_AGO)


def test_a_role_that_has_ended_since_counts_no_more_for_whoever_was_asked_about_before(people: People) -> None:
    servers(people)
    change = asked(people)
    assert may(people.mina, "approve", change) is None
    RoleGrant.objects.filter(person=people.mina).update(valid_to=timezone.now())
    assert may(people.mina, "approve", change) is not None


@pytest.mark.parametrize("role", ["system_owner", "manager", "administrator"])
def test_a_heavy_role_counts_once_a_second_administrator_confirmed_it(people: People, second: User, role: str) -> None:
    row = verbs.grant(people.sam, role, by=people.alex)
    assert row.awaits_second
    assert not people.sam.holds([role])
    assert may(people.sam, "see", people.payroll) is not None
    assert not ChangeRecord.objects.waiting_for(people.sam).exists()
    for person in (people.alex, people.omar, people.mina, people.sam):
        with pytest.raises(Refused):
            verbs.confirm_grant(row, by=person)
    verbs.confirm_grant(row, by=second, because="Asked for by the director.")
    assert people.sam.holds([role])
    with pytest.raises(Refused, match="any more"):
        verbs.confirm_grant(row, by=second)


def test_nobody_confirms_their_own_hand_not_even_by_a_row(people: People, second: User) -> None:
    row = verbs.grant(people.sam, "manager", by=people.alex)
    for person in (people.alex, people.sam):
        with pytest.raises(IntegrityError), transaction.atomic():
            RoleGrant.objects.filter(pk=row.pk).update(confirmed_by=person, awaits_second=False)
    with pytest.raises(Refused, match="themselves"):
        verbs.grant(second, "manager", by=second)


def test_light_roles_count_at_once(people: People, second: User) -> None:
    for role in ("requester", "engineer", "auditor"):
        assert not verbs.grant(people.sam, role, by=people.alex).awaits_second
    assert people.sam.holds(["engineer"])


def test_one_administrator_alone_sets_up_and_then_no_role_decides_in_its_first_day(people: People) -> None:
    servers(people)
    early = verbs.grant(people.sam, "manager", by=people.alex)
    assert (early.awaits_second, early.decides_from) == (False, None), "set-up: nothing was ever approved"
    agreed(people, asked(people))
    puppet = verbs.make_person("puppet@example.org", "Puppet", roles=["manager"], by=people.alex)
    change = asked(people)
    assert may(puppet, "see", change) is None
    for verb in ("approve", "reject"):
        refused = may(puppet, verb, change)
        assert refused is not None
        assert "alone" in refused.why
    with pytest.raises(Refused):
        changes.approve(change, by=puppet)
    later = timezone.now() + DAY + timedelta(minutes=1)
    changes.approve(change, by=puppet, at=later)
    assert change.needs.get(approval__approver=puppet).capacity == "manager"


def test_an_old_role_does_not_lend_its_age_to_a_new_one(people: People) -> None:
    servers(people)
    agreed(people, asked(people))
    verbs.grant(people.omar, "manager", by=people.alex)
    change = asked(people)
    changes.approve(change, by=people.omar)
    assert change.needs.get(approval__approver=people.omar).capacity == "system_owner"
    kept = User.objects.get(pk=people.omar.pk)
    kept.keep_grants()
    for at in (timezone.now(), timezone.now() + 2 * DAY):
        for deciding in (False, True):
            said = people.omar.holds(["manager"], None, at, deciding=deciding)
            assert kept.holds(["manager"], None, at, deciding=deciding) == said


def test_auditors_are_let_in_for_a_time(people: People) -> None:
    row = verbs.grant(people.sam, "auditor", by=people.alex)
    assert row.valid_to is not None
    assert row.valid_to - row.valid_from == timedelta(days=90)
    assert may(people.sam, "see", people.payroll, at=row.valid_to - DAY) is None
    assert may(people.sam, "see", people.payroll, at=row.valid_to + DAY) is not None


def test_who_is_deactivated_is_out_at_the_next_click_with_every_role_to_come(people: People) -> None:
    verbs.grant(people.mina, "engineer", by=people.alex, until=timezone.now() + 30 * DAY)
    client = Client()
    client.cookies["sessionid"] = cookie(people.mina)
    assert client.get("/inbox/").status_code == 200
    verbs.deactivate(people.mina, by=people.alex)
    assert client.get("/inbox/")["Location"].startswith("/accounts/login/")
    assert not RoleGrant.objects.in_force(timezone.now() + DAY).filter(person=people.mina).exists()


def test_the_pages_carry_it_out(people: People, second: User) -> None:
    row = verbs.grant(people.sam, "manager", system=people.payroll, by=people.alex)
    alex, astrid = Client(), Client()
    alex.cookies["sessionid"], astrid.cookies["sessionid"] = cookie(people.alex), cookie(second)
    page = f"/setup/roles/{row.pk}/confirm/"
    assert page not in alex.get("/setup/roles/").content.decode()
    assert page in astrid.get("/setup/roles/").content.decode()
    assert alex.post(page, {"because": ""}).status_code == 403
    assert astrid.post(page, {"because": ""}).status_code == 302
    assert people.sam.holds(["manager"], people.payroll.pk)
    assert astrid.post(f"/setup/roles/{row.pk}/end/", {"because": ""}).status_code == 302
    assert not people.sam.holds(["manager"])
