"""One rule line of iptables-save, parted into its options as iptables-restore does it; nothing is judged here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

ALIASES: dict[str, str] = {
    "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--protocol": "-p", "--proto": "-p",
    "--in-interface": "-i", "--out-interface": "-o", "--fragment": "-f", "--ipv4": "-4", "--ipv6": "-6",
    "--set-counters": "-c", "--jump": "-j", "--goto": "-g", "--match": "-m", "--append": "-A",
    "--source-port": "--sport", "--destination-port": "--dport", "--source-ports": "--sports",
    "--destination-ports": "--dports",
}  # fmt: skip
GENERIC = {"-s": 1, "-d": 1, "-p": 1, "-i": 1, "-o": 1, "-f": 0, "-4": 0, "-6": 0, "-c": 2}
# How many words follow; of every other option: all up to the next one. Texts may look like options themselves.
ARITY = {
    "--comment": 1, "--log-prefix": 1, "--nflog-prefix": 1, "--ulog-prefix": 1, "--string": 1, "--hex-string": 1,
    "--u32": 1, "--bytecode": 1, "--name": 1, "--hashlimit-name": 1, "--sport": 1, "--dport": 1, "--sports": 1,
    "--dports": 1, "--ports": 1, "--tcp-flags": 2, "--syn": 0, "--icmp-type": 1, "--icmpv6-type": 1, "--ctstate": 1,
    "--ctdir": 1, "--state": 1, "--src-range": 1, "--dst-range": 1, "--match-set": 2, "--add-set": 2, "--del-set": 2,
    "--map-set": 2, "--dst-type": 1, "--src-type": 1,
}  # fmt: skip
FREE_TEXT = frozenset({"--comment", "--log-prefix", "--nflog-prefix", "--ulog-prefix", "--string"})


QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)("|\\?\Z)', re.DOTALL)  # up to the end where no mark closes it
ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class BadLine(ValueError):
    """The line cannot be understood; the message says why."""


class Token(NamedTuple):
    """One word; `quoted`: it stood in quotation marks, so it is never an option."""

    text: str
    quoted: bool


MARK = Token("!", quoted=False)


@dataclass(frozen=True, slots=True)
class Option:
    """One option with what follows it; `text` as it was written, `!` included."""

    name: str
    negated: bool
    values: tuple[str, ...]
    text: str

    @property
    def value(self) -> str:
        """The only value. Raises BadLine when there is none, or more than one."""
        if len(self.values) != 1:
            raise BadLine(f"{self.name} needs one value, it has {len(self.values)}")
        return self.values[0]


@dataclass(slots=True)
class Group:
    """The options of one `-m module` or of the target; the name "" stands for options that follow `-p`."""

    name: str
    options: list[Option] = field(default_factory=list)

    def text(self, flag: str) -> str:
        """The group as one could write it."""
        return " ".join([f"{flag} {self.name}", *(option.text for option in self.options)])


@dataclass(slots=True)
class Statement:
    """One `-A` line: its chain, the options of the rule itself, its matches and its target."""

    chain: str
    generic: list[Option] = field(default_factory=list)
    matches: list[Group] = field(default_factory=list)
    jump: str = ""  # "-j", "-g" or "" for a rule without a target
    target: Group = field(default_factory=lambda: Group(""))

    @property
    def comment(self) -> str:
        """The comments of the rule, joined."""
        found = [o.values[0] for group in self.matches for o in group.options if o.name == "--comment" and o.values]
        return " ".join(found)


def tokens(text: str) -> list[Token]:
    """The words of a line; blanks part, `"` keeps together, backslash escapes inside quotes. Raises BadLine."""
    found: list[Token] = []
    word, quoted = "", False
    parts = QUOTED.split(text)  # outside, inside, what ended it, outside, …
    for place in range(0, len(parts), 3):
        first, *others = parts[place].replace("\t", " ").split(" ")
        word += first
        for other in others:
            if word or quoted:
                found.append(Token(word, quoted))
            word, quoted = other, False
        if place + 2 < len(parts):
            if parts[place + 2] != '"':
                raise BadLine("a quotation mark is not closed")
            word, quoted = word + ESCAPED.sub(r"\1", parts[place + 1]), True
    if word or quoted:
        found.append(Token(word, quoted))
    return found


def parse(text: str) -> Statement:
    """A line `[7:420] -A CHAIN …` (the counters are optional). Raises BadLine."""
    words = tokens(text)
    if words and not words[0].quoted and words[0].text.startswith("["):
        words = words[1:]
    if len(words) < 2 or words[0].quoted or ALIASES.get(words[0].text, words[0].text) != "-A":
        raise BadLine("only rules (-A), tables, chains and COMMIT stand in a dump")
    statement = Statement(words[1].text)
    rest = _Words(words[2:])
    current = Group("")
    statement.matches.append(current)
    while rest.left:
        current = _next(statement, rest, current)
    _check_damage(statement)
    return statement


def _next(statement: Statement, rest: _Words, current: Group) -> Group:
    """Read one option with its values; gives the group that the following options belong to."""
    negated, name = rest.option()
    if name in {"-j", "-g"}:
        if statement.jump or negated:
            raise BadLine("a rule has one target")
        statement.jump, statement.target = name, Group(rest.take(name))
        return statement.target
    if name == "-m":
        if negated:
            raise BadLine("`!` before -m means nothing")
        statement.matches.append(Group(rest.take(name).lower()))
        return statement.matches[-1]
    count = GENERIC.get(name, ARITY.get(name))
    if count and rest.take_mark():
        negated = True  # `-s ! 10.0.0.0/8`, as iptables before 1.4.3 printed it
    values = rest.values(name, count)
    text = " ".join([*(["!"] if negated else []), name, *(f'"{v}"' if " " in v or not v else v for v in values)])
    (statement.generic if name in GENERIC else current.options).append(Option(name, negated, values, text))
    return current


class _Words:
    """The words of a line that are still to be read."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._at = 0

    @property
    def left(self) -> bool:
        return self._at < len(self._words)

    def _mark(self) -> bool:
        return self._at < len(self._words) and self._words[self._at] == MARK

    def _is_option(self) -> bool:
        word = self._words[self._at]
        return not word.quoted and len(word.text) > 1 and word.text.startswith("-")

    def take_mark(self) -> bool:
        if not self._mark():
            return False
        self._at += 1
        return True

    def take(self, name: str) -> str:
        if not self.left:
            raise BadLine(f"nothing follows {name}")
        self._at += 1
        return self._words[self._at - 1].text

    def option(self) -> tuple[bool, str]:
        negated = self.take_mark()
        if not self.left or not self._is_option():
            found = self._words[self._at].text if self.left else "the end"
            raise BadLine(f"an option was expected, not {found!r}")
        name = self.take("!")
        head, equals, value = name.partition("=")
        if equals and head.startswith("--"):
            self._at -= 1
            self._words[self._at] = Token(value, True)
            name = head
        return negated, ALIASES.get(name, name)

    def values(self, name: str, count: int | None) -> tuple[str, ...]:
        if count is not None:
            return tuple(self.take(name) for _ in range(count))
        found: list[str] = []
        while self.left and not self._mark() and not self._is_option():
            found.append(self.take(name))
        return tuple(found)


def _check_damage(statement: Statement) -> None:
    """Bytes that are no UTF-8 may stand in free text only: anywhere else two names could look the same."""
    options = [*statement.generic, *(o for group in (*statement.matches, statement.target) for o in group.options)]
    names = [statement.chain, statement.target.name, *(group.name for group in statement.matches)]
    names.extend(value for option in options if option.name not in FREE_TEXT for value in option.values)
    names.extend(option.name for option in options)
    if any("\ufffd" in name for name in names):
        raise BadLine("it holds bytes that are no UTF-8")
