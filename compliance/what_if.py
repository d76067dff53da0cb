"""What a request would open, before anybody decides: what is covered already, how much it is, and what it leads to.

Read from what is authorised today, never from the rules; the rules are evidence's. Names of what the reader may not
see are counted, not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from compliance.models import ChangeRecord, Connection, Endpoint, Justification, User
from compliance.models.estate import day_of
from compliance.nearby import register_near
from compliance.register import Entry, RegisterError, Wanted, wanted
from compliance.standing import KEPT, mentioned
from compliance.traffic.boxes import FAMILIES, Box, Family, overlaps
from compliance.traffic.index import Index
from compliance.traffic.residual import covered
from compliance.traffic.services import say, span_of
from compliance.traffic.witness import Inventory, choose

ASKED: Final = "asked"  # the id the request has among what is authorised
SHOWN: Final = 6
SIMILAR: Final = 3


@dataclass(frozen=True, slots=True)
class Fact:
    """One line for the reader: what is asked, and the answer in words."""

    label: str
    text: str
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """All that is said of a request. `problem`: why nothing could be said."""

    facts: tuple[Fact, ...] = ()
    packet: str = ""
    similar: tuple[dict[str, str], ...] = ()
    problem: str = ""


def preview_of(change: ChangeRecord, person: User, *, at: datetime | None = None) -> Preview:
    """The preview of a change record."""
    return preview(change.material, person, beside=change.connection_id, at=at)


def preview(
    material: Mapping[str, Any], person: User, *, beside: int | None = None, at: datetime | None = None
) -> Preview:
    """The preview of a request. `beside`: the connection it is about, which does not cover itself."""
    moment = at or timezone.now()
    register = register_near(material, day_of(moment))
    own = f"CON-{beside}" if beside else ""
    part = "shares" if material["kind"] == "share" else "connections"
    for name in ("connections", "shares"):
        register[name] = [row for row in register[name] if row["id"] != own]
    said = {key: material[key] for key in KEPT if material.get(key)}
    register[part] = [*register[part], {"id": ASKED, **said}]
    try:
        everything = wanted(register, at=day_of(moment))
    except RegisterError as error:
        return Preview(problem=error.problems[0])
    mine = [entry for entry in everything.entries if entry.id == ASKED]
    others = [entry for entry in everything.entries if entry.id != ASKED]
    if not mine:
        return Preview(problem="What it asks for has no addresses yet, so nothing can be compared.")
    seen = visible(person, [row["id"] for name in ("connections", "shares") for row in register[name]], material)
    return Preview(
        facts=(overlap(mine, others, seen), breadth(mine), reach(mine, others, everything), onward(mine, others)),
        packet=example(mine, everything),
        similar=alike(material, seen, beside),
    )


def visible(person: User, refs: Iterable[str], material: Mapping[str, Any]) -> dict[str, Connection]:
    """Of these connections (CON-42), and of those that begin or end where the request does, the ones this person may
    see; by the ids people use."""
    keys = [int(ref.removeprefix("CON-")) for ref in refs if ref != ASKED]
    ends = list(Endpoint.objects.filter(name__in=mentioned(material)).values_list("pk", flat=True))
    touching = Q(pk__among=keys) | Q(source__among=ends) | Q(destination__among=ends)  # each by its own index
    rows = Connection.objects.for_user(person).filter(touching).select_related("source", "destination")
    return {row.ref: row for row in rows}


def overlap(mine: Iterable[Entry], others: Iterable[Entry], seen: Mapping[str, Connection]) -> Fact:
    """Whether what is asked for is authorised already, all of it or some, and by what."""
    label = "Is it covered already?"
    listed = list(others)
    whole, touching = True, []
    for entry in mine:
        near = [one for one in listed if one.family == entry.family and _touch(one.boxes, entry.boxes)]
        touching += [one.id for one in near]
        cuts = [box for one in near for box in one.boxes]
        whole = whole and all(covered(box, cuts) for box in entry.boxes)
    names = list(dict.fromkeys(touching))
    known = tuple(name for name in names if name in seen)
    hidden = len(names) - len(known)
    of_others = f" ({hidden} of them of systems you do not see)" if hidden else ""
    if not names:
        return Fact(label, "No. Nothing of it is authorised today.")
    if whole:
        return Fact(label, f"Yes, all of it is authorised already{of_others}. You may not need it.", known[:SHOWN])
    return Fact(label, f"Some of it is authorised already{of_others}; the rest would be new.", known[:SHOWN])


def _touch(boxes: Iterable[Box], others: Iterable[Box]) -> bool:
    listed = list(others)
    return any(overlaps(box, other) for box in boxes for other in listed)


def breadth(mine: Iterable[Entry]) -> Fact:
    """How many addresses may reach how many, by which services."""
    texts = []
    for entry in mine:
        sources = {(box[0], box[1]) for box in entry.boxes}
        targets = {(box[2], box[3]) for box in entry.boxes}
        offered = list(dict.fromkeys(say(span_of(box)) for box in entry.boxes))
        ports = ", ".join(offered[:SHOWN]) + (f" and {len(offered) - SHOWN} more" if len(offered) > SHOWN else "")
        texts.append(f"{many(sources)} may reach {many(targets)} by {ports} (IPv{entry.family}).")
    return Fact("How much is it?", " ".join(texts))


def many(ranges: Iterable[tuple[int, int]]) -> str:
    """How many addresses some ranges hold, in words."""
    number = sum(high - low + 1 for low, high in ranges)
    if number == 1:
        return "1 address"
    if number < 10_000:
        return f"{number:,} addresses"
    return "every address there is" if number >= 2**32 else f"about {number:.2g} addresses".replace("e+0", "e")


def reach(mine: Iterable[Entry], others: Iterable[Entry], everything: Wanted) -> Fact:
    """The servers that somebody of the source reaches for the first time."""
    listed, fresh, all_of_them = list(others), [], []
    for entry in mine:
        index = Index(_ends(box) for one in listed if one.family == entry.family for box in one.boxes)
        for name, box in _towards(entry, everything):
            all_of_them.append(name)
            if index.holder(_ends(box)) is None:
                fresh.append(name)
    new, total = list(dict.fromkeys(fresh)), len(dict.fromkeys(all_of_them))
    label = "Which servers become reachable?"
    if not total:
        return Fact(label, "None of ours: it leads outside.")
    if not new:
        return Fact(label, "None that the source could not reach by another service already.")
    return Fact(label, f"{listed_names(new)}: not reachable from there by any service today.")


def onward(mine: Iterable[Entry], others: Iterable[Entry]) -> Fact:
    """What the servers at the far end may reach in turn: one hop further for whoever takes one of them over."""
    label = "And one hop further?"
    listed = list(others)
    found: dict[str, None] = {}
    addresses: set[tuple[Family, int]] = set()
    for entry in mine:
        ends = {(box[2], box[3]) for box in entry.boxes}
        for one in listed:
            if one.family != entry.family:
                continue
            onwards = [box for box in one.boxes if any(box[0] <= high and low <= box[1] for low, high in ends)]
            if onwards:
                found[one.id] = None
                addresses |= {(entry.family, box[2]) for box in onwards if box[2] == box[3]}
    if not found:
        return Fact(label, "What is reached has no authorised connection of its own.")
    count = len(found)
    return Fact(
        label,
        f"What is reached may itself reach {len(addresses)} other {'server' if len(addresses) == 1 else 'servers'}, "
        f"by {count} authorised {'connection' if count == 1 else 'connections'}.",
    )


def _towards(entry: Entry, everything: Wanted) -> Iterable[tuple[str, Box]]:
    """The servers an entry leads to, each with the part of it."""
    for name, values in everything.servers.items():
        for value in values:
            for box in entry.boxes:
                if box[2] <= value <= box[3] and (value > 2**32 - 1) == (entry.family == 6):
                    yield name, (box[0], box[1], value, value, *box[4:])


def _ends(box: Box) -> Box:
    """A box with every service: who may talk to whom at all."""
    return (*box[:4], 0, 255, 0, 65535, 0, 65535)


def listed_names(names: list[str]) -> str:
    """Names in a sentence."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def example(mine: Iterable[Entry], everything: Wanted) -> str:
    """One packet it would let through, between real servers where there are any."""
    inventory = Inventory(value for values in everything.servers.values() for value in values)
    by_family = {entry.family: entry.boxes for entry in mine}
    for family in FAMILIES:
        if by_family.get(family):
            return str(choose(family, by_family[family][0], inventory))
    return ""


