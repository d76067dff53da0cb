"""By which interface a host sends: the longest prefix of its main table, as `ip -j route show table all` shows it.

Another table than main, local and default means that rules of the kind `ip rule` choose between tables; those are in
no dump, so then every interface stays possible. Where no route holds, nothing is taken from it either.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from compliance.traffic.boxes import Family
from evidence.rules import Route

NOWHERE = "nowhere"  # stands for the interface of a route that throws packets away
LOOPBACK = "lo"
OWN_TABLES = frozenset({"main", "local", "default"})  # what every host has
LOCAL_TABLE = "local"
Names = tuple[str, ...]
Span = tuple[int, int]


class Routes:
    """The routes of one family, prepared to be asked many times. `known`: whether they tell anything."""

    def __init__(self, routes: Iterable[Route], family: Family) -> None:
        mine = [route for route in routes if route.family == family and route.interface != LOOPBACK]
        chosen = any(route.table not in OWN_TABLES for route in mine)
        best = {} if chosen else _best(route for route in mine if route.table != LOCAL_TABLE)
        self.known = bool(best)
        self._parts = list(_flat(best))
        self._starts = [low for low, _, _ in self._parts]

    def cuts(self) -> list[int]:
        """The addresses at which another route begins to hold."""
        return [place for low, high, _ in self._parts for place in (low, high + 1)]

    def parts(self, low: int, high: int) -> Iterator[tuple[int, int, Names]]:
        """The range cut where another route holds; no names where none does."""
        place = max(bisect_right(self._starts, low) - 1, 0)
        while low <= high:
            if place == len(self._parts) or self._parts[place][0] > high:
                yield low, high, ()
                return
            start, end, names = self._parts[place]
            place += 1
            if end < low:
                continue
            if low < start:
                yield low, start - 1, ()
                low = start
            yield low, min(end, high), names
            low = end + 1


def _best(routes: Iterable[Route]) -> dict[Span, Names]:
    """For each prefix the interfaces of the route with the lowest metric (several: the kernel shares them out)."""
    found: dict[Span, tuple[int, list[str]]] = {}
    for route in routes:
        span, name = (route.low, route.high), route.interface or NOWHERE
        held = found.get(span)
        if held is None or route.metric < held[0]:
            found[span] = (route.metric, [name])
        elif route.metric == held[0]:
            held[1].append(name)
    return {span: tuple(sorted(set(names))) for span, (_, names) in found.items()}


def _flat(best: dict[Span, Names]) -> Iterator[tuple[int, int, Names]]:
    """The prefixes as disjoint ranges in order: of those that hold an address, the longest."""
    around: list[tuple[int, Names]] = []  # (end, names), the longest last
    place = 0
    for (low, high), names in sorted(best.items(), key=lambda one: (one[0][0], -one[0][1])):
        while around and around[-1][0] < low:
            end, held = around.pop()
            if place <= end:
                yield place, end, held
                place = end + 1
        if around and place < low:
            yield place, low - 1, around[-1][1]
        place = low
        around.append((high, names))
    for end, held in reversed(around):
        if place <= end:
            yield place, end, held
            place = end + 1
