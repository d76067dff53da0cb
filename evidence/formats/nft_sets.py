"""nft sets and maps, named and anonymous: their elements as plain values, and what a match on them means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

from compliance.traffic.boxes import FAMILIES
from compliance.traffic.residual import difference
from evidence.formats.matching import PROTO, WITH_PORTS, Match, both, everything
from evidence.formats.nft_fields import Field, Unmodelled, field_of

CATCH_ALL = "*"
MOVING = frozenset({"dynamic", "timeout"})  # sets whose content changes by itself: out of proofs and out of diffs


class Named(NamedTuple):
    """A named set or map: its elements as printed, and why it cannot be relied on ("" = it can)."""

    elements: tuple[Any, ...]
    unreliable: str


Sets = Mapping[tuple[str, str, str], Named]  # (family, table, name)


def named(detail: Mapping[str, Any]) -> Named:
    """The set or map of a `{"set": …}` or `{"map": …}` object. Raises Unmodelled when it has no such shape."""
    flags, elements = detail.get("flags", []), detail.get("elem", [])
    flags = [flags] if isinstance(flags, str) else flags
    if not isinstance(elements, list) or not isinstance(flags, list):
        raise Unmodelled("its elements are no list")
    moving = MOVING & {flag for flag in flags if isinstance(flag, str)} or ("timeout" in detail and {"timeout"})
    name = detail.get("name")
    return Named(tuple(elements), f"set @{name} changes by itself ({', '.join(sorted(moving))})" if moving else "")


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
        return detail["val"]
    return element


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
            raise Unmodelled("a set that holds everything else")
        if not self.joined:
            found = self.fields[0].any_of(values)
            self._check_ports(self.fields[0], known)
            return found
        return [match for value in values for match in self._one(value, known)]

    def none_of(self, values: Sequence[Any], known: Sequence[Match]) -> list[Match]:
        """Traffic whose key is none of the values. Raises Unmodelled."""
        if not self.joined:
            self._check_ports(self.fields[0], known)
            return self.fields[0].none_of(values)
        inside, every = self.any_of(values, known), self._every()
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

    def _every(self) -> list[Match]:
        return reduce(both, [field.none_of([]) for field in self.fields], everything(FAMILIES))

    def _one(self, value: Any, known: Sequence[Match]) -> list[Match]:
        parts = value.get("concat") if isinstance(value, dict) else None
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
