"""`check`: a request against the policy. Pure: no clock, no database.

A hit says what, why and what to do, with a packet it would let through. What cannot be told is said as well: it is
never taken for permitted, and never stops anybody. A dated exception lowers a hit to a note; it never hides it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from compliance.policy.content import SEVERITIES, Policy, Severity
from compliance.policy.facts import Asked, Side, alike
from compliance.policy.pairs import PAIR_RULES, Answer, Forbidden, Untold, by_matrix
from compliance.policy.reasons import ASKED_RULES
from compliance.policy.shipped import Described
from compliance.policy.spans import EVERY, common, said, without
from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, Box, Family
from compliance.traffic.services import Span
from compliance.traffic.witness import Inventory, Witness, choose

MATRIX: Final = "zone-matrix"
SAID: Final = 4  # pairs of ends that a hit repeats before it counts the rest
Level = Literal["block", "serious", "warn", "note", "unknown"]
ORDER: Final[tuple[Level, ...]] = (*SEVERITIES, "unknown")
MOST_BOXES: Final = 2000  # traffic of one hit; what is more than this nobody can except in one decision
Extent = tuple[tuple[Family, Box], ...]


class Exempt(NamedTuple):
    """A dated exception that somebody entitled decided on: until when, by what record, and why."""

    until: date
    reference: str
    because: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that a request meets. `level`: the rule's severity, note under an exception, or unknown.

    `of_ends`: it is about two sides, and `extent` is the traffic between them that the rule speaks of; `countable`
    False: that is more than can be said box by box, and nobody can except it in one decision.
    """

    rule: str
    level: Level
    title: str
    what: str
    why: str
    do: str
    packet: str = ""
    controls: tuple[str, ...] = ()
    excepted: str = ""
    of_ends: bool = False
    extent: Extent = ()
    countable: bool = True

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the request: what people read, without the traffic box by box."""
        said = asdict(self) | {"controls": list(self.controls)}
        return {key: value for key, value in said.items() if key not in ("of_ends", "extent", "countable")}


Excepted = Callable[[Hit], Exempt | None]


class Met(NamedTuple):
    """Two sides with the services between them that a rule speaks of."""

    source: Side
    destination: Side
    spans: tuple[Span, ...]
    because: str
    exempt: str = ""
    asks: bool = False  # for a reason in the request: no matter of what runs


def check(
    policy: Policy,
    described: Sequence[Described],
    asked: Asked,
    *,
    on: date,
    inventory: Inventory,
    excepted: Excepted = lambda hit: None,
) -> tuple[Hit, ...]:
    """Every rule that the request meets on that day, the gravest first."""
    hits: list[Hit] = []
    for rule in described:
        if policy.rules[rule.id].on:
            found = of_pairs(policy, rule, asked, on, inventory) if rule.pairs else of_request(policy, rule, asked)
            hits.extend(_decided(hit, excepted) for hit in found)
    places = {rule.id: place for place, rule in enumerate(described)}
    return tuple(sorted(hits, key=lambda hit: (ORDER.index(hit.level), places[hit.rule])))


def blocked(hits: Iterable[Hit]) -> list[Hit]:
    """Those that stop a submission."""
    return [hit for hit in hits if hit.level == "block"]


def _decided(hit: Hit, excepted: Excepted) -> Hit:
    open_to_it = hit.level in SEVERITIES and not hit.excepted and hit.countable
    exempt = excepted(hit) if open_to_it else None
    if exempt is None:
        return hit
    return replace(hit, level="note", excepted=f"{exempt.reference}, until {exempt.until}: {exempt.because}")


def of_request(policy: Policy, rule: Described, asked: Asked) -> Iterator[Hit]:
    """A rule about the request as a whole."""
    setting = policy.rules[rule.id]
    faults = list(ASKED_RULES[rule.id](setting, asked))
    if faults:
        yield _hit(rule, setting.severity, " ".join(dict.fromkeys(fault.what for fault in faults)))


def of_pairs(policy: Policy, rule: Described, asked: Asked, on: date, inventory: Inventory) -> Iterator[Hit]:
    """A rule about two sides, over every pair of them: one hit for each level that came of it."""
    wanted = tuple(span for _, span in asked.services)
    met: dict[tuple[Level, str], list[Met]] = {}
    for source, destination in pairs_of(policy, asked):
        for level, one in meetings(policy, rule.id, source, destination, wanted, on):
            met.setdefault((level, one.exempt), []).append(one)
    for (level, exempt), found in met.items():
        packet = _packet(found, inventory) if level != "unknown" else None
        hit = _hit(rule, level, _sentence(found), str(packet or ""))
        extent = extent_of(found)
        yield replace(hit, excepted=exempt, of_ends=True, extent=extent or (), countable=extent is not None)


def extent_of(found: Iterable[Met]) -> Extent | None:
    """The traffic between the sides, in boxes; None where it takes more of them than anybody reads."""
    boxes: dict[tuple[Family, Box], None] = {}
    for one in found:
        for family in FAMILIES:
            sources, targets = (
                intervals.merge((each.low, each.high) for each in side.ranges if each.family == family)
                for side in (one.source, one.destination)
            )
            if len(boxes) + len(sources) * len(targets) * len(one.spans) > MOST_BOXES:
                return None
            for start in sources:
                for end in targets:
                    boxes.update(((family, (*start, *end, *span)), None) for span in one.spans)
    return tuple(boxes)


def pairs_of(policy: Policy, asked: Asked) -> Iterator[tuple[Side, Side]]:
    """Every two sides that would talk; servers that are alike are asked about together."""
    apart = {name for one in policy.waivers for name in (one.source, one.destination)}
    for sources, destinations in asked.legs:
        for source in alike(sources, apart):
            for destination in alike(destinations, apart):
                if source.names != destination.names or len(source.names) > 1:
                    yield source, destination


def meetings(
    policy: Policy, rule: str, source: Side, destination: Side, wanted: tuple[Span, ...], on: date
) -> Iterator[tuple[Level, Met]]:
    """What a rule says of the wanted services between two sides: forbidden, under an exception, or not to be told."""
    for severity, answer in answers(policy, rule, source, destination):
        touched = common(wanted, answer.spans)
        if not touched:
            continue
        if isinstance(answer, Untold):
            yield "unknown", Met(source, destination, touched, answer.because)
            continue
        for waiver in policy.waivers:
            if waiver.holds(rule, source, destination, on) and (under := common(touched, waiver.spans)):
                exempt = f"an exception of the policy, until {waiver.until}: {waiver.because}"
                yield "note", Met(source, destination, under, answer.because, exempt=exempt)
                touched = without(touched, waiver.spans)
        if touched:
            yield severity, Met(source, destination, touched, answer.because, asks=answer.asks)


def answers(
    policy: Policy, rule: str, source: Side, destination: Side
) -> Iterator[tuple[Severity, Forbidden | Untold]]:
    """What a rule forbids between two sides, and how severely."""
    setting = policy.rules[rule]
    if rule != MATRIX:
        answer: Answer = PAIR_RULES[rule](setting, source, destination)
        if answer is not None:
            yield setting.severity, answer
        return
    here, there = source.place, destination.place
    if not here or not there:
        speaks = any(cell.decision != "allowed" for cell in policy.cells) or policy.otherwise != "allowed"
        if speaks:
            nowhere = destination if here else source
            yield setting.severity, Untold(EVERY, f"nobody recorded in which zone {nowhere} stands")
        return
    decided = by_matrix(policy.cells, policy.otherwise, here, there)
    if "never" in decided:
        yield (
            setting.severity,
            Forbidden(decided["never"], f"the zone matrix does not permit it from {here} to {there}"),
        )
    if "reason" in decided:
        because = f"the zone matrix asks for a particular reason from {here} to {there}"
        yield _milder(setting.word("needs_reason")), Forbidden(decided["reason"], because, asks=True)


def _milder(word: str) -> Severity:
    return next((one for one in SEVERITIES if one == word), "warn")


def _hit(rule: Described, level: Level, what: str, packet: str = "") -> Hit:
    return Hit(rule.id, level, rule.title, what, rule.why, rule.do, packet, rule.controls)


def _sentence(found: Sequence[Met]) -> str:
    """Who would reach whom by what, and why that is against the rule; the rest is counted."""
    shown = [f"{one.source} → {one.destination}, {said(one.spans)}: {one.because}." for one in found[:SAID]]
    more = len(found) - SAID
    return " ".join(shown) + (f" And {more} more pairs of ends." if more > 0 else "")


def _packet(found: Sequence[Met], inventory: Inventory) -> Witness | None:
    """One packet that it would let through, between real addresses where there are any."""
    for one in found:
        for family in FAMILIES:
            source = next((each for each in one.source.ranges if each.family == family), None)
            target = next((each for each in one.destination.ranges if each.family == family), None)
            if source and target:
                box = (source.low, source.high, target.low, target.high, *one.spans[0])
                return choose(family, box, inventory)
    return None
