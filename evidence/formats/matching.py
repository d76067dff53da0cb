"""What one rule matches, while it is being read: boxes with the interfaces and connection states they are limited to.

A rule starts as "everything of its families" and each of its conditions cuts it down. A condition is a list of
alternatives (`Match`), so several conditions are a product of lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from compliance.traffic import addresses, intervals
from compliance.traffic.boxes import (
    FAMILIES,
    FULL,
    PORT_TOP,
    PROTO_TOP,
    TOP,
    Box,
    Family,
    contains,
    intersect,
    limited,
)  # fmt: skip
from compliance.traffic.index import Index
from compliance.traffic.shares import Origin, Residue
from evidence.rules import Action, Nat, Rule

SRC, DST, PROTO, SPORT, DPORT = 0, 2, 4, 6, 8
STATES = frozenset({"NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"})
# What a match on the state becomes in a chain before connection tracking. A packet has no connection there: it is
# INVALID, or UNTRACKED where a rule took it out of tracking (untracked.py looks for such rules).
NOT_TAKEN_OUT = STATES | {"NOT TAKEN OUT"}
TAKEN_OUT = frozenset({"TAKEN OUT"})
# The states in which a packet has a direction: it belongs to a connection.
STATES_OF: dict[str, frozenset[str]] = {
    "original": frozenset({"NEW", "ESTABLISHED", "RELATED"}),
    "reply": frozenset({"ESTABLISHED", "RELATED"}),
}
MANY, FEW = 20_000, 16  # so many pairs of alternatives, of more than so many: they are looked up
MOST_MATCHES = 200_000  # alternatives of one rule
WITH_PORTS = (6, 17, 33, 132, 136)
Names = frozenset[str] | None


class TooWide(ValueError):
    """The conditions of one rule multiply beyond what is worth keeping."""


@dataclass(frozen=True, slots=True)
class Match:
    """One alternative: traffic of one family, the interfaces and states it is limited to (None = any)."""

    family: Family
    box: Box
    iif: Names = None
    oif: Names = None
    states: Names = None


def everything(families: Iterable[Family]) -> list[Match]:
    """All traffic of the families."""
    return [Match(family, FULL[family]) for family in families]


def top(family: Family, axis: int) -> int:
    """The highest value of a dimension of a box."""
    return TOP[family] if axis in {SRC, DST} else PROTO_TOP if axis == PROTO else PORT_TOP


def within(
    family: Family, axis: int, wanted: Iterable[tuple[int, int]], *, negated: bool = False, start: Box | None = None
) -> list[Match]:
    """Traffic whose value in one dimension lies in the ranges (or, negated, outside them)."""
    box = start or FULL[family]
    ranges = intervals.complement(wanted, top(family, axis)) if negated else intervals.merge(wanted)
    return [Match(family, limited(box, axis, low, high)) for low, high in ranges]


def both(a: Sequence[Match], b: Sequence[Match]) -> list[Match]:
    """What lies in an alternative of `a` and in one of `b`. Raises TooWide."""
    if len(a) * len(b) > MOST_MATCHES * 20:
        raise TooWide(f"its conditions multiply to {len(a) * len(b)} combinations")
    parts = _pairs(a, b) if len(a) * len(b) > MANY and len(b) > FEW else _each(a, b)
    found = list(islice(parts, MOST_MATCHES + 1))
    if len(found) > MOST_MATCHES:
        raise TooWide(f"its conditions multiply to more than {MOST_MATCHES} boxes")
    return found


def _each(a: Sequence[Match], b: Sequence[Match]) -> Iterator[Match]:
    return (part for left in a for right in b if (part := _meet(left, right)) is not None)


def _pairs(a: Sequence[Match], b: Sequence[Match]) -> Iterator[Match]:
    """The same, where each alternative meets few of many: those are looked up."""
    places: dict[Family, list[int]] = {family: [] for family in FAMILIES}
    for place, right in enumerate(b):
        places[right.family].append(place)
    indexes = {family: Index(b[place].box for place in held) for family, held in places.items()}
    near = [[places[left.family][at] for at in indexes[left.family].numbers(left.box)] for left in a]
    if sum(map(len, near)) > MOST_MATCHES:  # told before it is made
        raise TooWide(f"its conditions multiply to more than {MOST_MATCHES} boxes")
    return (part for left, held in zip(a, near, strict=True) for at in held if (part := _meet(left, b[at])) is not None)


def _meet(a: Match, b: Match) -> Match | None:
    if a.family != b.family:
        return None
    if contains(b.box, a.box):
        box: Box | None = a.box
        if b.iif is None and b.oif is None and b.states is None:
            return a
    else:
        box = intersect(a.box, b.box)
    if box is None:
        return None
    iif, oif, states = _meet_names(a.iif, b.iif), _meet_names(a.oif, b.oif), _meet_states(a.states, b.states)
    if iif == frozenset() or oif == frozenset() or states == frozenset():
        return None
    return Match(a.family, box, iif, oif, states)


def _meet_states(a: Names, b: Names) -> Names:
    return b if a is None else a if b is None else a & b


def _meet_names(a: Names, b: Names) -> Names:
    """Interface limits that hold both: names are alternatives, names with `!` are excluded. Empty = none is left."""
    if a is None or b is None or a == b:
        return b if a is None else a
    excluded = {name for name in a | b if name.startswith("!")}
    named = [{name for name in side if not name.startswith("!")} for side in (a, b)]
    if not named[0] or not named[1]:
        kept = named[0] | named[1]
    else:
        kept = {x for x in named[0] for y in named[1] if covers(y, x)}
        kept |= {y for x in named[0] for y in named[1] if covers(x, y)}
    left = {name for name in kept if not any(covers(out[1:], name) for out in excluded)}
    if kept and not left:
        return frozenset()
    return frozenset(left | excluded)


def covers(pattern: str, name: str) -> bool:
    """Whether every interface called `name` (which may itself end in `+`) is one the pattern means."""
    if not pattern.endswith("+"):
        return pattern == name
    return name.removesuffix("+").startswith(pattern[:-1])


def before_tracking(matches: Iterable[Match]) -> list[Match]:
    """The same, in a chain that runs before connection tracking: no packet is NEW there."""
    found = []
    for match in matches:
        asked = match.states
        if asked is None or {"INVALID", "UNTRACKED"} <= asked:
            found.append(replace(match, states=None))
        elif "INVALID" in asked:
            found.append(replace(match, states=NOT_TAKEN_OUT))
        elif "UNTRACKED" in asked:
            found.append(replace(match, states=TAKEN_OUT))
    return found


def without_connection(matches: Iterable[Match]) -> list[Match]:
    """The part whose packets connection tracking has looked at without giving them a connection."""
    invalid = frozenset({"INVALID"})
    return [replace(match, states=invalid) for match in matches if match.states is None or invalid <= match.states]


def written_states(states: frozenset[str]) -> list[str]:
    """The states as a rule names them, sorted."""
    before = {NOT_TAKEN_OUT: frozenset({"INVALID"}), TAKEN_OUT: frozenset({"UNTRACKED"})}
    return sorted(before.get(states, states))


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule as read from one statement, before its matches are grouped."""

    id: str
    chain: str
    seq: int
    action: Action
    target: str
    matches: tuple[Match, ...]
    nat: Nat | None
    residue: tuple[Residue, ...]
    origin: Origin


