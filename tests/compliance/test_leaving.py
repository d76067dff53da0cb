"""A person leaves: everything passes to somebody in one moment, or nothing does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import changes
from compliance.actions.handover import hand_over
from compliance.actions.own_charges import now_theirs
from compliance.charges import charges
from compliance.errors import Refused
from compliance.models import LedgerInbox, Outbound, Role, RoleGrant, State, System, User
from reviews import actions as meetings
from tests.browser.session import cookie
from tests.factories import asked, servers
from tests.people import People, everybody
from tests.reviews.test_minutes import opened

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def people() -> People:
    made = everybody()
    servers(made)
    return made


def keys(person: User) -> dict[str, str]:
    """What somebody holds: kind of the line → whether a successor must be named."""
    return {charge.key.partition(":")[0]: charge.choice for charge in charges(person, timezone.now())}


def test_an_owner_leaves_and_the_system_has_one_at_every_moment(people: People) -> None:
    change = asked(people)
    assert keys(people.omar) == {"owner": "required"}
    with pytest.raises(Refused, match="Payroll would be left to nobody"):
        hand_over(people.omar, successors={}, because="Retires.", by=people.alex)
    assert User.objects.get(pk=people.omar.pk).is_active
    with pytest.raises(Refused, match="No reason"):
        hand_over(people.omar, successors={}, for_all=people.dan, because=" ", by=people.alex)
    with pytest.raises(Refused):
        hand_over(people.omar, successors={}, for_all=people.dan, because="Retires.", by=people.mina)
    given = hand_over(people.omar, successors={}, for_all=people.dan, because="Retires.", by=people.alex)
    assert [(charge.text, str(heir)) for charge, heir in given] == [("Payroll", "Dan Okafor")]
    system = System.objects.get(pk=people.payroll.pk)
    assert system.owner == people.dan
    assert not User.objects.get(pk=people.omar.pk).is_active
    assert LedgerInbox.objects.filter(data__verb="hand_over").count() == 2
    assert Outbound.objects.filter(to=people.dan, subject__startswith="You take over 1 thing").count() == 1
    changes.approve(change, by=people.dan)
    changes.approve(change, by=people.mina)
    assert change.state == State.APPROVED


def test_the_last_manager_and_the_last_administrator_name_somebody(people: People) -> None:
    change = asked(people)
    said = {charge.key.partition(":")[0]: charge for charge in charges(people.mina, timezone.now())}
    assert said["grant"].choice == "required"
    assert "Nobody else is manager" in said["grant"].note
    assert said["need"].choice == "stays"
    with pytest.raises(Refused, match="left to nobody"):
        hand_over(people.mina, successors={}, because="Leaves.", by=people.alex)
    with pytest.raises(Refused, match=f"Nobody could agree to {change.ref}"):
        hand_over(people.mina, successors={}, for_all=people.rita, because="Leaves.", by=people.alex)
    assert not people.rita.holds([Role.MANAGER]), "all of it or nothing"
    hand_over(people.mina, successors={}, for_all=people.sam, because="Leaves.", by=people.alex)
    assert people.sam.holds([Role.MANAGER])
    assert keys(people.alex)["grant"] == "required"
    with pytest.raises(Refused, match=r"second administrator|yourself"):
        hand_over(people.alex, successors={}, for_all=people.sam, because="Leaves.", by=people.alex)


def test_what_waits_for_a_second_administrator_is_nobodys_yet(people: People) -> None:
    grant = RoleGrant(person=people.sam, role=Role.MANAGER)
    grant.awaits_second = True  # as the verb leaves a role that decides where there are two administrators
    line = next(charge for charge in charges(people.mina, timezone.now()) if charge.choice == "required")
    with pytest.raises(Refused, match="only once a second administrator confirmed it"):
        now_theirs(grant, line)


def test_reviews_and_actions_go_with_it_and_requests_stay(people: People) -> None:
    review = opened(people)
    action = meetings.add_action(
        review, text="Close the port", owner=people.mina, due=timezone.localdate() + timedelta(3), by=people.mina
    )
    own = asked(people)
    assert keys(people.rita) == {"grant": "optional", "change": "stays"}
    said = {charge.key: charge for charge in charges(people.mina, timezone.now())}
    assert said[f"action:{action.pk}"].choice == "required"
    assert said[f"review:{review.pk}"].choice == "required"
    hand_over(
        people.mina,
        successors={f"action:{action.pk}": people.erin},
        for_all=people.dan,
        because="Leaves.",
        by=people.alex,
    )
    action.refresh_from_db()
    review.refresh_from_db()
    assert (action.owner, review.chair) == (people.erin, people.dan)
    hand_over(people.rita, successors={}, because="Leaves.", by=people.alex)
    own.refresh_from_db()
    assert (own.state, own.requested_by) == (State.SUBMITTED, people.rita)
    with pytest.raises(Refused, match="has changed since you looked"):
        hand_over(people.erin, successors={"owner:999": people.dan}, because="Leaves.", by=people.alex)


def test_the_page_lists_everything_and_one_click_does_it(people: People) -> None:
    def client_of(person: User) -> Any:
        client = Client()
        client.cookies["sessionid"] = cookie(person)
        return client

    path = f"/setup/people/{people.omar.pk}/leave/"
    alex = client_of(people.alex)
    page = alex.get(path).content.decode()
    assert "Payroll" in page
    assert "must be named" in page
    assert client_of(people.mina).get(path).status_code == 403
    answer = alex.post(path, {"because": "Retires."})
    assert answer.status_code == 409
    assert "left to nobody" in answer.content.decode()
    key = f"owner:{people.payroll.pk}"
    done = alex.post(path, {"because": "Retires.", key: people.dan.pk})
    assert "Omar Haddad is deactivated" in done.content.decode()
    assert System.objects.get(pk=people.payroll.pk).owner == people.dan
    assert alex.get(path).status_code == 404
