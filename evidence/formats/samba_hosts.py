"""`hosts allow` and `hosts deny` of Samba as sets of addresses and names (source3/lib/access.c).

`10.1.` is a prefix of the text, `.example` the end of a name, `@group` a netgroup, `LOCAL` a name without a dot; an
IPv6 network in brackets matches no address. `A EXCEPT B EXCEPT C` is A without B and without C. With both lists a
client in the allow list is let in, else one in the deny list is not, else everyone is. All of it is held against
testparm itself by a test (Samba 4.17). Addresses of the loopback interface are not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, FULL, TOP, Box, Family, box_of
from compliance.traffic.intervals import Interval
from evidence.formats.clients import network

Side = tuple[Interval, ...]
Sides = tuple[Side, Side]  # of FAMILIES, in their order
EVERYONE: Sides = (((0, TOP[4]),), ((0, TOP[6]),))
NOBODY: Sides = ((), ())
LOCAL = "LOCAL"  # a name without a dot, and every IPv6 address: it is written without one (seen with Samba 4.17)
LONGEST = 9  # digits of a part of an address, zeros before it counted
EVERY_CLIENT = frozenset({"ALL", "FAIL"})  # FAIL matches everyone too (seen with Samba 4.17)


@dataclass(frozen=True, slots=True)
class Hosts:
    """Addresses certainly meant, names that mean more of them, and names that take some away (`unsure`)."""

    sides: Sides = NOBODY
    names: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()

    @property
    def everyone(self) -> bool:
        """Whether it is every address of both families."""
        return self.sides == EVERYONE and not self.unsure


def words(value: str) -> list[str]:
    """The words of a list; Samba takes blanks, commas, semicolons and tabs between them."""
    return value.replace(",", " ").replace(";", " ").split()


def let_in(allow: str | None, deny: str | None) -> Hosts:
    """Whom one pair of lists lets in (None or empty: no such list)."""
    allowed, denied = words(allow or ""), words(deny or "")
    if not allowed and not denied:
        return Hosts(EVERYONE)
    inside = _listed(allowed)
    if not denied:
        return inside
    rest = without(Hosts(EVERYONE), _listed(denied))
    sides = _each(lambda a, b: intervals.merge([*a, *b]), inside.sides, rest.sides)
    return Hosts(sides, inside.names, (*inside.unsure, *rest.unsure))


def both(a: Hosts, b: Hosts) -> Hosts:
    """Whom both let in, at most: a name that stands on one side only may be someone the other keeps out."""
    unsure = [*a.unsure, *b.unsure]
    unsure += [name for name in a.names if not b.everyone and name not in b.names]
    unsure += [name for name in b.names if not a.everyone and name not in a.names]
    sides = _each(intervals.intersect, a.sides, b.sides)
    return Hosts(sides, tuple(dict.fromkeys([*a.names, *b.names])), tuple(dict.fromkeys(unsure)))


def without(a: Hosts, b: Hosts) -> Hosts:
    """Whom `a` means and `b` does not, at most: names in `b` take nobody away, but are said."""
    taken = _least(b)
    return Hosts(
        _each(intervals.subtract, a.sides, taken),
        tuple(name for name in a.names if name not in b.names or b.unsure),
        (*a.unsure, *b.names, *b.unsure),
    )


def clients(hosts: Hosts) -> tuple[Box | str, ...]:
    """As clients of a share: boxes (source side), then names."""
    boxes = [
        FULL[family] if span == (0, TOP[family]) else box_of(family, src=span)
        for family, side in zip(FAMILIES, hosts.sides, strict=True)
        for span in side
    ]
    return (*boxes, *hosts.names)


def _least(hosts: Hosts) -> Sides:
    """The addresses that are certainly in: none of a list from which names take an unknown part away."""
    return NOBODY if hosts.unsure else hosts.sides


def _each(operation: Callable[[Side, Side], list[Interval]], a: Sides, b: Sides) -> Sides:
    return tuple(operation(a[0], b[0])), tuple(operation(a[1], b[1]))


def _listed(tokens: Sequence[str]) -> Hosts:
    upper = [token.upper() for token in tokens]
    if "EXCEPT" in upper:
        place = upper.index("EXCEPT")
        rest = [token for token in tokens[place:] if token.upper() != "EXCEPT"]
        return without(_listed(tokens[:place]), _listed(rest))
    found: dict[Family, list[Interval]] = {4: [], 6: []}
    names: list[str] = []
    for token in tokens:
        spans = _spans(token)
        if spans is None or token.upper() == LOCAL:
            names.append(token)
        for family, span in spans or ():
            found[family].append(span)
    return Hosts((tuple(intervals.merge(found[4])), tuple(intervals.merge(found[6]))), tuple(names))


def _spans(token: str) -> list[tuple[Family, Interval]] | None:
    """What an address word means; None for names, netgroups and wildcards."""
    if token.upper() in EVERY_CLIENT:
        return [(family, (0, TOP[family])) for family in FAMILIES]
    if token.upper() == LOCAL:
        return [(6, (0, TOP[6]))]
    if token.endswith("."):
        return _text_prefix(token)
    found = network(token)
    return None if found is None else [(found.family, (found.low, found.high))]


def _text_prefix(token: str) -> list[tuple[Family, Interval]] | None:
    parts = token[:-1].split(".")
    if not 1 <= len(parts) <= 3 or not all(
        part.isascii() and part.isdigit() and len(part) <= LONGEST and int(part) <= 255 for part in parts
    ):
        return None
    found = network(".".join([*parts, *["0"] * (4 - len(parts))]) + f"/{8 * len(parts)}")
    return None if found is None else [(found.family, (found.low, found.high))]
