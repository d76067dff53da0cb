#!/usr/bin/env python3
"""Checks an evidence pack: python3 verify.py PACK.zip [--fingerprint HEX] [--authority PEM] [--json]

Needs Python 3.8 or later and openssl, no network. The copy in a pack can be forged with it: get one by another way.
Checked: the ZIP has nothing before, between or after its members and none twice; the signature of manifest.sig; the
SHA-256 of manifest.json and of the document; the signature inside pack.pdf, that it covers every byte of the file
and is made by the same key; size and SHA-256 of all other members, none missing or added; the counts printed against
data/verdicts.csv; by the files beside this one the ledger's proofs, the samples and the time-stamps; with --fingerprint
who signed, with --authority whose time it is. What was not checked is always listed.
Exit status: 0 sound, 1 not sound, 2 not a pack at all (or wrong use).
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import csv
import hashlib
import importlib
import io
import json
import re
import shutil
import subprocess  # for the openssl command, called by its full path with fixed arguments
import sys
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PARTS = {"verify_notes": "ledger proofs", "verify_sampling": "samples", "verify_stamps": "time-stamps"}  # beside this
parts: dict[str, Any] = {}
for part in PARTS:
    with contextlib.suppress(ImportError):
        parts[part] = importlib.import_module(f"evidence.packs.{part}" if __package__ else part)

MANIFEST, SIGNATURE, STAMP, VERDICTS = "manifest.json", "manifest.sig", "manifest.tsr", "data/verdicts.csv"
BEGINNINGS = (b"pack.pdf", b"pack.html", b"manifest.json")  # first member of every pack; tells a broken pack
FORMAT, ALGORITHM, RSA = "eastwest-pack/1", "ECDSA P-256, SHA-256, DER", "RSA, PKCS #1 v1.5, SHA-256"
RSA_KEY = bytes.fromhex("06092a864886f70d010101")  # how the DER of a public key names its kind
MANIFEST_LIMIT, SIGNATURE_LIMIT, DOCUMENT_LIMIT = 64 << 20, 64 << 10, 1 << 30  # bytes, unpacked
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)
AS_AUTHORISED = frozenset({"implemented"})
NOT_KNOWN = frozenset({"not_verifiable", "stale", "unreachable", "usage_unknown"})


class NotAPack(Exception):
    """The file is no evidence pack at all; the text says why."""


class Wrong(Exception):
    """One member is not as it must be; the text is what a person reads."""


@dataclass
class Report:
    """What was found. `members`: path -> problem. `signer`: SHA-256 (hex) of the key whose signature holds."""

    archive: str
    members: dict[str, str] = field(default_factory=dict)
    pack: str = ""
    signer: str = ""
    signer_name: str = ""
    trusted: bool = False
    counts: dict[str, Any] = field(default_factory=dict)
    not_checked: list[str] = field(default_factory=list)
    stamps: list[dict[str, Any]] = field(default_factory=list)  # those that hold
    authority: str | None = None  # a file with the certificates (PEM) that they must lead to

    @property
    def ok(self) -> bool:
        """True when nothing that was checked is wrong and the signature was checked."""
        return not self.members and bool(self.signer)

    def name(self, path: str, problem: str) -> None:
        """Names a member; what was said of it first stays."""
        self.members.setdefault(path, problem)

    def as_json(self) -> dict[str, Any]:
        """The shape of `eastwest verify --json`."""
        members = [{"path": path, "problem": problem} for path, problem in self.members.items()]
        said = ("signer", "trusted", "pack", "signer_name", "counts", "not_checked", "stamps")
        return {"ok": self.ok, "members": members, **{name: getattr(self, name) for name in said}}


def verify(path: str | Path, fingerprint: str | None = None, authority: str | None = None) -> Report:
    """Checks the pack at `path`, signed by `fingerprint` (hex; blanks, colons allowed). Raises NotAPack only."""
    report, first = Report(Path(path).name, authority=authority), b""
    try:
        if authority and not (Path(authority).is_file() and b"BEGIN CERTIFICATE" in Path(authority).read_bytes()):
            raise NotAPack(f"{authority} holds no certificate (PEM) of an authority")
        with Path(path).open("rb") as raw:
            first = raw.read(64)
        with zipfile.ZipFile(path) as archive:
            if not {MANIFEST, SIGNATURE} & set(archive.namelist()):
                raise NotAPack(f"{report.archive} holds neither {MANIFEST} nor {SIGNATURE}: it is not an evidence pack")
            container(archive, Path(path), report)
            contents(archive, report, fingerprint)
    except UNREADABLE as error:
        if not (first[:4] == b"PK\x03\x04" and first[30:].startswith(BEGINNINGS)):
            raise NotAPack(f"{report.archive} cannot be read as a ZIP file: {error}") from error
        report.name(report.archive, f"the ZIP is damaged or cut off: {error}")
    return report


def contents(archive: zipfile.ZipFile, report: Report, fingerprint: str | None) -> None:
    """Signature first, then what it vouches for. A wrong signature or manifest is named alone, nothing after it."""
    at = SIGNATURE
    try:
        seal = read_signature(archive)
        report.signer, at = key_fingerprint(seal["key"]), MANIFEST
        signed, document = signed_lines(seal["signed"])
        manifest, listed = read_manifest(archive, signed[MANIFEST])
    except Wrong as wrong:
        return report.name(at, str(wrong))
    report.pack, report.signer_name = str(manifest.get("pack", "")), str(manifest["signer"]["name"])
    judge_signer(report, manifest, fingerprint)
    check_document(archive, report, document, signed[document], seal["key"])
    if STAMP in signed:  # its own line stands for one in the manifest, which it is over
        size = max([0, *(one.file_size for one in archive.infolist() if one.filename == STAMP)])
        listed.append({"path": STAMP, "size": min(size, SIGNATURE_LIMIT), "sha256": signed[STAMP]})
    check_members(archive, report, listed, {SIGNATURE, *signed})
    check_counts(archive, report, manifest)
    check_parts(archive, report)
    return report.not_checked.append(f"what {document} prints is not compared with the lists in data/")


def container(archive: zipfile.ZipFile, path: Path, report: Report) -> None:
    """Names what the ZIP itself hides or repeats: stray bytes, comments, members twice, unsafe names, links."""
    infos = archive.infolist()
    folded = Counter(info.filename.casefold() for info in infos)
    for info in infos:
        for wrong, problem in (
            (folded[info.filename.casefold()] > 1, "is in the ZIP more than once"),
            (unsafe(info.filename), "has a name that could be written outside the folder it is unpacked to"),
            (info.external_attr >> 28 == 0o12, "is a link, not a file"),  # S_IFLNK
            (info.flag_bits & 1, "is encrypted"),
            (info.comment, "carries a ZIP comment"),
        ):
            if wrong:
                report.name(info.filename, problem)
    if stray := stray_bytes(archive, path):
        report.name(report.archive, stray)


def unsafe(name: str) -> bool:
    """True for a name that is absolute, climbs, has a drive, a backslash or signs nobody can see."""
    parts = name.rstrip("/").split("/")
    return "\\" in name or ":" in name or not name.isprintable() or any(part in ("", ".", "..") for part in parts)


def stray_bytes(archive: zipfile.ZipFile, path: Path) -> str:
    """Says where the ZIP holds bytes that belong to no member; "" when every byte is accounted for."""
    with path.open("rb") as raw:
        raw.seek(max(0, raw.seek(0, 2) - 22))
        if raw.read(22)[:4] != b"PK\x05\x06":
            return "bytes were added after the end of the ZIP" if not archive.comment else "the ZIP carries a comment"
        at = 0
        for info in sorted(archive.infolist(), key=lambda one: one.header_offset):
            if info.header_offset != at:
                return f"bytes that belong to no member stand before {info.filename}"
            raw.seek(at + 26)
            head = raw.read(4)
            at += 30 + int.from_bytes(head[:2], "little") + int.from_bytes(head[2:], "little") + info.compress_size
            if info.flag_bits & 8:  # sizes follow the member, with or without a signature, 4 or 8 bytes each
                raw.seek(at)
                at += (4 if raw.read(4) == b"PK\x07\x08" else 0) + (20 if info.file_size >= 1 << 32 else 12)
        return "" if at == archive.start_dir else "bytes that belong to no member stand before the ZIP's directory"


def read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """The bytes of one member, at most `limit`. Raises Wrong when it is missing, too large or broken."""
    try:
        with archive.open(name) as member:
            data = member.read(limit + 1)
    except KeyError:
        raise Wrong("is missing") from None
    except UNREADABLE as error:
        raise Wrong(f"cannot be read: {error}") from error
    if len(data) > limit:
        raise Wrong(f"is larger than the {limit} bytes it may have")
    return data


def read_signature(archive: zipfile.ZipFile) -> dict[str, str]:
    """The fields of manifest.sig, each byte of it accounted for, once its signature over the signed lines holds."""
    data = read(archive, SIGNATURE, SIGNATURE_LIMIT)
    try:
        seal: dict[str, str] = json.loads(data)
        signature = base64.b64decode(seal["signature"], validate=True)
        key_fingerprint(seal["key"])
        signed_lines(seal["signed"])
        again = base64.b64encode(signature).decode()
        kind = RSA if RSA_KEY in base64.b64decode(seal["key"].split("-----")[2])[:24] else ALGORITHM
        if canonical({**seal, "algorithm": kind, "signature": again}) != data or len(seal) != 4:
            raise Wrong("is not written as this version writes it")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Wrong(f"is damaged: {error}") from error
    with tempfile.TemporaryDirectory() as folder:
        at = spread(folder, {"key": seal["key"].encode(), "sig": signature, "lines": seal["signed"].encode()})
        if not openssl("dgst", "-sha256", "-verify", at["key"], "-signature", at["sig"], at["lines"]):
            raise Wrong("its signature does not hold over the lines it signs")
    return seal


def canonical(value: Any) -> bytes:
    """JSON in the one way packs write it: sorted keys, two blanks, UTF-8, a line end."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8")


