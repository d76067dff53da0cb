"""A PAN-OS configuration as a tree of words, whether it came as XML or as `set` lines, each word with its line.

`<rules><entry name="a"><from><member>any</member></from></entry></rules>` and `set rules a from any` are the same
tree. Whoever reads a word takes it; what nobody took is unread. So nothing is lost: it is used, ignored by a named
list, or unread. XML is read without entities and without document types: a file that brings them is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from xml.parsers import expat

from evidence.formats.cursor import Account, Line, decode, without_lone_returns
from evidence.rules import Artefact, FormatError

Kind = Literal["tag", "entry", "member", "text", "word"]
USED, IGNORED, UNREAD = "used", "ignored", "unread"
LONGEST_WORD = 1000  # characters of a name
DEEPEST = 100  # elements in one another: no configuration has half as many
LONG_LINE = 64 * 1024  # characters: beyond, the elements are counted and not the lines
MOST_SAID = 12  # words of what nobody understood
MOST_TEXT = 400  # characters of a rule that are repeated
NOBODY = "it is not known what this does"
AGAIN = "Export the configuration again and give the whole file."


@dataclass(slots=True, eq=False)
class Node:
    """One word with what stands below it. `state`: what became of it ("" = nobody looked); `whole`: of all below."""

    word: str
    kind: Kind
    line: int
    attrs: Mapping[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    last: int = 0
    state: str = ""
    whole: bool = False
    why: str = ""

    def has(self, word: str) -> bool:
        """Whether such a word stands below."""
        return any(one.word == word and one.kind not in {"member", "text"} for one in self.children)

    def take(self, word: str) -> Node | None:
        """The first such word below; it counts as used, and what is below it is left to be read."""
        for one in self.children:
            if one.word == word and one.kind not in {"member", "text"} and not one.state:
                one.state = USED
                return one
        return None

    def tags(self) -> list[Node]:
        """The words below that are not entries of a list and no text."""
        return [one for one in self.children if one.kind in {"tag", "word"}]

    def entries(self) -> list[Node]:
        """The entries of a list, used."""
        found = [one for one in self.children if one.kind in {"entry", "word"}]
        for one in found:
            one.state = USED
        return found

    def values(self) -> list[str]:
        """The values below: members, text, or words with nothing below them, used."""
        found = [one for one in self.children if not one.children and one.kind != "tag"]
        for one in found:
            one.state = USED
        return [one.word for one in found]

    def text(self) -> str:
        """The one value below; "" when there is none or there are several."""
        found = self.values()
        return found[0] if len(found) == 1 else ""

    def says(self, word: str) -> str:
        """The one value of a word below, used; "" when it is not there."""
        found = self.take(word)
        return found.text() if found is not None else ""

    def use(self) -> Node:
        """It and all below it was understood."""
        self.state, self.whole = USED, True
        return self

    def ignore(self) -> None:
        """It and all below it says nothing about traffic, by a named list."""
        self.state, self.whole = IGNORED, True

    def fail(self, why: str = NOBODY) -> None:
        """Nobody understood it and what is below it."""
        self.state, self.whole, self.why = UNREAD, True, why

    def said(self) -> str:
        """It and what is below it in few words."""
        words: list[str] = []
        waiting = [self]
        while waiting and len(words) < MOST_SAID:
            one = waiting.pop()
            words.append(one.word)
            waiting += reversed(one.children[:MOST_SAID])
        return " ".join(words)[:MOST_TEXT]


class Tree:
    """A configuration with its lines, and which word stands on which."""

    def __init__(self, artefact: Artefact) -> None:
        text = decode(artefact)
        self.lines = [part.removesuffix("\r") for part in text.split("\n")]
        if self.lines and not self.lines[-1]:
            self.lines.pop()
        self.root = Node("", "tag", 1, state=USED)
        self.owners: list[tuple[int, Node | None]] = []  # None: says nothing (comment, prologue)
        self.by_elements = any(len(line) > LONG_LINE for line in self.lines)
        self._artefact = artefact

    def account(self) -> Account:
        """Where every line went; where lines are too long, every element."""
        settled = list(_settled(self.root))
        if self.by_elements:
            account = Account(self._artefact, len(settled))
            found = {place: {state} for place, (_, state, _) in enumerate(settled, start=1)}
        else:
            account = Account(self._artefact, len(self.lines))
            found = self._by_line({id(node): state for node, state, _ in settled})
        for place, kinds in found.items():
            if UNREAD in kinds:
                account.fail_too(place)
            elif USED in kinds:
                account.consume(place)
            else:
                account.ignore(place)
        for place, (node, _, first) in enumerate(settled, start=1):
            if first:
                number = place if self.by_elements else node.line
                account.fail(number, self.text(node), node.why or NOBODY, line=node.line)
        return account

    def _by_line(self, states: Mapping[int, str]) -> dict[int, set[str]]:
        """What stands on each line; a line on which nothing begins or ends goes on with what was before it."""
        found: dict[int, set[str]] = {number: set() for number in range(1, len(self.lines) + 1)}
        for line, node in self.owners:
            found[min(max(line, 1), len(self.lines))].add(states[id(node)] if node is not None else IGNORED)
        before = {IGNORED}
        for number, text in enumerate(self.lines, start=1):
            found[number] = found[number] or ({IGNORED} if not text.strip() else before)
            before = found[number]
        return found

    def text(self, node: Node) -> str:
        """How it is written, cut short."""
        lines = self.lines[node.line - 1 : max(node.last, node.line)]
        if self.by_elements:
            return node.said()
        return " ".join(part for line in lines[:60] if (part := line.strip()))[:MOST_TEXT]

    def at(self, node: Node) -> Line:
        """The line a word begins on."""
        return Line(node.line, self.text(node))


def _settled(root: Node) -> Iterator[tuple[Node, str, bool]]:
    """Every word with what became of it, and whether it is the first of what nobody understood."""
    waiting = [(root, "", False)]
    while waiting:
        one, inherited, failed = waiting.pop()
        state = one.state or inherited
        if not state:
            # An empty section holds nothing, whatever it is called.
            state = IGNORED if one.kind == "tag" and not one.children else UNREAD
        first = state == UNREAD and not failed
        yield one, state, first
        passed = state if one.whole or (inherited and not one.state) or state == UNREAD else ""
        waiting += [(child, passed, failed or first) for child in reversed(one.children)]


def xml(artefact: Artefact) -> Tree:
    """The tree of an XML file. Raises FormatError when it is cut off, is no XML, or brings entities."""
    tree = Tree(artefact)
    _Xml(tree, artefact).read("\n".join(tree.lines))
    return tree


def _cut(node: Node) -> None:
    """A name longer than any is none: it is unread."""
    if len(node.word) > LONGEST_WORD:
        node.word = node.word[:LONGEST_WORD]
        node.fail(f"a name of more than {LONGEST_WORD} characters")


class _Xml:
    def __init__(self, tree: Tree, artefact: Artefact) -> None:
        self._tree, self._name = tree, artefact.name
        self._open = [tree.root]
        self._texts: list[tuple[int, list[str]]] = [(0, [])]
        parser = self._parser = expat.ParserCreate("utf-8")
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.CommentHandler = self._comment
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype

    def read(self, text: str) -> None:
        try:
            plain = without_lone_returns(text)
            self._parser.Parse(plain.encode("utf-8", "replace").lstrip(b" \t\n"), True)
        except expat.ExpatError as problem:
            raise self._refused(problem) from None
        self._tree.root.last = len(self._tree.lines)

    def _refused(self, problem: expat.ExpatError) -> FormatError:
        why = expat.ErrorString(problem.code)
        if why in {"no element found", "unclosed token", "unclosed CDATA section", "partial character"}:
            return FormatError(
                f"{self._name} is cut off", f"its XML ends in the middle on line {problem.lineno}", AGAIN
            )
        return FormatError(f"{self._name} is not the XML it should be", f"line {problem.lineno}: {why}", AGAIN)

    def _doctype(self, *_: object) -> None:
        why = f"line {self._parser.CurrentLineNumber} declares a document type or an entity, which is not read"
        raise FormatError(f"{self._name} was refused", why, "Give the configuration as the device exports it.")

    def _start(self, tag: str, attrs: dict[str, str]) -> None:
        line = self._parser.CurrentLineNumber
        if len(self._open) > DEEPEST:
            why = f"line {line} is more than {DEEPEST} elements deep"
            raise FormatError(f"{self._name} was refused", why, "Give the configuration as the device exports it.")
        named = tag == "entry" and "name" in attrs
        node = Node(attrs["name"] if named else tag, "entry" if named else "tag", line, attrs)
        _cut(node)
        self._open[-1].children.append(node)
        self._tree.owners.append((line, node))
        self._open.append(node)
        self._texts.append((0, []))

    def _end(self, tag: str) -> None:
        line = self._parser.CurrentLineNumber
        node = self._open.pop()
        begun, parts = self._texts.pop()
        node.last = line
        self._tree.owners.append((line, node))
        text = "".join(parts).strip()
        if tag == "member" and not node.children:
            node.word, node.kind = text, "member"
            _cut(node)
        elif text:
            said = Node(text, "text", begun or line, last=line)
            node.children.append(said)
            self._tree.owners.append((said.line, said))

    def _characters(self, text: str) -> None:
        if text.strip():
            begun, parts = self._texts[-1]
            line = self._parser.CurrentLineNumber
            if not begun:
                self._texts[-1] = (line, parts)
            self._tree.owners.append((line, self._open[-1]))
        self._texts[-1][1].append(text)

    def _comment(self, text: str) -> None:
        line = self._parser.CurrentLineNumber
        self._tree.owners += [(line + more, None) for more in range(text.count("\n") + 1)]
