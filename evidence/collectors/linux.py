"""What a Linux host is asked, and what becomes of its answers. The same list stands in deploy/linux/eastwest-pull.

The stream: a first line with the host's clock and boot id; for each command a line with its exit status and two
lengths, then so many bytes of what it said and of its troubles; an end with the count. Lengths, not marks, tell where
an answer ends, so nothing in it can pretend to be the next. A stream without its end was cut, and nothing of it counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from evidence.collectors.collected import BOOT_ID, Collected, PullError
from evidence.formats.table import detect
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact, FormatError

PROGRAM: Final = "/usr/local/sbin/eastwest-pull"
FIRST: Final = re.compile(rb"eastwest-pull/1 (\d{1,12}) ([0-9a-f-]{1,36})")
FRAME: Final = re.compile(rb"-- (\d{1,4}) (absent|\d{1,3}) (\d{1,10}) (\d{1,5}) ([01]) ([\x20-\x7e]{1,300})")
END: Final = re.compile(rb"-- end (\d{1,4})")
LONGEST_LINE: Final = 64 * 1024  # bytes; JSON and XML come in one line, whatever they hold
ONE_LINE: Final = ("nft -j", "ip -j", "conntrack")
NOT_FOUND, REFUSED = 127, 126  # what a shell and our own program say
AGAIN: Final = "Read it again; if it stays so, look at the host and at the line to it."

# filter: rules of a packet filter, without which nothing is known. share: what others may read or write here.
# fact: read beside them. kept: evidence for people, which no format reads, or of which another one says more.
Kind = Literal["filter", "share", "fact", "kept"]
COMMANDS: Final[Mapping[str, Kind]] = {
    "iptables-save -c": "filter",
    "ip6tables-save -c": "filter",
    "iptables-legacy-save": "filter",
    "ip6tables-legacy-save": "filter",
    "cat /proc/net/ip_tables_names": "kept",
    "cat /proc/net/ip6_tables_names": "kept",
    "ipset save": "filter",
    "nft -j list ruleset": "filter",
    "nft list ruleset": "kept",
    "ip -j addr": "filter",
    "ip -j route show table all": "filter",
    "ip -j neigh show": "fact",
    "ss -tulpnH": "share",
    "exportfs -s": "share",
    "/etc/exports": "kept",
    "/etc/exports.d/*.exports": "kept",
    "/var/lib/nfs/etab": "kept",
    "/var/lib/nfs/rmtab": "fact",
    "testparm -s --suppress-prompt": "share",
    "net usershare info --long": "fact",
    "conntrack -L -o xml": "fact",
    "/proc/mounts": "fact",
    "sshd -T": "fact",
    "chronyc -n sources": "fact",
    "/etc/rsyslog.conf": "fact",
    "/etc/rsyslog.d/*.conf": "fact",
    "/etc/systemd/journal-upload.conf": "fact",
    "/etc/systemd/journald.conf": "kept",
    "/var/log/dpkg.log": "fact",
    "/var/log/apt/history.log": "fact",
    "rpm -qa --last": "fact",
}
PACKET_FILTERS: Final = ("iptables-save -c", "nft -j list ruleset")  # one of them shows what a kernel of today holds
LEGACY: Final = {
    "cat /proc/net/ip_tables_names": "iptables-legacy-save",
    "cat /proc/net/ip6_tables_names": "ip6tables-legacy-save",
}


class Frame(NamedTuple):
    """One answer. `status` None: neither a program nor a file of that name is there."""

    name: str
    status: int | None
    said: bytes
    trouble: bytes
    cut: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """A whole stream: when the host says it was, which start of it that was, and every answer."""

    at: datetime | None
    boot_id: str
    frames: tuple[Frame, ...]


def heard(stream: bytes) -> Heard:
    """The answers of a stream. Raises PullError when it is none, or is not whole."""
    line, at = taken_line(stream, 0)
    first = FIRST.fullmatch(line)
    if first is None:
        raise not_ours(line)
    frames: list[Frame] = []
    while True:
        line, at = taken_line(stream, at)
        end = END.fullmatch(line)
        if end is not None:
            if int(end[1]) != len(frames) or at != len(stream):
                raise cut()
            return Heard(moment(int(first[1])), first[2].decode(), tuple(frames))
        head = FRAME.fullmatch(line)
        if head is None or int(head[1]) != len(frames):
            raise cut()
        said, trouble = int(head[3]), int(head[4])
        if len(stream) < at + said + trouble + 1:
            raise cut()
        frames.append(
            Frame(
                head[6].decode("ascii"),
                None if head[2] == b"absent" else int(head[2]),
                stream[at : at + said],
                stream[at + said : at + said + trouble],
                head[5] == b"1",
            )
        )
        at += said + trouble + 1


def taken_line(stream: bytes, at: int) -> tuple[bytes, int]:
    """The line that begins there, and where the next one does. Raises PullError where it does not end."""
    end = stream.find(b"\n", at, at + 1000)
    if end < 0:
        raise not_ours(stream[:200]) if at == 0 and stream else cut()
    return stream[at:end], end + 1


def moment(seconds: int) -> datetime | None:
    """The host's own clock."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def cut() -> PullError:
    """What came is not all of it."""
    return PullError(ErrorCode.TRUNCATED, "The answer has no end: the connection broke, or somebody cut it.", AGAIN)


