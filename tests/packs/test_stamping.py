"""Time-stamps by an authority of our own over real HTTP: over the manifest and in the signature when it answers, said
plainly when not; and what the verifier says of them, whatever was done to them."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from asn1crypto import tsp, x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from evidence.packs import joined, render, seal, stamping, verify, verify_stamps
from tests.packs.clock import Authority
from tests.packs.conftest import Genuine

AT = datetime.datetime(2026, 10, 31, 13, 0, tzinfo=datetime.UTC)
PAGE = render.Order("<!doctype html><html lang='en'><title>t</title><p>Hello", "PCK-1", AT)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    made = Authority(tmp_path)
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def document(key: seal.Seal) -> bytes:
    kept = key.stamps.certificates if key.stamps else ()
    return render.render_in_child(PAGE, seal=joined.Field(key.name, "Evidence pack PCK-1", AT, kept))


def test_the_stamp_stands_in_the_only_revision_with_its_certificates(authority: Authority, tmp_path: Path) -> None:
    key = seal.timed(seal.open_seal(tmp_path / "keys", at=AT), authority.url, authority.file)
    assert key.stamps is not None, key.time_said
    assert "Clock of the tests" in key.time_said
    assert "not compared" not in key.time_said
    pdf = seal.sign_pdf(key, document(key))
    assert authority.asked == 2
    assert pdf.count(b"%%EOF") == 1
    [signature] = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    roots = [x509.Certificate.load(key.authority.public_bytes(serialization.Encoding.DER))]
    told = validate_pdf_signature(signature, ValidationContext(trust_roots=roots, moment=AT, allow_fetching=False))
    assert (told.intact, told.valid) == (True, True)
    assert told.timestamp_validity is not None
    assert (told.timestamp_validity.intact, told.timestamp_validity.valid) == (True, True)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert [one.read_bytes() for one in opened.Root.DSS.Certs] == list(key.stamps.certificates)


@pytest.mark.parametrize("wrong", ["busy", "words", "flipped"])
def test_an_authority_that_gives_no_stamp_is_said_and_the_pack_is_signed_without(
    authority: Authority, tmp_path: Path, wrong: str
) -> None:
    authority.wrong = wrong
    key = seal.timed(seal.open_seal(tmp_path / "keys", at=AT), authority.url, authority.file)
    assert key.stamps is None
    assert key.time_said.startswith("None: the authority at 127.0.0.1 gave no stamp that holds (")


def test_another_authority_than_the_one_named_is_not_taken_and_any_is_where_none_is(
    authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    stranger.server.server_close()
    assert "does not lead to the authority" in stamping.ask(authority.url, stranger.file)[1]
    stamps, said = stamping.ask(authority.url, None)
    assert stamps is not None
    assert "not compared with any authority" in said
    assert "gave no stamp" in stamping.ask(stranger.url, stranger.file)[1]
    assert "EASTWEST_TIMESTAMP_URL" in stamping.ask("", None)[1]


def test_an_authority_that_stops_answering_in_between_leaves_nothing_half_signed(
    authority: Authority, tmp_path: Path
) -> None:
    key = seal.timed(seal.open_seal(tmp_path / "keys", at=AT), authority.url, authority.file)
    page = document(key)
    authority.wrong = "busy"
    with pytest.raises(seal.SealError, match=r"gave no stamp for them.*Build the pack again"):
        seal.sign_pdf(key, page)


def signed_again(pack: Genuine, **changed: bytes) -> Path:
    """The pack with another stamp or document, signed by the very key: only what a stamp itself shows is left."""
    members = {**pack.members(), **{name.replace("_", "."): data for name, data in changed.items()}}
    members[verify.SIGNATURE] = seal.sign_lines(
        pack.key, manifest=members[verify.MANIFEST], document="pack.pdf", content=members["pack.pdf"],
        stamp=members[verify.STAMP],
    )  # fmt: skip
    return pack.written(members)


def stamp_by(authority: Authority, data: bytes) -> bytes:
    """An authority's answer over some bytes."""
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(data).digest()}
    asked = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "cert_req": True, "nonce": 2**62 + 1})
    return bytes(authority.stamper.request_tsa_response(asked).dump())


def test_both_stamps_are_said_with_authority_and_moment(stamped: tuple[Genuine, Authority]) -> None:
    pack, authority = stamped
    report = verify.verify(pack.written())
    assert report.ok, report.members
    assert [(one["path"], one["authority"], one["trusted"]) for one in report.stamps] == [
        ("manifest.tsr", "Clock of the tests", False), ("pack.pdf", "Clock of the tests", False)
    ]  # fmt: skip
    assert any("no certificate of it was given (--authority FILE)" in line for line in report.not_checked)
    told = verify.verify(pack.written(), authority=str(authority.file))
    assert told.ok, told.members
    assert [one["trusted"] for one in told.stamps] == [True, True]
    assert "which leads to the certificate given" in verify.told(told)
    assert not any("time-stamp" in line or "--authority" in line for line in told.not_checked)
    assert "Over the manifest (manifest.tsr)" in json.loads(pack.members()[verify.MANIFEST])["time_stamp"]
    assert "--authority" in pack.members()["VERIFY.txt"].decode()


def test_a_pack_without_a_stamp_is_said_to_have_none(genuine: Genuine) -> None:
    report = verify.verify(genuine.written())
    assert (report.ok, report.stamps) == (True, [])
    assert sum(verify_stamps.NONE in line for line in report.not_checked) == 2


