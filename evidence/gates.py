"""Whether what came is whole: said by its own text, by how it ends, and by what came the last time. Pure, no Django.

A dump that was cut short looks like a host on which rules were removed. Formats with an end of their own (COMMIT, the
closing JSON) refuse a cut dump when they are read. Many have none: there, what the last good reading held tells. Where
the transport saw every command end well, a shorter list is a shorter list; a file that lies somewhere is vouched for by
nobody.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from evidence.formats.cursor import FILE_CAP, LINE_CAP
from evidence.formats.table import detect
from evidence.rules import Artefact, FormatError

SHRUNK: Final = 0.5  # below this share of the last good size a person looks first
SMALL: Final = 512  # bytes: half of so little is two lines
# What a host met or talks to in passing: it changes by the minute and says nothing about the rules beside it
IN_PASSING: Final = frozenset({"conntrack", "ip-neigh", "cloudtrail", "aws-config"})
# How they begin and end, and how long a line of them is at most; ip -j prints one line
FRAMES: Final[Mapping[str, tuple[tuple[bytes, ...], bytes, int]]] = {
    "conntrack": ((b"<?xml", b"<conntrack>"), b"</conntrack>", LINE_CAP),
    "ip-neigh": ((b"[",), b"]", FILE_CAP),
}
FLEETING: Final = IN_PASSING | {"rmtab", "chrony", "mounts"}  # half as much of it says nothing
JSON: Final = frozenset(
    {"nft-json", "ip-addr", "ip-route", "ip-neigh", "aws", "aws-config", "cloudtrail", "fortios-rest", "checkpoint"}
)
# Written by people as well, who do not always end the last line
BY_HAND: Final = frozenset({"exports", "rsyslog", "journal-upload", "testparm", "usershare"})
# What changes by itself between two dumps of the same rules: times, counters, address lifetimes, process numbers
VOLATILE: Final = re.compile(
    # of lines: comments, and of devices when and by whom they were changed, which stands in every copy
    rb"^(?:# (?:Generated|Completed).*|ntp clock-period .*|Cryptochecksum:.*|#conf_file_ver=\d+.*"
    rb"|! (?:Last configuration change|NVRAM config last updated|No configuration change) .*"
    rb"|!(?:Time|Running configuration last done at):.*|!! Last configuration change .*"
    rb"|## Last (?:commit|changed): .*|: (?:Written by|Hardware|Serial Number|Last config).*)$"
    # one alternative for all that begin alike: each is tried at every sign of a file of megabytes
    rb"|\"(?:(?:packets|bytes|valid_life_time|preferred_life_time|hit_count|last_used|first_used|active_sessions"
    rb"|software_bytes|software_packets|asic_bytes|asic_packets|nturbo_bytes|nturbo_packets)\": ?\d+"
    rb"|hits\" ?: ?\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})"
    rb"|\[\d+:\d+\]|(?:pid|fd)=\d+",
    re.MULTILINE,
)
# One of them stands in every hit of VOLATILE: where none does, nothing has to be tried sign by sign
MOVING: Final = (
    b"# ", b"ntp clock-period ", b"Cryptochecksum:", b"#conf_file_ver=", b"! ", b"!Time:", b"!Running ", b": ",
    b'"packets', b'"bytes', b"_time", b"hit", b"_used", b"_sessions", b"_bytes", b"_packets", b"]", b"pid=", b"fd=",
)  # fmt: skip
# Of a time source: which, and whether it is used; how far off it is changes with every look
CLOCKS: Final = re.compile(rb"^([\^=#][*+\-?x~] \S+) .*$", re.MULTILINE)
PAGER: Final = re.compile(
    rb"^[ \x08]*(?:--More--|<--- More --->|-- More --|---\(more[^)\n]{0,20}\)---"
    rb"|lines \d+-\d+(?:/\d+)?(?: \(END\))?$|\(END\)$)|\x1b\[",
    re.MULTILINE,
)
PAGERS: Final = (b"More ", b"--More--", b"---(more", b"lines ", b"(END)", b"\x1b[")  # one stands in every hit of PAGER
# What a program, a shell or a device says instead of doing what was asked; found anywhere, believed where a line
# begins with it or with the name of who says it
COMPLAINTS: Final = (
    b"not found", b"Permission denied", b"Operation not permitted", b"password is required", b"terminal is required",
    b"No such file or directory", b"not allowed to execute", b"Connection closed", b"Connection reset",
    b"Connection refused", b"Connection timed out", b"Connection to ", b"Input/output error", b"Segmentation fault",
    b"% Invalid", b"% Incomplete", b"% Ambiguous", b"% Bad", b"% Authorization", b"Command authorization failed",
)  # fmt: skip
COMPLAINT: Final = re.compile(b"command not found|" + b"|".join(map(re.escape, COMPLAINTS)))
WHO: Final = re.compile(rb"(?:[\w./+-]{1,60}(?: v[\w.]{1,20})?(?: \([\w ]{1,20}\))?(?:\[\d+\])?: .{0,160})?", re.DOTALL)
# exportfs complains about one export and lists the others
HARMLESS: Final = b"exportfs: Failed to stat "
LONGEST_BEFORE: Final = 300  # bytes of a line before the words: further in, nobody complains
LOOK: Final = "Look whether the dumps are whole. If they are, accept the smaller reading and say why."
AGAIN: Final = "Look at what writes or carries the dump, then take it again."


class Trouble(NamedTuple):
    """Why something does not count as whole: the error's code, what is wrong, and what to do."""

    code: str
    what: str
    next_step: str


