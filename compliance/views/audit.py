"""The audit log: who did what to what and why, as it stands in the ledger, and whether it is sealed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

from django.apps import apps
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from compliance.actions import checkpoints, ledger_keys
from compliance.ledger import notes
from compliance.models import LedgerHead, LedgerInbox, Role, User
from compliance.views.changes import signed_in
from compliance.views.lists import Choice, as_file, by_json, file_wanted, filters, page

COLUMNS = ("entry", "time", "person", "roles", "verb", "object", "reason", "from", "request", "id")
# type of object → the id people use, and its page
KNOWN: Final[Mapping[str, tuple[str, str]]] = {
    "compliance.changerecord": ("CHG", "/changes/"),
    "compliance.connection": ("CON", "/connections/"),
    "compliance.riskacceptance": ("RSK", "/risks/"),
    "evidence.finding": ("FND", "/findings/"),
    "evidence.pack": ("PCK", "/packs/"),
    "evidence.sheet": ("TST", "/tests/"),
    "reviews.review": ("REV", "/reviews/"),
}
# type of object that people know by its name → its page: by name, or by number
NAMED: Final[Mapping[str, str]] = {
    "evidence.source": "/sources/{number}/",
    "compliance.receiver": "/setup/integrations/{number}/",
    "evidence.inventory": "/inventory/{number}/",
    "compliance.server": "/servers/{name}/",
    "compliance.zone": "/zones/{name}/",
    "compliance.group": "/groups/{name}/",
    "compliance.system": "",
}
Names = Mapping[tuple[str, int], str]
SINCE: Final = (("1", "The last day"), ("7", "The last 7 days"), ("31", "The last 31 days"), ("366", "The last year"))
TYPES: Final = {
    "changerecord": "change",
    "rolegrant": "role",
    "reviewschedule": "review schedule",
    "setuplink": "set-up link",
}
AT_ONCE: Final = 1000
WATCHERS: Final = (Role.ADMINISTRATOR, Role.AUDITOR)
HEADINGS = ("Who", "What", "To what", "Reason", "Sealed")  # of the table, after its first


def audit(request: HttpRequest) -> HttpResponse:
    """The entries this person may see: all for who audits or administers everything, else those of their systems."""
    person = signed_in(request)
    base = LedgerInbox.objects.for_user(person)
    rows = narrowed(base, request.GET).select_related("actor").order_by("-pk")
    if file_wanted(request):
        return as_file(request, "eastwest-audit", COLUMNS, lines(rows))
    head = LedgerHead.objects.first()
    of_page = page(request, rows, lambda row: row)
    names = names_of(of_page["page"].object_list)
    of_page["page"].object_list = [shown(row, names) for row in of_page["page"].object_list]
    watches = person.holds(WATCHERS)
    return render(
        request,
        "compliance/audit.html",
        {
            **of_page,
            "filters": filters(request, "Person, reason, CHG-42 or #1234", choices(base), HEADINGS),
            "head": {"size": head.size, "at": head.at, "root": head.root} if head else None,
            "waiting": base.waiting().count(),
            "troubles": checkpoints.troubles() if watches else [],
            "outside": checkpoints.newest_published(),
            "fingerprint": ledger_keys.fingerprint() if head and watches else "",
        },
    )


def choices(base: Any) -> list[Choice]:
    """The filters: what was done, to what kind of thing, by whom, since when. Only what this person may see."""
    verbs = base.exclude(verb="").order_by("verb").values_list("verb", flat=True).distinct()
    kinds = base.exclude(object_type="").order_by("object_type").values_list("object_type", flat=True).distinct()
    people = User.objects.filter(pk__in=base.order_by().values("actor")).order_by("name")
    return [
        Choice("verb", "What", [(name, spoken(name)) for name in verbs]),
        Choice("object", "To what", [(name, kind(name)) for name in kinds]),
        Choice("person", "Who", [("eastwest", "Eastwest itself"), *((str(one.pk), str(one)) for one in people)]),
        Choice("since", "When", SINCE),
    ]


def narrowed(rows: Any, asked: Mapping[str, str]) -> Any:
    """The rows that fit what is asked in the address: q, verb, object, person, since."""
    words = asked.get("q", "").strip()
    if words:
        rows = rows.filter(by_words(words))
    if asked.get("verb"):
        rows = rows.filter(verb=asked["verb"])
    if asked.get("object"):
        rows = rows.filter(object_type=asked["object"])
    person, since = asked.get("person", ""), asked.get("since", "")
    if person:
        number = int(person) if person.isdecimal() and len(person) < 10 else 0
        rows = rows.filter(actor__isnull=True) if person == "eastwest" else rows.filter(actor_id=number)
    if since.isdecimal() and len(since) < 5:
        rows = rows.filter(created__gte=timezone.now() - timedelta(days=int(since)))
    return rows


def by_words(words: str) -> Q:
    """A person's name, words of the reason, the number of an entry (#1234), or the id of an object (CHG-42)."""
    number = words[1:]
    if words.startswith("#"):
        return Q(seq=int(number)) if number.isdecimal() and len(number) < 19 else Q(pk__in=())
    for name, (prefix, _) in KNOWN.items():
        key = words[len(prefix) + 1 :]
        if words.upper().startswith(f"{prefix}-") and key.isdecimal() and len(key) < 19:
            return Q(object_type=name, object_id=int(key))
    return by_json("data__because", words) | Q(actor__name__icontains=words)


