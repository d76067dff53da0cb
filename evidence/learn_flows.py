"""Register entries that would say what flow logs saw and nobody authorised. Pure.

    learn_flows(case, flows, named) -> Talked | Left, one after the other

Talked: one source, one destination and one service that flows got through on, between ends of the register that held
their addresses then and hold them now, and of which the log or the ports tell who began. Left: a conversation of a
server, and why the register cannot hold it, or should not: it stays the finding it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from compliance.traffic.addresses import to_text
from compliance.traffic.services import WITH_PORTS
from evidence.case import Case
from evidence.flowlogs.seen import FlowEvidence, Tally
from evidence.learn import Ends, Left, Named, Unsaid, hears, word
from evidence.usage_verdicts import OPEN, POINT, PROVEN, box_of_tally, conversations, subject_of_tally

MOST: Final = 5_000  # conversations that are looked at, the fullest first; how many are left is said


class Talked(NamedTuple):
    """One entry that flows call for. Seconds since 1970; `days`: on how many; `sure`: who began is told by the log."""

    source: str
    destination: str
    service: str
    first: int
    last: int
    days: int
    flows: int
    bytes: int
    sure: bool


def learn_flows(case: Case, flows: FlowEvidence, named: Sequence[Named]) -> Iterator[Talked | Left]:
    """What the conversations of the last weeks call for that got through and that nobody authorised."""
    ends = Ends(case, named)
    every = sorted((one for one in conversations(flows) if one.passed), key=lambda one: (-one.bytes, one.pair[:4]))
    for one in every[:MOST]:
        try:
            yield talked(ends, flows, one)
        except Unsaid as why:
            server = _server(case, one)
            if server:
                yield Left(f"{server}/{POINT}", subject_of_tally(one), str(why))
    for server, number in Counter(_server(case, one) for one in every[MOST:]).items():
        if server:
            many = f"only the {MOST} conversations with the most bytes are looked at"
            yield Left(f"{server}/{POINT}", f"{number} more conversations", many)


def talked(ends: Ends, flows: FlowEvidence, one: Tally) -> Talked:
    """The entry that one conversation calls for. Raises Unsaid."""
    if one.port is None and one.proto in WITH_PORTS:
        raise Unsaid("the log does not keep its port")
    if one.sure <= OPEN:
        raise Unsaid("neither the log nor the ports tell who began it")
    source, destination = (_end(ends, flows, one, value) for value in (one.src, one.dst))
    if source == destination:
        raise Unsaid("both ends are the same")
    span = box_of_tally(one)[4:]
    service = word(span)
    offered = ends.listening(destination)
    if one.proto in WITH_PORTS and offered is not None and not any(hears(each, one.family, span) for each in offered):
        raise Unsaid(f"nobody listens on {service} of {destination} any more")
    stops = ends.stopped(source, destination, one.family, span, "")
    if stops:
        raise Unsaid(f"{stops} stops it by now")
    return Talked(source, destination, service, one.first, one.last, one.days, one.flows, one.bytes, one.sure >= PROVEN)


def _end(ends: Ends, flows: FlowEvidence, one: Tally, address: int) -> str:
    """What the register calls an address, if it was the same end's all the time it was seen. Raises Unsaid."""
    (name,) = ends.names(one.family, ((address, address),))
    for held in flows.holdings:
        mine = (held.family, held.address) == (one.family, address) and held.server != name
        if mine and held.first <= one.last and one.first <= held.last:
            raise Unsaid(f"{to_text(one.family, address)} was {held.server}'s when it was seen, and is {name}'s now")
    return name


def _server(case: Case, one: Tally) -> str:
    holders = case.estate.holders
    return holders.get(one.dst) or holders.get(one.src) or ""
