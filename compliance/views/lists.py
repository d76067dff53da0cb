"""Lists: search and filters kept in the address, pages, and the same rows as CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import slugify

from compliance import downloads
from compliance.models import ChangeRecord, SavedFilter, User
from compliance.views.paging import MOST, Pages

LONGEST_ID = 18  # digits: a key of the database has no more


class Choice(NamedTuple):
    """A filter: its name in the address, its label, and (value, label) pairs; "" stands for all."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]


def filters(request: HttpRequest, hint: str, choices: Iterable[Choice], columns: Sequence[str] = ()) -> dict[str, Any]:
    """Context of parts/filters.html, with what the person saved of this list. `columns`: the headings of its table
    after the first, which may be left out of sight; the files always have them all.
    """
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
        "path": request.path,
        "now": kept_query(request),
        "saved": saved_of(request),
        **left_out(request, columns),
    }


def left_out(request: HttpRequest, columns: Sequence[str]) -> dict[str, Any]:
    """Which columns the address leaves out: each with its mark, and the classes that hide them (components.css)."""
    wanted = set(request.GET.getlist("without"))
    shown = [{"name": slugify(label), "label": label, "out": slugify(label) in wanted} for label in columns]
    places = [place for place, column in enumerate(shown, 2) if column["out"]]
    return {
        "columns": shown,
        "out": len(places),
        "without": " ".join(f"without-{place}" for place in places),
    }


def kept_query(request: HttpRequest) -> str:
    """The filters in the address, without the page and the form of a file."""
    kept = request.GET.copy()
    for name in ("page", "format"):
        kept.pop(name, None)
    return "&".join(part for part in kept.urlencode().split("&") if part and not part.endswith("="))


def saved_of(request: HttpRequest) -> list[dict[str, Any]]:
    """The filters of this list that the person saved under a name."""
    if not isinstance(request.user, User):
        return []
    rows = SavedFilter.objects.filter(person=request.user, path=request.path)
    now = kept_query(request)
    return [{"pk": row.pk, "name": row.name, "url": row.url, "current": row.query == now} for row in rows]


def page(
    request: HttpRequest,
    rows: Any,
    show: Callable[[Any], dict[str, Any]],
    related: QuerySet[Any] | None = None,
    most: int = MOST,
) -> dict[str, Any]:
    """Context of parts/pager.html: the page of rows, each shown, and the filters as a query string.

    `related`: the rows of a page are fetched by it, in the order of `rows`, which then are sorted by their keys alone.
    `most`: rows that are counted (see compliance/views/paging.py).
    """
    return page_of(request, rows, lambda _: show, related, most)


def page_of(
    request: HttpRequest,
    rows: Any,
    shows: Callable[[Sequence[Any]], Callable[[Any], dict[str, Any]]],
    related: QuerySet[Any] | None = None,
    most: int = MOST,
) -> dict[str, Any]:
    """The same, where a row is shown with what has to be asked about all rows of the page: `shows` does it once."""
    current = Pages(rows, related, most).get_page(request.GET.get("page"))
    rows_here = list(current.object_list)
    show = shows(rows_here)
    current.object_list = [show(row) for row in rows_here]
    kept = request.GET.copy()
    kept.pop("page", None)
    query = kept.urlencode()
    files = {f"{kind}_url": f"?{query}&format={kind}" if query else f"?format={kind}" for kind in ("csv", "xlsx")}
    return {"page": current, "query": query, **files}


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


def asked_for(words: str, field: str = "pk") -> Q:
    """Change records that ask for what the words say; with "connection" the connections for which it was asked."""
    found = Q()
    for rows in ChangeRecord.objects.saying(words):
        found |= Q(pk__in=rows.filter(**{f"{field}__isnull": False}).values(field))
    return found


def by_words(words: str, *paths: str) -> Q:
    """Rows that hold the words in one of these columns of text, whatever their capitals (in JSON: `by_json`).

    Of what has no capitals (an address, a port) PostgreSQL turns no column into them: that is most of such a search.
    """
    lookup = "contains" if words.lower() == words.upper() else "icontains"
    found = Q()
    for path in paths:
        found |= Q(**{f"{path}__{lookup}": words})
    return found


def by_json(path: str, words: str) -> Q:
    """Rows whose JSON holds the words: as written (PostgreSQL), or with its letters escaped (SQLite)."""
    plain, escaped = Q(**{f"{path}__icontains": words}), json.dumps(words)[1:-1]
    return plain if escaped == words else plain | Q(**{f"{path}__icontains": escaped})


def file_wanted(request: HttpRequest) -> bool:
    """Whether the filtered rows are asked for as a file."""
    return request.GET.get("format") in WRITERS


def as_file(request: HttpRequest, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """The filtered rows as the file that is asked for. Cells that a spreadsheet would run are quoted."""
    kind = request.GET["format"]
    write, content_type = WRITERS[kind]
    answer = HttpResponse(content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    write(answer, columns, rows)
    return answer


Write = Callable[[HttpResponse, Sequence[str], Iterable[Sequence[Any]]], None]
WRITERS: Final[dict[str | None, tuple[Write, str]]] = {
    "csv": (downloads.write_csv, "text/csv; charset=utf-8"),
    "xlsx": (downloads.write_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
