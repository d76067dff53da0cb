"""`net usershare info`: folders that users share by themselves, which smb.conf does not show.

A section a share: `path`, `usershare_acl` (`Everyone:F,DOM\\name:R,`) and `guest_ok`. Whom the server lets in at all,
and how, stands in [global] of its smb.conf: evidence/smb_host.py joins the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from compliance.traffic.boxes import FAMILIES, FULL
from compliance.traffic.shares import Origin, Residue, Share
from evidence.formats.cursor import Account, Line, ends_whole, lines_of
from evidence.rules import Artefact, Lines, Point, Reading, Unread

NAME = "usershare"
POINT = "shares/smb"
SECTION = re.compile(r"^\[([^\]]+)\]$")
KEYS = ("path", "comment", "usershare_acl", "guest_ok")
RIGHT = re.compile(r"^(?P<who>.+):(?P<may>[FRDfrd])$")
EVERYBODY = ("everyone", "s-1-1-0")
ALONE = "its [global] section was not given, so whom the server lets in at all is not known"
SNIFFED = re.compile(rb"^usershare_acl=", re.MULTILINE)


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such an output, 0 to 1."""
    if SNIFFED.search(head):
        return 0.95
    return 0.6 if "usershare" in name.lower() else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """The shares, with everybody as clients until the server's own lists are known. Empty: nobody shares anything."""
    found: list[Share] = []
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    for artefact in artefacts:
        rows = lines_of(artefact)
        account = Account(artefact, len(rows))
        if rows and not ends_whole(artefact):
            account.fail(rows[-1].number, rows[-1].text, "the output ends within a line", POINT)
        for section in _sections(rows, account):
            found.extend(_shares(section, account))
        unread.extend(account.unread())
        lines[artefact.name] = account.lines()
    point = Point(POINT, "allow-union", (), len(unread))
    return Reading(NAME, points=(point,), shares=tuple(found), unread=tuple(unread), lines=lines)


def _sections(rows: list[Line], account: Account) -> Iterator[list[Line]]:
    held: list[Line] = []
    for row in rows:
        text = row.text.strip()
        if not text:
            account.ignore(row.number)
        elif SECTION.match(text) and not row.damaged:
            if held:
                yield held
            held = [row]
        elif held and not row.damaged and text.partition("=")[0].strip() in KEYS and "=" in text:
            held.append(row)
        else:
            account.fail(row.number, row.text, "neither a [share] nor a setting of one", POINT)
    if held:
        yield held


def _shares(rows: list[Line], account: Account) -> Iterator[Share]:
    """One share for those who may write and one for those who may read."""
    name = rows[0].text.strip()[1:-1]
    values = {key.strip(): value.strip() for row in rows[1:] for key, _, value in [row.text.partition("=")]}
    rights = _rights(values.get("usershare_acl", ""))
    if rights is None or "path" not in values:
        for row in rows:
            account.fail(row.number, row.text, "a share without a path, or with rights that are none", POINT)
        return
    for row in rows:
        account.consume(row.number)
    text = "\n".join(row.text for row in rows)
    origin = Origin(account.digest, account.name, rows[0].number, rows[-1].number, text, uid=name)
    guest = values.get("guest_ok", "n").lower() in {"y", "yes", "true", "1"}
    denied = [who for who, may in rights if may == "D"]
    residue = [Residue("object", ALONE, rows[0].number)]
    residue += [Residue("match", f"{who} is denied", rows[0].number) for who in denied]
    accesses: tuple[tuple[Literal["ro", "rw"], str], ...] = (("rw", "F"), ("ro", "R"))
    for access, right in accesses:
        users = [who for who, may in rights if may == right]
        if users:
            open_to_all = any(who.lower() in EVERYBODY for who in users)
            yield Share(
                server="", path=values["path"], protocol="smb", clients=tuple(FULL[family] for family in FAMILIES),
                access=access, security="", squash="guest" if guest else "",
                users=() if open_to_all else tuple(users), residue=tuple(residue), origin=origin,
            )  # fmt: skip


def _rights(text: str) -> list[tuple[str, str]] | None:
    """(who, F|R|D) of each part; None when one is no right. An empty list: nobody may do anything."""
    found: list[tuple[str, str]] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        right = RIGHT.match(part)
        if right is None:
            return None
        found.append((right["who"], right["may"].upper()))
    return found
