"""One judgement: what is said about one connection, share, rule or host at one point, with its proof."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from compliance.traffic.boxes import Box, Family
from compliance.traffic.shares import Origin
from compliance.traffic.witness import Witness, describe
from evidence.rules import Certainty, Rule, Verdict

MOST_PIECES = 256  # boxes of one excess; beyond, the wider boxes it was cut from are kept
TESTED = "test"  # in the place of a point: it was tried from the host, and no rule talks that away
RESTING = re.compile(r"; it rests on what ([^;]+) shows as well$")
SPELT_OUT = 3  # boxes or names that a sentence repeats before it counts the rest


@dataclass(frozen=True, slots=True)
class Judgement:
    """`subject`: a connection or share id, a server, an address, a group, or a rule in its own words.

    `point`: `HOST/POINT` (`web-01/INPUT`, `file-03/shares/nfs`, `web-01/listeners`), "" where none is known.
    `excess`: the traffic it is about, of `family`: what goes beyond the authorised, or what of it is missing.
    `because`: one sentence for a person. `cause`: what several hosts have in common ("sshd on tcp/22"): judgements of
    one verdict, cause and system are one finding with the hosts as its members; "" = each is its own.
    """

    verdict: Verdict
    certainty: Certainty
    subject: str
    point: str
    rule: str
    excess: tuple[Box, ...]
    witness: Witness | None
    because: str
    family: Family = 4
    cause: str = ""


class Silence(NamedTuple):
    """Why a host has no reading today: `stale`, `unreachable` or `not_verifiable`, and what is known of it.

    `known`: it was read before, so that what it showed then may still be so.
    """

    verdict: Verdict
    because: str
    known: bool = True


def at_line(origin: Origin | None) -> str:
    """` (line 4 of rules.v4)`, or nothing."""
    return f" (line {origin.first} of {origin.name})" if origin is not None and origin.first else ""


def resting(names: Iterable[str]) -> str:
    """That a judgement rests on what others show beside the host of its point; "" for nobody."""
    held = ", ".join(names)
    return f"; it rests on what {held} shows as well" if held else ""


def rested(because: str) -> list[str]:
    """The names that `resting` said."""
    found = RESTING.search(because)
    return found[1].split(", ") if found else []


def listed(names: Iterable[str], *, most: int = SPELT_OUT) -> str:
    """`a, b, c and 4 more`."""
    every = list(dict.fromkeys(names))
    shown = ", ".join(every[:most])
    return shown if len(every) <= most else f"{shown} and {len(every) - most} more"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 pair`, `3 pairs`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def in_own_words(rule: Rule) -> str:
    """A rule without its place: chain, interfaces, boxes and what could not be modelled. The same in every dump."""
    texts = sorted({" ".join(describe(rule.family, box).values()) for box in rule.boxes})
    limits = [f"{side} {','.join(sorted(names))}" for side, names in (("in", rule.iif), ("out", rule.oif)) if names]
    unsure = [f"[{residue.text}]" for residue in rule.residue]
    return " ".join([f"{rule.chain}:", *limits, "; ".join(texts), *unsure])
