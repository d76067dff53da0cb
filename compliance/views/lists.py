"""Lists: search and filters kept in the address, pages, and the same rows as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

PAGE = 50
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Choice(NamedTuple):
    """A filter: its name in the address, its label, and (value, label) pairs; "" stands for all."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]


def filters(request: HttpRequest, hint: str, choices: Iterable[Choice]) -> dict[str, Any]:
    """Context of parts/filters.html."""
    shown: list[dict[str, Any]] = []
    for choice in choices:
        wanted = request.GET.get(choice.name, "")
        options = [("", "All"), *choice.options]
        shown.append(
            {
                "name": choice.name,
                "label": choice.label,
                "options": [{"value": value, "label": label, "chosen": value == wanted} for value, label in options],
            }
        )
    active = any(request.GET.get(key) for key in ("q", *(str(choice["name"]) for choice in shown)))
    return {
        "q": request.GET.get("q", ""),
        "hint": hint,
        "choices": shown,
        "active": active,
        "clear_url": request.path,
    }


def page(request: HttpRequest, rows: Any, show: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Context of parts/pager.html: the page of rows, each shown, and the filters as a query string."""
    paginator = Paginator(rows, PAGE)
    current = paginator.get_page(request.GET.get("page"))
    current.object_list = [show(row) for row in current.object_list]
    kept = request.GET.copy()
    kept.pop("page", None)
    query = kept.urlencode()
    return {"page": current, "query": query, "csv_url": f"?{query}&format=csv" if query else "?format=csv"}


def as_csv(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """The filtered rows as a CSV download. Cells that a spreadsheet would run are quoted."""
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    writer = csv.writer(answer)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
    return answer


def safe(cell: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
