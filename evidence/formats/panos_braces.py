"""The form with braces that PAN-OS prints by itself (`show` in configuration mode, `show config running`) as a tree.

`rules { a { from [ in out]; } }` and `set rules a from [ in out ]` are the same tree. A statement ends with `;`, a
quoted text may go over several lines. What is not closed is cut off: such a file is refused, as rules may be missing.
"""

from __future__ import annotations

import re

from evidence.formats.panos_set import PROMPT
from evidence.formats.panos_tree import AGAIN, DEEPEST, LONGEST_WORD, Node, Tree
from evidence.rules import Artefact, FormatError

MARKS = re.compile(
    r"^[ \t]*(?:(?:mgt-config|deviceconfig|localhost\.localdomain|(?:pre-|post-)?rulebase|vsys\d+"
    r"|default-security-rules) \{|(?:ip-netmask|ip-range|ip-wildcard) \S+;)", re.M
)  # fmt: skip
TOKEN = re.compile(r"""(?P<line>\n)|"(?P<quoted>[^"]*)"|(?P<sign>[{};\[])|(?P<close>\](?=[\s;]))|(?P<word>[^\s{};]+)""")


def read(artefact: Artefact) -> Tree:
    """The tree of a file with braces. Raises FormatError when it is cut off or not of that form."""
    tree = Tree(artefact)
    _Braces(tree, artefact.name).read()
    return tree


class _Braces:
    """Goes over the words of a file once. `_open`: the blocks that are open; `_words`: the statement so far."""

    def __init__(self, tree: Tree, name: str) -> None:
        self._tree, self._name = tree, name
        self._open = [tree.root]
        self._index: dict[tuple[int, str], Node] = {}
        self._words: list[tuple[str, int]] = []
        self._values: list[tuple[str, int]] | None = None  # those in brackets
        self._listing = False

    def read(self) -> None:
        text = self._without_what_was_printed()
        line = 1
        for hit in TOKEN.finditer(text):
            if hit["line"]:
                line += 1
                continue
            self._token(hit, line)
            line += hit[0].count("\n")
        if len(self._open) > 1 or self._words or self._listing:
            opened = self._words[0][1] if self._words else self._open[-1].line
            raise FormatError(f"{self._name} is cut off", f"what begins on line {opened} is not closed", AGAIN)
        self._tree.root.last = len(self._tree.lines)

    def _without_what_was_printed(self) -> str:
        """The text, the lines empty that are comments, prompts or the command itself."""
        kept: list[str] = []
        inside = False  # a text in quotation marks over several lines
        for number, line in enumerate(self._tree.lines, start=1):
            said = line.strip()
            if not inside and (said.startswith("#") or PROMPT.fullmatch(said) or said in {"show", "{", "exit"}):
                self._tree.owners.append((number, None))
                kept.append("")
                continue
            inside ^= line.count('"') % 2 == 1
            kept.append(line)
        return "\n".join(kept)

    def _token(self, hit: re.Match[str], line: int) -> None:
        sign = hit["sign"] or hit["close"]
        if sign is None:
            self._word(hit["word"] if hit["quoted"] is None else hit["quoted"], line, bare=hit["quoted"] is None)
        elif sign == "[" and self._words and not self._listing:
            self._values, self._listing = [], True
        elif sign == "]" and self._listing:
            self._listing = False
        elif sign == "{" and self._words and self._values is None:
            self._begin(line)
        elif sign == ";" and self._words and not self._listing:
            self._end_statement(line)
        elif sign == "}" and len(self._open) > 1 and not self._words:
            node = self._open.pop()
            node.last = line
            self._tree.owners.append((line, node))
        else:
            raise self._strange(line, sign)

    def _word(self, word: str, line: int, *, bare: bool) -> None:
        if self._values is None:
            self._words.append((word, line))
        elif self._listing:
            self._listing = not (bare and word.endswith("]"))
            self._values.append((word if self._listing else word.removesuffix("]"), line))
        else:
            raise self._strange(line, word[:40])

    def _begin(self, line: int) -> None:
        at = self._path(line)
        if len(self._open) > DEEPEST:
            raise self._strange(line, "{")
        self._open.append(at)

    def _end_statement(self, line: int) -> None:
        values = self._values
        at = self._path(line)
        for word, number in values or ():
            self._below(at, word, number)

    def _path(self, last: int) -> Node:
        at = self._open[-1]
        for word, number in self._words:
            at = self._below(at, word, number)
        at.last = max(at.last, last)
        self._tree.owners.append((last, at))
        self._words, self._values = [], None
        return at

    def _below(self, above: Node, word: str, number: int) -> Node:
        key = (id(above), word)
        found = self._index.get(key)
        if found is None:
            found = self._index[key] = Node(word, "word", number, last=number)
            above.children.append(found)
            if len(word) > LONGEST_WORD:
                found.word = word[:LONGEST_WORD]
                found.fail(f"a name of more than {LONGEST_WORD} characters")
        self._tree.owners.append((number, found))
        return found

    def _strange(self, line: int, what: str) -> FormatError:
        return FormatError(f"{self._name} is not read", f"`{what}` on line {line} stands where it cannot", AGAIN)
