"""A link opens one pack until its end and nothing else, on record; what is asked for is answered once and for good."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from compliance.errors import NotAllowed, Refused
from compliance.models import LedgerInbox, Outbound, System
from evidence.actions import asks, links
from evidence.models import EvidenceAsk, EvidenceReply, Pack, PackLink
from tests.factories import servers
from tests.people import People, everybody

pytestmark = pytest.mark.django_db(transaction=True)
HASH = "ab" * 32


@pytest.fixture
def people() -> People:
    cache.clear()
    found = everybody()
    servers(found)
    return found


def built(people: People, **more: Any) -> Pack:
    """A pack of one system whose files lie where they belong."""
    today = timezone.localdate()
    said = {"since": today, "until": today, "as_of": timezone.now(), "marking": "OFFICIAL", "state": Pack.State.BUILT}
    row = Pack.objects.create(zip_sha256=HASH, fingerprint=HASH, **(said | more))
    row.systems.set([people.payroll])
    Path(settings.PACKS).mkdir(parents=True, exist_ok=True)
    for end in (".zip", ".pdf"):
        (Path(settings.PACKS) / f"{row.ref}-{HASH[:12]}{end}").write_bytes(b"the pack")
    return row


def made(people: People, pack: Pack, days: int = 9) -> tuple[PackLink, str]:
    """A link that Mina makes."""
    until = timezone.now() + timedelta(days=days)
    return links.make_link(pack, name="Kirra <b>Webb", until=until, by=people.mina)


def signed(person: Any) -> Client:
    """Somebody with a session."""
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def verbs(pack: Pack) -> list[str]:
    """What the log says was done with the pack."""
    rows = LedgerInbox.objects.filter(object_type="evidence.pack", object_id=pack.pk).order_by("pk")
    said = rows.values_list("data__verb", flat=True)
    return [verb for verb in said if verb != "write"]  # the rows this test wrote by itself


def test_it_opens_one_pack_and_no_other_page_and_each_visit_is_on_record(people: People) -> None:
    pack, other = built(people), built(people)
    link, token = made(people, pack)
    assert token not in PackLink.objects.get(pk=link.pk).digest
    nobody = Client()
    page = nobody.get(f"/share/{token}/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "Copy for Kirra &lt;b&gt;Webb" in text
    assert pack.ref in text
    assert other.ref not in text
    assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == ("private, no-store", "same-origin")
    for what in ("zip", "pdf"):
        assert b"".join(nobody.get(f"/share/{token}/{what}/").streaming_content) == b"the pack"
    assert verbs(pack) == ["share_pack", "open_link", "take_link", "take_link"]
    assert links.uses(pack)[link.pk][:2] == (1, 2)
    assert verbs(other) == []
    mine = f"/packs/{pack.ref}/"
    for path in ("/", "/packs/", mine, f"{mine}asks/", "/connections/", "/share/", "/audit/"):
        assert nobody.get(path).status_code in (302, 404), path
    shown = signed(people.mina).get(f"/packs/{pack.ref}/").content.decode()
    assert "read 1 time, 2 files taken" in shown
    assert token not in shown


def test_it_ends_by_itself_by_hand_and_with_who_made_it(people: People) -> None:
    pack = built(people)
    link, token = made(people, pack)
    assert links.link_of(token, at=link.expires_at - timedelta(seconds=1)) == link
    assert links.link_of(token, at=link.expires_at) is None
    PackLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() + timedelta(days=400))
    assert links.link_of(token) is None, "a longer life was written past the verb"
    link, token = made(people, pack)
    with pytest.raises(NotAllowed):
        links.end_link(link, by=people.erin)
    assert signed(people.mina).post(f"/packs/{pack.ref}/links/{link.pk}/end/").status_code == 302
    with pytest.raises(Refused):
        links.end_link(link, by=people.mina)
    for path in ("", "zip/", "pdf/"):
        assert Client().get(f"/share/{token}/{path}").status_code == 404
    link, token = made(people, pack)
    people.mina.is_active = False
    people.mina.save()
    assert links.link_of(token) is None


def test_who_may_make_one_of_what_and_for_how_long(people: People) -> None:
    pack, until = built(people), timezone.now() + timedelta(days=2)
    for person in (people.ada, people.erin, people.rita, people.alex, people.sam):
        with pytest.raises(NotAllowed):
            links.make_link(pack, name="x", until=until, by=person)
    failed = built(people, state=Pack.State.FAILED)
    for row, name, end in ((failed, "x", until), (pack, " ", until), (pack, "x", timezone.now()),
                           (pack, "x", timezone.now() + timedelta(days=32))):  # fmt: skip
        with pytest.raises(Refused):
            links.make_link(row, name=name, until=end, by=people.mina)
    System.objects.filter(pk=people.payroll.pk).update(classification="P")
    with pytest.raises(Refused, match="PROTECTED"):
        made(people, pack)
    assert not PackLink.objects.exists()


def test_guessing_is_slowed_down_and_says_nothing(people: People) -> None:
    guess = Client(REMOTE_ADDR="203.0.113.7")
    answers = [guess.get(f"/share/ewl_{number}/").status_code for number in range(22)]
    assert answers[0] == 404
    assert answers[-1] == 429


def test_what_is_asked_by_a_link_is_answered_there_and_by_others_not_seen(people: People) -> None:
    pack = built(people)
    (link, token), (_, other) = made(people, pack), made(people, pack)
    reader = Client(enforce_csrf_checks=True)
    assert reader.post(f"/share/{token}/", {"text": "Hello"}).status_code == 403
    reader = Client()
    assert reader.post(f"/share/{token}/", {"text": " "}).status_code == 422
    assert reader.post(f"/share/{token}/", {"text": "The <script>plan"}).status_code == 302
    [row] = EvidenceAsk.objects.all()
    assert (row.link, row.asked_by) == (link, None)
    assert Outbound.objects.filter(to=people.omar, path=f"/packs/{pack.ref}/asks/").exists()
    with pytest.raises(NotAllowed):
        asks.answer(row, text="No.", by=people.ada)
    given = {"text": "Here.", "file": SimpleUploadedFile("plan.svg", b"<svg onload=alert(1)>"), "other": ""}
    assert signed(people.omar).post(f"/packs/{pack.ref}/asks/{row.pk}/answer/", given).status_code == 302
    [reply] = EvidenceReply.objects.all()
    page = reader.get(f"/share/{token}/").content.decode()
    assert "plan.svg" in page
    assert "The &lt;script&gt;plan" in page
    file = reader.get(f"/share/{token}/replies/{reply.pk}/")
    assert (file.content, file.headers["Content-Type"]) == (b"<svg onload=alert(1)>", "application/octet-stream")
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert reader.get(f"/share/{other}/replies/{reply.pk}/").status_code == 404
    assert "plan.svg" not in reader.get(f"/share/{other}/").content.decode()
    assert signed(people.sam).get(f"/packs/{pack.ref}/replies/{reply.pk}/").status_code == 404
    assert signed(people.ada).get(f"/packs/{pack.ref}/replies/{reply.pk}/").status_code == 200
    with pytest.raises(ValueError, match="not changed"):
        reply.save()
    EvidenceAsk.objects.bulk_create([EvidenceAsk(pack=pack, link=link, text="x") for _ in range(asks.BY_A_LINK)])
    with pytest.raises(Refused, match="wait for an answer"):
        asks.ask_by_link(link, text="And more")


def test_an_auditor_asks_and_is_told_and_no_pack_of_other_systems_is_given(people: People) -> None:
    pack, other = built(people), built(people)
    other.systems.set([people.platform])
    with pytest.raises(NotAllowed):
        asks.ask(pack, text="Why?", by=people.omar)
    row = asks.ask(pack, text="The register of October.", by=people.ada)
    with pytest.raises(Refused, match="other systems"):
        asks.answer(row, text="There.", other=other, by=people.mina)
    for text, file in ((" ", None), ("x" * 2001, None), ("There.", ("empty", b""))):
        with pytest.raises(Refused):
            asks.answer(row, text=text, file=file, by=people.mina)
    asks.answer(row, text="There.", other=built(people), by=people.mina)
    assert Outbound.objects.filter(to=people.ada, path=f"/packs/{pack.ref}/asks/").exists()
    assert verbs(pack)[-2:] == ["ask_evidence", "answer_evidence"]
    assert "1 question" in signed(people.ada).get(f"/packs/{pack.ref}/").content.decode()
