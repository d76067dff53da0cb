"""A reading that lost most of its rules: refused, shown old beside new, accepted by a person with a reason, or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from compliance.errors import Refused
from compliance.models import LedgerInbox, User
from evidence.actions import smaller, sources
from evidence.artefacts import place_of
from evidence.jobs import pull
from evidence.models import Pull, Snapshot, Source
from tests.evidence.site import APP, allow_in, begin, put, read, save, source_of
from tests.factories import servers
from tests.people import People, everybody

MANY = [allow_in(APP, str(port)) for port in range(5400, 5430)]
FEW = MANY[:2]
WHY = "The old application server was switched off; CHG-7."


@pytest.fixture
def people(db: None) -> People:
    return everybody()


def shrunken(people: People, folder: Path) -> Source:
    """A folder source of pay-db-01 that held thirty rules, then two."""
    source = source_of(servers(people)["pay-db-01"], put(folder, *MANY), people)
    assert read(source, people).state == "ok"
    put(folder, *FEW)
    assert read(source, people).error_code == "unexpected_shrink"
    return source


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_it_is_shown_old_beside_new_and_accepted_with_a_reason(people: People, tmp_path: Path) -> None:
    source = shrunken(people, tmp_path)
    before, refused = source.last_good, source.last_pull
    erin = browser(people.erin)
    assert f"/sources/{source.pk}/accept/" in erin.get(f"/sources/{source.pk}/").content.decode()
    page = erin.get(f"/sources/{source.pk}/accept/")
    facts = [fact["text"] for fact in page.context["facts"]]
    assert facts[:2] == ["36", "8"]  # thirty and two, and the policies of three chains in two families
    silent = erin.post(f"/sources/{source.pk}/accept/", {"because": " ", "seen": refused.pk})
    assert silent.status_code == 422
    put(tmp_path, *MANY[:1])  # what comes in later is not what was looked at
    assert erin.post(f"/sources/{source.pk}/accept/", {"because": WHY, "seen": refused.pk}).status_code == 302
    pull(begin("pull"))
    source.refresh_from_db()
    row = source.last_pull
    assert (row.state, row.accepts, row.rules, row.by) == ("ok", refused, None, people.erin)
    assert source.last_good != before
    assert source.last_good.observed_at == refused.finished_at
    assert source.last_seen_at == refused.finished_at
    assert row.finished_at > refused.finished_at
    assert smaller.held(source).rules == 8
    said = LedgerInbox.objects.get(data__verb="accept_shrink").data
    assert (said["because"], said["payload"]["rules"], said["actor"]["name"]) == (WHY, [36, 8], "Erin Walsh")
    assert f"/sources/{source.pk}/accept/" not in erin.get(f"/sources/{source.pk}/").content.decode()
    assert erin.get(f"/sources/{source.pk}/accept/").status_code == 403


def test_what_was_read_again_since_is_not_accepted(people: People, tmp_path: Path) -> None:
    source = shrunken(people, tmp_path)
    looked_at, good = source.last_pull, source.last_good
    put(tmp_path, *MANY[:1])
    assert read(source, people).error_code == "unexpected_shrink"
    page = browser(people.erin).post(f"/sources/{source.pk}/accept/", {"because": WHY, "seen": looked_at.pk})
    assert page.status_code == 409
    assert WHY in page.content.decode()
    assert Source.objects.get().last_good == good
    assert not LedgerInbox.objects.filter(data__verb="accept_shrink").exists()


def test_a_good_reading_that_came_before_the_job_ran_stands(people: People, tmp_path: Path) -> None:
    source = shrunken(people, tmp_path)
    smaller.accept(source, source.last_pull, because=WHY, by=people.erin)
    waiting = begin("pull")
    put(tmp_path, *MANY, allow_in(APP, "22"))
    row = sources.read_now(source, by=people.erin)
    pull(begin("pull"))
    pull(waiting)
    source.refresh_from_db()
    assert source.last_good.pull == row
    with pytest.raises(Refused):
        smaller.accept(source, row, because=WHY, by=people.erin)


@pytest.mark.parametrize("name", ["rita", "mina", "ada", "alex", "sam"])
def test_it_takes_an_engineer_or_the_owner(people: People, tmp_path: Path, name: str) -> None:
    source, person = shrunken(people, tmp_path), getattr(people, name)
    with pytest.raises(Refused):
        smaller.accept(source, source.last_pull, because=WHY, by=person)
    assert browser(person).get(f"/sources/{source.pk}/accept/").status_code in (403, 404)


def test_twice_is_refused_and_a_broken_dump_can_never_be_accepted(people: People, tmp_path: Path) -> None:
    source = shrunken(people, tmp_path)
    smaller.accept(source, source.last_pull, because=WHY, by=people.omar)
    with pytest.raises(Refused, match="already"):
        smaller.accept(source, source.last_pull, because=WHY, by=people.omar)
    (tmp_path / "iptables-save.txt").write_text(save(*FEW).replace("COMMIT\n", ""))
    pull(begin("pull"))
    broken = read(source, people)
    assert broken.error_code == "truncated"
    with pytest.raises(Refused):
        smaller.accept(source, broken, because=WHY, by=people.omar)


def test_an_upload_is_accepted_as_well(people: People) -> None:
    source = sources.add_source(server=servers(people)["pay-db-01"], kind="upload", name="by hand", by=people.erin)
    for rules in (MANY, FEW):
        sources.upload(source, [("iptables-save.txt", save(*rules).encode())], by=people.erin, at=timezone.now())
        pull(begin("pull"))
    source.refresh_from_db()
    assert source.last_pull.error_code == "unexpected_shrink"
    smaller.accept(source, source.last_pull, because=WHY, by=people.erin)
    pull(begin("pull"))
    source.refresh_from_db()
    assert [source.last_pull.state, Snapshot.objects.count(), Pull.objects.count()] == ["ok", 2, 3]


def test_a_file_is_not_uploaded_to_what_is_read_from_elsewhere(people: People, tmp_path: Path) -> None:
    source = source_of(servers(people)["pay-db-01"], put(tmp_path / "data"), people)
    with pytest.raises(Refused, match="read from its folder"):
        sources.upload(source, [("iptables-save.txt", b"x")], by=people.erin)


@pytest.mark.parametrize("how", ["altered", "lost"])
def test_where_the_stored_files_of_before_are_damaged_a_person_looks_and_it_goes_on(
    people: People, tmp_path: Path, how: str
) -> None:
    source = source_of(servers(people)["pay-db-01"], put(tmp_path, *MANY), people)
    assert read(source, people).state == "ok"
    source.refresh_from_db()
    for stored in (source.last_good.reading, *(one.stored for one in source.last_good.pull.artefacts.all())):
        place = place_of(stored.sha256)
        place.chmod(0o600)
        place.write_bytes(b"{}") if how == "altered" else place.unlink()
    put(tmp_path, *MANY, allow_in(APP, "5500"))
    refused = read(source, people)
    assert (refused.error_code, "damaged or lost" in refused.what) == ("unexpected_shrink", True)
    source.refresh_from_db()
    facts = browser(people.erin).get(f"/sources/{source.pk}/accept/").context["facts"]
    assert [fact["text"] for fact in facts][:2] == ["36", "37"], "as they were counted when they came"
    smaller.accept(source, source.last_pull, because=WHY, by=people.erin)
    pull(begin("pull"))
    source.refresh_from_db()
    assert source.last_pull.state == "ok"
    assert read(source, people).state == "unchanged"