def signed_lines(text: str) -> tuple[dict[str, str], str]:
    """The signed lines, `sha256 HEX NAME` of manifest.json, document and stamp if any: hashes by name, the document."""
    line = r"sha256 ([0-9a-f]{64}) "
    found = re.fullmatch(rf"{line}manifest\.json\n{line}(pack\.pdf|pack\.html)\n(?:{line}manifest\.tsr\n)?", text)
    if not found:
        raise ValueError("the signed lines are not those this version signs")
    return {MANIFEST: found[1], found[3]: found[2], **({STAMP: found[4]} if found[4] else {})}, found[3]


def read_manifest(archive: zipfile.ZipFile, sha256: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The manifest and its list of members, once it is the file that was signed."""
    data = read(archive, MANIFEST, MANIFEST_LIMIT)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Wrong("is not the manifest that was signed")
    try:
        manifest = json.loads(data)
        listed = manifest["members"]
        whole = all(isinstance(one["path"], str) and len(one["sha256"]) == 64 and one["size"] >= 0 for one in listed)
        if not whole or manifest["format"] != FORMAT or not manifest["signer"]["name"]:
            raise Wrong("is of a form this version does not know")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Wrong(f"is of a form this version does not know: {error}") from error
    return manifest, listed


def judge_signer(report: Report, manifest: Mapping[str, Any], fingerprint: str | None) -> None:
    """Compares the signing key with the fingerprint the reader holds: its own or that of its certificate."""
    if manifest["signer"].get("key_sha256") != report.signer:
        report.name(SIGNATURE, "is made by another key than the one the manifest names")
    if fingerprint is None:
        shown = f"signer not checked: compare the fingerprint {grouped(report.signer)} with the one the organisation"
        return report.not_checked.append(f"{shown} gave you by another way than this file")
    given, own = re.sub(r"[\s:]", "", fingerprint).lower(), manifest["signer"].get("certificate_sha256")
    report.trusted = given in (report.signer, own) and SIGNATURE not in report.members
    if not report.trusted:
        report.name(SIGNATURE, f"is signed by another key: {grouped(report.signer)}, not the fingerprint given")
    return None


def check_document(archive: zipfile.ZipFile, report: Report, name: str, sha256: str, key: str) -> None:
    """The document's hash, then the signature inside it."""
    try:
        data = read(archive, name, DOCUMENT_LIMIT)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Wrong("is not the document that was signed")
        if name == "pack.pdf":
            check_pdf(data, key)
        else:
            report.not_checked.append(f"{name} holds no signature of its own, only manifest.sig covers it")
    except Wrong as wrong:
        report.name(name, str(wrong))


def check_pdf(data: bytes, key: str) -> None:
    """One signature, over every byte of the file but itself, holding, made by `key` (PEM). Raises Wrong."""
    ranges = re.findall(rb"/ByteRange ?\[ ?(\d{1,12}) (\d{1,12}) (\d{1,12}) (\d{1,12}) *\]", data)
    if len(ranges) != 1:
        raise Wrong(f"holds {len(ranges)} signatures, not one")
    start, head, tail, rest = (int(number) for number in ranges[0])
    framed = head < tail and data[head : head + 1] == b"<" and data[tail - 1 : tail] == b">"
    if start or not framed or tail + rest != len(data):
        raise Wrong("its signature does not cover the whole document")
    try:
        signature = bytes.fromhex(data[head + 1 : tail - 1].decode("ascii"))
    except ValueError as error:
        raise Wrong("its signature is damaged") from error
    with tempfile.TemporaryDirectory() as folder:
        at = spread(folder, {"cms": signature, "covered": data[:head] + data[tail:], "cert": b"", "key": b""})
        if not openssl("cms", "-verify", "-inform", "DER", "-in", at["cms"], "-binary", "-content", at["covered"],
                       "-noverify", "-signer", at["cert"], "-out", at["covered"] + ".out"):  # fmt: skip
            raise Wrong("its signature does not hold")
        openssl("x509", "-in", at["cert"], "-noout", "-pubkey", "-out", at["key"])
        if key_fingerprint(Path(at["key"]).read_text("ascii")) != key_fingerprint(key):
            raise Wrong("is signed by another key than manifest.sig")


def check_members(archive: zipfile.ZipFile, report: Report, listed: list[dict[str, Any]], signed: set[str]) -> None:
    """Every member of the manifest is there, as it was; nothing else is."""
    for one in listed:
        path = str(one["path"])
        try:
            data = read(archive, path, int(one["size"]))
            if len(data) != one["size"] or hashlib.sha256(data).hexdigest() != one["sha256"]:
                raise Wrong("is not as it was when the pack was made")
        except Wrong as wrong:
            report.name(path, str(wrong))
    for name in sorted(set(archive.namelist()) - signed - {str(one["path"]) for one in listed}):
        report.name(name, "is not in the manifest: it was added")


def check_counts(archive: zipfile.ZipFile, report: Report, manifest: Mapping[str, Any]) -> None:
    """Counts the verdicts again from data/verdicts.csv. Skipped when that list itself is wrong: it is named already."""
    if VERDICTS not in archive.namelist():
        report.not_checked.append(f"verdict counts: the pack holds no {VERDICTS}")
    if VERDICTS in report.members or VERDICTS not in archive.namelist():
        return
    rows = csv.DictReader(io.StringIO(read(archive, VERDICTS, DOCUMENT_LIMIT).decode("utf-8"), newline=""))
    report.counts = tally(row.get("verdict") or "" for row in rows)
    if report.counts != manifest.get("counts"):
        report.name(MANIFEST, f"its counts are not those of {VERDICTS}, recomputed: {json.dumps(report.counts)}")


def check_parts(archive: zipfile.ZipFile, report: Report) -> None:
    """What the files beside this one check. One that is not there is said."""
    for part, what in PARTS.items():
        if part in parts:
            parts[part].check_pack(report, archive.namelist(), lambda name: read(archive, name, DOCUMENT_LIMIT))
        else:
            report.not_checked.append(f"{what}: {part}.py is not beside this file")


def tally(verdicts: Iterable[str]) -> dict[str, Any]:
    """Counts verdict names: each kind, then exceptions (neither as authorised nor unknown) and not known."""
    kinds = Counter(verdicts)
    unknown = sum(number for kind, number in kinds.items() if kind in NOT_KNOWN)
    exceptions = sum(number for kind, number in kinds.items() if kind not in AS_AUTHORISED | NOT_KNOWN)
    return {"verdicts": dict(sorted(kinds.items())), "exceptions": exceptions, "not_known": unknown}


def key_fingerprint(pem: str) -> str:
    """SHA-256 (hex) of a public key: of its SubjectPublicKeyInfo in DER."""
    lines = pem.split("\n")
    der = base64.b64decode("".join(lines[1:-2]), validate=True)
    body = base64.b64encode(der).decode()
    again = ["-----BEGIN PUBLIC KEY-----", *(body[at : at + 64] for at in range(0, len(body), 64))]
    if not der or lines != [*again, "-----END PUBLIC KEY-----", ""]:
        raise ValueError("there is no public key as openssl writes it")
    return hashlib.sha256(der).hexdigest()


def grouped(fingerprint: str) -> str:
    """A fingerprint in groups of four, as people compare it."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def spread(folder: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """Writes the files into the folder; gives their paths."""
    for name, data in files.items():
        Path(folder, name).write_bytes(data)
    return {name: str(Path(folder, name)) for name in files}


def openssl(*arguments: str) -> bool:
    """Runs openssl; True when it says the thing holds. Raises Wrong when there is no openssl command."""
    if (command := shutil.which("openssl")) is None:
        raise Wrong("its signature could not be checked: there is no openssl command on this machine")
    try:
        return subprocess.run([command, *arguments], capture_output=True, check=False, timeout=120).returncode == 0
    except subprocess.SubprocessError as error:
        raise Wrong(f"its signature could not be checked: {error}") from error


def told(report: Report) -> str:
    """The report as lines for a person."""
    lines = [f"{report.archive}: {'sound' if report.ok else 'NOT sound'}{f' ({report.pack})' if report.pack else ''}"]
    lines += [f"  {path}: {problem}" for path, problem in report.members.items()]
    if report.signer:
        trust = "matches the fingerprint given" if report.trusted else "not proven to be who it says"
        lines.append(f"  signed by {report.signer_name or 'a key'}, {trust}: {grouped(report.signer)}")
    if report.counts:
        lines.append("  counted again: exceptions {exceptions}, not known {not_known}".format(**report.counts))
    lines += [f"  {parts['verify_stamps'].told(stamp)}" for stamp in report.stamps]
    return "\n".join(lines + [f"  not checked: {what}" for what in report.not_checked])


def main(argv: list[str] | None = None) -> int:
    """The command; gives the exit status."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Checks an evidence pack without a network.")
    parser.add_argument("pack", help="the ZIP file")
    parser.add_argument("--fingerprint", help="SHA-256 of the signing key, as the organisation gave it to you")
    parser.add_argument("--authority", metavar="PEM", help="certificates of the authority of the time-stamps")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(argv)
    try:
        report = verify(asked.pack, asked.fingerprint, asked.authority)
    except NotAPack as refused:
        sys.stderr.write(f"{refused}\n")
        sys.stdout.write(json.dumps({**Report("").as_json(), "error": str(refused)}) + "\n" if asked.json else "")
        return 2
    sys.stdout.write((json.dumps(report.as_json()) if asked.json else told(report)) + "\n")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
