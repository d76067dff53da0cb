"""The page that verifies a pack: what it says of a sound one, a changed one, no pack, too much, and none at all."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from evidence.packs import verify
from evidence.packs.verify_child import NotChecked, check_in_child
from evidence.views.verifying import fingerprint
from tests.packs.clock import Authority
from tests.packs.conftest import Genuine
from tests.people import everybody

pytestmark = pytest.mark.django_db
URL = "/packs/verify/"


@pytest.fixture
def page() -> Client:
    made = Client(enforce_csrf_checks=False)
    made.force_login(everybody().ada, backend="allauth.account.auth_backends.AuthenticationBackend")
    return made


def asked(page: Client, content: bytes, typed: str = "", *, name: str = "brought.zip") -> tuple[int, str]:
    """The status and the page for one upload."""
    answer = page.post(URL, {"file": SimpleUploadedFile(name, content), "fingerprint": typed})
    return answer.status_code, answer.content.decode()


def test_a_sound_pack_is_intact_until_its_signer_is_typed(page: Client, genuine: Genuine) -> None:
    status, text = asked(page, genuine.bound.archive)
    assert status == 200
    assert "intact, signer not checked" in text
    assert "No key of this installation signed it" in text, "another key than this installation's made it"
    assert "there is no outside time-stamp" in text, "what was not checked is said"
    assert "When it was made" not in text
    status, text = asked(page, genuine.bound.archive, verify.grouped(genuine.key.fingerprint).upper())
    assert (status, "sound, and signed by the key you typed" in text) == (200, True)


def test_whose_time_stamp_it_is_shows_against_a_certificate_that_is_brought(
    page: Client, stamped: tuple[Genuine, Authority]
) -> None:
    pack, authority = stamped
    _, text = asked(page, pack.bound.archive)
    assert text.count("This is what it calls itself") == 2, "over the manifest and in the PDF"
    assert "no certificate of it was given" in text

    def beside(certificates: bytes) -> str:
        files = {
            "file": SimpleUploadedFile("brought.zip", pack.bound.archive),
            "authority": SimpleUploadedFile("tsa.pem", certificates),
        }
        return page.post(URL, {**files, "fingerprint": ""}).content.decode()

    text = beside(authority.file.read_bytes())
    assert text.count("It leads to the certificate you gave") == 2
    assert "intact, signer not checked" in text
    text = beside(pack.key.certificate.public_bytes(Encoding.PEM))
    assert "not sound" in text
    assert "does not lead to the authority given" in text
    for wrong in (b"0\x82 no PEM", b"-----BEGIN CERTIFICATE-----" + bytes(70_000)):
        assert "holds no certificate in PEM" in beside(wrong)


def test_each_wrong_member_is_named_and_another_key_is_too(page: Client, genuine: Genuine) -> None:
    members = genuine.members()
    changed = genuine.written({**members, "VERIFY.txt": b"x" * len(members["VERIFY.txt"]), "minutes.md": b""})
    _, text = asked(page, changed.read_bytes())
    assert "not sound" in text
    assert "intact" not in text
    assert "<code>VERIFY.txt</code>" in text
    assert "<code>minutes.md</code>" in text
    _, text = asked(page, genuine.bound.archive, "a" * 64)
    assert "not sound" in text
    assert "<code>manifest.sig</code>" in text


def test_what_is_no_pack_and_what_is_no_fingerprint_is_said_and_calls_nothing_sound(
    page: Client, genuine: Genuine
) -> None:
    status, text = asked(page, b"PK\x05\x06" + b"\0" * 18)
    assert (status, "This is not a pack" in text) == (200, True)
    status, text = asked(page, genuine.bound.archive, genuine.key.fingerprint[:20])
    assert (status, "A fingerprint has 64 digits" in text) == (200, True)
    assert "This field is required" in page.post(URL, {}).content.decode()
    for name in ("<script>x.zip", "\u202efdp.zip"):
        _, text = asked(page, genuine.bound.archive, name=name)
        assert "<script>x.zip" not in text


def test_a_body_that_is_too_large_is_refused_unread_and_nothing_is_kept(
    page: Client, genuine: Genuine, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    asked(page, genuine.bound.archive)
    assert list(tmp_path.iterdir()) == []
    settings.UPLOAD_LIMIT_BYTES = 100
    status, text = asked(page, bytes(100_000))
    assert (status, "larger than the" in text) == (403, True)


def test_the_form_is_sent_by_this_page_alone(genuine: Genuine) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(everybody().ada, backend="allauth.account.auth_backends.AuthenticationBackend")
    status, text = asked(strict, genuine.bound.archive)
    assert (status, "intact" in text) == (403, False)


def test_a_check_that_does_not_end_says_nothing_of_the_pack(genuine: Genuine) -> None:
    path = genuine.written()
    assert check_in_child(path) == verify.verify(path).as_json(), "the child is the one verifier"
    with pytest.raises(NotChecked, match="processor time"):
        check_in_child(path, cpu_s=0)
    large = {**genuine.members(), verify.MANIFEST: b" " * (50 << 20)}
    with pytest.raises(NotChecked, match="memory"):
        check_in_child(genuine.written(large, name="large.zip"), memory=64 << 20)
    with pytest.raises(NotChecked, match="longer than"):
        check_in_child(path, wall_s=0.01)


def test_a_key_that_cannot_be_read_is_said_and_the_pack_checked_all_the_same(
    page: Client, genuine: Genuine, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "packs").mkdir()
    settings.KEYS = tmp_path
    assert fingerprint() == ""
    _, text = asked(page, genuine.bound.archive)
    assert "intact, signer not checked" in text
    assert "own key cannot be read" in text
