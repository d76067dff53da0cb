"""nft sets and maps, named and anonymous: their elements as plain values, and what a match on them means."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

from compliance.traffic.boxes import FAMILIES
from compliance.traffic.residual import difference
from evidence.formats.matching import PROTO, WITH_PORTS, Match, both, everything
from evidence.formats.nft_fields import Field, field_of
from evidence.formats.nft_flags import Unmodelled
from evidence.formats.nft_shape import quoted, strange_keys, word

CATCH_ALL = "*"
MOVING = frozenset({"dynamic", "timeout"})  # sets whose content changes by itself: out of proofs and out of diffs
STILL = frozenset({"constant", "interval"})
COUNTING = frozenset({"counter", "last"})  # what an element may carry without asking for more than membership
TERSE = "no set of this dump shows its elements: perhaps it was taken with `--terse`"


class Named(NamedTuple):
    """A named set or map: its elements as printed, and why it cannot be relied on ("" = it can)."""

    elements: tuple[Any, ...]
    unreliable: str


Sets = Mapping[tuple[str, str, str], Named]  # (family, table, name)


def named(kind: str, detail: Mapping[str, Any]) -> Named:
    """The set or map of a `{"set": …}` or `{"map": …}` object. Raises Unmodelled when it has no such shape."""
    flags, elements, carried = detail.get("flags", []), detail.get("elem", []), detail.get("stmt", [])
    flags = [flags] if isinstance(flags, str) else flags
    if not isinstance(elements, list) or not isinstance(flags, list) or not isinstance(carried, list):
        raise Unmodelled("its elements are no list")
    name, strange = f"set @{detail.get('name')}", strange_keys(kind, detail)
    words = {word(flag) for flag in flags}
    moving = MOVING & words or ({"timeout"} if "timeout" in detail else set())
    if moving:
        return Named(tuple(elements), f"{name} changes by itself ({', '.join(sorted(moving))})")
    if strange or not words <= STILL:
        return Named(tuple(elements), f"{name} has what this version does not know: {strange or quoted(flags)}")
    if any(not isinstance(one, dict) or not set(one) <= COUNTING for one in carried):
        return Named(tuple(elements), f"{name} asks for more than membership: {quoted(carried)}")
    return Named(tuple(elements), "")


def settled(sets: Sets, updated: Collection[tuple[str, str, str]], *, terse: bool) -> dict[Any, Named]:
    """The sets without trust in those that rules add to, nor, in a dump that hides elements, in any.

    nft up to 1.0.6 does not print the flag `dynamic` in JSON: only the rules that add to a set tell.
    """
    found: dict[Any, Named] = {}
    hidden = terse and not any(held.elements for held in sets.values())
    for place, held in sets.items():
        why = held.unreliable or (f"set @{place[2]} changes by itself (rules add to it)" if place in updated else "")
        found[place] = held._replace(unreliable=why or (TERSE if hidden else ""))
    return found


class Lookup:
    """Resolves right sides within one table."""

    def __init__(self, family: str, table: str, sets: Sets) -> None:
        self._family, self._table, self._sets = family, table, sets

    def elements(self, source: Any) -> list[Any]:
        """The elements of `@name` or `{"set": […]}`, without their comments and counters. Raises Unmodelled."""
        if isinstance(source, str) and source.startswith("@"):
            found = self._sets.get((self._family, self._table, source[1:]))
            if found is None:
                raise Unmodelled(f"set {source} is not defined")
            if found.unreliable:
                raise Unmodelled(found.unreliable)
            return [_plain(element) for element in found.elements]
        if isinstance(source, dict) and set(source) == {"set"}:
            inside = source["set"]
            return [_plain(element) for element in (inside if isinstance(inside, list) else [inside])]
        raise Unmodelled(f"set {source!r}")

    def values(self, right: Any) -> list[Any]:
        """The alternatives of a right side: the elements of a set, or the one value itself. Raises Unmodelled."""
        if isinstance(right, str) and right.startswith("@"):
            return self.elements(right)
        if isinstance(right, dict) and set(right) == {"set"}:
            return self.elements(right)
        return [right]


def _plain(element: Any) -> Any:
    if isinstance(element, dict) and set(element) == {"elem"}:
        detail = element["elem"]
        if not isinstance(detail, dict) or "val" not in detail:
            raise Unmodelled("element")
        if "timeout" in detail or "expires" in detail:
            raise Unmodelled("an element with a timeout")
        more = set(detail) - COUNTING - {"val", "comment"}
        if more:
            raise Unmodelled(f"an element that asks for more than membership: {', '.join(sorted(more))}")
        return detail["val"]
    return element


def is_map(value: Any) -> bool:
    """Whether an expression is the value that a map has for a key."""
    return isinstance(value, dict) and set(value) == {"map"}


def map_elements(detail: Any, lookup: Lookup) -> tuple[Any, list[tuple[Any, Any]]]:
    """The key of a map, and its elements as pairs of key and value. Raises Unmodelled."""
    if not isinstance(detail, dict) or set(detail) not in ({"key", "data"}, {"left", "right"}):
        raise Unmodelled("map")
    parts: list[tuple[Any, Any]] = []
    for element in lookup.elements(detail.get("data", detail.get("right"))):
        if not isinstance(element, list) or len(element) != 2:
            raise Unmodelled("element")
        parts.append((lookup.elements({"set": [element[0]]})[0], element[1]))
    return detail.get("key", detail.get("left")), parts


class Key:
    """A left side of one field or of several (`ip saddr . tcp dport`)."""

    def __init__(self, expression: Any, hooks: frozenset[str]) -> None:
        joined = isinstance(expression, dict) and set(expression) == {"concat"}
        parts = expression["concat"] if joined else [expression]
        if not isinstance(parts, list) or not parts:
            raise Unmodelled("concatenation")
        self.fields: list[Field] = [field_of(part, hooks) for part in parts]
        self.joined = joined

    def any_of(self, values: Sequence[Any], known: Sequence[Match]) -> list[Match]:
        """Traffic whose key is one of the values. `known`: what the rule matches so far. Raises Unmodelled."""
        if CATCH_ALL in [value for value in values if isinstance(value, str)]:
            return self.every(known)
        if not self.joined:
            found = self.fields[0].any_of(values)
            self._check_ports(self.fields[0], known)
            return found
        return [match for value in values for match in self._one(value, known)]

    def none_of(self, values: Sequence[Any], known: Sequence[Match]) -> list[Match]:
        """Traffic whose key is none of the values. Raises Unmodelled."""
        if CATCH_ALL in [value for value in values if isinstance(value, str)]:
            return []
        if not self.joined:
            self._check_ports(self.fields[0], known)
            return self.fields[0].none_of(values)
        inside, every = self.any_of(values, known), self.every(known)
        if any(match.iif or match.oif or match.states for match in (*inside, *every)):
            raise Unmodelled("everything but these interfaces or states")
        return [
            Match(family, box)
            for family in FAMILIES
            for box in difference(
                [match.box for match in every if match.family == family],
                [match.box for match in inside if match.family == family],
            )
        ]

    def every(self, known: Sequence[Match]) -> list[Match]:
        """Traffic that has such a key at all: what nft adds by itself. Raises Unmodelled."""
        for field in self.fields:
            self._check_ports(field, known)
        return reduce(both, [field.none_of([]) for field in self.fields], everything(FAMILIES))

    def _one(self, value: Any, known: Sequence[Match]) -> list[Match]:
        parts = value["concat"] if isinstance(value, dict) and set(value) == {"concat"} else None
        if not isinstance(parts, list) or len(parts) != len(self.fields):
            raise Unmodelled(f"element {value!r}")
        found = everything(FAMILIES)
        # Ports that are read without a protocol come last: only then it is known whether they are ports.
        for field, part in sorted(zip(self.fields, parts, strict=True), key=lambda pair: pair[0].loose):
            if field.loose:
                self._check_ports(field, found if _have_ports(found) else known)
            found = both(found, field.any_of([part]))
        return found

    def _check_ports(self, field: Field, known: Sequence[Match]) -> None:
        if field.loose and not _have_ports(known):
            raise Unmodelled("ports without a protocol")


def _have_ports(matches: Sequence[Match]) -> bool:
    return all(m.box[PROTO] == m.box[PROTO + 1] and m.box[PROTO] in WITH_PORTS for m in matches)