def complaints(artefacts: Iterable[Artefact]) -> Iterator[Trouble]:
    """Files in which a pager or an error stands where rules should be."""
    for artefact in artefacts:
        page = PAGER.search(artefact.content) if holds(artefact.content, PAGERS) else None
        if page:
            number = line_of(artefact.content, page.start())
            what = f"Line {number} of {artefact.name} is a pager's: it waited there for somebody to press a key."
            yield Trouble("truncated", what, "Let the command run without a pager and a terminal.")
        for said in COMPLAINT.finditer(artefact.content) if holds(artefact.content, COMPLAINTS) else ():
            near = max(said.start() - LONGEST_BEFORE, 0)
            begin = artefact.content.rfind(b"\n", near, said.start()) + 1
            told = (begin or not near) and WHO.fullmatch(artefact.content, begin, said.start())
            if told and not artefact.content.startswith(HARMLESS, begin):
                text = artefact.content[begin : begin + 200].partition(b"\n")[0].decode("utf-8", "replace").strip()
                what = f"Line {line_of(artefact.content, begin)} of {artefact.name} is an error, not a dump: “{text}”."
                yield Trouble("permission" if denied(text) else "truncated", what, AGAIN)
                break


def holds(content: bytes, words: Iterable[bytes]) -> bool:
    """Whether one of the words stands in it: a search for a word takes a tenth of the time of one for a pattern."""
    return any(word in content for word in words)


def denied(text: str) -> bool:
    """Whether it was refused, rather than broken off."""
    words = ("permi", "password", "terminal is required", "not allowed", "uthoriz")
    return any(word in text for word in words)


def line_of(content: bytes, place: int) -> int:
    """The number of the line a byte stands in."""
    return content.count(b"\n", 0, place) + 1


def unended(artefacts: Iterable[Artefact], *, whole: bool) -> Iterator[Trouble]:
    """Lists of a tool whose last line does not end: every tool ends its lines."""
    for artefact in () if whole else artefacts:
        xml = artefact.content.lstrip()[:1] == b"<" and artefact.content.rstrip().endswith(b">")  # it closes by itself
        ends = not artefact.content or xml or artefact.content.endswith(b"\n")
        if not ends and format_of(artefact) not in JSON | BY_HAND | {""}:
            yield Trouble("truncated", f"{artefact.name} is cut off: its last line does not end.", AGAIN)


def torn_in_passing(artefacts: Iterable[Artefact]) -> Iterator[Trouble]:
    """Files that count as no change whatever they hold: what is beside the point must at least be whole."""
    for artefact in artefacts:
        frame = FRAMES.get(format_of(artefact))
        said = artefact.content.strip()
        if frame is None or not said:
            continue
        begins, ends = said.startswith(frame[0]), said.endswith(frame[1])
        if not (begins and ends) or b"<!" in said or max(map(len, said.split(b"\n"))) > frame[2]:
            yield Trouble("truncated", f"{artefact.name} is not whole, or not what it should be.", AGAIN)


def digest_of(artefacts: Sequence[Artefact]) -> str:
    """SHA-256 over names and contents without what changes by itself, which says nothing about the rules."""
    whole = hashlib.sha256()
    lasting = [each for each in artefacts if format_of(each) not in IN_PASSING]
    for artefact in sorted(lasting, key=lambda each: each.name):
        said = settled(artefact.content)
        whole.update(f"{artefact.name}\0{artefact.command}\0{len(said)}\0".encode())
        whole.update(said)
    return whole.hexdigest()


def settled(content: bytes) -> bytes:
    """The content without what changes by itself."""
    return CLOCKS.sub(rb"\1", VOLATILE.sub(b"", content) if holds(content, MOVING) else content)


def format_of(artefact: Artefact) -> str:
    """The format by which a file will be read; "" for one that none of them knows."""
    try:
        return str(detect(artefact).NAME)
    except FormatError:
        return ""


