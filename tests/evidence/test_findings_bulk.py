"""Several findings acknowledged with one click: one severity at a time, each told apart, and nothing hidden by it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.errors import Refused
from compliance.models import LedgerInbox
from evidence.actions.findings import acknowledge_each
from evidence.models import Comparison, Finding
from tests.people import People, everybody

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return everybody()


def found(system: Any, number: int, severity: str = "medium") -> Finding:
    comparison, _ = Comparison.objects.get_or_create(published=True, defaults={"at": timezone.now()})
    return Finding.objects.create(
        fingerprint=f"{system.pk}-{number}", verdict="unknown_server", certainty="definite", severity=severity,
        subject=f"stranger {number}", because="Nobody registered it.", system=system, comparison=comparison,
        first_seen=comparison.at, last_seen=comparison.at,
    )  # fmt: skip


@pytest.mark.both
def test_each_has_its_note_and_its_line(people: People) -> None:
    first, second, cured, theirs = (found(people.payroll, each) for each in range(4))
    Finding.objects.filter(pk=cured.pk).update(state="cured")
    Finding.objects.filter(pk=theirs.pk).update(system=people.platform)
    theirs.refresh_from_db()
    why = {first.pk: "Erin, by Friday.", second.pk: "Omar asks the vendor.", cured.pk: "So.", theirs.pk: "So."}
    outcomes = acknowledge_each([first, second, cured, theirs], because=why, by=people.omar)
    assert [one.done for one in outcomes] == [True, True, False, False]
    assert "not open any more" in outcomes[2].sentence
    said = LedgerInbox.objects.filter(data__verb="acknowledge").order_by("pk")
    assert [row.data["because"] for row in said] == ["Erin, by Friday.", "Omar asks the vendor."]
    assert set(Finding.objects.standing().values_list("pk", flat=True)) == {first.pk, second.pk, theirs.pk}


def test_severities_are_not_mixed_and_a_note_is_needed(people: People) -> None:
    low, high = found(people.payroll, 1, "low"), found(people.payroll, 2, "high")
    with pytest.raises(Refused, match="high and low"):
        acknowledge_each([low, high], because={}, by=people.omar)
    [outcome] = acknowledge_each([low], because={low.pk: " "}, by=people.omar)
    assert not outcome.done
    assert "no note" in outcome.sentence


def test_the_page_reads_back_what_was_ticked_and_shows_nothing_of_others(people: People) -> None:
    ours, high, theirs = found(people.payroll, 1), found(people.payroll, 2, "high"), found(people.platform, 3)
    client = Client()
    client.force_login(people.omar)
    assert f'value="{ours.ref}"' in client.get("/findings/").content.decode()
    both = client.get(f"/findings/acknowledge/?finding={ours.ref}&finding={high.ref}&finding={theirs.ref}")
    page = both.content.decode()
    assert "Nobody decides on them in one breath" in page
    assert theirs.ref not in page
    assert "stranger 3" not in page
    posted = {"finding": [ours.ref, theirs.ref], "because": "Erin looks after it."}
    done = client.post("/findings/acknowledge/", posted).content.decode()
    assert "stays a finding" in done
    assert set(Finding.objects.filter(state="acknowledged")) == {ours}
    client.force_login(people.ada)
    assert client.get("/findings/acknowledge/").status_code == 403
    assert "Check ticked" not in client.get("/findings/").content.decode()
