"""Who was seen talking, by the flow logs, on the pages of a server, a zone, a group and a party (settings.PANELS).

What is not listed may have been all the same wherever nobody watched: each of these pages says how much was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django.utils import timezone

from compliance.models import Address, Endpoint, Group, PartyPrefix, Server, User, Zone, ZonePrefix
from compliance.traffic.addresses import Range, parse, parse_host
from evidence.flow_pictures import Beside, beside
from evidence.judgement import counted
from evidence.models import AdminPathRow, Finding

ALL_THE_SAME: Final = "what is not listed may have been all the same"
Place = Zone | Group | Endpoint


def of_server(subject: Server, person: User) -> dict[str, Any] | None:
    """With one server, and how many hours of all its addresses were watched; None where no flow log is read."""
    seen = beside(person, lambda one: subject.name in (one["from"], one["to"]))
    if seen is None:
        return None
    way = AdminPathRow.objects.for_user(person).current().filter(server=subject).first()
    watched, hours = (way.seen.get("watched"), way.seen.get("hours")) if way else (None, None)
    none = f"No hour of its addresses was watched whole: {ALL_THE_SAME}."
    said = f"; {watched} of {hours} hours watched" if hours else ""
    return {**listed(seen, person), "said": said, "doubt": "" if watched else none}


def place(subject: Place, person: User) -> dict[str, Any]:
    """With what a zone, a group or a party holds today, and how many of its servers were watched."""
    seen = beside(person, touching(subject))
    return {"flows": {**listed(seen, person), "said": "", "doubt": doubt(subject, person)} if seen else None}


def touching(subject: Place) -> Callable[[Mapping[str, Any]], bool]:
    """Whether an end of a pair is a member of a group, or lies in the prefixes of a zone, or in those of a party and
    outside the estate, as of now."""
    if isinstance(subject, Group):
        names = {one.name for one in subject.members_on(timezone.now())}
        return lambda one: not names.isdisjoint((one["from"], one["to"]))
    now = timezone.now()
    if isinstance(subject, Zone):
        held = ranges(subject.prefixes.authorised_at(now))
        return lambda one: lies(one["src"], held) or lies(one["dst"], held)
    theirs, ours = ranges(subject.party_prefixes.authorised_at(now)), ranges(ZonePrefix.objects.authorised_at(now))
    return lambda one: any(
        not one[whose] and lies(one[end], theirs) and not lies(one[end], ours)  # "internet" holds no server of ours
        for whose, end in (("from", "src"), ("to", "dst"))
    )


def ranges(rows: Iterable[ZonePrefix | PartyPrefix]) -> list[Range]:
    """The addresses of prefixes."""
    return [parse(one.prefix) for one in rows]


def lies(text: str, held: list[Range]) -> bool:
    """Whether an address is one of these."""
    family, value = parse_host(text)
    return any(family == one.family and one.low <= value <= one.high for one in held)


def doubt(subject: Place, person: User) -> str:
    """How many of its servers were watched, as far as this person may see them; "" where nothing is open by that."""
    if isinstance(subject, Endpoint):
        return f"It lies outside: seen is what places of our own saw of it, and {ALL_THE_SAME}."
    here = Server.objects.exclude(status=Server.Status.RETIRED)
    if isinstance(subject, Group):
        here = here.filter(pk__in=subject.members_on(timezone.now()).values("pk"))
    else:
        here = here.filter(pk__in=Address.objects.filter(zone=subject).in_force(timezone.now()).values("server"))
    servers = Server.objects.for_user(person).filter(pk__in=here.values("pk"))
    number = servers.count()
    ways = AdminPathRow.objects.for_user(person).current().filter(server__in=servers)
    hours = [(one.seen.get("watched") or 0, one.seen.get("hours") or 0) for one in ways]
    whole = sum(0 < watched == of for watched, of in hours)
    some = sum(0 < watched < of for watched, of in hours)
    if not number:
        return f"No server that you may see stands in it: {ALL_THE_SAME}."
    there = here.count()
    if whole == there and isinstance(subject, Group):
        return ""
    told = [(whole, "all"), (some, "some"), (number - whole - some, "none")]
    named = ", ".join(f"{which} of {count}" for count, which in told if count)
    seen = "" if number == there else " that you may see"  # what those of others did, nobody is told here
    return f"Hours watched of the {counted(number, 'server')} in it{seen}: {named}; {ALL_THE_SAME}."


def listed(seen: Beside, person: User) -> dict[str, Any]:
    """As parts/seen_in_flows.html has it. A finding is a link for those who may open it."""
    refs = [int(one["finding"].rpartition("-")[2]) for one in seen.pairs if one["finding"]]
    mine = {row.ref for row in Finding.objects.for_user(person).filter(pk__in=refs)}

    def shown(one: Mapping[str, Any]) -> dict[str, Any]:
        url = f"/findings/{one['finding']}/" if one["finding"] in mine else ""
        return {**one, "ref": one["finding"], "url": url}

    return {
        "first": seen.first, "talkers": seen.talkers, "more": seen.more, "cut": seen.cut,
        "pairs": [shown(one) for one in seen.pairs],
    }  # fmt: skip
