"""The `config.xml` of pfSense or OPNsense as elements with their lines. Nothing outside the file is looked up.

A document with a DOCTYPE is refused: such a file has none, and entities are how a small file becomes a large one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from evidence.formats.cursor import decode, without_lone_returns
from evidence.rules import Artefact, FormatError

DEEPEST = 64  # elements in one another
AGAIN = "Download the configuration again (Diagnostics, Backup) without encryption, and give the whole file."


@dataclass(slots=True)
class Element:
    """One element: its lines, its own text, what stands in it."""

    tag: str
    first: int
    last: int
    uuid: str = ""
    text: str = ""
    inner: list[Element] = field(default_factory=list)

    def child(self, tag: str) -> Element | None:
        """The first element of that name in it."""
        return next((one for one in self.inner if one.tag == tag), None)

    def has(self, tag: str) -> bool:
        """Whether an element of that name stands in it, be it empty."""
        return self.child(tag) is not None

    def says(self, tag: str, default: str = "") -> str:
        """The text of an element in it."""
        held = self.child(tag)
        return held.text.strip() if held is not None else default

    def all(self, *path: str) -> list[Element]:
        """Every element at the end of a path."""
        found = [self]
        for tag in path:
            found = [one for each in found for one in each.inner if one.tag == tag]
        return found


def parsed(artefact: Artefact) -> Element:
    """The root of the document. Raises FormatError."""
    text = without_lone_returns(decode(artefact))
    stack: list[Element] = []
    roots: list[Element] = []
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(stack) >= DEEPEST:
            raise FormatError(f"{artefact.name} is not read", "its elements are nested too deeply", AGAIN)
        made = Element(tag, parser.CurrentLineNumber, parser.CurrentLineNumber, attributes.get("uuid", ""))
        (stack[-1].inner if stack else roots).append(made)
        stack.append(made)

    def end(tag: str) -> None:
        done = stack.pop()
        done.last = parser.CurrentLineNumber
        done.text = "".join(pieces.pop(id(done), []))

    pieces: dict[int, list[str]] = {}

    def said(data: str) -> None:
        if stack:
            pieces.setdefault(id(stack[-1]), []).append(data)

    def refuse(*_: object) -> None:
        raise FormatError(f"{artefact.name} is not read", "it declares a document type of its own", AGAIN)

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, said
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as problem:
        if "no element found" in str(problem) or "unclosed" in str(problem):
            why = f"it ends in the middle of an element on line {problem.lineno}"
            raise FormatError(f"{artefact.name} is cut off", why, AGAIN) from None
        raise FormatError(f"{artefact.name} is not the XML it should be", str(problem), AGAIN) from None
    except UnicodeEncodeError as problem:
        raise FormatError(f"{artefact.name} is not the XML it should be", str(problem), AGAIN) from None
    return roots[0]