def test_every_byte_of_the_stamp_and_the_stamp_itself_are_missed(stamped: tuple[Genuine, Authority]) -> None:
    pack, _ = stamped
    members = pack.members()
    stamp = members.pop(verify.STAMP)
    assert list(verify.verify(pack.written(members)).members) == [verify.STAMP]
    for at in (0, 5, len(stamp) // 3, len(stamp) // 2, len(stamp) - 1):
        flipped = stamp[:at] + bytes([stamp[at] ^ 1]) + stamp[at + 1 :]
        assert list(verify.verify(pack.written({**members, verify.STAMP: flipped})).members) == [verify.STAMP]
    assert list(verify.verify(pack.written({**members, verify.STAMP: stamp + b"x"})).members) == [verify.STAMP]


def test_a_stamp_added_to_a_pack_that_had_none_is_named(genuine: Genuine, stamped: tuple[Genuine, Authority]) -> None:
    stamp = stamp_by(stamped[1], genuine.members()[verify.MANIFEST])
    found = verify.verify(genuine.written({**genuine.members(), verify.STAMP: stamp})).members
    assert found == {verify.STAMP: "is not in the manifest: it was added"}


def test_what_the_holder_of_the_key_cannot_pass_as_a_stamp(stamped: tuple[Genuine, Authority], tmp_path: Path) -> None:
    pack, authority = stamped
    manifest, good = pack.members()[verify.MANIFEST], pack.members()[verify.STAMP]
    (tmp_path / "late").mkdir()
    late = Authority(tmp_path / "late", clock=datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=500))
    late.server.server_close()
    at = len(good) - 40  # inside the signature's value
    for stamp, said in (
        (stamp_by(authority, manifest + b" "), "is over something else"),
        (good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :], "its signature does not hold"),
        (stamp_by(late, manifest), "the certificate of Clock of the tests was not valid then"),
        (b"no stamp", "is damaged"),
        (good[:-200], "is damaged"),
    ):
        report = verify.verify(signed_again(pack, manifest_tsr=stamp))
        assert list(report.members) == [verify.STAMP]
        assert said in report.members[verify.STAMP]


def test_another_authority_than_the_one_given_is_named_and_no_certificate_is_wrong_use(
    stamped: tuple[Genuine, Authority], tmp_path: Path
) -> None:
    stranger = Authority(tmp_path)
    stranger.server.server_close()
    report = verify.verify(stamped[0].written(), authority=str(stranger.file))
    assert set(report.members) == {verify.STAMP, "pack.pdf"}
    assert all("does not lead to the authority given" in problem for problem in report.members.values())
    assert report.members["pack.pdf"].startswith("its time-stamp is by Clock of the tests")
    for wrong in (tmp_path / "gone.pem", stamped[0].written()):
        with pytest.raises(verify.NotAPack, match="holds no certificate"):
            verify.verify(stamped[0].written(), authority=str(wrong))


def test_the_stamp_in_a_pdf_is_over_its_own_signature(stamped: tuple[Genuine, Authority]) -> None:
    """The token of another document, put where this one's stands, is named; so is one that is changed."""
    pack, authority = stamped
    pdf = pack.members()["pack.pdf"]
    token, value = verify_stamps.token_of_pdf(pdf)
    others = (tsp.TimeStampResp.load(stamp_by(authority, value + b" "))["time_stamp_token"].dump() for _ in range(100))
    other = next(one for one in others if len(one) == len(token))  # its numbers vary by a byte
    changed = pdf.replace(token.hex().encode(), other.hex().encode())
    assert changed != pdf
    report = verify.verify(signed_again(pack, pack_pdf=changed))
    assert report.members == {"pack.pdf": "its time-stamp is over something else"}


def test_a_stamp_whose_certificate_has_ended_since_still_says_its_moment(
    genuine: Genuine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=300)
    old = Authority(tmp_path, clock=then)
    old.server.server_close()

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Later:
            return cls(2056, 1, 1, tzinfo=tz)

    monkeypatch.setattr(verify_stamps, "datetime", Later)
    members = genuine.members()
    stamp = stamp_by(old, members[verify.MANIFEST])
    members[verify.SIGNATURE] = seal.sign_lines(
        genuine.key, manifest=members[verify.MANIFEST], document="pack.pdf", content=members["pack.pdf"], stamp=stamp
    )
    report = verify.verify(genuine.written({**members, verify.STAMP: stamp}), authority=str(old.file))
    assert (report.ok, [one["at"] for one in report.stamps]) == (True, [f"{then:%Y-%m-%dT%H:%M:%SZ}"])
    assert any("was kept safe since" in line and "was valid when it stamped" in line for line in report.not_checked)


def test_the_copies_in_the_pack_say_it_alone(stamped: tuple[Genuine, Authority], tmp_path: Path) -> None:
    pack, authority = stamped
    for name in ("verify.py", "verify_stamps.py"):
        (tmp_path / name).write_bytes(pack.members()[name])
    command = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), str(pack.written()), "--json"]
    command += ["--authority", str(authority.file)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    # -I leaves the folder of the script out of the path: the parts are not found, and that is said
    assert said.returncode == 0, said.stderr
    assert any("verify_stamps.py is not beside this file" in line for line in json.loads(said.stdout)["not_checked"])
    del command[1]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout)
    assert [one["trusted"] for one in told["stamps"]] == [True, True]
