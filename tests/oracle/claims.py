"""What `eastwest check` says of random rules and a random register, as packets that the kernel can be asked about.

Every proven judgement with an example of traffic is a claim: the example of an over-permissive rule passes, that of a
connection that is not implemented does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from random import Random
from typing import NamedTuple

from compliance.register import Wanted, wanted
from compliance.traffic import addresses
from compliance.traffic.boxes import FAMILIES
from compliance.traffic.witness import Witness
from evidence.judgement import Judgement
from evidence.rules import Certainty, Reading, Verdict
from evidence.verdicts import judge
from tests.oracle.layout import Layout
from tests.oracle.probe import PROTOCOLS
from tests.oracle.vocabulary import Vocabulary

HOST = "web-01"
DAY = date(2026, 1, 1)
PASSES = {Verdict.permits_more: True, Verdict.not_implemented: False, Verdict.approved_not_done: False}
SERVICES = ("tcp/443", "tcp/22", "tcp/8000-8010", "udp/53", "tcp/1-65535", "icmp/8", "sctp/5432")


class Claim(NamedTuple):
    """One example of traffic at a point, and whether it is said to pass."""

    point: str
    packet: Witness
    passes: bool
    judgement: Judgement


def register(dice: Random, layout: Layout, words: Vocabulary) -> Wanted:
    """The host, some neighbours and strangers as servers, and a few connections between them."""
    peers = {}
    for number in range(dice.randint(2, 6)):
        family = dice.choice(FAMILIES)
        value = dice.choice(words.span(dice, family))
        if layout.is_ordinary(family, value):
            peers[f"peer-{number}"] = [addresses.to_text(family, value)]
    own = [addresses.to_text(family, value) for family in FAMILIES for value in layout.own(family)]
    ends = list({value for values in peers.values() for value in values})
    servers = [{"name": HOST, "addresses": own}]
    servers += [{"name": name, "addresses": [value]} for name, value in zip(peers, ends, strict=False)]
    named = [server["name"] for server in servers[1:]]
    connections = [
        {
            "id": f"CON-{number}",
            "source": dice.choice(pair),
            "destination": HOST if pair is named else dice.choice(named),
            "services": dice.sample(SERVICES, 2),
        }
        for number in range(4)
        if named
        for pair in (dice.choice((named, [HOST])),)
    ]
    return wanted({"servers": servers, "connections": connections}, at=DAY)


def claims(dice: Random, layout: Layout, words: Vocabulary, reading: Reading) -> Iterator[Claim]:
    """Every claim whose example can be sent here."""
    found = judge(register(dice, layout, words), {HOST: reading}, before=None, flows=None, at=DAY)
    for judgement in found:
        if judgement.certainty is not Certainty.definite or judgement.verdict not in PASSES or not judgement.witness:
            continue
        point = judgement.point.partition("/")[2]
        packet = sendable(layout, point, judgement.witness)
        if packet is not None:
            yield Claim(point, packet, PASSES[judgement.verdict], judgement)


def sendable(layout: Layout, point: str, packet: Witness) -> Witness | None:
    """The packet with the interfaces of its way, or None when it cannot come about in this layout."""
    family, src, dst = packet.family, packet.src, packet.dst
    if packet.proto not in PROTOCOLS[family]:
        return None
    own = layout.holders[family]
    strangers = [value for value, at in ((src, "OUTPUT"), (dst, "INPUT")) if at != point]
    if not all(layout.is_ordinary(family, value) for value in strangers):
        return None
    if (point == "INPUT" and dst not in own) or (point == "OUTPUT" and src not in own):
        return None
    iif = oif = None
    if point != "OUTPUT":
        iif = packet.iif or layout.connected(family, src) or own.get(dst) or layout.links[0].name
    if point != "INPUT":
        oif = layout.way_out(family, dst)
        assumed = packet.oif or layout.connected(family, dst) or own.get(src, oif)
        if oif != assumed:  # the host has a route of its own there, which the addresses do not tell
            return None
    return Witness(family, src, dst, packet.proto, packet.sport, packet.dport, iif, oif)
