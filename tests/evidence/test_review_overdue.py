"""A review that is overdue: a finding beside the verdict, still authorised, cured by a decision and by nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import bulk, changes, connections
from compliance.models import Address, ChangeRecord, Connection
from compliance.models.estate import day_of
from evidence.actions.compare import compare
from evidence.models import Finding, VerdictRow
from evidence.verdicts import BESIDE
from reviews import agenda
from reviews.models import Review
from tests.evidence.site import Site
from tests.factories import asked, authorised, network, share

pytestmark = pytest.mark.django_db(transaction=True)
LATE = timedelta(days=4)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.read()
    return made


def late() -> list[Finding]:
    """The standing findings of this kind."""
    return list(Finding.objects.standing().filter(verdict="review_overdue").order_by("pk"))


def decided(site: Site, change: ChangeRecord, when: Any) -> None:
    """Owner and manager agree."""
    changes.approve(change, by=site.people.omar, at=when)
    changes.approve(change, by=site.people.mina, at=when)


@pytest.mark.both
def test_the_day_after_is_a_finding_beside_a_verdict_that_stays(site: Site) -> None:
    today = day_of(timezone.now())
    site.compare()
    assert (late(), site.verdict()) == ([], "implemented")
    soon = asked(site.people, network("pay-app-01", "pay-db-01", "tcp/5433", review_by=str(today)))
    decided(site, soon, None)
    site.compare()
    assert late() == [], "on the day itself it is not overdue yet"
    found = compare(at=timezone.now() + timedelta(days=1))
    (one,) = late()
    assert (one.subject, one.connection, one.system) == (soon.of.ref, soon.of, site.people.payroll)
    assert (one.certainty, one.severity) == ("definite", "medium")
    assert f"{today.day} {today:%B %Y}" in one.because
    assert "recertify" in one.proposal
    soon.of.refresh_from_db()
    assert soon.of.drift not in BESIDE, "the stamp stays what the rules show"
    assert found.counts["review_overdue"] == 1
    heads = VerdictRow.objects.filter(comparison=found, headline=True)
    assert heads.filter(connection=soon.of).exclude(verdict__in=BESIDE).count() == 1
    assert Connection.objects.authorised_at(today + timedelta(days=1)).filter(pk=soon.of.pk).exists()


def test_only_recertification_cures_it(site: Site) -> None:
    today = day_of(timezone.now())
    row = authorised(site.people, share(review_by=str(today - LATE)))
    site.compare()
    (one,) = late()
    assert one.connection == row
    site.compare()
    assert [each.pk for each in late()] == [one.pk], "the same finding the next night"
    version = row.version_on(today)
    assert version is not None
    said = bulk.recertify(
        [(row, version.material_hash)], "keep", because={row.pk: "The pay run reads it each night, as before."},
        until=today + timedelta(days=365), by=site.people.rita,
    )  # fmt: skip
    assert said[0].done, said
    site.compare()
    assert [each.pk for each in late()] == [one.pk], "asked for is not decided"
    decided(site, ChangeRecord.objects.get(connection=row, state="submitted"), None)
    site.compare()
    one.refresh_from_db()
    assert (late(), one.state) == ([], "cured")
    assert "is to be looked at again by" in one.cured_because


def test_a_removal_cures_it_as_well_and_says_so(site: Site) -> None:
    row = authorised(site.people, share(review_by=str(day_of(timezone.now()) - LATE)))
    site.compare()
    (one,) = late()
    decided(site, connections.retire(row, because="Moved away.", by=site.people.rita), None)
    site.compare()
    one.refresh_from_db()
    assert (one.state, one.cured_because) == ("cured", f"{row.ref} is not authorised any more.")


def test_what_cannot_be_judged_any_more_is_not_cured(site: Site) -> None:
    authorised(site.people, share(review_by=str(day_of(timezone.now()) - LATE)))
    site.compare()
    Address.objects.filter(server__name="file-01").update(seal="0" * 64)  # its end means nothing now
    site.compare()
    (one,) = late()
    assert one.unseen_since is not None
    assert "is not known" in one.unseen_because


def test_it_stands_on_every_page_and_sums_to_the_register(site: Site, client: Client) -> None:
    row = authorised(site.people, share(review_by=str(day_of(timezone.now()) - LATE)))
    site.compare()
    (one,) = late()
    client.force_login(site.people.omar)
    page = client.get(f"/connections/{row.ref}/").content.decode()
    assert one.ref in page
    assert "Recertify…" in page
    page = client.get(f"/findings/{one.ref}/").content.decode()
    assert f"/connections/recertify/check/?connection={row.ref}" in page
    assert "Review overdue" in client.get("/findings/").content.decode()
    said = client.get("/evidence/").context
    assert said["register_count"] == Connection.objects.count() == 2
    assert {each["name"] for each in said["others"]} >= {"review_overdue"}
    assert said["asks"][2]["exceptions"] == 1, "among the change records: somebody has to decide"
    client.force_login(site.people.ada)
    assert "Recertify…" not in client.get(f"/findings/{one.ref}/").content.decode(), "who may not ask sees no button"


def test_the_agenda_has_it_once(site: Site) -> None:
    row = authorised(site.people, share(review_by=str(day_of(timezone.now()) - LATE)))
    site.compare()
    review = Review.objects.create(system=site.people.payroll, due_at=timezone.now(), chair=site.people.omar)
    items = [each for each in agenda.write(review, at=timezone.now()) if each.connection_id == row.pk]
    assert {each.kind for each in items} == {"finding"}, "not among what is due as well"
    assert len([each for each in items if "Review overdue" in each.title]) == 1
