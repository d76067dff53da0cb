"""Every format this version reads, and which of them an artefact is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from evidence.formats import (
    asa,
    aws,
    aws_config,
    checkpoint,
    chrony,
    cloudtrail,
    conntrack,
    exportfs,
    exports,
    fortios,
    fortios_rest,
    ios,
    ip_addr,
    ip_neigh,
    ip_route,
    ipset,
    iptables,
    journal_upload,
    junos,
    mounts,
    nftables,
    nxos,
    packages,
    panos,
    pf_config,
    rmtab,
    rsyslog,
    ss,
    sshd,
    testparm,
    usershare,
    xr,
)
from evidence.formats.cursor import decode
from evidence.formats.guess import NOTHING, guess
from evidence.formats.joined import joined
from evidence.rules import Artefact, FormatError, Reading

HEAD = 64 * 1024  # bytes a format may look at to know itself
SURE = 0.5


class Format(Protocol):
    """What a format module offers. `sniff`: 0..1 for the first bytes and the name; `read`: all dumps of one host."""

    @property
    def NAME(self) -> str: ...

    def sniff(self, head: bytes, name: str) -> float: ...

    def read(self, artefacts: Sequence[Artefact]) -> Reading: ...


FORMATS: tuple[Format, ...] = (
    iptables, nftables, ipset, ip_addr, ip_route, ip_neigh, exportfs, exports, testparm, usershare, ss, mounts, rmtab,
    sshd, chrony, rsyslog, journal_upload, packages, conntrack, aws, aws_config, cloudtrail, ios, asa,
    panos, fortios, fortios_rest, junos, nxos, xr, checkpoint,
    pf_config,
)  # fmt: skip


def every() -> tuple[Format, ...]:
    """The formats of this version, and those that installed packages add (`joined.py`)."""
    return (*FORMATS, *joined(frozenset(one.NAME for one in FORMATS)).formats)


@lru_cache(maxsize=32)  # a file is asked about half a dozen times while it is read, and sixty patterns look at it
def likeliest(head: bytes, name: str, command: str, formats: tuple[Format, ...]) -> tuple[float, Format]:
    """The format that is surest that a file is its own, and how sure it is."""
    scored = [(max(format_.sniff(head, name), format_.sniff(head, command)), format_) for format_ in formats]
    return max(scored, key=lambda pair: pair[0])


def detect(artefact: Artefact) -> Format:
    """The format of an artefact, by its beginning, its name and the command that wrote it; where that could be of
    anything (thousands of VLANs, banners, certificates), by its end.

    Raises FormatError that says what the file seems to be and what to give instead.
    """
    best, found = likeliest(artefact.content[:HEAD], artefact.name, artefact.command, every())
    if best >= SURE:
        return found
    text = decode(artefact)
    if not text.strip():
        raise FormatError(f"{artefact.name} is empty", "nothing tells what it should hold", "Take the dump again.")
    seems = guess(text[:HEAD])
    if seems is NOTHING and len(artefact.content) > HEAD:
        best, found = likeliest(artefact.content[-HEAD:], artefact.name, artefact.command, every())
        if best >= SURE:
            return found
    left_out = joined(frozenset(one.NAME for one in FORMATS)).left_out
    why = "; ".join([f"it looks like {seems.what}", *left_out])
    raise FormatError(f"{artefact.name} is not read", why, seems.next_step)
