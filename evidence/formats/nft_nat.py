"""nft translations: one rule of Eastwest for every element of their maps, each with its own new destination or source.

`dnat to ip daddr . tcp dport map { … }` goes on without a verdict where the map has no such key; where nobody can say
which element is taken (`numgen`, `jhash`) the new side is any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from compliance.traffic.boxes import FULL, Box, Family, limited
from evidence.formats import names
from evidence.formats.matching import DPORT, DST, SPORT, SRC, Match, both
from evidence.formats.nft_fields import PORT_TOP, Address, Numbers
from evidence.formats.nft_flags import Unmodelled
from evidence.formats.nft_sets import CATCH_ALL, Key, Lookup, is_map, map_elements
from evidence.formats.nft_shape import word
from evidence.rules import Nat

Kind = Literal["dnat", "snat", "masquerade", "redirect"]
KINDS: dict[str, Kind] = {"dnat": "dnat", "snat": "snat", "masquerade": "masquerade", "redirect": "redirect"}
FAMILIES: dict[str, Family] = {"ip": 4, "ip6": 6}
KNOWN = frozenset({"family", "addr", "port", "flags", "type_flags"})
# Flags say how one of the possible values is chosen; none of them makes another value possible.
FLAGS = frozenset({"random", "fully-random", "persistent", "netmap", "prefix", "interval", "concat"})
CHOSEN = frozenset({"numgen", "jhash", "symhash"})  # keys that pick an element without looking at what a box says


class Translation(NamedTuple):
    """What is translated (of the traffic that comes to the statement) and into what."""

    matches: list[Match]
    nat: Nat


def family_of(detail: Any) -> Family | None:
    """The one family a statement translates, or None where it says none."""
    return FAMILIES.get(word(detail.get("family"))) if isinstance(detail, dict) else None


def translations(kind: str, detail: Any, family: Family, known: Sequence[Match], place: tuple[Lookup, frozenset[str]]) \
        -> list[Translation]:  # fmt: skip
    """What a statement does to the traffic `known` of one family. Raises Unmodelled, TooWide."""
    about = {} if detail is None else detail
    if not isinstance(about, dict) or set(about) - KNOWN or not _flags(about) <= FLAGS:
        raise Unmodelled("translation")
    side = _Side(family, destination=kind in {"dnat", "redirect"})
    if not {"addr", "port"} & set(about):
        return [Translation(list(known), Nat(KINDS[kind], ()))]
    mapped = [name for name in ("addr", "port") if is_map(about.get(name))]
    if not mapped:
        return [Translation(list(known), Nat(KINDS[kind], (side.box(about.get("addr"), about.get("port")),)))]
    if len(mapped) == 2:
        raise Unmodelled("two maps at once")
    choice, parts = map_elements(about[mapped[0]]["map"], place[0])
    boxes = [side.box(**{**about_sides(about), mapped[0]: value}) for _, value in parts]
    if _is_chosen(choice):
        return [Translation(list(known), Nat(KINDS[kind], tuple(boxes)))]
    return _by_element(KINDS[kind], Key(choice, place[1]), [key for key, _ in parts], boxes, known)


def about_sides(about: dict[str, Any]) -> dict[str, Any]:
    """The address and port of a statement, None where it has none."""
    return {"addr": about.get("addr"), "port": about.get("port")}


def _by_element(kind: Kind, key: Key, values: list[Any], boxes: list[Box], known: Sequence[Match]) -> list[Translation]:
    plain = [value for value in values if value != CATCH_ALL]
    by_box: dict[Box, list[Any]] = {}
    for value, box in zip(values, boxes, strict=True):
        by_box.setdefault(box, []).append(value)
    found: list[Translation] = []
    for box, keys in by_box.items():
        wanted = key.any_of([value for value in keys if value != CATCH_ALL], known)
        if CATCH_ALL in [value for value in keys if isinstance(value, str)]:
            wanted = [*wanted, *key.none_of(plain, known)]
        matches = both(known, wanted)
        if matches:
            found.append(Translation(matches, Nat(kind, (box,))))
    return found


def _flags(about: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for name in ("flags", "type_flags"):
        value = about.get(name, [])
        found |= {word(one) for one in (value if isinstance(value, list) else [value])}
    return found


def _is_chosen(expression: Any) -> bool:
    return isinstance(expression, dict) and len(expression) == 1 and set(expression) <= CHOSEN


class _Side:
    """The destination or source of one family that a translation makes new; what is not named stays as it was."""

    def __init__(self, family: Family, *, destination: bool) -> None:
        self._family = family
        self._axis, self._port = (DST, DPORT) if destination else (SRC, SPORT)

    def box(self, addr: Any, port: Any) -> Box:
        """The box of the new side. Raises Unmodelled."""
        if isinstance(addr, dict) and set(addr) == {"concat"}:
            addr, port = self._joined(addr["concat"], port)
        box = FULL[self._family]
        if addr is not None:
            box = limited(box, self._axis, *Address(self._axis, self._family).span(addr))
        if port is not None:
            box = limited(box, self._port, *Numbers(self._port, PORT_TOP, names.PORTS).span(port))
        return box

    def _joined(self, parts: Any, port: Any) -> tuple[Any, Any]:
        if not isinstance(parts, list) or len(parts) != 2 or port is not None:
            raise Unmodelled("an address with more than a port")
        return parts[0], parts[1]
