"""Which devices stand between two addresses: said by hand for two zones, else derived from the networks of interfaces.

A device with an interface in the network of either end stands between them. Where several do, which of them a packet
takes is not known; where one stands in front of one end alone, whether the way leads through it is not known either.
Both are said (docs/adr/0039): a permit at each of them proves, a denial at one of them only names it. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from ipaddress import ip_network
from typing import Final, Literal, NamedTuple

from compliance.register import Entry, Wanted
from compliance.traffic import intervals
from compliance.traffic.addresses import prefix_range
from compliance.traffic.boxes import FAMILIES, TOP, Box, Family, limited
from evidence.answers import asked, judges_answers
from evidence.attachments import is_fabric
from evidence.rules import Reading

FORWARD, RETURN, OUTPUT = "FORWARD", "RETURN", "OUTPUT"
LOOPBACK: Final = "lo"
ANYWHERE: Final = ""  # in the place of a zone: whatever no zone of the register holds
MOST: Final = 4_096  # parts into which one box is cut by the networks on its two sides
Kind = Literal["between", "one of", "perhaps"]


class Said(NamedTuple):
    """What two people said: traffic from one zone (ANYWHERE: from none) to another passes these devices, all of them.

    No device at all is never said: that nothing stands there would need more than a word.
    """

    source: str
    target: str
    devices: tuple[str, ...]


class Standing(NamedTuple):
    """A device with the networks of its interfaces: interface, family, lowest and highest address."""

    device: str
    networks: tuple[tuple[str, Family, int, int], ...]
    own: frozenset[int] = frozenset()


class Ways(NamedTuple):
    """The devices that may be passed. between: all of them are; one of: any one is; perhaps: nobody knows whether."""

    kind: Kind
    devices: tuple[str, ...]


class Crossing(NamedTuple):
    """What of some traffic passes, or may pass, a device. `others`: the devices it may take instead."""

    device: str
    kind: Kind
    others: tuple[str, ...]
    boxes: tuple[Box, ...]


NOTHING: Final = Ways("between", ())


def is_device(reading: Reading) -> bool:
    """Whether it stands between others and is no host: it judges what passes, and not what it sends itself."""
    names = {point.name for point in reading.points}
    return FORWARD in names and OUTPUT not in names and not is_fabric(reading)


def standing(device: str, reading: Reading) -> Standing:
    """Where a device that was read stands; an address alone is no network, nor what only a link knows."""
    held = [(name, *one) for name, every in reading.addresses.items() for one in every]
    networks = tuple(
        (name, family, *prefix_range(family, value, length))
        for name, family, value, length in held
        if name != LOOPBACK and 0 < length < (32 if family == 4 else 128) and not _link_local(family, value)
    )
    return Standing(device, networks, frozenset(value for _, _, value, _ in held))


def stood(device: str, networks: Iterable[str]) -> Standing:
    """Where a device stood when it was last read, by the networks that are kept of it."""
    nets = [ip_network(text) for text in networks]
    return Standing(
        device,
        tuple(
            (str(net), 4 if net.version == 4 else 6, int(net[0]), int(net[-1])) for net in nets if net.num_addresses > 1
        ),
    )


def _link_local(family: Family, value: int) -> bool:
    return family == 6 and value >> 118 == 0xFE80 >> 6


class Paths:
    """The devices of an estate. `unread`: those of which nothing fresh is known, by where they stood."""

    def __init__(
        self, wanted: Wanted, readings: Mapping[str, Reading], said: Sequence[Said], unread: Iterable[Standing]
    ) -> None:
        self._wanted, self.said = wanted, tuple(said)
        self.devices = tuple(name for name, reading in readings.items() if is_device(reading))
        derived = [standing(name, readings[name]) for name in self.devices]
        self._standing = [*derived, *(one for one in unread if one.device not in readings)]
        self._own = {one.device: one.own for one in self._standing}
        self._known: dict[tuple[Family, int, int], Ways] = {}

    def __bool__(self) -> bool:
        """Whether any device is known at all."""
        return bool(self.said) or any(one.networks for one in self._standing)

    @cached_property
    def rests_on(self) -> tuple[object, ...]:
        """All that the answers rest on, for who keeps them."""
        return (self.said, tuple(self._standing), tuple(self._wanted.networks.items()))

    @cached_property
    def _starts(self) -> dict[Family, list[int]]:
        """Where a part of the addresses begins that nothing here tells apart."""
        found: dict[Family, set[int]] = {family: {0} for family in FAMILIES}
        for one in self._standing:
            for _, family, low, high in one.networks:
                found[family].update((low, high + 1))
        for ranges in self._wanted.networks.values() if self.said else ():
            for held in ranges:
                found[held.family].update((held.low, held.high + 1))
        return {family: sorted(place for place in every if place <= TOP[family]) for family, every in found.items()}

    @cached_property
    def _places(self) -> dict[Family, list[tuple[frozenset[tuple[str, str]], frozenset[str]]]]:
        """For each of these parts: the interfaces whose networks hold it, and its zones."""
        return {family: [self._place(family, start) for start in self._starts[family]] for family in FAMILIES}

    def _place(self, family: Family, value: int) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
        interfaces: set[tuple[str, str]] = set()
        for one in self._standing:
            holding = [
                (high - low, name) for name, of, low, high in one.networks if of == family and low <= value <= high
            ]
            narrowest = min((size for size, _ in holding), default=0)
            interfaces.update((one.device, name) for size, name in holding if size == narrowest)
        zones = {
            zone
            for zone, ranges in self._wanted.networks.items()
            if any(held.family == family and held.low <= value <= held.high for held in ranges)
        }
        return frozenset(interfaces), frozenset(zones or {ANYWHERE})

    def between(self, family: Family, src: int, dst: int) -> Ways:
        """The devices between two addresses."""
        starts = self._starts[family]
        key = (family, bisect_right(starts, src) - 1, bisect_right(starts, dst) - 1)
        if key not in self._known:
            places = self._places[family]
            self._known[key] = self._between(places[key[1]], places[key[2]])
        return self._known[key]

    def _between(
        self,
        source: tuple[frozenset[tuple[str, str]], frozenset[str]],
        target: tuple[frozenset[tuple[str, str]], frozenset[str]],
    ) -> Ways:
        named = [one for one in self.said if one.source in source[1] and one.target in target[1]]
        if named:
            return Ways("between", tuple(dict.fromkeys(name for one in named for name in one.devices)))
        if source[0] & target[0]:
            return NOTHING  # one network: they reach each other without a router
        here, there = ({name for name, _ in place[0]} for place in (source, target))
        both = tuple(sorted(here & there))
        if both:
            return Ways("between" if len(both) == 1 else "one of", both)
        return Ways("perhaps", tuple(sorted(here | there)))

    def segment(self, family: Family, value: int) -> tuple[int, int]:
        """The addresses around one that no network and no zone tells apart from it."""
        starts = self._starts[family]
        place = bisect_right(starts, value)
        return starts[place - 1], starts[place] - 1 if place < len(starts) else TOP[family]

    def crossings(self, family: Family, boxes: Iterable[Box]) -> list[Crossing]:
        """The devices that some traffic passes or may pass, each with its part of it."""
        found: dict[tuple[str, Kind, tuple[str, ...]], dict[Box, None]] = {}
        for box in boxes:
            for part, ways in self._parts(family, box):
                for device in ways.devices:
                    others = tuple(name for name in ways.devices if name != device) if ways.kind == "one of" else ()
                    held = found.setdefault((device, ways.kind, others), {})
                    held.update(dict.fromkeys(self._passing(device, part)))
        return [Crossing(*key, tuple(held)) for key, held in found.items() if held]

    def _parts(self, family: Family, box: Box) -> Iterator[tuple[Box, Ways]]:
        """The box, cut where other devices stand between its ends."""
        sources, targets = (self._cut(family, box[at], box[at + 1]) for at in (0, 2))
        if len(sources) * len(targets) > MOST:  # a box that is cut into more is asked about as a whole, everywhere
            yield box, Ways("perhaps", tuple(one.device for one in self._standing))
            return
        for src in sources:
            for dst in targets:
                ways = self.between(family, src[0], dst[0])
                if ways.devices:
                    yield limited(limited(box, 0, *src), 2, *dst), ways

    def _cut(self, family: Family, low: int, high: int) -> list[tuple[int, int]]:
        starts = self._starts[family]
        inner = starts[bisect_right(starts, low) : bisect_right(starts, high)]
        begins = [low, *inner]
        return list(zip(begins, [*(start - 1 for start in inner), high], strict=True))

    def _passing(self, device: str, box: Box) -> Iterator[Box]:
        """What of the box is neither from the device itself nor to it."""
        own = [(value, value) for value in sorted(self._own.get(device, ()))]
        for src in intervals.subtract([(box[0], box[1])], own):
            for dst in intervals.subtract([(box[2], box[3])], own):
                yield limited(limited(box, 0, *src), 2, *dst)


def required(wanted: Wanted, readings: Mapping[str, Reading], crossings: Callable[[Entry], list[Crossing]]) -> Wanted:
    """The register with the points of devices that its connections pass, or may pass.

    What a device sends itself no list of it judges (docs/adr/0031): OUTPUT is no point of it.
    """

    def points(entry: Entry) -> Iterator[tuple[str, str]]:
        held = [one for one in entry.required if one[1] != OUTPUT or not _sends(readings.get(one[0]))]
        yield from held or entry.required
        for one in crossings(entry):
            yield one.device, FORWARD
            reading = readings.get(one.device)
            if reading is not None and judges_answers(reading) and asked(entry.family, one.boxes):
                yield one.device, RETURN

    entries = (replace(entry, required=tuple(dict.fromkeys(points(entry)))) for entry in wanted.entries)
    return replace(wanted, entries=tuple(entries))


def _sends(reading: Reading | None) -> bool:
    return reading is not None and is_device(reading)
