"""The values one set of rules is written with: few enough that its rules meet each other."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from compliance.traffic import addresses, intervals
from compliance.traffic.boxes import FAMILIES, Family
from tests.oracle.layout import Layout

PORTS = (22, 53, 80, 443, 445, 3306, 5432, 8080, 49152)
PREFIX_LENGTHS: dict[Family, tuple[int, ...]] = {
    4: (0, 1, 8, 9, 12, 16, 20, 24, 28, 30, 31, 32, 32),
    6: (0, 3, 16, 32, 48, 56, 64, 64, 96, 112, 127, 128, 128),
}
FAR: dict[Family, tuple[int, ...]] = {
    4: (0xC0000200, 0xC6336400, 0xAC100000, 0xC0A80100, 0x08080808),
    6: (0x20010DB8_00FF << 80, 0xFD << 120, 0x2A02 << 112, (0x64FF9B << 96) | 0x01020304),
}
STRANGE_NAMES = ("ppp0", "eth3", "wg0")  # interfaces that rules speak of and the host does not have

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`prefixes`: (address, length); `spans`: ranges that are no prefixes; `hosts`: strangers behind one interface.

    `own`: the host's addresses; `names`: interfaces, some with a `+`; `links`: the host's own.
    """

    prefixes: dict[Family, tuple[tuple[int, int], ...]]
    spans: dict[Family, tuple[Span, ...]]
    ports: tuple[Span, ...]
    hosts: dict[Family, tuple[int, ...]]
    own: dict[Family, tuple[int, ...]]
    names: tuple[str, ...]
    links: tuple[str, ...]

    def prefix(self, dice: Random, family: Family) -> str:
        """`10.1.0.0/16`; now and then with host bits, which the tools cut off."""
        value, length = dice.choice(self.prefixes[family])
        if length == addresses.BITS[family] and dice.random() < 0.7:
            return addresses.to_text(family, value)
        return f"{addresses.to_text(family, value)}/{length}"

    def span(self, dice: Random, family: Family) -> Span:
        """A range of addresses: one of the ranges, or a prefix as one."""
        if dice.random() < 0.5:
            return dice.choice(self.spans[family])
        return addresses.prefix_range(family, *dice.choice(self.prefixes[family]))

    def apart(self, dice: Random, family: Family, most: int) -> list[Span]:
        """One to `most` ranges of addresses that do not touch."""
        return intervals.merge(self.span(dice, family) for _ in range(dice.randint(1, most)))

    def ports_apart(self, dice: Random, most: int) -> list[Span]:
        """One to `most` ranges of ports that do not touch."""
        return intervals.merge(dice.choice(self.ports) for _ in range(dice.randint(1, most)))


def drawn(dice: Random, layout: Layout) -> Vocabulary:
    """Values around the host's own networks and addresses, and some far away."""
    links = tuple(link.name for link in layout.links)
    wild = tuple(f"{name[:3]}+" for name in dice.sample(links, min(2, len(links))))
    hosts = {family: _hosts(dice, layout, family) for family in FAMILIES}
    return Vocabulary(
        prefixes={
            family: (*_prefixes(dice, layout, family), *((one, addresses.BITS[family]) for one in hosts[family][:2]))
            for family in FAMILIES
        },
        spans={family: _spans(dice, layout, family) for family in FAMILIES},
        ports=_ports(dice),
        hosts=hosts,
        own={family: layout.own(family) for family in FAMILIES},
        names=(*links, *links, *wild, dice.choice(STRANGE_NAMES)),
        links=links,
    )


def _around(dice: Random, layout: Layout, family: Family) -> int:
    """An address of a connected network, a far one, or the host itself."""
    own = dice.choice(layout.own(family))
    kind = dice.randint(0, 5)
    if kind == 0:
        return own
    if kind <= 3:
        low, high, _ = dice.choice(layout.networks[family])
        return dice.randint(low, high)
    return dice.choice(FAR[family]) + dice.randint(0, 3)


def _prefixes(dice: Random, layout: Layout, family: Family) -> tuple[tuple[int, int], ...]:
    found = []
    for _ in range(7):
        value, length = _around(dice, layout, family), dice.choice(PREFIX_LENGTHS[family])
        found.append((addresses.prefix_range(family, value, length)[0], length))
    # 0.0.0.0/0 and its like say nothing: one of them is enough.
    return tuple(one for number, one in enumerate(found) if one[1] or number == 0) or tuple(found)


def _spans(dice: Random, layout: Layout, family: Family) -> tuple[Span, ...]:
    found = []
    for _ in range(4):
        low = _around(dice, layout, family)
        found.append((low, low + dice.choice((0, 1, 5, 300, 70_000))))
    return tuple(found)


def _hosts(dice: Random, layout: Layout, family: Family) -> tuple[int, ...]:
    """Strangers behind one interface: translated to each other, packets still take the same way."""
    low, high, _ = dice.choice(layout.networks[family])
    found = [value for _ in range(16) if layout.is_ordinary(family, value := _around(dice, layout, family))]
    found = found or [(low + high) // 2 + 1]
    return tuple(value for value in found if layout.way_out(family, value) == layout.way_out(family, found[0]))


def _ports(dice: Random) -> tuple[Span, ...]:
    found: list[Span] = [(port, port) for port in dice.sample(PORTS, 3)]
    low = dice.randint(0, 65535)
    found.append((low, min(65535, low + dice.choice((0, 1, 10, 1000, 65535)))))
    found.extend(dice.sample([(0, 1023), (1024, 65535), (8000, 8010), (1, 1), (65535, 65535), (79, 81)], 3))
    return tuple(found)
