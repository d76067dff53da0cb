"""The rules about one request as a whole: its services, its share, its end, and whether its reasons say anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from compliance.policy.content import Setting
from compliance.policy.facts import Asked, Side
from compliance.policy.pairs import spans
from compliance.policy.spans import common, said, without
from compliance.traffic.boxes import PORT_TOP, PROTO_TOP
from compliance.traffic.services import WITH_PORTS, Span


class Fault(NamedTuple):
    """What is wrong with a request, in a sentence, and the services it is about (none: all of it)."""

    what: str
    spans: tuple[Span, ...] = ()


AskedRule = Callable[[Setting, Asked], Iterator[Fault]]
WORD: Final = re.compile(r"\w+")


def any_service(rule: Setting, asked: Asked) -> Iterator[Fault]:
    """A service is named; every protocol, or every port of one, is none."""
    for text, span in asked.services:
        if is_any(span):
            yield Fault(f"{text} is every {'protocol' if span[0] != span[1] else 'port'}, not a service.", (span,))


def is_any(span: Span) -> bool:
    """Whether a span is every protocol, or every port of a protocol that has ports."""
    if (span[0], span[1]) == (0, PROTO_TOP):
        return True
    return any(span[0] <= one <= span[1] for one in WITH_PORTS) and (span[4], span[5]) == (0, PORT_TOP)


def wide_ports(rule: Setting, asked: Asked) -> Iterator[Fault]:
    """A range of ports is as wide as the application needs."""
    most = rule.number("most_ports")
    for text, span in asked.services:
        ports = span[5] - span[4] + 1
        if not is_any(span) and ports > most and any(span[0] <= one <= span[1] for one in WITH_PORTS):
            yield Fault(f"{text} opens {ports} ports; more than {most} at once need a look.", (span,))


def share_undeclared(rule: Setting, asked: Asked) -> Iterator[Fault]:
    """File services are asked for as a share, with folder, access and security."""
    files = common((span for _, span in asked.services), spans(rule.texts("file_services")))
    if asked.share is None and files:
        yield Fault(f"{said(files)} carries files, and nothing says which folder, for whom and how protected.", files)


def encryption(rule: Setting, asked: Asked) -> Iterator[Fault]:
    """What travels is encrypted, and the request says by what."""
    if asked.share is not None:
        if asked.share.security.lower() not in rule.texts("share_security"):
            now = asked.share.security or "nothing"
            yield Fault(f"The share {asked.share.path} is protected by {now}, which does not encrypt the files.")
        return
    if not any(_at_least(rule, side) for side in _sides(asked)):
        return
    text = f"{asked.reasons.need} {asked.reasons.security} {asked.reasons.data}".lower()
    told = set(WORD.findall(text)) & {word.lower() for word in rule.texts("words")}
    open_ones = without((span for _, span in asked.services), spans(rule.texts("encrypted_services")))
    if open_ones and not told:
        yield Fault(f"Nothing says how {said(open_ones)} is encrypted.", open_ones)


def _at_least(rule: Setting, side: Side) -> bool:
    order = rule.texts("order")
    low = rule.word("from_classification")
    known = side.classification in order and low in order
    return known and order.index(side.classification) >= order.index(low)


def _sides(asked: Asked) -> Iterator[Side]:
    for sources, destinations in asked.legs:
        yield from (*sources, *destinations)


def justification_short(rule: Setting, asked: Asked) -> Iterator[Fault]:
    """A reason that somebody else can weigh takes a few words."""
    for name, text, fewest in (
        ("business need", asked.reasons.need, rule.number("need_words")),
        ("security implications", asked.reasons.security, rule.number("security_words")),
    ):
        words = len(WORD.findall(text))
        if words < fewest:
            yield Fault(f"The {name} is told in {words} {'word' if words == 1 else 'words'}: “{text.strip()}”.")


def justification_empty(rule: Setting, asked: Asked) -> Iterator[Fault]:
    """Words that say that it was so before say nothing about why it is needed."""
    for name, text in (("business need", asked.reasons.need), ("security implications", asked.reasons.security)):
        left = f" {' '.join(WORD.findall(text.lower()))} "
        found = [phrase for phrase in rule.texts("phrases") if f" {' '.join(WORD.findall(phrase.lower()))} " in left]
        for phrase in sorted(found, key=len, reverse=True):
            left = left.replace(f" {' '.join(WORD.findall(phrase.lower()))} ", " ")
        if found and len(left.split()) <= rule.number("words_beside"):
            yield Fault(f"The {name} says little more than “{found[0]}”.")


def justification_repeated(rule: Setting, asked: Asked) -> Iterator[Fault]:
    """The same words for many connections were thought of once."""
    others = asked.reasons.repeated_in
    if len(others) >= rule.number("records"):
        count = len(others)
        shown = ", ".join(others[:3]) + (f" and {count - 3} more" if count > 3 else "")
        yield Fault(f"The same business need stands word for word in {shown}.")


ASKED_RULES: Final[Mapping[str, AskedRule]] = {
    "any-service": any_service,
    "wide-ports": wide_ports,
    "share-undeclared": share_undeclared,
    "encryption": encryption,
    "justification-short": justification_short,
    "justification-empty": justification_empty,
    "justification-repeated": justification_repeated,
}
