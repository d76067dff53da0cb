#!/usr/bin/env python3
"""The time-stamps of a pack (RFC 3161), for verify.py beside this file: manifest.tsr, and that of the PDF's signature.

Of each: whose it is, which moment it says, that it is over this very manifest or signature and that its own signature
holds. Whether its authority is one the reader knows shows only against a certificate of it (verify.py --authority):
without one that is said, and nothing more. The moment is judged as of then: a certificate that has ended since was
good when it stamped. Needs the openssl command, and no network.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess  # for the openssl command, called by its full path with fixed arguments
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STAMP, MANIFEST, PDF, PAGES = "manifest.tsr", "manifest.json", "pack.pdf", "pack.html"
NONE = "there is no outside time-stamp, so the time is the installation's own word"
UNKNOWN = "who the time-stamping authority is: no certificate of it was given (--authority FILE)"
HASHES = {"608648016503040201": "sha256", "608648016503040202": "sha384", "608648016503040203": "sha512"}
TOKEN = bytes.fromhex("060b2a864886f70d010910020e")  # id-aa-timeStampToken, the attribute of a stamped signature
COMMON_NAME, ORGANISATION = bytes.fromhex("0603550403"), bytes.fromhex("060355040a")
UTC = timezone.utc  # noqa: UP017  Python 3.8 has no datetime.UTC


class NotAStamp(Exception):
    """What a stamp is not; the text ends a sentence about it."""


class Item(NamedTuple):
    """One value of DER: its tag, its content, and the whole of it with its head."""

    tag: int
    content: bytes
    whole: bytes


class Stamp(NamedTuple):
    """A stamp whose signature holds: its moment, whose it is, and from when to when its certificate is valid."""

    at: datetime
    authority: str
    first: datetime
    last: datetime
    trusted: bool


def walk(data: bytes) -> Iterator[Item]:
    """The values that stand one after the other in some DER. Raises NotAStamp."""
    at = 0
    while at < len(data):
        head = data[at + 1] if at + 1 < len(data) else 0x80
        more = head & 0x7F if head & 0x80 else 0
        size = int.from_bytes(data[at + 2 : at + 2 + more], "big") if more else head
        start = at + 2 + more
        if head == 0x80 or more > 4 or start + size > len(data):
            raise NotAStamp("is damaged")
        yield Item(data[at], data[start : start + size], data[at : start + size])
        at = start + size


def items(data: bytes) -> list[Item]:
    """All of them."""
    return list(walk(data))


def inside(data: bytes, *path: int) -> Item:
    """The value at a place: the first number counts in `data`, each further one inside the one before."""
    found = Item(0, data, data)
    for number in path:
        every = items(found.content)
        if number >= len(every):
            raise NotAStamp("is damaged")
        found = every[number]
    return found


def moment(value: Item) -> datetime:
    """A UTCTime or GeneralizedTime in UTC. Raises NotAStamp."""
    text = re.sub(r"\.[0-9]+", "", value.content.decode("ascii", "replace"))
    if value.tag == 0x17:
        text = ("19" if text[:2] >= "50" else "20") + text
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise NotAStamp("does not say when it was made") from None


def certificate(pem: str) -> tuple[str, datetime, datetime]:
    """Whose a certificate is, and from when to when it is valid."""
    body = inside(base64.b64decode("".join(pem.split("-----")[2].split())), 0, 0)
    fields = [one for one in items(body.content) if one.tag != 0xA0]  # without its version
    first, last = items(fields[3].content)
    names = [pair for group in items(fields[4].content) for pair in items(group.content)]
    said = {oid: inside(one.content, 1).content.decode("utf-8", "replace")
            for oid in (ORGANISATION, COMMON_NAME) for one in names if one.content.startswith(oid)}  # fmt: skip
    name = said.get(COMMON_NAME) or said.get(ORGANISATION) or "an authority without a name"
    return "".join(sign if sign.isprintable() else "?" for sign in name)[:200], moment(first), moment(last)


def openssl(*arguments: str) -> bool:
    """Whether openssl says that it holds. Raises NotAStamp where there is no openssl."""
    command = shutil.which("openssl")
    if command is None:
        raise NotAStamp("could not be checked: there is no openssl command on this machine")
    try:
        return subprocess.run([command, *arguments], capture_output=True, check=False, timeout=120).returncode == 0
    except subprocess.SubprocessError as error:
        raise NotAStamp(f"could not be checked: {error}") from error


def stamp_of(token: bytes, covered: bytes, authority: str | None) -> Stamp:
    """A stamp (a token, DER) over `covered`, judged as of its own moment. Raises NotAStamp with what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        at = {name: str(Path(folder, name)) for name in ("token", "covered", "cert", "said")}
        Path(at["token"]).write_bytes(token)
        Path(at["covered"]).write_bytes(covered)
        if not openssl("cms", "-verify", "-inform", "DER", "-in", at["token"], "-noverify", "-signer", at["cert"],
                       "-out", at["said"]):  # fmt: skip
            raise NotAStamp("its signature does not hold")
        fields = items(inside(Path(at["said"]).read_bytes(), 0).content)
        if len(fields) < 5:
            raise NotAStamp("is damaged")
        kind = HASHES.get(inside(fields[2].content, 0, 0).content.hex())
        when = moment(fields[4])
        name, first, last = certificate(Path(at["cert"]).read_text("ascii"))
        if kind is None:
            raise NotAStamp("uses a hash that this version does not know")
        if inside(fields[2].content, 1).content != hashlib.new(kind, covered).digest():
            raise NotAStamp("is over something else")
        if not first <= when <= last:
            raise NotAStamp(f"the certificate of {name} was not valid then: it stamped at {shown(when)}, and that is "
                            f"valid from {shown(first)} to {shown(last)}")  # fmt: skip
        if authority is not None and not openssl(
            "ts", "-verify", "-token_in", "-in", at["token"], "-data", at["covered"], "-CAfile", authority,
            "-partial_chain", "-attime", str(int(when.timestamp())),
        ):  # fmt: skip
            raise NotAStamp(f"is by {name}, whose certificate does not lead to the authority given, valid at that time")
    return Stamp(when, name, first, last, authority is not None)


