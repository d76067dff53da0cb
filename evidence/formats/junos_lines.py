"""Where each line of a Junos configuration goes: understood, ignored by a list of names, or unread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compliance.traffic.shares import Origin
from evidence.formats.cursor import Account, Line
from evidence.formats.junos_text import Node

LONGEST = 2000  # characters of a rule's text


class Placed:
    """A configuration whose statements go somewhere with all their lines."""

    def __init__(self, lines: Sequence[Line], account: Account) -> None:
        self.lines, self.account = lines, account

    def take(self, node: Node, *, deep: bool = True) -> None:
        """It was understood, with all that is below unless `deep` is False."""
        for one in node.every() if deep else (node,):
            for number in one.lines:
                self.account.consume(number)

    def ignore(self, node: Node) -> None:
        """It says nothing about traffic."""
        for one in node.every():
            for number in one.lines:
                self.account.ignore(number)

    def fail(self, node: Node, why: str, *points: str) -> None:
        """Nobody understood it."""
        for one in node.every():
            for number in one.lines:
                self.account.fail(number, self.text(number), why, *points)

    def text(self, number: int) -> str:
        """A line as it is written."""
        return self.lines[number - 1].text if 0 < number <= len(self.lines) else ""

    def line(self, node: Node) -> Line:
        """The first line of a statement."""
        numbers = node.numbers()
        return Line(numbers[0], self.text(numbers[0])) if numbers else Line(0, "")

    def origin(self, node: Node) -> Origin:
        """Where a rule stands: all its lines, as one text."""
        numbers = node.numbers() or [0]
        text = " ".join(self.text(number).strip() for number in numbers)
        name, digest = self.account.name, self.account.digest
        return Origin(digest, name, numbers[0], numbers[-1], text if len(text) <= LONGEST else text[:LONGEST] + "…")

    def sort(self, node: Node, known: Iterable[str], why: str) -> None:
        """One statement that no reader took: by a list, or unread."""
        if node.word in known:
            self.ignore(node)
        else:
            self.fail(node, why)

    def others(self, node: Node, known: Iterable[str], why: str) -> None:
        """What stands at a place beside what is read there is unread."""
        for child in node.live():
            if child.word not in known:
                self.fail(child, why)

    def rest(self) -> None:
        """No line is lost: what no section took is unread."""
        for number in sorted(self.account.left()):
            self.account.fail(number, self.text(number), "it is not known what this statement does")


def held_by(node: Node | None) -> list[Node]:
    """What stands below a place, if it is there."""
    return node.live() if node is not None else []
