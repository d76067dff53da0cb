"""The verifier names exactly the member that was tampered with, whatever was done to the pack."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest

from evidence.packs import seal, verify
from evidence.packs.archive import zip_bytes
from tests.packs.conftest import Genuine


def problems(path: Path) -> dict[str, str]:
    report = verify.verify(path)
    assert report.ok is (not report.members)
    return report.members


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_the_genuine_pack_is_sound_and_says_what_it_did_not_check(genuine: Genuine) -> None:
    report = verify.verify(genuine.written())
    assert report.ok
    assert not report.trusted
    assert report.signer == genuine.key.fingerprint
    assert report.counts == genuine.bound.counts
    assert report.pack == "PCK-42"
    assert any(line.startswith("signer not checked: compare the fingerprint") for line in report.not_checked)
    assert any("ledger proofs" in line for line in report.not_checked)


@pytest.mark.parametrize("shape", ["{}", "{} ", "AA:{}"])
def test_the_fingerprint_is_compared_as_people_write_it(genuine: Genuine, shape: str) -> None:
    own = genuine.key.fingerprint
    written = shape.format(":".join(own[at : at + 2].upper() for at in range(0, 64, 2)))
    report = verify.verify(genuine.written(), written)
    assert (report.ok, report.trusted) == ((True, True) if "AA" not in shape else (False, False))


def test_packing_it_anew_or_in_another_order_changes_nothing(genuine: Genuine) -> None:
    members = genuine.members()
    assert not problems(genuine.written(members))
    assert not problems(genuine.written(dict(reversed(members.items()))))


def test_every_flipped_byte_is_named_and_nothing_else(genuine: Genuine) -> None:
    members = genuine.members()
    chance = random.Random(1479)
    for name, data in members.items():
        spots = {len(data) // 2, 0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(5))}
        for at in spots:
            found = problems(genuine.written({**members, name: flipped(data, at)}))
            assert list(found) == [name], f"{name} flipped at {at}: {found}"


def test_every_bit_of_the_signature_file_matters(genuine: Genuine) -> None:
    members = genuine.members()
    data = members[verify.SIGNATURE]
    for at in range(0, len(data), 3):
        for bit in (1, 32):
            changed = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            assert list(problems(genuine.written({**members, verify.SIGNATURE: changed}))) == [verify.SIGNATURE]


def test_every_removed_or_longer_member_is_named(genuine: Genuine) -> None:
    members = genuine.members()
    for name, data in members.items():
        without = {other: content for other, content in members.items() if other != name}
        assert list(problems(genuine.written(without))) == [name]
        assert list(problems(genuine.written({**members, name: data + b" "}))) == [name]
        assert list(problems(genuine.written({**members, name: b""}))) == [name]


@pytest.mark.parametrize("name", ["data/extra.csv", "../escape.txt", "C:\\x", "rules/", "/etc/x", "a\u202eb"])
def test_every_added_member_is_named(genuine: Genuine, name: str) -> None:
    named = problems(genuine.written({**genuine.members(), name: b"x"}))
    assert list(named) == [name]


def test_a_member_twice_is_named(genuine: Genuine) -> None:
    members = genuine.members()
    path = genuine.written(members)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("VERIFY.txt", members["VERIFY.txt"])
    assert list(problems(path)) == ["VERIFY.txt"]


def test_a_bomb_is_named_without_being_unpacked(genuine: Genuine) -> None:
    members = genuine.members()
    path = genuine.written(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, bytes(200 << 20) if name == "VERIFY.txt" else data)
    assert list(problems(path)) == ["VERIFY.txt"]


@pytest.mark.parametrize("how", ["after", "before", "comment", "far after", "cut"])
def test_bytes_around_the_members_are_named_as_the_file_itself(genuine: Genuine, how: str) -> None:
    raw = genuine.bound.archive
    comment = io.BytesIO(raw)
    with zipfile.ZipFile(comment, "a") as archive:
        archive.comment = b"hello"
    changed = {"after": raw + b"x", "before": b"x" * 40 + raw, "comment": comment.getvalue(),
               "far after": raw + bytes(1 << 17), "cut": raw[:-300]}[how]  # fmt: skip
    path = genuine.folder / "around.zip"
    path.write_bytes(changed)
    assert list(problems(path)) == ["around.zip"]


def test_bytes_hidden_between_members_are_named(genuine: Genuine) -> None:
    raw = genuine.bound.archive
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        start = archive.start_dir
    end = raw.rindex(b"PK\x05\x06")
    moved = raw[end : end + 16] + (start + 8).to_bytes(4, "little") + raw[end + 20 :]
    path = genuine.folder / "hidden.zip"
    path.write_bytes(raw[:start] + b"smuggled" + raw[start:end] + moved)
    assert list(problems(path)) == ["hidden.zip"]


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 but nothing", zip_bytes([("readme.txt", b"x")])])
def test_what_is_not_a_pack_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(verify.NotAPack):
        verify.verify(path)


def test_signed_again_by_a_stranger(genuine: Genuine, stranger: seal.Seal) -> None:
    members = genuine.members()
    manifest, pdf = members[verify.MANIFEST], members["pack.pdf"]
    forged = seal.sign_lines(stranger, manifest=manifest, document="pack.pdf", content=pdf)
    assert set(problems(genuine.written({**members, verify.SIGNATURE: forged}))) == {verify.SIGNATURE, "pack.pdf"}
    claims = json.loads(manifest)
    claims["signer"] = stranger.signer()
    manifest = verify.canonical(claims)
    pdf = seal.sign_pdf(stranger, unsigned(genuine))
    signature = seal.sign_lines(stranger, manifest=manifest, document="pack.pdf", content=pdf)
    whole = {**members, verify.MANIFEST: manifest, "pack.pdf": pdf, verify.SIGNATURE: signature}
    path = genuine.written(whole)
    assert verify.verify(path).ok  # sound in itself: only the fingerprint tells
    report = verify.verify(path, genuine.key.fingerprint)
    assert (report.ok, report.trusted, list(report.members)) == (False, False, [verify.SIGNATURE])


def unsigned(genuine: Genuine) -> bytes:
    """The document as it was before its field was filled."""
    return seal.emptied(genuine.members()["pack.pdf"])


def test_a_document_that_is_not_signed_as_a_whole(genuine: Genuine, stranger: seal.Seal) -> None:
    """Even the holder of the key cannot pass a document whose own signature leaves something out."""
    members = genuine.members()
    pdf = members["pack.pdf"]
    at = pdf.index(b"/Contents <") + 400
    cases = {
        "does not cover": pdf + b"\n% added",
        "not one": pdf.replace(b"/ByteRange", b"/ByteWange"),
        "does not cover the": unsigned(genuine),
        "does not hold": pdf[:2000] + bytes([pdf[2000] ^ 1]) + pdf[2001:],
        "another key": seal.sign_pdf(stranger, unsigned(genuine)),
        "damaged": pdf[:at] + b"zz" + pdf[at + 2 :],
    }
    for why, document in cases.items():
        signature = seal.sign_lines(
            genuine.key, manifest=members[verify.MANIFEST], document="pack.pdf", content=document
        )
        found = problems(genuine.written({**members, "pack.pdf": document, verify.SIGNATURE: signature}))
        assert list(found) == ["pack.pdf"]
        assert why in found["pack.pdf"]


def test_counts_that_the_lists_do_not_bear_out(genuine: Genuine) -> None:
    members = genuine.members()
    claims = json.loads(members[verify.MANIFEST])
    claims["counts"]["exceptions"] = 0
    manifest = verify.canonical(claims)
    signature = seal.sign_lines(genuine.key, manifest=manifest, document="pack.pdf", content=members["pack.pdf"])
    found = problems(genuine.written({**members, verify.MANIFEST: manifest, verify.SIGNATURE: signature}))
    assert list(found) == [verify.MANIFEST]
    assert "counts" in found[verify.MANIFEST]


def test_nothing_is_sound_where_openssl_is_missing(genuine: Genuine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    report = verify.verify(genuine.written())
    assert not report.ok
    assert "no openssl command" in report.members[verify.SIGNATURE]


def test_the_copy_in_the_pack_runs_alone(genuine: Genuine, tmp_path: Path) -> None:
    """As the auditor does it: unpack verify.py, run it with a bare Python, read the exit status."""
    members = genuine.members()
    (tmp_path / "verify.py").write_bytes(members["verify.py"])

    def run(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), str(path), *more]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    good = run(genuine.written(), "--json", "--fingerprint", genuine.key.fingerprint)
    assert (good.returncode, json.loads(good.stdout)["trusted"]) == (0, True)
    bad = run(genuine.written({**members, "VERIFY.txt": b"x"}, name="bad.zip"), "--json")
    told = json.loads(bad.stdout)
    assert (bad.returncode, told["ok"], [one["path"] for one in told["members"]]) == (1, False, ["VERIFY.txt"])
    assert "compare the fingerprint" in run(genuine.written()).stdout
    (tmp_path / "no.zip").write_bytes(b"no")
    assert run(tmp_path / "no.zip", "--json").returncode == 2
