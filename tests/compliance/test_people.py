"""People and what they may: roles by system and time, one-time links, and every verb against every persona."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from compliance.actions import connections, estate
from compliance.actions import people as verbs
from compliance.errors import Refused
from compliance.models import Connection, Job, LedgerInbox, Outbound, RoleGrant, SetUpLink, User
from compliance.permissions import ORGANISATION_WIDE, VERBS, check, may
from tests.factories import WHY, asked, authorised, network, servers
from tests.people import PASSWORD, People, everybody

pytestmark = pytest.mark.both


@pytest.fixture
def people(db: None) -> People:
    return everybody()


def test_a_link_opens_once_and_for_a_day(people: People) -> None:
    first = verbs.set_up_link(people.rita, by=people.alex)
    token = verbs.set_up_link(people.rita, by=people.alex)
    with pytest.raises(Refused, match="does not open"):
        verbs.use_link(first, PASSWORD)
    with pytest.raises(Refused, match="not strong"):
        verbs.use_link(token, "rita")
    person = verbs.use_link(token, PASSWORD, name="Rita R.")
    assert person.check_password(PASSWORD)
    assert person.name == "Rita R."
    with pytest.raises(Refused, match="does not open"):
        verbs.use_link(token, PASSWORD)
    late = verbs.set_up_link(people.omar, by=people.alex)
    with pytest.raises(Refused, match="too old"):
        verbs.use_link(late, PASSWORD, at=timezone.now() + timedelta(days=2))
    assert token not in str(list(SetUpLink.objects.values())) + str(list(LedgerInbox.objects.values()))


@pytest.mark.django_db
def test_the_first_link_makes_an_administrator_and_ends_with_the_first_password() -> None:
    again, link = verbs.first_link(), verbs.first_link()
    assert again != link
    first = User.objects.get()
    assert first.holds(["administrator"])
    verbs.use_link(link.rstrip("/").rsplit("/", 1)[1], PASSWORD)
    assert verbs.first_link() == ""
    with pytest.raises(Refused):
        verbs.make_person("mallory@example.org", "Mallory", roles=["administrator"], by=None)
    with pytest.raises(CommandError, match="Name the person"):
        call_command("setuplink")


def test_nobody_but_an_administrator_manages_people_and_nobody_helps_themselves(people: People) -> None:
    verbs.use_link(verbs.set_up_link(people.alex, by=people.alex), PASSWORD)
    for person in (people.rita, people.omar, people.mina, people.erin, people.ada, people.sam):
        with pytest.raises(Refused):
            verbs.grant(people.sam, "manager", by=person)
    with pytest.raises(Refused, match="themselves"):
        verbs.grant(people.alex, "manager", by=people.alex)
    with pytest.raises(Refused):
        verbs.deactivate(people.alex, by=people.alex)
    with pytest.raises(Refused, match="already"):
        verbs.make_person("RITA@example.org ", "Rita", by=people.alex)


def test_a_role_counts_for_its_system_and_its_time(people: People) -> None:
    now = timezone.now()
    verbs.grant(people.sam, "engineer", system=people.platform, until=now + timedelta(days=1), by=people.alex)
    assert may(people.sam, "pull", people.platform) is None
    assert may(people.sam, "pull", people.payroll) is not None
    assert may(people.sam, "pull", people.platform, at=now + timedelta(days=2)) is not None
    verbs.take_away(RoleGrant.objects.get(person=people.sam), by=people.alex)
    assert may(people.sam, "pull", people.platform) is not None


def test_who_is_deactivated_may_nothing_and_sees_nothing(people: People) -> None:
    verbs.deactivate(people.omar, by=people.alex, because="Left.")
    assert may(people.omar, "see", None) is not None
    assert not Connection.objects.for_user(people.omar).exists()


@pytest.mark.parametrize("verb", [*VERBS, "no_such_verb"])
def test_a_stranger_may_nothing_and_each_role_what_its_row_says(people: People, verb: str) -> None:
    held = {
        people.sam: set(), people.rita: {"requester"}, people.omar: {"system_owner"}, people.mina: {"manager"},
        people.erin: {"engineer"}, people.ada: {"auditor"}, people.alex: {"administrator"},
    }  # fmt: skip
    for person, roles in held.items():
        refused = may(person, verb, people.payroll)
        everywhere = person != people.omar or verb not in ORGANISATION_WIDE  # his role is for one system
        assert (refused is None) == (everywhere and bool(roles & set(VERBS.get(verb, ())))), (verb, person)
        if refused is not None:
            with pytest.raises(Refused):
                check(person, verb, people.payroll)


def test_those_who_decide_are_told_once_each(people: People) -> None:
    servers(people)
    change = asked(people)
    told = Outbound.objects.filter(path=f"/inbox/{change.ref}/")
    assert {row.to for row in told} == {people.omar, people.dan, people.mina}
    assert Job.objects.filter(kind="send").count() == 3


def test_what_cannot_be_asked_for_says_why_all_at_once(people: People) -> None:
    servers(people)
    wrong = network("nobody", "pay-db-01", "tcp/70000", review_by="soon")
    with pytest.raises(Refused) as refused:
        connections.request(
            system=people.payroll, material=wrong, justification={**WHY, "business_need": " "}, title="", by=people.rita
        )
    for said in ("Nobody knows nobody", "70000", "year-month-day", "stops working", "title"):
        assert said in str(refused.value)
    assert not Connection.objects.exists()


def test_one_request_at_a_time_for_a_connection(people: People) -> None:
    servers(people)
    connection = authorised(people)
    connections.retire(connection, because="Not needed.", by=people.rita)
    with pytest.raises(Refused, match="open already"):
        connections.retire(connection, because="Not needed.", by=people.rita)


def test_stamps_write_what_differs_and_no_decision(people: People) -> None:
    servers(people)
    connection = authorised(people)
    noted, now = LedgerInbox.objects.count(), timezone.now()
    assert connections.stamp([(connection.pk, "implemented", now)]) == 1
    assert connections.stamp([(connection.pk, "implemented", None)]) == 0
    connection.refresh_from_db()
    assert (connection.drift, connection.last_seen_at) == ("implemented", now)
    assert LedgerInbox.objects.count() == noted


def test_what_a_page_remembers_of_grants_is_what_the_database_says_then(people: People) -> None:
    now = timezone.now()
    for person, role, start, end in (
        (people.rita, "manager", now + timedelta(days=1), None),
        (people.rita, "engineer", now - timedelta(days=9), now - timedelta(days=1)),
    ):
        RoleGrant.objects.create(
            person=person, role=role, system=people.payroll, valid_from=start, valid_to=end, granted_by=people.alex
        )
    for person in User.objects.all():
        kept = User.objects.get(pk=person.pk)
        kept.keep_grants()
        for at in (now, now - timedelta(days=5), now + timedelta(days=2)):
            assert kept.system_ids(at) == person.system_ids(at)
            for role in ("requester", "system_owner", "manager", "engineer", "auditor", "administrator"):
                for system in (None, people.payroll.pk, people.payroll.pk + 1000):
                    assert kept.holds([role], system, at) == person.holds([role], system, at)


def test_an_address_has_one_holder_and_finds_its_zone(people: People) -> None:
    made = servers(people)
    assert str(made["pay-db-01"].addresses.get().zone) == "data"
    with pytest.raises(Refused, match="pay-db-01 holds it"):
        estate.add_address(made["file-01"], "10.20.30.31", by=people.alex)
    freed = timezone.now()
    estate.end_address(made["pay-db-01"].addresses.get(), by=people.alex, at=freed)
    with pytest.raises(Refused, match="pay-db-01 held it until"):  # rules may still let it in
        estate.add_address(made["file-01"], "10.20.30.31", by=people.alex, at=freed + timedelta(days=89))
    estate.add_address(made["file-01"], "10.20.30.31", by=people.alex, at=freed + timedelta(days=91))
    with pytest.raises(Refused):
        estate.add_zone("x", system=people.payroll, prefixes=["10.0.0.1/8"], by=people.alex)


def test_who_never_came_in_gets_a_new_link_from_the_page_and_nobody_else(people: People, client: Client) -> None:
    new = verbs.make_person("nora@example.org", "Nora", by=people.alex)
    old = verbs.set_up_link(new, by=people.alex)
    client.force_login(people.alex, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": timezone.now().timestamp()}]
    session.save()
    address = f"/setup/people/{new.pk}/link/"
    assert address in client.get("/setup/people/").content.decode()
    page = client.post(address).content.decode()
    [token] = re.findall(r"/setup/link/([\w-]+)/", page)
    with pytest.raises(Refused, match="does not open"):
        verbs.use_link(old, PASSWORD)
    verbs.use_link(token, PASSWORD)
    with pytest.raises(Refused, match="have come in already"):
        verbs.fresh_link(User.objects.get(pk=new.pk), by=people.alex)
    assert address not in client.get("/setup/people/").content.decode()
    again = client.post(address)
    assert again.status_code >= 400
    assert "/setup/link/" not in again.content.decode()
    User.objects.filter(pk=people.omar.pk).update(last_login=timezone.now())  # by the organisation's own sign-in
    people.omar.refresh_from_db()
    with pytest.raises(Refused, match="have come in already"):
        verbs.fresh_link(people.omar, by=people.alex)
    with pytest.raises(Refused):
        verbs.fresh_link(verbs.make_person("x@example.org", "X", by=people.alex), by=people.mina)
