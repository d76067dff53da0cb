"""Several rows chosen by their numbers: what is no number of a row is refused in words."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from compliance.forms.several import SeveralField
from compliance.models import System
from tests.people import everybody


@pytest.mark.both
@pytest.mark.django_db
@pytest.mark.parametrize("said", ["9" * 23, "-" + "9" * 23, "9" * 5000, str(2**63), "x", "", "\0", "77"])
def test_what_no_row_has_is_no_choice(said: str) -> None:
    everybody()
    with pytest.raises(ValidationError):
        SeveralField(queryset=System.objects.all()).clean([said])


@pytest.mark.django_db
def test_the_rows_that_were_chosen_come_back() -> None:
    people = everybody()
    chosen = SeveralField(queryset=System.objects.all()).clean([str(people.payroll.pk)])
    assert list(chosen) == [people.payroll]
