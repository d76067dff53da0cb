"""What a host says of itself, line by line: the account that every such format keeps in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from evidence.formats.cursor import Account, Line, lines_of
from evidence.rules import Artefact, Lines, Point, Reading, Statement, Unread

Rows = Callable[[list[Line], Account, str], Iterable[Statement]]


def point_of(about: str) -> str:
    """The point that such statements stand for: what is unread there hides no rule."""
    return f"says/{about}"


def reading(name: str, about: str, artefacts: Sequence[Artefact], rows: Rows) -> Reading:
    """All artefacts of one format. `rows`: lines, account and point → statements; it puts every line somewhere."""
    found: list[Statement] = []
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    point = point_of(about)
    for artefact in artefacts:
        held = lines_of(artefact)
        account = Account(artefact, len(held))
        found.extend(rows(held, account, point))
        unread.extend(account.unread())
        lines[artefact.name] = account.lines()
    points = (Point(point, "allow-union", (), len(unread)),)
    return Reading(name, points=points, unread=tuple(unread), lines=lines, statements=tuple(found))
