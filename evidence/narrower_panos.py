"""A narrower rule in the words of PAN-OS: `set` lines that leave a rule its zones and profiles, and cut the rest.

Addresses may stand in a rule as they are; a service needs an object of its own. Where one rule cannot say what is to be
kept, it is copied, and the copy is moved behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from compliance.traffic import addresses
from compliance.traffic.boxes import FULL, PORT_TOP, Box, Family

PORTS = {6: "tcp", 17: "udp", 132: "sctp"}
PLACES = {"security": "rulebase", "pre": "pre-rulebase", "post": "post-rulebase"}
PUSHED = "panorama"  # what stands there, or in one of its virtual systems, is changed on Panorama
LONGEST = 63  # characters of a name
MOST_RULES = 3
Kept = Sequence[tuple[Family, Box]]
Ends = tuple[str, str]  # source and destination, as a rule says them


class Unsaid(Exception):
    """There is no short way to say it."""


def commands(identity: str, kept: Kept) -> list[str]:
    """The commands that narrow the rule of an id `panos:vsys1/security#NAME`. Raises Unsaid."""
    place, _, name = identity.partition(":")[2].partition("#")
    scope, _, book = place.rpartition("/")
    if scope.startswith(PUSHED) or book not in PLACES or not name or '"' in name:
        raise Unsaid
    where = f"{_prefix(scope, book)}{PLACES[book]} security rules"
    grouped = _grouped(kept)
    if len(grouped) > MOST_RULES:
        raise Unsaid
    made: list[str] = []
    lines: list[str] = []
    for number, (ends, services) in enumerate(grouped.items(), start=1):
        rule = name if number == 1 else f"{name[: LONGEST - 3]} {number}"
        if number > 1:
            lines += [f"copy {where} {_quoted(name)} to {_quoted(rule)}"]
        objects = [_service(one, made, _prefix(scope, book)) for one in services]
        served = objects[0] if len(objects) == 1 else f"[ {' '.join(objects)} ]"
        lines += [f"delete {where} {_quoted(rule)} {word}" for word in ("source", "destination", "service")]
        lines += [
            f"set {where} {_quoted(rule)} source {ends[0]}",
            f"set {where} {_quoted(rule)} destination {ends[1]}",
            f"set {where} {_quoted(rule)} service {served}",
            f"set {where} {_quoted(rule)} negate-source no",
            f"set {where} {_quoted(rule)} negate-destination no",
        ]
        if number > 1:
            lines += [f"move {where} {_quoted(rule)} after {_quoted(name)}"]
    return [*made, *lines]


def _prefix(scope: str, book: str) -> str:
    if scope == "shared":
        return "shared "
    if book != "security":
        return f"device-group {_quoted(scope)} "
    return "" if scope == "vsys1" else f"vsys {_quoted(scope)} "


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text


def _grouped(kept: Kept) -> dict[Ends, list[Box]]:
    """What is kept by source and destination, each with its services."""
    found: dict[Ends, list[Box]] = {}
    for family, box in kept:
        ends = (_span(family, box, 0), _span(family, box, 2))
        services = found.setdefault(ends, [])
        if box[4:] not in [one[4:] for one in services]:
            services.append(box)
    return found


def _span(family: Family, box: Box, at: int) -> str:
    """A prefix, one address or a range. Everything of one family is not `any`, which is of both."""
    low, high = box[at], box[at + 1]
    if (low, high) == (FULL[family][at], FULL[family][at + 1]):
        return "0.0.0.0/0" if family == 4 else "::/0"
    bits = (high - low + 1).bit_length() - 1
    if 1 << bits == high - low + 1 and not low & (high - low):
        return addresses.to_text(family, low) + (f"/{addresses.BITS[family] - bits}" if bits else "")
    return f"{addresses.to_text(family, low)}-{addresses.to_text(family, high)}"


def _service(box: Box, made: list[str], prefix: str) -> str:
    """The name of a service object, with the command that makes it. Raises Unsaid for what has no ports."""
    if box[4:] == FULL[4][4:]:
        return "any"
    word = PORTS.get(box[4])
    if word is None or box[4] != box[5]:
        raise Unsaid
    sources, targets = ("" if span == (0, PORT_TOP) else _ports(*span) for span in ((box[6], box[7]), (box[8], box[9])))
    name = f"{word}-{targets or 'any'}" + (f"-from-{sources}" if sources else "")
    command = f"set {prefix}service {name} protocol {word} port {targets or f'0-{PORT_TOP}'}"
    for line in [command, *([f"set {prefix}service {name} protocol {word} source-port {sources}"] if sources else [])]:
        if line not in made:
            made.append(line)
    return name


def _ports(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"