def alike(
    material: Mapping[str, Any], seen: Mapping[str, Connection], beside: int | None
) -> tuple[dict[str, str], ...]:
    """Authorised connections with the same ends or the same services to the same end, with their reasons."""
    if material["kind"] == "share":
        near = [row for row in seen.values() if row.kind == "share" and row.destination.name == material["server"]]
    else:
        ends = {material["source"], material["destination"]}
        near = [
            row
            for row in seen.values()
            if row.kind == "network" and ends & {row.source.name, row.destination.name}
            and (row.destination.name == material["destination"] or row.source.name == material["source"])
        ]  # fmt: skip
        both = [row for row in near if ends == {row.source.name, row.destination.name}]
        near = [*both, *(row for row in near if row not in both)]
    keys = [row.pk for row in near if row.pk != beside][:SIMILAR]
    reasons = Justification.objects.filter(change__versions__connection_id__in=keys, change__versions__valid_to=None)
    by_key = {row.change.connection_id: row for row in reasons.select_related("change__connection")}
    return tuple(
        {
            "ref": row.change.connection.ref,
            "url": f"/connections/{row.change.connection.ref}/",
            "text": f"{seen[row.change.connection.ref].source} → {seen[row.change.connection.ref].destination}",
            "need": row.business_need,
        }
        for row in (by_key[key] for key in keys if key in by_key)
        if row.change.connection is not None
    )
