"""Search: everything of ours that a word, an id, a service or an address touches, each kind with its first few.

An address finds what it means in the register: the server that holds it or held it, zones and parties in whose prefixes
it lies, the groups of that server, and every connection by one of these names, besides what merely writes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from ipaddress import ip_address, ip_network
from operator import or_
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.module_loading import import_string

from compliance.models import (
    Address,
    ChangeRecord,
    Connection,
    Endpoint,
    Group,
    PartyPrefix,
    RiskAcceptance,
    Server,
    User,
    Zone,
    ZonePrefix,
)  # fmt: skip
from compliance.models.connections import FEW
from compliance.models.written import names_beside
from compliance.views.changes import signed_in
from compliance.views.lists import asked_for, by_ref, by_words
from compliance.views.shown import ends, services

FIRST: Final = 8  # of each kind; the list of that kind has the others
MOST: Final = 100  # of a kind without such a list
COUNTED: Final = 1_000  # of each kind; beyond it says "more than"
REF: Final = re.compile(r"^(con|chg|fnd|rev|pck|rsk|tst)-(\d{1,18})$", re.IGNORECASE)
KINDS: Final = (
    ("network", "Connections", "network", "connections"),
    ("share", "File shares", "folder-symlink", "shares"),
)  # fmt: skip
PAGE_OF_REF: Final = {"CON": "connections", "CHG": "changes", "FND": "findings", "REV": "reviews", "PCK": "packs",
                      "RSK": "risks", "TST": "tests"}  # fmt: skip


class Hit(NamedTuple):
    """One thing that was found: what it is called, where, and a line about it."""

    label: str
    url: str
    text: str = ""


class Part(NamedTuple):
    """What was found of one kind: the first few, how many there are, and where all of them are listed ("" nowhere)."""

    title: str
    icon: str
    hits: list[Hit]
    total: int
    url: str = ""
    more: bool = False  # more than `total`: they were not all counted


@dataclass(frozen=True, slots=True)
class Sought:
    """What was typed. `address`: in its short form, "" where it is none. `names`: what the address means, by name."""

    words: str
    address: str = ""
    names: tuple[str, ...] = field(default=())

    def query(self, **more: str) -> str:
        """As the filter of a list."""
        return urlencode({"q": self.words, **more})


Finder = Callable[[User, Sought], Iterable[Part]]


def search(request: HttpRequest) -> HttpResponse:
    """The page; an id that somebody typed whole leads to its own."""
    person = signed_in(request)
    words = request.GET.get("q", "").strip()[:200]
    found = REF.match(words)
    if found:
        prefix, number = found.group(1).upper(), int(found.group(2))
        return HttpResponseRedirect(f"/{PAGE_OF_REF[prefix]}/{prefix}-{number}/")
    sought = meant(words, person) if words else Sought("")
    finders: list[Finder] = [own, *(import_string(dotted) for dotted in settings.SEARCHES)]
    parts = [part for finder in finders for part in finder(person, sought) if part.total] if words else []
    context = {
        "words": words,
        "sought": sought,
        "parts": parts,
        "total": sum(part.total for part in parts),
        "more": any(part.more for part in parts),
    }
    return render(request, "compliance/search.html", context)


def meant(words: str, person: User) -> Sought:
    """What was typed, and what it means in the register where it is an address."""
    try:
        address = ip_address(words)
    except ValueError:
        return Sought(words)
    held = Address.objects.filter(ip=str(address)).values("server")
    servers = Server.objects.for_user(person).filter(pk__in=held)
    groups = Group.objects.for_user(person).filter(memberships__server__in=servers, memberships__valid_to__isnull=True)
    names = [*servers.values_list("name", flat=True), *groups.values_list("name", flat=True)]
    zones = ZonePrefix.objects.filter(zone__in=Zone.objects.for_user(person).values("pk"), valid_to__isnull=True)
    names += [name for prefix, name in zones.values_list("prefix", "zone__name") if lies_in(address, prefix)]
    # the few parties it may be are looked for first: whose connections name a party takes a look at all of them
    outside = PartyPrefix.objects.filter(valid_to__isnull=True).values_list("prefix", "end")
    parties = {end for prefix, end in outside if lies_in(address, prefix)}
    names += Endpoint.objects.outside_of(person).filter(pk__among=parties).values_list("name", flat=True)
    return Sought(words, str(address), tuple(dict.fromkeys(names)))


def lies_in(address: Any, prefix: str) -> bool:
    """Whether an address lies in a prefix as it was written."""
    network = ip_network(prefix, strict=False)
    return address.version == network.version and address in network


def part(
    title: str, icon: str, rows: QuerySet[Any], show: Callable[[Any], Hit], url: str = "", ways: Sequence[Q] = ()
) -> Part:
    """The first few of a query, each shown, and how many there are; more of them where no list has the others.

    `ways`: only the rows to which one of them leads. Each is asked for by itself: an index answers one, and never all.
    """
    plain = rows.prefetch_related(None).order_by().values_list("pk", flat=True)
    found_by = [plain.filter(way) for way in ways] or [plain]
    keys = list({key for one in found_by for key in one[: COUNTED + 1]})
    rows = rows.filter(reduce(or_, ways)) if ways else rows
    shown = FIRST if url else MOST
    if len(keys) <= COUNTED:  # fetched by their keys: what a search looks through is read once
        found = list(by_keys(rows, keys).order_by(*rows.query.order_by)[:shown])
    else:  # of many the first in their order are soon found
        first = list(rows.prefetch_related(None).values_list("pk", flat=True)[:shown])
        by_key = {row.pk: row for row in by_keys(rows, first)}
        found = [by_key[key] for key in first if key in by_key]
    return Part(title, icon, [show(row) for row in found], min(len(keys), COUNTED), url, len(keys) > COUNTED)


def by_keys(rows: QuerySet[Any], keys: Sequence[int]) -> QuerySet[Any]:
    """The rows of these keys, with what a query fetches beside its own."""
    found: QuerySet[Any] = rows.model._base_manager.filter(pk__among=keys)
    found.query.select_related = rows.query.select_related
    found._prefetch_related_lookups = rows._prefetch_related_lookups  # type: ignore[attr-defined]
    return found


def own(person: User, sought: Sought) -> Iterable[Part]:
    """Servers, places, connections, shares, changes and risks."""
    words, query = sought.words, sought.query()
    servers = Server.objects.for_user(person).select_related("system").order_by("name")
    at = Q(addresses__ip=sought.address) if sought.address else Q(addresses__ip__startswith=words.lower())
    found = servers.filter(by_words(words, "name", "role") | at).distinct()
    yield part("Servers", "server", found, shown_server, f"/servers/?{query}")
    called = Endpoint.objects.filter(by_words(words, "name") | Q(name__in=sought.names))
    ends = dict(called.values_list("pk", "kind"))
    yield from places(person, sought, [key for key, kind in ends.items() if kind in Endpoint.OUTSIDE])
    said = changes_that_say(words)
    yield from connections(person, sought, ends, said)
    text = asked_for(words) if said is None else Q(pk__among=list(said))
    changes = ChangeRecord.objects.for_user(person).filter(text | by_ref(words, "CHG")).order_by("-pk")
    yield part("Change records", "git-pull-request-arrow", changes, shown_change, f"/changes/?{query}")
    risks = RiskAcceptance.objects.for_user(person).filter(by_words(words, "about", "reason", "plan")).order_by("-pk")
    yield part("Accepted risks", "scale", risks, shown_risk, f"/risks/?{query}")


def places(person: User, sought: Sought, parties: Sequence[int]) -> Iterable[Part]:
    """Zones, groups and parties (the keys of those of such names): by their name, and those that an address lies in."""
    named = by_words(sought.words, "name") | Q(name__in=sought.names)
    zones = Zone.objects.for_user(person).filter(named | by_words(sought.words, "title")).order_by("name")
    yield part("Zones", "layers", zones, lambda row: Hit(str(row), f"/zones/{quote(row.name, safe='')}/"))
    groups = Group.objects.for_user(person).filter(named).order_by("name")
    yield part("Groups", "boxes", groups, lambda row: Hit(row.name, f"/groups/{quote(row.name, safe='')}/"))
    found = Endpoint.objects.outside_of(person).filter(pk__among=parties).order_by("name")
    yield part("Parties", "globe", found, lambda row: Hit(row.name, f"/parties/{quote(row.name, safe='')}/"))


def changes_that_say(words: str) -> dict[int, int | None] | None:
    """The change records whose content holds the words, each with its connection; None when there are more than a few.

    Whoever may see them: what is shown of them is asked for the person. Read through once for both kinds of rows.
    """
    found: dict[int, int | None] = {}
    for rows in ChangeRecord.objects.saying(words):
        found |= dict(rows.values_list("pk", "connection")[: FEW + 1])
    return found if len(found) <= FEW else None


def connections(
    person: User, sought: Sought, ends: Iterable[int], said: Mapping[int, int | None] | None
) -> Iterable[Part]:
    """Connections and shares, by each way there is to them; a few are looked up, of many the first are soon found."""
    rows, ways = Connection.objects.for_user(person), touching(sought, list(ends), said)
    kind_of: dict[int, str] = {}
    for way in ways:
        kind_of |= dict(rows.filter(way).order_by().values_list("pk", "kind")[: COUNTED + 1])
    keys = {kind: sorted(key for key, of in kind_of.items() if of == kind) for kind, *_ in KINDS}
    if len(kind_of) > COUNTED:
        either = rows.filter(reduce(or_, ways)).order_by("pk")
        keys = {kind: list(either.filter(kind=kind).values_list("pk", flat=True)[: COUNTED + 1]) for kind in keys}
    # the list looks for what is written; what an address means is shown here
    first = MOST if sought.names else FIRST
    wanted = [key for some in keys.values() for key in some[:first]]
    asked = ChangeRecord.objects.filter(connection__among=wanted).order_by("pk").values_list("connection", "material")
    newest = dict(asked)  # of each the last
    silent = Connection.objects.filter(pk__among=[key for key in wanted if not newest.get(key)])  # nobody asked for it
    names = {key: both for key, *both in silent.values_list("pk", "source__name", "destination__name")}
    found = {key: shown_connection(key, newest.get(key), names.get(key, ())) for key in wanted}
    for kind, title, icon, page in KINDS:
        hits = [found[key] for key in keys[kind][:first] if key in found]
        url = "" if sought.names else f"/{page}/?{sought.query()}"
        yield Part(title, icon, hits, min(len(keys[kind]), COUNTED), url, len(keys[kind]) > COUNTED)


def touching(sought: Sought, ends: Sequence[int], said: Mapping[int, int | None] | None) -> list[Q]:
    """The ways to connections by one of these ends, whose names an address means, or that write what was typed."""
    words = sought.words
    about = None if said is None else [key for key in said.values() if key is not None]
    found = [asked_for(words, "connection") if about is None else Q(pk__among=about)]
    found += [by_ref(words, "CON")] if words.upper().startswith("CON-") else []
    found += [Q(**{f"{end}__among": ends}) for end in ("source", "destination") if ends]
    if sought.names:  # clients of shares, and what a connection goes by: the others have them as their ends
        rows = ChangeRecord.objects.filter(names_beside(sought.names), connection__isnull=False)
        found.append(Q(pk__among=set(rows.order_by().values_list("connection", flat=True)[: COUNTED + 1])))
    return found


def shown_server(row: Server) -> Hit:
    """A server, with its role and whose it is."""
    text = " · ".join(one for one in (row.role, row.environment, str(row.system)) if one)
    return Hit(row.name, f"/servers/{quote(row.name, safe='')}/", text)


def shown_connection(key: int, material: Mapping[str, Any] | None, names: Sequence[str]) -> Hit:
    """A connection or share by its key, with what was last asked for; of one nobody asked for the names of its ends."""
    source, destination = ends(material) if material else names
    ref = f"CON-{key}"
    return Hit(ref, f"/connections/{ref}/", f"{source} → {destination} {services(material or {})}".strip())


def shown_change(row: ChangeRecord) -> Hit:
    """A change record, with where it stands."""
    return Hit(row.ref, f"/changes/{row.ref}/", f"{row.title} · {row.get_state_display().lower()}")


def shown_risk(row: RiskAcceptance) -> Hit:
    """A risk, with until when."""
    return Hit(row.ref, f"/risks/{row.ref}/", f"{row.about} · until {row.ends_on.day} {row.ends_on:%b %Y}")