def not_ours(line: bytes) -> PullError:
    """Something else than our program answered."""
    return PullError(
        ErrorCode.PARSE,
        f"The host answered something else than eastwest-pull: “{shown(line)}”.",
        "Nothing may be written when the account signs in; look at its shell, and at what the key may run.",
    )


def shown(said: bytes, most: int = 160) -> str:
    """What a host said, as it may be shown: no control characters, no terminal's or writing direction's tricks."""
    text = said[: 4 * most].decode("utf-8", "replace")
    plain = "".join(one if one.isprintable() else "\N{MIDDLE DOT}" for one in text.strip())
    return plain if len(plain) <= most else f"{plain[:most]}…"


def understood(found: Heard, now: datetime, device: Mapping[str, str]) -> Collected:
    """The artefacts of a host, what is missing and why. Raises PullError when no packet filter could be read at all.

    `now`: our own clock, by which the moment of reading is told. Not complete: something that is there did not answer.
    """
    artefacts: list[Artefact] = []
    beside: list[Artefact] = []
    missing: list[str] = []
    failed: list[str] = []
    for frame in found.frames:
        kind = kind_of(frame.name)
        why = trouble_of(frame)
        if why:
            missing.append(f"{frame.name} ({why})")
            if frame.status is not None and kind in ("filter", "share"):
                failed.append(f"{frame.name}: {why}")
            continue
        artefact = Artefact(name_of(frame.name), frame.said, command_of(frame.name), now)
        if kind == "kept":
            beside.append(artefact)
            continue
        refuse_long_lines(artefact)
        if kind == "fact" and not is_read(artefact):
            missing.append(f"{frame.name} (kept, but no format reads it)")
            beside.append(artefact)
            continue
        artefacts.append(artefact)
    hidden = hidden_tables(found.frames)
    missing.extend(hidden)
    if not any(artefact.command in PACKET_FILTERS for artefact in artefacts):
        raise none_at_all(found.frames, failed)
    return Collected(
        tuple(artefacts), cursor="", complete=not failed and not hidden, missing=tuple(missing), whole=True,
        device={**device, BOOT_ID: found.boot_id}, beside=tuple(beside),
    )  # fmt: skip


def kind_of(name: str) -> Kind:
    """What an answer is about. A file of a folder counts as its pattern; what nobody asked for is kept."""
    for command, kind in COMMANDS.items():
        start, star, end = command.partition("*")
        if name == command or (star and name.startswith(start) and name.endswith(end)):
            return kind
    return "kept"


def trouble_of(frame: Frame) -> str:
    """Why an answer does not count; "" when it does."""
    if frame.status is None:
        return "not installed" if not frame.name.startswith("/") else "not there"
    if frame.cut:
        return f"more than {len(frame.said) // 2**20} MB, cut off"
    if frame.status:
        said = shown(frame.trouble or frame.said)
        return f"failed with {frame.status}{f': {said}' if said else ''}"
    return ""


def hidden_tables(frames: Sequence[Frame]) -> list[str]:
    """Legacy tables that are live in the kernel, and no program is there that shows them: rules nobody has seen."""
    answers = {frame.name: frame for frame in frames}
    found = []
    for names, program in LEGACY.items():
        live, shows = answers.get(names), answers.get(program)
        if live is not None and live.said.strip() and (shows is None or shows.status is None):
            found.append(f"{program} (not installed, and the kernel holds its tables: {shown(live.said)})")
    return found


def none_at_all(frames: Sequence[Frame], failed: Sequence[str]) -> PullError:
    """No packet filter was read."""
    if failed:
        return PullError(
            ErrorCode.PERMISSION,
            f"The host's packet filter could not be read. {failed[0]}",
            "Let the account run it: the sudoers file in deploy/linux lists what it needs.",
        )
    if not frames:
        return PullError(ErrorCode.EMPTY, "The host was asked for nothing.", "Look at its eastwest-pull.")
    return PullError(
        ErrorCode.DEPENDENCY,
        "The host has neither iptables-save nor nft, so its packet filter cannot be read.",
        "Install nftables there: without it nothing tells what its kernel lets through.",
    )


def refuse_long_lines(artefact: Artefact) -> None:
    """No tool writes such lines; somebody else does."""
    if artefact.command.startswith(ONE_LINE):
        return
    start, number, content = 0, 1, artefact.content
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        if end - start > LONGEST_LINE:
            raise PullError(
                ErrorCode.PARSE,
                f"Line {number} of {artefact.command} holds {end - start} bytes: no tool writes such lines.",
                "Look at what the host runs under that name.",
            )
        start, number = end + 1, number + 1


def name_of(name: str) -> str:
    """The artefact's name: a file's path, or a command's words without their dashes."""
    return name if name.startswith("/") else "-".join(word.lstrip("-") for word in name.split())


def command_of(name: str) -> str:
    """The command behind it."""
    return f"cat {name}" if name.startswith("/") else name


def is_read(artefact: Artefact) -> bool:
    """Whether some format knows it."""
    try:
        detect(artefact)
    except FormatError:
        return False
    return True
