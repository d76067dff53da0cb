"""What is written as rows is what the verbs would have done, and only where they would have done just that."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.actions import people as verbs
from compliance.actions.reconcile import reconcile
from compliance.actions.reconcile_rows import altered_rows
from compliance.models import RoleGrant, Server
from tests.factories import agreed, asked, servers
from tests.people import People, everybody

FEW = 80  # queries: the verbs ask more than four hundred


def asked_for() -> tuple[People, int]:
    """Everybody with their servers, and how many queries it took."""
    with CaptureQueriesContext(connection) as queries:
        people = everybody()
        made = servers(people)
    assert {name: row.pk for name, row in made.items()} == dict(Server.objects.values_list("name", "pk"))
    return people, len(queries)


def check(people: People) -> None:
    """The ledger knows every row and each seal holds; what is done to it here is not in the next one's copy."""
    assert (altered_rows(), reconcile()) == ([], [])
    change = agreed(people, asked(people))
    assert (change.state, altered_rows(), reconcile()) == ("approved", [], []), "and the next verbs go on from there"
    RoleGrant.objects.filter(person=people.rita).update(role="manager")
    people.payroll.name = "Altered"


def walked(time: int) -> None:
    """The same people each time; from the third on, at the latest, as rows."""
    people, queries = asked_for()
    assert people.payroll.name == "Payroll"
    assert time < 2 or queries < FEW
    check(people)


@pytest.mark.both
@pytest.mark.parametrize("time", range(3))
@pytest.mark.django_db
def test_in_a_transaction_that_is_taken_back(time: int) -> None:
    walked(time)


@pytest.mark.both
@pytest.mark.parametrize("time", range(3))
@pytest.mark.django_db(transaction=True)
def test_in_transactions_of_their_own(time: int) -> None:
    walked(time)


@pytest.mark.both
@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_where_the_numbers_began_anew() -> None:
    walked(0)


@pytest.mark.django_db
def test_where_somebody_was_there_before_the_verbs_do_it() -> None:
    verbs.make_person("kim@example.org", "Kim Ito", by=None)
    people, queries = asked_for()
    assert queries > FEW
    check(people)
