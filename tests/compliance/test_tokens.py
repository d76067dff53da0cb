"""Service tokens: shown once, kept as a hash, cut to their scope, ended by time and by hand, and never deciding."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from compliance.actions import changes, estate, people, tokens
from compliance.api.authentication import ServiceTokens
from compliance.errors import Refused
from compliance.models import Connection, LedgerInbox, RoleGrant, ServiceToken, User
from compliance.permissions import BY_PEOPLE_ONLY, may
from tests.factories import asked, authorised, network, servers
from tests.people import People, everybody

pytestmark = pytest.mark.both
MONTH = timedelta(days=30)


@pytest.fixture
def site(db: None) -> People:
    cache.clear()
    return everybody()


def made(site: People, *roles: str, **said: Any) -> tuple[ServiceToken, str]:
    """A token for the payroll system."""
    given = {"systems": [site.payroll], "until": timezone.now() + MONTH, "by": site.alex}
    return tokens.make_token("pipeline", roles=roles or ("requester",), **(given | said))


def came(token: str, scheme: str = "Bearer") -> User | None:
    """Who a request with this header is from."""
    request = RequestFactory().get("/api/v1/", headers={"Authorization": f"{scheme} {token}"})
    found = ServiceTokens().authenticate(Request(request))
    return found[0] if found else None


def test_it_opens_what_its_scope_says_and_nothing_else(site: People) -> None:
    servers(site)
    ours = authorised(site)
    estate.add_server("log-02", system=site.platform, addresses=["10.20.40.31"], by=site.alex)
    foreign = asked(site, network("log-01", "log-02"), system=site.platform)
    row, token = made(site, "engineer")
    program = came(token)
    assert program is not None
    assert program.pk == row.person_id
    assert list(Connection.objects.for_user(program)) == [ours]
    assert may(program, "pull", site.payroll) is None
    assert may(program, "pull", site.platform) is not None
    assert may(program, "request", site.payroll) is None
    assert may(program, "withdraw", foreign) is not None
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert token not in str([list(ServiceToken.objects.values()), list(LedgerInbox.objects.values())])


def test_no_program_decides_whatever_rows_it_was_given(site: People) -> None:
    servers(site)
    change = asked(site)
    row, _ = made(site, "requester", "engineer", "auditor")
    for role in ("system_owner", "manager", "administrator"):
        with pytest.raises(Refused, match="decides nothing"):
            made(site, role)
        with pytest.raises(Refused, match="token says"):
            people.grant(row.person, role, by=site.alex)
        RoleGrant.objects.create(person=row.person, role=role, granted_by=site.alex)  # past the verbs
    program = User.objects.get(pk=row.person_id)
    for verb in BY_PEOPLE_ONLY:
        refused = may(program, verb, change if verb in ("approve", "reject") else site.payroll)
        assert refused is not None
        assert "program" in refused.what, verb
    with pytest.raises(Refused):
        changes.approve(change, by=program)
    with pytest.raises(Refused):
        people.set_up_link(program, by=site.alex)


def test_it_ends_by_its_day_and_by_hand_at_once(site: People) -> None:
    row, token = made(site)
    assert tokens.person_of(token, at=timezone.now() + MONTH + timedelta(seconds=1)) is None
    assert came(token) is not None
    tokens.revoke_token(row, by=site.alex, because="The pipeline is gone.")
    with pytest.raises(AuthenticationFailed, match="revoked"):
        came(token)
    row.person.refresh_from_db()
    assert may(row.person, "request", site.payroll) is not None
    with pytest.raises(Refused, match="already"):
        tokens.revoke_token(row, by=site.alex)


@pytest.mark.parametrize("days", [-1, 367])
def test_it_ends_within_a_year(site: People, days: int) -> None:
    with pytest.raises(Refused, match="within a year"):
        made(site, until=timezone.now() + timedelta(days=days))
    row, token = made(site)
    ServiceToken.objects.filter(pk=row.pk).update(expires_at=timezone.now() + timedelta(days=400))  # past the verb
    assert tokens.person_of(token) is None


def test_only_an_administrator_makes_or_ends_one(site: People) -> None:
    row, _ = made(site)
    for person in (site.rita, site.omar, site.mina, site.erin, site.ada, site.sam, row.person):
        with pytest.raises(Refused):
            made(site, by=person)
        with pytest.raises(Refused):
            tokens.revoke_token(row, by=person)


def test_guessing_is_slowed_down_even_for_who_guesses_right_at_last(site: People) -> None:
    _, token = made(site)
    for _ in range(20):
        with pytest.raises(AuthenticationFailed):
            came("ewt_guess")
    with pytest.raises(Throttled, match="minute"):
        came(token)
    cache.clear()
    assert came(token) is not None
    assert came(token, "Basic") is None
