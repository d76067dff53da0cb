"""`conntrack -L -o xml`, with `,timestamp` where the kernel keeps it: who speaks through this host at this moment.

The kernel follows who began, so the orientation is certain. An entry is made once its packet has left this host or
reached it, and may be refused beyond: of TCP only what the kernel holds for assured (the handshake was seen) got
through. Where the answer comes from another address than was called, a translation stands; its real end is taken.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from evidence.flowlogs.engine import Engine
from evidence.flowlogs.rows import ICMP, Odd, Record, sifted
from evidence.flowlogs.shapes import Plain, Sifted, Table, lines_of
from evidence.rules import FormatError

NAME: Final = "conntrack-flows"
BY_LINES: Final = True
FLOW: Final = re.compile(r"<flow(?: type=\"(\w{1,20})\")?>(.*)</flow>")
META: Final = re.compile(r"<meta direction=\"(\w{1,20})\">(.*?)</meta>")
VALUE: Final = re.compile(r"<(src|dst|sport|dport|type|code|packets|bytes|start|stop|deltatime)>([^<]{1,45})</")
PROTO: Final = re.compile(r"<layer4 protonum=\"(\d{1,3})\"")
NANO: Final = 10**9
TCP: Final = 6


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such a list, 0 to 1."""
    return 0.95 if re.search(rb"<conntrack>|<flow(?: type=\"\w{1,20}\")?><meta direction=", head) else 0.0


def table(plain: Plain, engine: Engine) -> Table | None:
    """Never: the elements are read one by one."""
    return None


def sift(plain: Plain, engine: Engine, into: Path) -> Sifted:
    """Each element by itself. Raises FormatError where nothing tells when the list was taken."""
    if plain.received is None:
        step = "Give the moment the list was taken with it, or let the kernel keep times: nf_conntrack_timestamp=1."
        raise FormatError(f"{plain.name} is not used", "the list carries no time of its own", step)
    received = plain.received
    return sifted(plain, into, lines_of(plain.path), lambda line: _record(line, received), counted=False)


def _record(line: str, received: int) -> Record | None:
    text = line.strip()
    if not text or text.startswith("<?xml") or text in {"<conntrack>", "</conntrack>"}:
        return None
    found = FLOW.fullmatch(text)
    if found is None or text.count("<flow") != 1:
        raise Odd("not one <flow> element")
    if found[1] in {"new", "update"}:
        return None  # an event stream says the same again when the flow ends
    parts = dict(META.findall(found[2]))
    out, back = dict(VALUE.findall(parts["original"])), dict(VALUE.findall(parts["reply"]))
    alone = dict(VALUE.findall(parts.get("independent", "")))
    number = PROTO.search(parts["original"])
    if number is None:
        raise Odd("it names no protocol")
    proto = int(number[1])
    ends = ("type", "code") if proto in ICMP else ("sport", "dport")
    sport, dport = (int(out[end]) if end in out else None for end in ends)
    if proto not in ICMP and back.get("sport"):
        dport = int(back["sport"])  # the port that really answers, behind a redirection
    hidden = back["src"] != out["dst"] or back["dst"] != out["src"]
    last = int(alone["stop"]) // NANO if "stop" in alone else received
    first = int(alone["start"]) // NANO if "start" in alone else received - int(alone.get("deltatime", 0))
    passed = proto != TCP or "<assured/>" in found[2]
    packets = int(out.get("packets", 0)) + int(back.get("packets", 0))
    size = int(out.get("bytes", 0)) + int(back.get("bytes", 0))
    return Record("", out["src"], back["src"], sport, dport, proto, packets, size, first, last, passed, 1, hidden)
