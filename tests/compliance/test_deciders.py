"""Who is told that a decision waits: exactly those who could give it, and at a cost that people do not raise."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compliance.actions import changes, delegations, people, stages
from compliance.actions.notices import deciders
from compliance.capacities import held
from compliance.four_eyes import open_needs
from compliance.models import ChangeRecord, Role, System, User
from tests.factories import asked, network
from tests.workflow.world import World, build

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def world(db: None) -> World:
    """Everybody, with roles that are over, to come, of one system and of all; Erin decides in Omar's place."""
    world = build()
    them = world.people
    System.objects.filter(pk=them.payroll.pk).update(authorising_officer=them.olga)
    them.payroll.refresh_from_db()
    month = timezone.now() + timedelta(days=30)
    for capacity, by, to in (("system_owner", them.omar, them.erin), ("authorising_officer", them.olga, them.dan)):
        delegations.delegate(to, capacity=capacity, system=them.payroll, until=month, because="Leave.", by=by)
    stages.set_stages(them.payroll, [("Officer", None), ("Second look", them.rita)], because="So.", by=them.alex)
    return world


def one_by_one(change: ChangeRecord) -> set[str]:
    """The same, asked of every person there is."""
    now, own = timezone.now(), (change.requested_by_id, change.last_edited_by_id)
    rest = User.objects.filter(is_active=True).exclude(pk__in=own)
    return {one.name for one in rest if any(held(one, need, change, now) for need in open_needs(change))}


def test_they_are_all_who_could_meet_a_need_and_nobody_else(world: World) -> None:
    them = world.people
    both = User.objects.get(pk=world.both)
    change = asked(them, network("pay-app-01", "log-01", "tcp/6514"), by=them.omar)
    for person in (them.mina, both, them.olga, them.dan, them.rita):
        told = {one.name for one in deciders(change, timezone.now())}
        assert told == one_by_one(change)
        assert person.name in told
        changes.approve(change, by=person)
    assert change.state == "approved"


def test_what_it_costs_does_not_grow_with_the_people(world: World) -> None:
    change = asked(world.people)

    def cost() -> int:
        with CaptureQueriesContext(connection) as counted:
            assert deciders(change, timezone.now())
        return len(counted)

    before = cost()
    for number in range(20):
        people.make_person(
            f"more{number}@example.org", "More", roles=[Role.MANAGER, Role.ENGINEER], by=world.people.alex
        )
    assert cost() == before
