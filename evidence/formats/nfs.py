"""What exports(5) says in `/etc/exports` and in `exportfs -s` alike: clients and options of one NFS export.

The options are read as nfs-utils reads them (support/nfs/exports.c, parseopts): flags before the first `sec=` are
the export's, flags after it belong to the flavours it names, and where flavours are named only theirs count.
So `-sec=krb5,rw` with `(ro)` is still read-write. Seen with exportfs 2.6.2 for every case of the corpus.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from compliance.traffic.boxes import FAMILIES, FULL, Box, box_of
from compliance.traffic.shares import Origin, Residue, Share
from evidence.formats.clients import network

POINT = "shares/nfs"
WORLD = ("", "*", "<world>")
BY_FLAVOUR = "gss/"  # any address that speaks this Kerberos flavour (exports(5), RPCSEC_GSS; the older way to say it)
READ_ONLY, ROOT_SQUASH, ALL_SQUASH = "read-only", "root-squash", "all-squash"
DEFAULT_FLAVOUR = "sys"
# Option -> (flag, whether it is set or cleared).
FLAGS: dict[str, tuple[str, bool]] = {
    "ro": (READ_ONLY, True),
    "rw": (READ_ONLY, False),
    "root_squash": (ROOT_SQUASH, True),
    "no_root_squash": (ROOT_SQUASH, False),
    "all_squash": (ALL_SQUASH, True),
    "no_all_squash": (ALL_SQUASH, False),
}
FLAVOURS = frozenset({"none", "null", "unix", "sys", "krb5", "krb5i", "krb5p", "lkey", "lkeyi", "lkeyp", "spkm",
                      "spkmi", "spkmp"})  # fmt: skip
# Options that change neither who may come, nor what they may do, nor as whom.
NEUTRAL = frozenset({
    "sync", "async", "wdelay", "no_wdelay", "hide", "nohide", "subtree_check", "no_subtree_check", "secure_locks",
    "insecure_locks", "auth_nlm", "no_auth_nlm", "acl", "no_acl", "pnfs", "no_pnfs", "security_label", "secure",
    "insecure", "crossmnt", "nocrossmnt", "mountpoint", "mp", "fsid", "anonuid", "anongid", "nordirplus",
})  # fmt: skip
OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Terms:
    """What one group of security flavours may do."""

    security: str
    access: str
    squash: str


@dataclass(frozen=True, slots=True)
class Options:
    """An option list as understood: terms per group of flavours, what was not modelled, whether anonymous is root."""

    terms: tuple[Terms, ...]
    unmodelled: tuple[str, ...]


class BadOptions(ValueError):
    """nfs-utils refuses this option list; the text says why."""


def unescape(text: str) -> str:
    """`\\040` and its like as the character they stand for."""
    return OCTAL.sub(lambda found: chr(int(found[1], 8) & 0xFF), text)


@lru_cache(maxsize=256)  # thousands of clients of an export have the same
def options(texts: tuple[str, ...]) -> Options:
    """Several option lists (defaults first) read one after the other. Raises BadOptions."""
    common = {READ_ONLY, ROOT_SQUASH}
    flavours: dict[str, set[str]] = {}
    unmodelled: list[str] = []
    anonymous_root = False
    for text in texts:
        active: list[str] = []
        for option in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = option.partition("=")
            if option in FLAGS:
                flag, on = FLAGS[option]
                for held in (common, *(flavours[one] for one in active)):
                    held.add(flag) if on else held.discard(flag)
            elif name == "sec":
                active = _flavours(value)
                for one in active:
                    flavours.setdefault(one, set(common))
            elif name not in NEUTRAL:
                unmodelled.append(option)
            if name == "anonuid":
                anonymous_root = value.strip() == "0"
    grouped: dict[tuple[str, str], list[str]] = {}
    for one, held in (flavours or {DEFAULT_FLAVOUR: common}).items():
        grouped.setdefault(_allowed(held, anonymous_root=anonymous_root), []).append(one)
    terms = tuple(Terms(":".join(group), access, squash) for (access, squash), group in grouped.items())
    return Options(terms, tuple(dict.fromkeys(unmodelled)))


def _flavours(value: str) -> list[str]:
    named = value.split(":")
    strange = [one for one in named if one not in FLAVOURS]
    if strange or not value:
        raise BadOptions(f"unknown security flavour {strange[0] if strange else value!r}")
    return ["sys" if one == "unix" else one for one in named]


def _allowed(held: set[str], *, anonymous_root: bool) -> tuple[str, str]:
    """(access, squash). Squashing to uid 0 squashes nobody."""
    access = "ro" if READ_ONLY in held else "rw"
    if anonymous_root:
        return access, "none"
    if ALL_SQUASH in held:
        return access, "all"
    return access, "root" if ROOT_SQUASH in held else "none"


def clients(text: str) -> tuple[Box | str, ...]:
    """Whom a client text lets in: boxes (source side) of addresses and networks, names as they are written.

    An empty client is everybody (nfs-utils: `MCL_ANONYMOUS`), in both families; `gss/krb5` as well, with that flavour.
    """
    if text in WORLD or text.startswith(BY_FLAVOUR):
        return tuple(FULL[family] for family in FAMILIES)
    found = network(text)
    return (text,) if found is None else (box_of(found.family, src=(found.low, found.high)),)


def shares(path: str, client: str, option_lists: Sequence[str], origin: Origin) -> Iterator[Share]:
    """One share for each group of flavours of one client of one export. Raises BadOptions."""
    read = options(tuple(option_lists))
    residue = tuple(Residue("match", option, origin.first) for option in read.unmodelled)
    for terms in read.terms:
        yield Share(
            server="",
            path=path,
            protocol="nfs",
            clients=clients(client),
            access="ro" if terms.access == "ro" else "rw",
            security=client.removeprefix(BY_FLAVOUR) if client.startswith(BY_FLAVOUR) else terms.security,
            squash=terms.squash,
            users=(),
            residue=residue,
            origin=origin,
        )
