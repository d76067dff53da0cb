"""Deterministic rule lists and registers to measure with: the same for the same seed on every machine.

A rule is (box, permit). Everything is written so that it grows by more of the same: ten times the rules are ten
times the networks, not ten times the rules of one network.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from compliance.traffic.boxes import FULL, TOP, Box, Family, box_of, limited

Rules = list[tuple[Box, bool]]
NETWORK: dict[Family, int] = {4: 0x0A000000, 6: 0xFD00 << 112}
HOST_BITS = 8  # a network of servers is a /24, or a /120 in IPv6
SERVICES = (22, 25, 53, 80, 88, 123, 135, 139, 389, 443, 445, 514, 636, 993, 1433, 1521, 2049, 3306, 3389, 5432, 5671,
            5985, 6379, 8080, 8443, 8888, 9092, 9200, 9300, 11211, 27017)  # fmt: skip
ICMP_TYPES = (0, 3, 8, 11, 13)


class Site:
    """Addresses and services to draw from: one network for every two hundred rules, twenty servers in each."""

    def __init__(self, size: int, family: Family, seed: int) -> None:
        self.family: Family = family
        self.draw = random.Random(f"{seed}/{family}/{size}")  # noqa: S311 (data to measure with, no secret)
        self.networks = [NETWORK[family] + (number << HOST_BITS) for number in range(max(4, size // 200))]

    def host(self) -> tuple[int, int]:
        """One server."""
        value = self.draw.choice(self.networks) + 10 + self.draw.randrange(20)
        return value, value

    def block(self, bits: int) -> tuple[int, int]:
        """An aligned block of 2**bits addresses."""
        low = (self.draw.choice(self.networks) + self.draw.randrange(1 << HOST_BITS)) >> bits << bits
        return low, low + (1 << bits) - 1

    def side(self, shares: Sequence[int]) -> tuple[int, int]:
        """A host, a network, a sixteenth of one, 256 networks or everything, so many in a thousand of each."""
        kind = self.draw.choices(("host", HOST_BITS, HOST_BITS - 4, HOST_BITS + 8, "any"), shares)[0]
        if kind == "host":
            return self.host()
        return (0, TOP[self.family]) if kind == "any" else self.block(int(kind))

    def service(self) -> tuple[int | None, tuple[int, int] | None, tuple[int, int] | None]:
        """Protocol, source ports (or ICMP type) and destination ports (or code)."""
        kind = self.draw.random()
        if kind < 0.80:
            port = self.draw.choice(SERVICES)
            return 6, None, (port, port)
        if kind < 0.86:
            low = 1024 * self.draw.randrange(1, 60)
            return 6, None, (low, low + self.draw.choice((7, 63, 511)))
        if kind < 0.93:
            port = self.draw.choice((53, 123, 161, 500, 514, 4500))
            return 17, None, (port, port)
        if kind < 0.97:
            icmp = self.draw.choice(ICMP_TYPES)
            return (1 if self.family == 4 else 58), (icmp, icmp), (0, 255)
        return None, None, None

    def box(self, sources: Sequence[int], targets: Sequence[int]) -> Box:
        """One rule's traffic."""
        proto, sport, dport = self.service()
        source, target = self.side(sources), self.side(targets)
        if proto is None:  # nobody writes "every service" for more than a few servers
            source, target = self.host(), self.block(2)
        return box_of(self.family, src=source, dst=target, proto=proto, sport=sport, dport=dport)

    def host_in(self, low: int, high: int) -> tuple[int, int]:
        """One address of a range that holds servers."""
        value = low + self.draw.randrange(min(high - low + 1, 1 << HOST_BITS))
        return value, value


def realistic(size: int, *, family: Family = 4, seed: int = 1) -> tuple[Rules, list[Box]]:
    """(rules, authorised): mostly host to host, one rule in ten a deny, one entry in seven has no rule."""
    site = Site(size, family, seed)
    rules: Rules = []
    for _ in range(size):
        permit = site.draw.random() > 0.10
        box = site.box((600, 250, 120, 20, 10), (780, 150, 70, 0, 0))
        rules.append((box, permit))
    authorised = [_authorised(site, rules) for _ in range(size)]
    return rules, authorised


def _authorised(site: Site, rules: Rules) -> Box:
    if site.draw.random() < 0.14:
        return site.box((900, 100, 0, 0, 0), (950, 50, 0, 0, 0))
    box, _ = site.draw.choice(rules)
    kind = site.draw.random()
    if kind < 0.55:
        return box
    if kind < 0.80:  # one server of the rule's source
        return limited(box, 0, *site.host_in(box[0], box[1]))
    network = box[0] >> HOST_BITS << HOST_BITS
    return limited(box, 0, min(network, box[0]), max(network + (1 << HOST_BITS) - 1, box[1]))


def changed(rules: Rules, share: float, *, family: Family = 4, seed: int = 7) -> Rules:
    """The same list after an edit of `share` of its rules: replaced, removed, inserted, or moved to another place."""
    site = Site(len(rules), family, seed)
    edited = list(rules)
    for _ in range(round(len(rules) * share)):
        kind, place = site.draw.random(), site.draw.randrange(len(edited))
        fresh = (site.box((700, 250, 50, 0, 0), (850, 150, 0, 0, 0)), site.draw.random() > 0.10)
        if kind < 0.6:
            edited[place] = fresh
        elif kind < 0.75:
            del edited[place]
        elif kind < 0.95:
            edited.insert(place, fresh)
        else:
            edited.insert(site.draw.randrange(len(edited)), edited.pop(place))
    return edited


def fragments(count: int, *, family: Family = 4, seed: int = 3) -> list[Box]:
    """All traffic of a family in so many disjoint boxes, cut at random places in every dimension."""
    draw = random.Random(f"fragments/{seed}/{count}")  # noqa: S311
    boxes = [FULL[family]]
    while len(boxes) < count:
        place = draw.randrange(len(boxes))
        box = boxes[place]
        at = draw.choice((0, 0, 2, 2, 4, 6, 8))
        if box[at] < box[at + 1]:
            cut = draw.randrange(box[at], box[at + 1])
            boxes[place] = limited(box, at, box[at], cut)
            boxes.append(limited(box, at, cut + 1, box[at + 1]))
    draw.shuffle(boxes)
    return boxes


def stripes(count: int, *, family: Family = 4) -> list[Box]:
    """Half of them across the sources, half across the destinations, with narrow gaps between those of each."""
    half, found = count // 2, []
    width = (TOP[family] + 1) // half
    for at in (0, 2):
        found += [limited(FULL[family], at, place * width, (place + 1) * width - 10) for place in range(half)]
    random.Random(count).shuffle(found)  # noqa: S311
    return found


def security_group(members: int, ports: int) -> tuple[list[Box], list[Box]]:
    """(what the group's rules permit, what is authorised): every member to every member, port by port and as ranges."""
    values = [NETWORK[4] + 10 + 3 * member for member in range(members)]
    permitted = [
        box_of(4, src=(source, source), dst=(target, target), proto=6, dport=port)
        for source in values for target in values for port in range(8000, 8000 + ports)
    ]  # fmt: skip
    authorised = [
        box_of(4, src=(values[0], values[-1]), dst=(target, target), proto=6, dport=(8000, 8000 + ports - 1))
        for target in values
    ]
    return permitted, authorised
