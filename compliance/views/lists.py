"""Lists: search and filters kept in the address, pages, and the same rows as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from compliance.spreadsheets import guarded

PAGE = 50
LONGEST_ID = 18  # digits: a key of the database has no more


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


def by_ref(words: str, prefix: str) -> Q:
    """The row whose id people use (CHG-42) was typed; nothing for other words and for ids that no row can have."""
    number = words[len(prefix) + 1 :] if words.upper().startswith(f"{prefix}-") else ""
    return Q(pk=int(number)) if number.isdecimal() and len(number) <= LONGEST_ID else Q(pk__in=())


def by_address(path: str, words: str) -> Q:
    """Rows with the address that was typed, however it is written, or with addresses that begin like it."""
    try:
        return Q(**{path: str(ip_address(words))})
    except ValueError:
        return Q(**{f"{path}__startswith": words.lower()})


def by_json(path: str, words: str) -> Q:
    """Rows whose JSON holds the words: as written (PostgreSQL), or with its letters escaped (SQLite)."""
    return Q(**{f"{path}__icontains": words}) | Q(**{f"{path}__icontains": json.dumps(words)[1:-1]})


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
    return "" if cell is None else guarded(str(cell))
