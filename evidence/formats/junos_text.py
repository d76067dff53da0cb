"""The text of a Junos configuration as one tree of words, whether it is written with braces or as `set` commands.

Each word of a statement is a node below the word before it, so `filter F { term T { then accept; } }` and
`set … filter F term T then accept` are the same tree. A node keeps the lines on which its statements stand. What is
inactive is not there; a block that is inactive stays, marked, so that a rule can be called dormant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from evidence.formats.cursor import Account, Line
from evidence.rules import FormatError

DEEPEST = 100  # words of one path
# A quotation mark that nothing closes takes all that follows (no group 1): looked for again behind each of its
# characters, a long line of escaped marks would take as many times its length.
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*("?)|/\*|[{};\[\]]|#.*|[^\s{};"\[\]][^\s{};"]*')
# What the device or the terminal printed around the configuration
AROUND = re.compile(
    r"\{(?:master|backup|primary|secondary|local|linecard|hold|disabled|lost)[^{}]*\}|\[edit[^\[\]]*\]"
    r"|[\w.-]{1,64}@[\w.:/-]{1,64}[>#%](?:\s.*)?|(?:Last login|Warning|warning):.*|error: no configuration.*"
)
SET = re.compile(
    r"(?:set|deactivate|activate|delete|insert|rename|copy|annotate|protect|unprotect|edit|top|up|exit|quit|commit"
    r"|rollback|show|run|load|configure|wildcard|replace|status)(?=\s|$)"
)
NO_CHANGE = frozenset(
    {"annotate", "protect", "unprotect", "commit", "rollback", "show", "run", "load", "configure", "status"}
)
TAGS = frozenset(
    {"inactive:", "active:", "replace:", "delete:", "protect:", "unprotect:", "merge:", "create:", "update:"}
)
ANYWHERE = frozenset({"apply-macro", "apply-flags"})  # said wherever somebody likes, and nothing to the device
AGAIN = "Take the configuration again and give the whole output."


@dataclass(slots=True, eq=False)
class Node:
    """One word. `rank`: 0 what is configured here, above: inherited, the lower the sooner it holds."""

    word: str
    children: dict[str, Node] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)
    inactive: bool = False
    rank: int = 0
    begun: int = 0  # how often a block is opened with it

    def live(self) -> list[Node]:
        """What is below and not inactive, in order."""
        return [child for child in self.children.values() if not child.inactive]

    def at(self, *words: str) -> Node | None:
        """What stands below along these words, where nothing is inactive."""
        found: Node | None = self
        for word in words:
            found = found.children.get(word) if found is not None else None
            if found is None or found.inactive:
                return None
        return found

    def words(self, *path: str) -> list[str]:
        """The words right below a path."""
        held = self.at(*path)
        return [child.word for child in held.live()] if held is not None else []

    def chosen(self, *path: str) -> str:
        """The one value that holds below a path: configured here before inherited, the last before earlier ones."""
        held = self.at(*path)
        below = held.live() if held is not None else []
        if not below:
            return ""
        best = min(child.rank for child in below)
        return [child.word for child in below if child.rank == best][-1]

    def every(self) -> Iterator[Node]:
        """The node and everything below it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children.values()))

    def numbers(self) -> list[int]:
        """All lines that it and what is below it stand on: those of its own, if it has any."""
        nodes = list(self.every())
        own = {number for node in nodes if not node.rank for number in node.lines}
        return sorted(own or {number for node in nodes for number in node.lines})

    def lend(self, gone: Node) -> None:
        """Where something stood that is taken away: what is left of its path has no line of its own otherwise."""
        if not self.children and not self.lines:
            self.lines = gone.numbers()

    def says(self) -> str:
        """It and what is below it, in one line."""
        words = [self.word]
        node = self
        while len(node.children) == 1:
            node = next(iter(node.children.values()))
            words.append(node.word)
        return " ".join([*words, *(["{ … }"] if node.children else [])])


