"""TCP flags in nft, answered for the first packet of a connection: SYN alone, perhaps with the two ECN bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compliance.traffic.boxes import FAMILIES
from evidence.formats import names
from evidence.formats.matching import PROTO, Match, within

EVERY_FLAG = 0xFF & ~names.UNTOLD_FLAGS


class Unmodelled(ValueError):
    """This part of a rule is not modelled: it becomes residue."""


def tcp() -> list[Match]:
    """TCP of both families: what nft adds to every match on its flags."""
    number = names.PROTOCOLS["tcp"]
    return [match for family in FAMILIES for match in within(family, PROTO, [(number, number)])]


def bits_of(value: Any) -> int:
    """`"syn"`, `2`, `["syn", "ack"]` or `{"|": ["syn", …]}` as bits. Raises Unmodelled."""
    if isinstance(value, dict) and set(value) == {"|"}:
        value = value["|"]
    if isinstance(value, list):
        bits = 0
        for one in value:
            bits |= bits_of(one)
        return bits
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFF:
        return value
    if not isinstance(value, str) or value not in names.TCP_FLAGS:
        raise Unmodelled(f"TCP flags {value!r}")
    return names.TCP_FLAGS[value]


@dataclass(frozen=True, slots=True)
class Flags:
    """The TCP flags, or those of them that a mask leaves."""

    mask: int = EVERY_FLAG
    loose: bool = False

    def any_of(self, values: Sequence[Any]) -> list[Match]:
        return tcp() if self._equal(values) else []

    def none_of(self, values: Sequence[Any]) -> list[Match]:
        return [] if self._equal(values) else tcp()

    def some_set(self, value: Any, *, wanted: bool) -> list[Match]:
        """Whether any of several flags is set (`tcp flags syn,ack`) or, not wanted, none of them (`! …`)."""
        bits = bits_of(value)
        if (bits | self.mask) & names.UNTOLD_FLAGS:
            raise Unmodelled("the ECN flags")
        return tcp() if (names.FIRST_PACKET & self.mask & bits != 0) == wanted else []

    def _equal(self, values: Sequence[Any]) -> bool:
        numbers = {bits_of(value) for value in values}
        if any((number | self.mask) & names.UNTOLD_FLAGS for number in numbers):
            raise Unmodelled("the ECN flags")
        return names.FIRST_PACKET & self.mask in numbers
