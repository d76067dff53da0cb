"""Addresses between what people write and integers: single addresses, prefixes, ranges, `any`; IPv4 and IPv6."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, TOP, Family

BITS: dict[Family, int] = {4: 32, 6: 128}
ANY = "any"


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Consecutive addresses of one family, both ends included."""

    family: Family
    low: int
    high: int

    @property
    def single(self) -> bool:
        """Whether it is one address."""
        return self.low == self.high


@lru_cache(maxsize=65_536)  # the same few thousand addresses are asked about all over a comparison
def _address(text: str) -> tuple[Family, int]:
    if "%" in text:
        raise ValueError(f"{text!r} carries an interface (%): write the address alone")
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 or IPv6 address") from None
    return (4 if found.version == 4 else 6), int(found)


def parse_host(text: str) -> tuple[Family, int]:
    """One address: (family, integer). Raises ValueError that says what is wrong with the text."""
    return _address(text.strip())


def parse(text: str) -> Range:
    """An address, a prefix `10.20.4.0/24` (no host bits) or a range `10.0.0.5-10.0.0.9`.

    Raises ValueError that says what is wrong with the text. `any` is two families: see parse_any.
    """
    text = text.strip()
    if "/" in text:
        return _prefix(text)
    first, dash, last = text.partition("-")
    family, low = _address(first.strip())
    if not dash:
        return Range(family, low, low)
    other, high = _address(last.strip())
    if other != family:
        raise ValueError(f"{text!r} mixes IPv4 and IPv6")
    if low > high:
        raise ValueError(f"{text!r} ends before it starts")
    return Range(family, low, high)


def _prefix(text: str) -> Range:
    address, _, length = text.partition("/")
    family, value = _address(address)
    if not (length.isascii() and length.isdigit() and int(length) <= BITS[family]):
        raise ValueError(f"{text!r} needs a prefix length of 0 to {BITS[family]}")
    span = (1 << (BITS[family] - int(length))) - 1
    if value & span:
        meant = f"{to_text(family, value & ~span)}/{int(length)}"
        raise ValueError(f"{text!r} has host bits set: write {meant} or the single address {address}")
    return Range(family, value, value | span)


def parse_any(text: str) -> tuple[Range, ...]:
    """Like parse, and `any` (or `*`) gives all addresses of both families."""
    if text.strip().lower() in {ANY, "*"}:
        return tuple(Range(family, 0, TOP[family]) for family in FAMILIES)
    return (parse(text),)


def looks_like_address(text: str) -> bool:
    """Whether the text was meant as an address, prefix or range (and not as a name)."""
    first = text.strip().partition("/")[0].partition("-")[0].strip()
    return ":" in first or (first.count(".") == 3 and first.replace(".", "").isdigit())


def to_text(family: Family, value: int) -> str:
    """One address as people write it."""
    return str(ipaddress.IPv4Address(value) if family == 4 else ipaddress.IPv6Address(value))


def prefix_range(family: Family, value: int, length: int) -> tuple[int, int]:
    """First and last address of the prefix that holds `value`."""
    span = (1 << (BITS[family] - length)) - 1
    return value & ~span, value | span


def family_of_value(value: int) -> Family:
    """The family of a server's address where only the integer is kept (Wanted.servers).

    IPv6 addresses below 2**32 (::/96, among them ::1) are no server addresses; the register refuses them.
    """
    return 4 if value <= TOP[4] else 6


def merge(ranges: Iterable[Range]) -> list[Range]:
    """The same addresses as few ranges, IPv4 first, sorted."""
    kept = list(ranges)
    return [
        Range(family, low, high)
        for family in FAMILIES
        for low, high in intervals.merge((one.low, one.high) for one in kept if one.family == family)
    ]


def to_prefixes(ranges: Iterable[Range]) -> list[str]:
    """The same addresses as the fewest prefixes and single addresses, for people and for other tools."""
    texts: list[str] = []
    for one in merge(ranges):
        low = one.low
        while low <= one.high:
            size = low & -low if low else 1 << BITS[one.family]
            while low + size - 1 > one.high:
                size >>= 1
            length = BITS[one.family] - (size.bit_length() - 1)
            whole = length == BITS[one.family]
            texts.append(to_text(one.family, low) + ("" if whole else f"/{length}"))
            low += size
    return texts


def say(family: Family, low: int, high: int) -> str:
    """A range as people read it: `any`, one address, one prefix, or `first-last`. parse_any reads it back."""
    if (low, high) == (0, TOP[family]):
        return ANY
    prefixes = to_prefixes([Range(family, low, high)])
    return prefixes[0] if len(prefixes) == 1 else f"{to_text(family, low)}-{to_text(family, high)}"