def paths(node: Node, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All statements below a node as the words that lead to them, inactive ones left out."""
    below = node.live()
    if not below:
        yield above
    for child in below:
        yield from paths(child, (*above, child.word))


def unchain(node: Node, words: Collection[str], *, alone: Collection[str] = (), keep: Collection[str] = ()) -> None:
    """Statements that a person typed one behind the other on one line (`protocol tcp destination-port 22`) part.

    `words`: those that begin a statement at this place; `alone`: those that have no value; `keep`: those whose own
    statements may begin with the same words.
    """
    waiting = [child for child in node.live() if child.word not in keep]
    while waiting:
        key = waiting.pop(0)
        for holder in (key, *key.live()) if key.word in alone else key.live():
            for word in [word for word in holder.children if word in words]:
                moved = holder.children.pop(word)
                _join(node, moved)
                waiting.append(node.children[word])


def _join(above: Node, moved: Node) -> None:
    held = above.children.get(moved.word)
    if held is None:
        above.children[moved.word] = moved
        return
    held.lines.extend(moved.lines)
    for child in moved.children.values():
        _join(held, child)


@dataclass(slots=True)
class _Statement:
    """The words of a statement that is being read; words in brackets are one value each."""

    words: list[str] = field(default_factory=list)
    values: list[str] | None = None
    behind: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    within: bool = False  # a bracket is open
    bad: bool = False

    def add(self, word: str) -> None:
        if self.within and self.values is not None:
            self.values.append(word)
        elif self.values is not None:
            self.behind.append(word)
        else:
            self.words.append(word)

    def bracket(self, sign: str) -> None:
        self.bad |= (sign == "[") == self.within or (sign == "[" and self.values is not None)
        self.within = sign == "["
        self.values = self.values or []

    def all(self) -> list[list[str]]:
        """The statements it stands for; one that is deeper than any is spelt out once, not for each of its values."""
        if self.values is None:
            return [self.words]
        if len(self.words) + len(self.behind) > DEEPEST:
            return [[*self.words, *self.behind]]
        return [[*self.words, value, *self.behind] for value in self.values]


class Text:
    """Reads a whole file into `root`. Lines that are no statements are accounted for at once."""

    def __init__(self, lines: Sequence[Line], account: Account) -> None:
        self.root = Node("")
        self._account, self._name = account, account.name
        self._stack: list[tuple[Node | None, int]] = []  # open blocks with how many words deep they are
        self._now = _Statement()
        self._comment = False
        self._quoted: list[str] = []
        self._edit: list[tuple[str, ...]] = [()]
        self._lost = False  # after `up`: where later commands stand is not known
        self._commands = False  # whether it is written as commands, each on a line of its own
        for line in lines:
            self._line(line)
        self._finish(lines)

    def _line(self, line: Line) -> None:
        text = line.text
        if not (self._comment or self._quoted or self._stack or self._now.within):
            stripped = text.strip()
            if not self._now.lines and AROUND.fullmatch(stripped):
                self._account.ignore(line.number)
                return
            if SET.match(stripped) and not stripped.endswith(("{", ";")):
                self._fail(self._now.lines, line, "it is no statement that can be followed")
                self._now, self._commands = _Statement(), True
                self._command(line, stripped)
                return
            if self._commands and stripped and not stripped.startswith(("#", "/*")) and not re.search("[{};]", text):
                self._account.fail(line.number, text, "it is no command that is known")
                return
        said = self._tokens(line)
        if not said:
            self._account.ignore(line.number)

    def _tokens(self, line: Line) -> bool:
        """Reads the words of a line; gives whether there was anything but comments."""
        text, at, said = line.text, 0, False
        while at <= len(text):
            if self._comment:
                end = text.find("*/", at)
                if end < 0:
                    break
                self._comment, at = False, end + 2
            elif self._quoted:
                end = _closing(text, at)
                said = True
                if end < 0:
                    self._quoted.append(text[at:])
                    self._note(line)
                    break
                self._quoted.append(text[at:end])
                self._word("\n".join(self._quoted)[1:], line)
                self._quoted, at = [], end + 1
            else:
                found = TOKEN.search(text, at)
                if found is None:
                    break
                if found[1] == "":
                    self._quoted = [text[found.start() :]]
                    self._note(line)
                    said = True
                    break
                at = found.end()
                sign = found[0]
                if sign == "/*":
                    self._comment = True
                elif not sign.startswith("#"):
                    said = True
                    self._sign(sign, line)
        return said

    def _sign(self, sign: str, line: Line) -> None:
        if sign == "{":
            self._open(line)
        elif sign == "}":
            self._close(line)
        elif sign == ";":
            if self._now.lines:
                self._end(line)
            else:
                self._account.ignore(line.number)
        elif sign in {"[", "]"}:
            self._note(line)
            self._now.bracket(sign)
        elif sign.startswith('"'):
            self._word(_plain(sign[1:-1]), line)
        elif self._now.within and sign.endswith("]"):
            self._word(sign[:-1], line)
            self._now.bracket("]")
        else:
            self._word(sign, line)

    def _note(self, line: Line) -> None:
        if line.number not in self._now.lines[-1:]:
            self._now.lines.append(line.number)

    def _word(self, word: str, line: Line) -> None:
        self._note(line)
        self._now.add(word)

    def _open(self, line: Line) -> None:
        self._note(line)
        made, self._now = self._now, _Statement()
        tags, words = _tags(made.all()[0] if len(made.all()) == 1 else [])
        above, depth = self._top()
        bad = made.bad or made.within or not words or "\ufffd" in line.text
        if above is None or words[:1] == ["apply-macro"]:
            for number in made.lines:
                self._account.ignore(number)
            self._stack.append((None, depth))
            return
        if bad or depth + len(words) > DEEPEST:
            self._fail(made.lines, line, "it is not known what this block is about")
            self._stack.append((Node(""), depth))
            return
        if tags & {"replace:", "delete:"}:
            self._remove(above, words)
        node = _insert(above, words, made.lines)
        node.begun += 1
        node.inactive = "inactive:" in tags
        if "delete:" in tags:
            self._remove(above, words)
        self._stack.append((node, depth + len(words)))

    def _close(self, line: Line) -> None:
        if self._now.lines:
            self._end(line)
        if not self._stack:
            self._account.fail(line.number, line.text, "it closes a block that was not opened")
            return
        node, _ = self._stack.pop()
        if node is None or not node.word:
            self._account.ignore(line.number)
        elif line.number not in node.lines:
            node.lines.append(line.number)

    def _end(self, line: Line) -> None:
        """A statement is complete."""
        self._note(line)
        made, self._now = self._now, _Statement()
        above, depth = self._top()
        if above is None:
            for number in made.lines:
                self._account.ignore(number)
            return
        for all_words in made.all():
            tags, words = _tags(all_words)
            if made.bad or made.within or "\ufffd" in line.text or depth + len(words) > DEEPEST:
                self._fail(made.lines, line, "it is no statement that can be followed")
            elif words[:1] == ["apply-macro"] or words[:1] == ["apply-flags"] or not words or "inactive:" in tags:
                for number in made.lines:
                    self._account.ignore(number)
            elif "delete:" in tags:
                _insert(above, words, made.lines)
                self._remove(above, words)
            else:
                if "replace:" in tags:
                    self._remove(above, words)
                _insert(above, words, made.lines)
        if not made.all():
            for number in made.lines:
                self._account.ignore(number)

    def _top(self) -> tuple[Node | None, int]:
        return self._stack[-1] if self._stack else (self.root, 0)

    def _fail(self, numbers: Iterable[int], line: Line, why: str) -> None:
        for number in numbers:
            self._account.fail(number, line.text, why)

    def _remove(self, above: Node, words: Sequence[str]) -> None:
        """Takes away what stands there; its lines were understood."""
        for word in words[:-1]:
            found = above.children.get(word)
            if found is None:
                return
            above = found
        gone = above.children.pop(words[-1], None)
        for number in gone.numbers() if gone is not None else ():
            self._account.consume(number)
        if gone is not None:
            above.lend(gone)

    def _command(self, line: Line, text: str) -> None:
        """One command of the set form."""
        made = _Statement(lines=[line.number])
        for found in TOKEN.finditer(text):
            sign = found[0]
            if sign in {"[", "]"}:
                made.bracket(sign)
            elif made.within and sign.endswith("]") and not sign.startswith('"'):
                made.add(sign[:-1])
                made.bracket("]")
            elif sign.startswith("##"):
                break
            elif sign in {"{", "}", ";", "/*"} or found[1] == "":
                made.bad = True
            else:
                made.add(_plain(sign[1:-1]) if sign.startswith('"') else sign)
        if made.bad or made.within or line.damaged:
            self._account.fail(line.number, line.text, "it is no command that can be followed")
            return
        for words in made.all():
            self._run(words, line)

    def _run(self, words: list[str], line: Line) -> None:
        if words[0] == "top":
            self._edit, self._lost, words = [()], False, words[1:]
        verb, rest = words[0] if words else "", words[1:]
        path = [*self._edit[-1], *rest]
        if verb in {"set", "deactivate", "activate", "delete", "insert", "edit"} and (
            len(path) > DEEPEST or (self._lost and verb != "top")
        ):
            self._account.fail(line.number, line.text, "it is not known where this command stands")
        elif verb == "set" and rest:
            if rest[0] in ANYWHERE or "apply-macro" in rest:
                self._account.ignore(line.number)
            else:
                _insert(self.root, path, [line.number])
        elif verb in {"deactivate", "activate"} and rest:
            self._activate(path, line, inactive=verb == "deactivate")
        elif verb == "delete":
            if path:
                self._remove(self.root, path)
            else:
                for node in self.root.live():
                    self._remove(self.root, [node.word])
            self._account.consume(line.number)
        elif verb == "insert" and len(rest) > 2:
            self._insert_before(path, line)
        elif verb == "edit":
            self._edit.append(tuple(path))
            self._account.consume(line.number)
        elif verb == "up":
            self._lost = True
            self._account.consume(line.number)
        elif verb in {"exit", "quit"}:
            self._edit, self._lost = self._edit[:-1] or [()], False
            self._account.consume(line.number)
        elif not verb or verb in NO_CHANGE:
            self._account.ignore(line.number)
        else:
            self._account.fail(line.number, line.text, "it is not known what is left after this command")

    def _activate(self, path: Sequence[str], line: Line, *, inactive: bool) -> None:
        node: Node | None = self.root
        for word in path:
            node = node.children.get(word) if node is not None else None
        if node is None:
            self._account.fail(line.number, line.text, "what it speaks of is not there")
            return
        node.inactive = inactive
        node.lines.append(line.number)

    def _insert_before(self, path: Sequence[str], line: Line) -> None:
        """`insert … policy A before policy B`."""
        place = next((at for at, word in enumerate(path) if word in {"before", "after"} and at), 0)
        above = self.root
        for word in path[: max(place - 1, 0)]:
            above = above.children.get(word, Node(""))
        moved, near = path[place - 1], path[-1]
        if not place or moved not in above.children or near not in above.children or moved == near:
            self._account.fail(line.number, line.text, "what it speaks of is not there")
            return
        order = [word for word in above.children if word != moved]
        order.insert(order.index(near) + (path[place] == "after"), moved)
        above.children = {word: above.children[word] for word in order}
        above.children[moved].lines.append(line.number)

    def _finish(self, lines: Sequence[Line]) -> None:
        """Everything that was opened must be closed: without its end rules may be missing."""
        if self._comment or self._quoted or self._stack or self._now.lines:
            what = (
                "a comment does not end" if self._comment
                else "a text in quotation marks does not end" if self._quoted
                else f"{len(self._stack)} blocks are not closed" if self._stack
                else "its last statement does not end"
            )  # fmt: skip
            raise FormatError(f"{self._name} is cut off", what, AGAIN)


def _closing(text: str, at: int) -> int:
    """Where a quotation mark that is not escaped stands; -1 where none does."""
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == '"':
            return at
        at += 1
    return -1


def _plain(text: str) -> str:
    return text.replace('\\"', '"') if "\\" in text else text


def _tags(words: list[str]) -> tuple[set[str], list[str]]:
    """The words in front of a statement that say what becomes of it, and the statement."""
    place = 0
    while place < len(words) and words[place] in TAGS:
        place += 1
    return set(words[:place]), words[place:]


def _insert(above: Node, words: Sequence[str], lines: Sequence[int]) -> Node:
    node = above
    for word in words:
        found = node.children.get(word)
        if found is None:
            found = node.children[word] = Node(word)
        node = found
    node.lines.extend(lines)
    return node
