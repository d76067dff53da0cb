"""Dumps that a host pushes: one token, one source; what is odd, too much or nobody's is refused in words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from compliance.errors import Refused
from compliance.models import LedgerInbox
from evidence.actions import push as verbs
from evidence.actions import sources
from evidence.models import Pull, PushToken, Source
from tests.evidence.site import APP, Site, allow_in, read, save

pytestmark = pytest.mark.django_db(transaction=True)
YEAR = timedelta(days=365)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def source(site: Site) -> Source:
    server = site.servers["pay-db-01"]
    Source.objects.filter(server=server).update(enabled=False)
    return sources.add_source(server=server, kind="push", name="pay-db-01 pushed", by=site.people.alex)


@pytest.fixture
def token(site: Site, source: Source) -> str:
    return verbs.make_push_token(source, until=timezone.now() + YEAR, by=site.people.alex)[1]


def dumps(**files: str) -> dict[str, Any]:
    """A form with these files; "_" in a name stands for "-"."""
    return {
        "dumps": [SimpleUploadedFile(name.replace("_", "-") + ".txt", text.encode()) for name, text in files.items()]
    }


WHOLE = {"iptables_save": save(allow_in(APP, "5432")), "ip6tables_save": save(tool="ip6tables-save")}


def sent(token: str, data: dict[str, Any] | None = None, **headers: str) -> Any:
    """A push by a client that enforces everything browsers' requests are held to."""
    asked = {"Authorization": f"Bearer {token}", **headers}
    return Client(enforce_csrf_checks=True).post("/push/", dumps(**WHOLE) if data is None else data, headers=asked)


def test_what_a_host_pushes_is_kept_read_and_compared(site: Site, source: Source, token: str) -> None:
    answer = sent(token)
    assert (answer.status_code, answer.json()["source"]) == (202, "pay-db-01 pushed")
    assert [each["name"] for each in answer.json()["files"]] == ["iptables-save.txt", "ip6tables-save.txt"]
    assert read(source, site.people).state == "ok"
    assert sent(token).status_code == 202
    assert read(source, site.people).state == "unchanged"
    assert Source.objects.get(pk=source.pk).last_good is not None
    assert PushToken.objects.get().last_used_at is not None


def test_a_push_cut_short_never_takes_the_place_of_the_last_good_one(site: Site, source: Source, token: str) -> None:
    sent(token)
    good = read(source, site.people)
    assert sent(token, dumps(iptables_save=WHOLE["iptables_save"][:-80])).status_code == 202
    assert read(source, site.people).state == "failed"
    assert Source.objects.get(pk=source.pk).last_good == good.snapshot


@pytest.mark.parametrize("wrong", ["", "ewp_", "ewt_x", "ewp_" + "x" * 43])
def test_without_its_token_nothing_is_taken_and_no_source_is_told(token: str, wrong: str) -> None:
    answer = sent(wrong)
    assert (answer.status_code, "ewp_…" in answer.json()["next_step"]) == (401, True)
    assert "pay-db-01" not in answer.content.decode()
    assert not Pull.objects.filter(by=None).exists()


def test_a_token_that_was_revoked_or_is_past_its_end_opens_nothing(site: Site, source: Source, token: str) -> None:
    row = PushToken.objects.get()
    assert verbs.source_of(token, at=row.expires_at) is None
    PushToken.objects.update(expires_at=row.made_at + 3 * YEAR)
    assert verbs.source_of(token) is None
    PushToken.objects.update(expires_at=row.expires_at)
    assert sent(token).status_code == 202
    verbs.revoke_push_token(row, because="Seen in a log.", by=site.people.alex)
    assert sent(token).status_code == 401


def test_a_token_is_made_by_who_manages_sources_and_is_kept_nowhere(site: Site, source: Source, token: str) -> None:
    with pytest.raises(Refused):
        verbs.make_push_token(source, until=timezone.now() + YEAR, by=site.people.rita)
    with pytest.raises(Refused):
        verbs.make_push_token(source, until=timezone.now() + 2 * YEAR, by=site.people.alex)
    with pytest.raises(Refused):
        verbs.make_push_token(site.sources[0], until=timezone.now() + YEAR, by=site.people.alex)
    assert not any(token in str(row.data) for row in LedgerInbox.objects.all())
    assert token not in str(PushToken.objects.values())


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({}, "No file came"),
        ({"dumps": [SimpleUploadedFile("x y.txt", b"1")]}, "no plain file name"),
        ({"dumps": [SimpleUploadedFile("a.txt", b"1"), SimpleUploadedFile("a.txt", b"2")]}, "Two files"),
        ({"dumps": [SimpleUploadedFile(f"{number}.txt", b"1") for number in range(65)]}, "65 files"),
    ],
)
def test_what_is_odd_is_refused_in_words(token: str, files: dict[str, Any], word: str) -> None:
    answer = sent(token, files)
    assert (answer.status_code, word in answer.json()["why"]) == (422, True)
    assert answer.json()["next_step"]


def test_too_much_is_refused_before_it_is_read(token: str, settings: Any) -> None:
    settings.UPLOAD_LIMIT_BYTES = 100
    assert sent(token).status_code == 413


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--x\r\nContent-Disposition: form-data; name=", "multipart/form-data; boundary=x"),
        (b"--x", "multipart/form-data"),
        (b"{}", "application/json"),
    ],
)
def test_a_body_that_is_no_whole_form_is_refused(token: str, body: bytes, kind: str) -> None:
    answer = Client().post("/push/", body, content_type=kind, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code in {400, 422}
    assert answer.json()["next_step"]


def test_pushes_faster_than_they_are_read_wait(token: str) -> None:
    assert [sent(token).status_code for _ in range(4)] == [202, 202, 202, 429]
    assert sent(token).headers["Retry-After"] == "60"


def test_a_paused_source_takes_nothing(site: Site, source: Source, token: str) -> None:
    sources.pause(source, on=True, by=site.people.alex)
    answer = sent(token)
    assert (answer.status_code, "is paused" in answer.json()["why"]) == (422, True)


def test_guessing_is_slowed_down_and_the_door_takes_posts_only(token: str) -> None:
    answers = [sent("ewp_" + "y" * 43).status_code for _ in range(22)]
    assert answers[0] == 401
    assert answers[-1] == 429
    assert Client().get("/push/").status_code == 405
