"""The addresses of a FortiOS configuration: objects, groups of them, what groups leave out, and what is looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from compliance.traffic.boxes import Family
from compliance.traffic.intervals import Interval
from evidence.formats import entries
from evidence.formats.entries import Side
from evidence.formats.fortios_known import ADDRESS
from evidence.formats.fortios_text import ZERO, Entry
from evidence.formats.known_addresses import Known, certain, everybody, unknown

DEEPEST = 64  # groups that may stand in one another
ANY_NAMES = frozenset({"all", "any"})
NOBODY = "none"
NONE_MASK = (ZERO, "255.255.255.255")
# Kinds of addresses of which the configuration does not say what they are now
LOOKED_UP = {
    "fqdn": "a name that the device looks up", "wildcard-fqdn": "names that the device meets", "geography": "a country",
    "dynamic": "filled by another system", "mac": "hardware addresses", "route-tag": "routes with a tag",
    "device": "devices that were recognised", "template": "made of a template",
}  # fmt: skip


class Addresses:
    """The addresses of one family in one virtual domain, each worked out when it is first asked for.

    `networks`: the networks of interfaces. `fetched`: lists that the device fetches.
    """

    def __init__(
        self, family: Family, objects: Sequence[Mapping[str, Entry]], groups: Sequence[Mapping[str, Entry]],
        networks: Mapping[str, Sequence[tuple[Family, int, int]]], fetched: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.family = family
        self._objects, self._groups = _joined(objects), _joined(groups)
        self._networks, self._fetched = networks, fetched
        self._known: dict[str, Known] = {}

    def union(self, names: Iterable[str]) -> Known:
        """All addresses that some of the names hold."""
        found = Known()
        for name in names:
            held = self.named(name)
            found.add(held)
            found.ways += held.ways
        return found

    def named(self, name: str, above: tuple[str, ...] = ()) -> Known:
        """What a name stands for. `above`: the groups that led to it."""
        if name in self._known:
            return self._known[name]
        way = " > ".join((*above, name))
        if name in above or len(above) >= DEEPEST:
            return unknown(self.family, f"{way} leads back to itself" if name in above else f"{way} is nested too deep")
        if name in self._groups:
            held = self._group(self._groups[name], above)
        elif name in self._objects:
            held = self._object(self._objects[name])
            held.ways = [name]
        else:
            held = self._builtin(name, way)
        if not any("leads back" in doubt for doubt in held.doubts):
            self._known[name] = held
        return held

    def _builtin(self, name: str, way: str) -> Known:
        if name in ANY_NAMES or name == "::/0":
            return everybody(self.family)
        if name == NOBODY:
            return certain([])
        if name in self._fetched:
            return unknown(self.family, f"{way} is a list that the device fetches")
        return unknown(self.family, f"{way} is not defined")

    def _group(self, entry: Entry, above: tuple[str, ...]) -> Known:
        here = (*above, entry.name)
        found = Known()
        for name in entry.words("member"):
            inner = self.named(name, here)
            found.add(inner)
            found.ways += [f"{entry.name} > {way}" for way in inner.ways or [name]]
        if entry.word("category", "default") != "default":
            found = unknown(self.family, f"{entry.name} is a group of tags")
        if entry.word("exclude") == "enable" and entry.words("exclude-member"):
            out = Known()
            for name in entry.words("exclude-member"):
                out.add(self.named(name, here))
            found.without(out)
            found.ways.append(f"{entry.name} without {', '.join(entry.words('exclude-member'))}")
        if not entry.words("member"):
            found.add(unknown(self.family, f"{entry.name} is empty"))
        self._doubt_form(entry, found)
        return found

    def _object(self, entry: Entry) -> Known:
        try:
            found = self._plain(entry)
        except (ValueError, IndexError):
            said = " ".join(entry.text.split())[:120]
            found = unknown(self.family, f"{entry.name} cannot be followed (line {entry.first}: {said})")
        self._doubt_form(entry, found)
        return found

    def _doubt_form(self, entry: Entry, found: Known) -> None:
        """What of an object is said twice, or in words that nobody knows."""
        for line in entry.again:
            found.add(unknown(self.family, f"{entry.name} is edited twice, in lines {entry.first} and {line}"))
        strange = [key for key in entry.fields if key not in ADDRESS]
        strange += [f"config {path}" for path in entry.tables if path not in {"tagging", "list", "subnet-segment"}]
        strange += [line.text.strip() for line in entry.odd]
        if strange:
            found.add(unknown(self.family, f"{entry.name}: it is not known what `{', '.join(strange)}` means"))

    def _plain(self, entry: Entry) -> Known:
        """The addresses of an object. Raises ValueError or IndexError."""
        kind = entry.word("type", "ipmask" if self.family == 4 else "ipprefix")
        if kind in LOOKED_UP:
            what = entry.word("fqdn") or entry.word("country") or entry.word("wildcard-fqdn")
            return unknown(self.family, f"{entry.name} is {LOOKED_UP[kind]}{f' ({what})' if what else ''}")
        if kind == "interface-subnet":
            return self._network_of(entry)
        if kind in {"iprange", "multicastrange"}:
            low, high = entry.word("start-ip", _zero(self.family)), entry.word("end-ip")
            return self._ranges(entries.between(low, high or low))
        if kind == "wildcard" and self.family == 4:
            said = entry.words("wildcard") or [ZERO, ZERO]
            return self._ranges(entries.masked(said[0], said[1], wildcard=False))
        if kind == "broadcastmask":
            return self._ranges(entries.masked(*(entry.words("subnet") or [ZERO, ZERO]), wildcard=False))
        if kind in {"ipmask", "ipprefix"}:
            return self._masked(entry)
        return unknown(self.family, f"{entry.name} is of a kind that is not known ({kind})")

    def _masked(self, entry: Entry) -> Known:
        if self.family == 6:
            return self._ranges(entries.prefix(entry.word("ip6", "::/0")))
        said = entry.words("subnet")
        if not said:
            if any(key in entry.fields for key in ("start-ip", "end-ip", "fqdn", "wildcard", "interface")):
                raise ValueError("its kind does not fit what it holds")
            return everybody(4)
        if len(said) == 1:
            return self._ranges(entries.prefix(said[0] if "/" in said[0] else f"{said[0]}/32"))
        if tuple(said) == NONE_MASK:
            return certain([])
        return self._ranges(entries.masked(said[0], said[1], wildcard=False))

    def _network_of(self, entry: Entry) -> Known:
        interface = entry.word("interface")
        held = [
            addresses_of(family, value, length)
            for family, value, length in self._networks.get(interface, ())
            if family == self.family
        ]
        return certain(held) if held else unknown(self.family, f"{entry.name} is the network of {interface}")

    def _ranges(self, side: Side) -> Known:
        if set(side.ranges) - {self.family}:
            raise ValueError("it is of another family")
        found = certain(side.ranges.get(self.family, []))
        if side.doubts:
            found.add(Known([], side.widest(self.family), side.doubts))
        return found


def addresses_of(family: Family, value: int, length: int) -> Interval:
    """All addresses of a network, given by one of them."""
    free = (1 << (32 if family == 4 else 128) - length) - 1
    return value & ~free, value | free


def _zero(family: Family) -> str:
    return ZERO if family == 4 else "::"


def _joined(tables: Sequence[Mapping[str, Entry]]) -> dict[str, Entry]:
    return {name: entry for table in tables for name, entry in table.items()}
