"""Pages of a list of any length: what they cost does not grow with the rows behind them.

Rows are counted up to `MOST`; beyond it the page says so ("more than 1,000") and leads on, a page at a time, for as
long as there are rows. Each page asks for the keys of its rows first, so that nothing wide is sorted or passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

PAGE: Final = 50
MOST: Final = 1_000  # a multiple of PAGE; counting ten thousand takes longer than all else of a page
LAST: Final = 1_000_000  # no list has more pages than that


class Pages(Paginator):  # type: ignore[type-arg]
    """The pages of a queryset or a list. `related`: a queryset by which the rows of one page are fetched."""

    def __init__(self, rows: Any, related: QuerySet[Any] | None = None, most: int = MOST) -> None:
        super().__init__(rows, PAGE)
        self.related, self.most = related, most

    @cached_property
    def count(self) -> int:
        """How many rows, `most` of them: then `more` says whether there are others."""
        return min(self._counted, self.most)

    @cached_property
    def more(self) -> bool:
        """Whether there are more rows than were counted."""
        return self._counted > self.most

    @cached_property
    def _keys(self) -> list[Any] | None:
        """The keys of all rows that are counted, in their order: looked for once, for the count and for the page."""
        if self.related is None or not isinstance(self.object_list, QuerySet):
            return None
        return list(self.object_list.values_list("pk", flat=True)[: self.most + 1])

    @cached_property
    def _counted(self) -> int:
        if self._keys is not None:
            return len(self._keys)
        if isinstance(self.object_list, QuerySet):
            return int(self.object_list.order_by()[: self.most + 1].count())
        return len(self.object_list)

    def validate_number(self, number: Any) -> int:
        """The number, of a page that there may be."""
        if not self.more or not str(number).isdecimal():
            return super().validate_number(number)
        return min(max(1, int(str(number)[:9])), LAST)

    def page(self, number: Any) -> Shown:
        """One page; of those beyond the counted ones, too, the last that has rows is given for one that has none."""
        wanted = self.validate_number(number)
        start = (wanted - 1) * PAGE
        rows = self._fetched(start, start + PAGE + 1)
        if not rows and self.more:
            return self.page(self.most // PAGE)
        return Shown(rows[:PAGE], wanted, self, follows=len(rows) > PAGE)

    def _fetched(self, start: int, end: int) -> list[Any]:
        if self.related is None or self._keys is None or not isinstance(self.object_list, QuerySet):
            return list(self.object_list[start:end])
        keys = self._keys[start:end]
        if end > len(self._keys) > self.most:  # beyond the counted ones
            keys = list(self.object_list.values_list("pk", flat=True)[start:end])
        found = {row.pk: row for row in self.related.filter(pk__among=keys)}
        return [found[key] for key in keys if key in found]


class Shown(Page):  # type: ignore[type-arg]
    """A page that knows by itself whether another follows."""

    def __init__(self, rows: Sequence[Any], number: int, pages: Pages, *, follows: bool) -> None:
        super().__init__(rows, number, pages)
        self.follows = follows
        self.more = pages.more

    def has_next(self) -> bool:
        """Whether there are rows after this page."""
        return self.follows

    def next_page_number(self) -> int:
        """The number of the page after this one."""
        return int(self.number) + 1

    def end_index(self) -> int:
        """The place of its last row."""
        return int(self.start_index()) + len(self.object_list) - 1