def names_of(rows: Iterable[LedgerInbox]) -> Names:
    """(type, number) → the name of what some entries are about, where people know it by its name: one query a type."""
    found: dict[tuple[str, int], str] = {}
    wanted: dict[str, set[int]] = {}
    for row in rows:
        if row.object_id is not None and row.object_type in NAMED:
            wanted.setdefault(row.object_type, set()).add(row.object_id)
    for label, keys in wanted.items():
        held = apps.get_model(label)._default_manager.filter(pk__in=keys).values_list("pk", "name")
        found |= {(label, key): str(name) for key, name in held}
    return found


def lines(rows: Any) -> Iterator[tuple[Any, ...]]:
    """The rows of the CSV file, in parts whose names are asked for together."""
    for part in batched(rows.iterator(chunk_size=AT_ONCE)):
        names = names_of(part)
        yield from (cells(row, names) for row in part)


def batched(rows: Iterable[LedgerInbox]) -> Iterator[list[LedgerInbox]]:
    """The rows, so many at once."""
    left = iter(rows)
    while part := list(islice(left, AT_ONCE)):
        yield part


def shown(row: LedgerInbox, names: Names) -> dict[str, Any]:
    """One row of the table."""
    actor, where = row.data.get("actor") or {}, row.data.get("request") or {}
    ref, url = object_of(row, names)
    return {
        "seq": row.seq,
        "refused": row.refused,
        "at": row.created,
        "who": actor.get("name", ""),
        "roles": ", ".join(Role(role).label for role in actor.get("roles", []) if role in Role.values),
        "second_factor": bool(actor.get("mfa")),
        "methods": ", ".join(actor.get("methods", [])),
        "confirmed": moment(actor.get("confirmed_at", "")),
        "verb": spoken(row.verb),
        "object": ref,
        "url": url,
        "because": row.data.get("because", ""),
        "via": where.get("via", ""),
    }


def moment(said: Any) -> datetime | None:
    """A time as an entry says it; None where it says none."""
    try:
        return datetime.fromisoformat(said) if said else None
    except (TypeError, ValueError):
        return None


def cells(row: LedgerInbox, names: Names) -> tuple[Any, ...]:
    """The same for a CSV file."""
    one, where = shown(row, names), row.data.get("request") or {}
    sealed = row.seq if row.seq is not None else "not sealed"
    return (
        sealed, notes.stamp(row.created), one["who"], one["roles"], row.verb, one["object"], one["because"],
        one["via"], where.get("id", ""), row.uid,
    )  # fmt: skip


def object_of(row: LedgerInbox, names: Names) -> tuple[str, str]:
    """What it was done to: the id or name people use (or kind and number), and its page where it has one."""
    page = str((row.data.get("payload") or {}).get("page", ""))
    if page.startswith("/") and not page.startswith("//") and (row.object_id is None or row.object_type not in KNOWN):
        return page, page
    if row.object_id is None:
        return kind(row.object_type) or of_rows(row.data.get("rows") or []), ""
    known, name = KNOWN.get(row.object_type), names.get((row.object_type, row.object_id))
    if name:
        place = NAMED[row.object_type]
        return f"{kind(row.object_type)} {name}", place.format(number=row.object_id, name=quote(name, safe=""))
    if known is None:
        return f"{kind(row.object_type)} {row.object_id}", ""
    prefix, place = known
    return f"{prefix}-{row.object_id}", f"{place}{prefix}-{row.object_id}/"


def of_rows(rows: list[list[Any]]) -> str:
    """What an entry about rows alone wrote: "address (2), server"."""
    counts = Counter(kind(str(label)) for label, _, _ in rows)
    return ", ".join(f"{name} ({number})" if number > 1 else name for name, number in sorted(counts.items()))


def kind(label: str) -> str:
    """A type of object in words."""
    name = label.partition(".")[2]
    return TYPES.get(name, name)


def spoken(verb: str) -> str:
    """A verb as people read it."""
    return verb.replace("_", " ")