def shown(at: datetime) -> str:
    """A moment as people read it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def token_of_reply(reply: bytes) -> bytes:
    """The token of an authority's answer (a .tsr), nothing in front of it or behind. Raises NotAStamp."""
    [whole, *more] = items(reply) or [Item(0, b"", b"")]
    fields = items(whole.content)
    if more or len(fields) != 2 or not fields[0].content.startswith(b"\x02\x01") or fields[0].content[2] > 1:
        raise NotAStamp("is no answer that grants a time-stamp")
    return fields[1].whole


def token_of_pdf(pdf: bytes) -> tuple[bytes, bytes]:
    """The stamp in the signature of a PDF and what it is over, the signature's value; b"" twice where it has none."""
    found = re.search(rb"/ByteRange ?\[ ?\d+ (\d{1,12}) (\d{1,12}) \d+ *\]", pdf)
    try:
        signature = bytes.fromhex(pdf[int(found[1]) + 1 : int(found[2]) - 1].decode("ascii")) if found else b""
    except ValueError:
        raise NotAStamp("its signature is damaged") from None
    whole = next(walk(signature), Item(0, b"", b""))  # what stands behind it fills the room that was kept for it
    signed = items(inside(whole.content, 1, 0).content)
    signer = items(inside(signed[-1].content, 0).content)
    value = next((one.content for one in signer if one.tag == 0x04), b"")
    unsigned = [inner for one in signer if one.tag == 0xA1 for inner in items(one.content)]
    tokens = [inside(one.content, 1, 0).whole for one in unsigned if one.content.startswith(TOKEN)]
    if len(tokens) > 1:
        raise NotAStamp(f"its signature holds {len(tokens)} time-stamps, not one")
    return (tokens[0], value) if tokens else (b"", b"")


def check_pack(report: Any, names: Sequence[str], read: Callable[[str], bytes]) -> None:
    """Adds to a pack's report (verify.py) what its stamps say and what is wrong with them; one that is missing is
    said. `report.authority`: a file with certificates of the authority (PEM), None where nobody gave one."""
    if STAMP not in report.members:  # what is wrong already is named already
        judge(
            report, STAMP, MANIFEST, lambda: (token_of_reply(read(STAMP)), read(MANIFEST)) if STAMP in names else None
        )
    if PDF in names and PDF not in report.members:
        judge(report, PDF, "the signature in pack.pdf", lambda: pdf_stamp(read(PDF)))
    if report.stamps and report.authority is None:
        report.not_checked.append(UNKNOWN)


def pdf_stamp(pdf: bytes) -> tuple[bytes, bytes] | None:
    """The stamp of a PDF's signature and what it is over, None where it has none."""
    token, value = token_of_pdf(pdf)
    return (token, value) if token else None


def judge(report: Any, path: str, over: str, found: Callable[[], tuple[bytes, bytes] | None]) -> None:
    """One stamp: into the report with its moment and authority, or what is wrong with it, or that there is none."""
    named = "its time-stamp " if path == PDF else ""
    try:
        held = found()
        if held is None:
            report.not_checked.append(f"when {over} was made: {NONE}")
            return
        stamp = stamp_of(*held, report.authority)
    except (NotAStamp, ValueError, IndexError) as wrong:
        report.name(path, f"{named}{wrong}" if isinstance(wrong, NotAStamp) else f"{named}is damaged")
        return
    report.stamps.append({"path": path, "over": over, "at": f"{stamp.at:%Y-%m-%dT%H:%M:%SZ}",
                          "authority": stamp.authority, "trusted": stamp.trusted})  # fmt: skip
    if stamp.last < datetime.now(UTC):
        since = f"whose certificate ended at {shown(stamp.last)} and was valid when it stamped {over}"
        report.not_checked.append(f"whether the key of {stamp.authority} was kept safe since: {since}")


def told(stamp: dict[str, Any]) -> str:
    """A stamp as a line for a person."""
    whose = "which leads to the certificate given" if stamp["trusted"] else "which nobody compared with a certificate"
    return f"time-stamp over {stamp['over']}: {stamp['at']} by {stamp['authority']}, {whose}"
