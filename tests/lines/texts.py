"""The access lists of a configuration and the objects they name, found line by line. Nothing of the product is used.

What belongs to a list and has a form that is not known here is kept as a reason to leave that list out, never skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.lines.words import PORTS

VERSION = re.compile(r"(?:ASA|PIX|FWSM) Version (\d+)\.")
QUIET = frozenset({"remark", "exit", "statistics", "ignore", "exit-ipv6-access-list"})  # say nothing of packets
STEP = 10


@dataclass(slots=True)
class Line:
    """One line of a list: where it stands in the file, its place in the list, its words."""

    number: int
    place: int
    words: list[str]


@dataclass(slots=True)
class Listing:
    """One list. `problem`: why it is left out ("" = it is not)."""

    name: str
    is_standard: bool
    family: int = 4
    lines: list[Line] = field(default_factory=list)
    problem: str = ""

    def add(self, number: int, words: list[str]) -> None:
        """One more line, at the place it names or behind all others."""
        if words[0] in QUIET or (words[0].isdigit() and words[1:2] == ["remark"]):
            return
        place = max((line.place for line in self.lines), default=0) + STEP
        if words[0] == "sequence" or words[0].isdigit():
            words = words[1:] if words[0] == "sequence" else words
            place, words = int(words[0]), words[1:]
        if not words or words[0] not in {"permit", "deny", "evaluate"}:
            self.problem = self.problem or f"a line that begins with {words[0] if words else 'a number alone'}"
        elif any(line.place == place for line in self.lines):
            self.problem = self.problem or "a number that comes twice"
        else:
            self.lines.append(Line(number, place, words))
            self.lines.sort(key=lambda line: line.place)


@dataclass(slots=True)
class Text:
    """A configuration. `kind`: ios, nxos, xr or asa; `groups`: what an object or group holds, its first words first."""

    kind: str
    version: int = 99
    lists: dict[str, Listing] = field(default_factory=dict)
    groups: dict[str, list[list[str]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)  # lists of a kind that is not compared


def kind_of(text: str) -> str:
    """Whose words it is written in."""
    if re.search(r"^(?:: ?)?(?:ASA|PIX|FWSM) Version|^access-list \S+ extended |^ *nameif ", text, re.MULTILINE):
        return "asa"
    if re.search(r"^ipv4 access-list ", text, re.MULTILINE):
        return "xr"
    if re.search(r"^ip access-list (?!standard |extended |log|persistent|resequence|role-based)\S+ *$", text, re.M):
        return "nxos"
    return "ios"


def read(text: str) -> Text:
    """All lists of a configuration."""
    found = Text(kind_of(text))
    version = VERSION.search(text)
    if version is not None:
        found.version = int(version[1])
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1)]
    opened: Listing | list[list[str]] | None = None
    for number, line in lines:
        words = line.split()
        if not words or words[0].startswith("!"):
            continue
        begun = _begins(found, number, words)
        if begun is not None:
            opened = begun
        elif isinstance(opened, Listing) and (line[0].isspace() or _is_entry(words)):
            opened.add(number, words)
        elif isinstance(opened, list) and (line[0].isspace() or _is_member(words)):
            opened.append(words)
        else:
            opened = None
    return found


def _is_entry(words: list[str]) -> bool:
    return words[0] in {"permit", "deny", "remark"} or words[0].isdigit()


def _is_member(words: list[str]) -> bool:
    """Members of groups stand without a margin where somebody has pasted them."""
    return words[0].endswith(("-object", "object")) and words[0] not in {"object", "no"}


def _begins(found: Text, number: int, words: list[str]) -> Listing | list[list[str]] | None:
    """What a line begins: a list, a group, or something else that ends both; None: it begins nothing."""
    if words[0] == "access-list" and len(words) > 2:
        _on_one_line(found, number, words)
        return Listing("", is_standard=False)
    if words[0] == "ipv6" and words[1:2] == ["access-list"] and len(words) > 2:
        if found.kind != "asa":
            return _of_six(found, number, words)
        found.others.append(f"ipv6 {words[2]}")
        return Listing("", is_standard=False)
    if words[0] in {"ip", "ipv4"} and words[1:2] == ["access-list"] and len(words) > 2:
        return _headed(found, number, words)
    if words[0] == "no" and "access-list" in words:
        gone = found.lists.get(words[-1])
        if gone is not None:
            gone.problem = "it is taken away again"
        return Listing("", is_standard=False)
    if words[0] == "name" and len(words) > 2 and found.kind == "asa":
        found.names[words[2]] = words[1]
        return Listing("", is_standard=False)
    if words[0] in {"object-group", "object"} and len(words) > 2:
        name, head = words[-1], words[:-1]
        if found.kind == "asa":
            name, head = words[2], [*words[:2], *words[3:]]
        return found.groups.setdefault(name, [head])
    return None


def _headed(found: Text, number: int, words: list[str]) -> Listing:
    if found.kind == "ios" and words[2] not in {"standard", "extended"}:
        return Listing("", is_standard=False)  # resequence, log-update …: no list
    if found.kind == "xr" and len(words) > 3:  # `show running-config formal` names the list in every line
        found.lists.setdefault(words[2], Listing(words[2], is_standard=False)).add(number, words[3:])
        return Listing("", is_standard=False)
    return found.lists.setdefault(words[-1], Listing(words[-1], is_standard=words[2] == "standard"))


def _of_six(found: Text, number: int, words: list[str]) -> Listing:
    """`ipv6 access-list NAME`; with an entry behind it in what IOS XR prints with `formal`."""
    held = found.lists.setdefault(f"ipv6 {words[2]}", Listing(words[2], is_standard=False, family=6))
    if len(words) == 3:
        return held
    if found.kind == "xr":
        held.add(number, words[3:])
    else:
        held.problem = held.problem or "a heading that is not known"
    return Listing("", is_standard=False)


def _on_one_line(found: Text, number: int, words: list[str]) -> None:
    """`access-list 101 permit …`, `access-list outside extended permit …`."""
    name, left = words[1], words[2:]
    if left[0] in {"ethertype", "webtype"} or name == "mode" or (found.kind != "asa" and not name.isdigit()):
        return
    if found.kind != "asa" and not (1 <= int(name) <= 199 or 1300 <= int(name) <= 2699):
        found.others.append(name)
        return
    is_standard = left[0] == "standard" or (name.isdigit() and (1 <= int(name) <= 99 or 1300 <= int(name) <= 1999))
    held = found.lists.setdefault(name, Listing(name, is_standard))
    if left[0] in {"standard", "extended"}:
        held.is_standard, left = left[0] == "standard", left[1:]  # a remark before it said nothing of that
    if left:
        held.add(number, left)


def is_port(word: str) -> bool:
    """Whether a word can stand for a port."""
    return word.isdigit() or any(word in known for known in PORTS.values())
