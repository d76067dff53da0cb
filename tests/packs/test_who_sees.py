"""Whose packs are listed: one row for each, and only for who may see every system in it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from compliance.models import Role, RoleGrant, User
from evidence.models import Pack
from tests.people import everybody

pytestmark = pytest.mark.django_db


def pack_of(*systems: object) -> Pack:
    today = timezone.localdate()
    row = Pack.objects.create(since=today, until=today, as_of=timezone.now(), marking="OFFICIAL")
    row.systems.set(systems)
    return row


def test_a_pack_of_two_systems_is_one_row_for_who_owns_both() -> None:
    people = everybody()
    both, one = pack_of(people.payroll, people.platform), pack_of(people.payroll)

    def sees(person: User) -> list[Pack]:
        return list(Pack.objects.for_user(person).order_by("pk"))

    assert sees(people.omar) == [one]  # he owns one of the two
    RoleGrant.objects.create(person=people.omar, system=people.platform, role=Role.AUDITOR)
    assert sees(User.objects.get(pk=people.omar.pk)) == [both, one]
    client = Client()
    client.force_login(people.omar, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get(f"/packs/{both.ref}/").status_code == 200
    assert client.get("/packs/").content.decode().count(f'href="/packs/{both.ref}/"') == 1
    assert sees(people.sam) == []
