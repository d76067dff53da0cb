"""Translated destinations of pfSense and OPNsense: port forwards and one to one.

They are asked in the order of the file, before any rule; the first that matches translates, and `nordr` leaves as it
is. What several inner ports stand for is told port by port, where they are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from compliance.traffic.boxes import TOP, Box, Family, box_of
from compliance.traffic.intervals import Interval
from compliance.traffic.shares import Origin, Residue
from evidence.formats import pf_rules
from evidence.formats.entries import Named, made
from evidence.formats.pf_rules import Draft, Estate, truth
from evidence.formats.pf_xml import Element
from evidence.rules import Action, Nat, Rule

MOST_PORTS = 64  # that are told one by one
OriginOf = Callable[[Element], Origin]
OWN_WORDS = frozenset({"target", "local-port", "natreflection", "nordr", "nosync", "external", "associated-rule-id",
                       "poolopts", "nobinat", "subnet", "source_hash_key", "pass"})  # fmt: skip


def translations(root: Element, estate: Estate, chain: str, origin_of: OriginOf) -> Iterator[Rule]:
    """The rules of the chain that translates."""
    for number, element in enumerate(root.all("nat", "rule"), start=1):
        if not truth(element, "disabled"):
            yield from _forward(element, estate, f"pf:nat#{number}", chain, origin_of(element))
    for number, element in enumerate(root.all("nat", "onetoone"), start=1):
        if not truth(element, "disabled"):
            yield from _one_to_one(element, estate, f"pf:onetoone#{number}", chain, origin_of(element))
    for number, element in enumerate(root.all("nat", "npt"), start=1):
        if not truth(element, "disabled"):
            named = Named(f"pf:npt#{number}", chain, 0, origin_of(element))
            residue = (Residue("nat", "prefixes of IPv6 are translated", element.first),)
            yield made(named, 6, Action.PERMIT, (box_of(6),), iif=element.says("interface") or None, residue=residue)


def _plain(element: Element) -> Element:
    """The element without what only says how it is translated, so that the rest is read as a rule's."""
    return replace(element, inner=[one for one in element.inner if one.tag not in OWN_WORDS])


def _boxes(draft: Draft, family: Family) -> tuple[list[Box], list[Residue]]:
    """What is translated, and what of it is not known."""
    src, dst = draft.src[family], draft.dst[family]
    doubts = [*src.doubts, *dst.doubts, *draft.doubts]
    residue = [*draft.residue, *(Residue("nat", doubt, draft.origin.first) for doubt in doubts)]
    boxes = [
        (*source, *target, *service.proto, *service.sport, *service.dport)
        for source in src.may
        for target in dst.may
        for service in draft.services.get(family, [])
    ]
    if draft.doubts:
        boxes = [box_of(family)]
    return boxes, residue


def _forward(element: Element, estate: Estate, name: str, chain: str, origin: Origin) -> Iterator[Rule]:
    draft = pf_rules.read(_plain(element), estate, 0, name, origin, mvc=False)
    for family in draft.families:
        boxes, residue = _boxes(draft, family)
        named = Named(name, chain, element.first, origin)
        if truth(element, "nordr"):
            yield made(named, family, Action.PERMIT, tuple(boxes), iif=draft.interfaces, residue=tuple(residue))
            continue
        target = estate.addresses(element.says("target"), family)
        if target.doubts or len(target.sure) != 1 or target.sure[0][0] != target.sure[0][1]:
            residue.append(Residue("nat", f"to {element.says('target')}", element.first))
        for box in boxes:
            yield from _ports(element, estate, named, family, box, target.sure, draft, residue)


def _ports(
    element: Element, estate: Estate, named: Named, family: Family, box: Box, target: list[Interval], draft: Draft,
    residue: list[Residue],
) -> Iterator[Rule]:  # fmt: skip
    word = element.says("local-port")
    ports, doubts = estate.ports(word)
    outer: Interval = (box[8], box[9])
    more = [*residue, *(Residue("nat", doubt, element.first) for doubt in doubts)]
    to = target[0] if target else (0, TOP[family])
    count = outer[1] - outer[0] + 1
    if not word or word == "any" or doubts or ports == [outer]:
        pairs: list[tuple[Interval, Interval | None]] = [(outer, None if not word else outer)]
    elif len(ports) == 1 and count <= MOST_PORTS and ports[0][0] + count - 1 <= 65535:
        pairs = [((outer[0] + at, outer[0] + at), (ports[0][0] + at, ports[0][0] + at)) for at in range(count)]
    else:
        pairs, more = [(outer, None)], [*more, Residue("nat", f"ports {word}", element.first)]
    for sent, inner in pairs:
        part: Box = (*box[:8], *sent)
        new = box_of(family, dst=to, dport=inner) if inner is not None else box_of(family, dst=to)
        rule = made(named, family, Action.PERMIT, (part,), iif=draft.interfaces, residue=tuple(more))
        yield rule if more else replace(rule, nat=Nat("dnat", (new,)))


def _one_to_one(element: Element, estate: Estate, name: str, chain: str, origin: Origin) -> Iterator[Rule]:
    """An outer address that stands for an inner one, in both directions."""
    inner = element.child("source") or Element("source", element.first, element.first)
    word = inner.says("network") or inner.says("address")
    named = Named(name, chain, element.first, origin)
    limits = element.says("interface") or None
    held = pf_rules.FAMILIES_OF.get(element.says("ipprotocol"), (4,))
    peers = element.child("destination")
    narrowed = peers is not None and not peers.has("any") and bool(peers.inner)
    for family in held:
        outer, to = estate.addresses(element.says("external"), family), estate.addresses(word, family)
        single = len(outer.sure) == len(to.sure) == 1 and not (outer.doubts or to.doubts or narrowed)
        single = single and all(low == high for low, high in (*outer.sure, *to.sure))
        boxes = tuple(box_of(family, dst=span) for span in outer.may) or (box_of(family),)
        if truth(element, "nobinat") and not narrowed:
            yield made(named, family, Action.PERMIT, boxes, iif=limits)
        elif single:
            rule = made(named, family, Action.PERMIT, boxes, iif=limits)
            yield replace(rule, nat=Nat("dnat", (box_of(family, dst=to.sure[0]),)))
        else:
            residue = (Residue("nat", f"{element.says('external')} stands for {word}", element.first),)
            yield made(named, family, Action.PERMIT, boxes, iif=limits, residue=residue)
