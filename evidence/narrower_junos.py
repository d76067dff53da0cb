"""A narrower term of a Junos filter, as the commands to type: the term keeps what it does, and what else it asks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from compliance.traffic import addresses
from compliance.traffic.boxes import FULL, ICMP, ICMP_TOP, PORT_TOP, Box, Family
from evidence.rules import Rule

FAMILIES: dict[str, Family] = {"filter": 4, "filter6": 6}
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}
PORTED = frozenset({6, 17, 132})
PLAIN = re.compile(r"[\w.:-]+")
# What a box says of a term, and so is said anew
FIELDS = ("source-address", "source-prefix-list", "destination-address", "destination-prefix-list", "address",
          "prefix-list", "protocol", "next-header", "payload-protocol", "source-port", "destination-port", "port",
          "icmp-type", "icmp-code", "protocol-except", "next-header-except", "source-port-except",
          "destination-port-except", "icmp-type-except", "icmp-code-except")  # fmt: skip
# What a box does not say, and a term may ask or do
NOT_SAID = frozenset({"tcp-initial", "tcp-flags", "policer", "three-color-policer"})


def commands(place: str, kept: Sequence[tuple[Rule, Box]]) -> list[str]:
    """The commands that leave of a term the boxes, in their order; [] where there is no short way to say it."""
    path, _, term = place.partition("#")
    *system, kind, name = path.split("/") if path.count("/") in {1, 2} else ("", "", "")
    family = FAMILIES.get(kind)
    first, _ = kept[0]
    said = [_words(family, box) for _, box in kept] if family is not None else []
    plain = all(PLAIN.fullmatch(word) for word in (*system, name, term))
    answers = any(rule.states is not None and "NEW" not in rule.states for rule, _ in kept)
    if not said or None in said or not plain or answers:
        return []
    within = f"logical-systems {system[0]} " if system else ""
    where = f"{within}firewall family {'inet' if family == 4 else 'inet6'} filter {name} term"
    written = set(re.split(r"[\s{};]+", first.origin.text))
    if len(said) > 1 and written & NOT_SAID:  # a second term would ask less than the first
        return []
    lines = [f"delete {where} {term} from {word}" for word in FIELDS if word in written]
    last = term
    for number, words in enumerate(said, start=1):
        called = term if number == 1 else f"{term}-{number}"
        if number > 1:
            lines += [f"set {where} {called} then accept", f"insert {where} {called} after term {last}"]
        lines += [f"set {where} {called} from {' '.join(words)}"] if words else []
        last = called
    return lines


def _words(family: Family, box: Box) -> list[str] | None:
    """The conditions of a box; None where Junos has no short way to say it."""
    words: list[str] = []
    for side, at in (("source", 0), ("destination", 2)):
        low, high = box[at], box[at + 1]
        if (low, high) != (FULL[family][at], FULL[family][at + 1]):
            bits = (high - low + 1).bit_length() - 1
            if 1 << bits != high - low + 1 or low & (high - low):
                return None
            length = addresses.BITS[family] - bits
            words += [f"{side}-address", f"{addresses.to_text(family, low)}/{length}"]
    if (box[4], box[5]) == (0, 255):
        return words if box[6:] == FULL[family][6:] else None
    if box[4] != box[5]:
        return None
    number = box[4]
    words += ["protocol" if family == 4 else "next-header", PROTOCOLS.get(number, str(number))]
    top = ICMP_TOP if number == ICMP[family] else PORT_TOP
    names = ("icmp-type", "icmp-code") if number == ICMP[family] else ("source-port", "destination-port")
    for name, at in zip(names, (6, 8), strict=True):
        low, high = box[at], min(box[at + 1], top)
        if (low, high) != (0, top):
            if number not in PORTED and number != ICMP[family]:
                return None
            words += [name, str(low) if low == high else f"{low}-{high}"]
    return words