def kind_of(artefact: Artefact) -> str:
    """What a file shows, however it is named: its format, and for iptables which of the four tools."""
    name = format_of(artefact)
    if name != "iptables-save":
        return name or artefact.name
    head = artefact.content[:200] + f" {artefact.command} {artefact.name}".encode()
    legacy = b"legacy" in head or (b"Generated by" in head and b"nf_tables" not in head)
    return f"{'ip6tables' if b'ip6tables' in head else 'iptables'}{'-legacy' if legacy else ''}-save"


class Before(NamedTuple):
    """What the last good reading held: the files, and how much was understood in them; None: nobody knows any more."""

    artefacts: tuple[Artefact, ...]
    rules: int | None


def missing_now(now: Sequence[Artefact], before: Before, *, rules: int, whole: bool) -> Iterator[Trouble]:
    """What the last good reading held and this one does not, so that a person has to look first."""
    by_kind, was = grouped(now), grouped(before.artefacts)
    for kind, files in was.items():
        if kind not in by_kind and any(file.content for file in files):
            names = ", ".join(file.name for file in files)
            yield shrunk(f"{kind} did not come; the last good reading held it ({names}).")
    size, held = total(now), total(before.artefacts)
    if size < SHRUNK * held:
        were = before.rules if before.rules is not None else "an unknown number"
        yield shrunk(f"The dumps hold {rules} rules in {size} bytes, and held {were} in {held} the last time.")
    for kind, files in was.items():
        if kind not in by_kind or kind in FLEETING:
            continue
        less, more = total(by_kind[kind]), total(files)
        if less < SHRUNK * more and (more >= SMALL or not less):
            yield shrunk(f"{kind} holds {less} bytes, and held {more} the last time.")
        elif not whole and (gone := tail(joined(by_kind[kind]), joined(files))):
            yield shrunk(f"{kind} ends where the last good reading went on with {gone} more.")


def shrunk(what: str) -> Trouble:
    """Less than before: it may be right, and a person says so."""
    return Trouble("unexpected_shrink", what, LOOK)


def grouped(artefacts: Iterable[Artefact]) -> Mapping[str, list[Artefact]]:
    """The files by what they show."""
    found: dict[str, list[Artefact]] = {}
    for artefact in artefacts:
        found.setdefault(kind_of(artefact), []).append(artefact)
    return found


def total(artefacts: Iterable[Artefact]) -> int:
    """Their bytes, without what changes by itself."""
    return sum(len(settled(artefact.content)) for artefact in artefacts)


def joined(artefacts: Iterable[Artefact]) -> bytes:
    """Several files of one kind as one, in their order by name."""
    return b"".join(artefact.content for artefact in sorted(artefacts, key=lambda each: each.name))


def tail(now: bytes, before: bytes) -> str:
    """How much of the end of `before` is missing in `now` ("3 lines"); "" where `now` does not end early.

    Both are held against each other from the last line they have in common: nothing of what followed it in `before`
    comes in `now`, and less follows there. What changed elsewhere does not matter, a last line that was edited neither.
    """
    lines, held = split(now), split(before)
    counts = Counter(held)
    ended = lines if now.endswith(b"\n") else lines[:-1]  # the start of a line may look like another one
    place = max((number for number, line in enumerate(ended) if counts[line] == 1), default=None)
    if place is None:
        return begun_only(lines, held, ended)
    rest, fresh = held[held.index(lines[place]) + 1 :], lines[place + 1 :]
    there = set(ended)
    if any(line in there for line in rest if counts[line] == 1):
        return ""
    last = lines[-1] if ended is not lines else b""
    torn = bool(last) and last not in rest and any(line.startswith(last) for line in rest)
    gone = len(rest) - len(fresh) + torn
    return counted(gone) if gone > 0 else ""


def begun_only(lines: Sequence[bytes], held: Sequence[bytes], ended: Sequence[bytes]) -> str:
    """The same where they have no line in common: nothing came, or the last line is the beginning of one of `held`."""
    if not lines:
        return counted(len(held)) if held else ""
    last = lines[-1] if ended is not lines else b""
    torn = next((number for number, line in enumerate(held) if last and line.startswith(last)), len(held))
    gone = len(held) - torn - (last in held[torn : torn + 1])
    return counted(gone) if gone else ""


def counted(lines: int) -> str:
    """So many lines."""
    return "1 line" if lines == 1 else f"{lines} lines"


def split(content: bytes) -> list[bytes]:
    """Its lines, without what changes by itself, and without empty ones."""
    return [line for line in (each.strip() for each in settled(content).split(b"\n")) if line]