def rules_of(draft: Draft, families: Sequence[Family]) -> list[Rule]:
    """The rules of a draft: one per family, interfaces and states; one empty rule when it can match nothing."""
    groups: dict[tuple[Family, Names, Names, Names], list[Box]] = {}
    for match in draft.matches:
        groups.setdefault((match.family, match.iif, match.oif, match.states), []).append(match.box)
    if not groups:
        return [_rule(replace(draft, residue=()), families[0], (), (None, None, None))]
    return [_rule(draft, key[0], tuple(dict.fromkeys(boxes)), key[1:]) for key, boxes in groups.items()]


def _rule(draft: Draft, family: Family, boxes: tuple[Box, ...], limits: tuple[Names, Names, Names]) -> Rule:
    return Rule(
        id=draft.id, chain=draft.chain, seq=draft.seq, family=family, action=draft.action, target=draft.target,
        boxes=boxes, iif=limits[0], oif=limits[1], states=limits[2], nat=draft.nat, residue=draft.residue,
        enabled=True, origin=draft.origin,
    )  # fmt: skip


def address_range(text: str, family: Family) -> tuple[int, int]:
    """`10.0.0.0/24`, `10.0.0.0/255.255.255.0` (host bits are cut off as the kernel does) or one address.

    Raises Discontiguous for a mask with holes, ValueError for anything else.
    """
    address, slash, mask = text.partition("/")
    found, value = addresses.parse_host(address)
    if found != family:
        raise ValueError(f"{text!r} is no IPv{family} address")
    bits = addresses.BITS[family]
    if not slash:
        return value, value
    if mask.isascii() and mask.isdigit() and len(mask) <= 3:
        length = int(mask)
        if length > bits:
            raise ValueError(f"{text!r} has a prefix longer than {bits}")
        return addresses.prefix_range(family, value, length)
    mask_family, mask_value = addresses.parse_host(mask)
    if mask_family != family:
        raise ValueError(f"{text!r} has a mask of another family")
    return addresses.prefix_range(family, value, mask_length(mask_value, bits, text))


def mask_length(mask: int, bits: int, text: str) -> int:
    """The prefix length of a netmask. Raises Discontiguous when its ones do not stand together."""
    length = bits - ((~mask) & ((1 << bits) - 1)).bit_length()
    whole = (1 << bits) - 1
    if mask != (whole << (bits - length)) & whole:
        raise Discontiguous(f"the mask of {text} has holes")
    return length


class Discontiguous(ValueError):
    """A netmask with holes: such a set is no range of addresses."""
