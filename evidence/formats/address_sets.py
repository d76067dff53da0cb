"""Rules that refer to a named set, joined with the sets that another dump of the same host shows.

Until then such a rule has a residue: the option as it was written. The kernel's own rules (net/netfilter/ipset):
the members of networks are tried from the narrowest to the widest and the first decides, `nomatch` included; in sets
of networks and interfaces the narrowest network decides even when the interface is another; a set whose family or
number of dimensions the rule does not fit matches nothing; ICMP has one "port", its type and code.
A set that rules themselves add to or delete from is not what the dump says when the next packet comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from compliance.traffic import intervals
from compliance.traffic.boxes import FULL, ICMP, Box, Family, is_real, limited
from compliance.traffic.residual import difference
from compliance.traffic.shares import Residue
from evidence.formats.matching import DPORT, DST, PROTO, SPORT, SRC, Match, Names, TooWide, both
from evidence.rules import Action, AddressSet, Chain, Member, Rule

CHANGES = "SET "  # Rule.target of a rule that goes on, but changes the sets named behind it
OPTION = re.compile(r"(! )?--match-set (\S+) ((?:src|dst)(?:,(?:src|dst))*)(?: \(.*\))?$")
MOST_CUTS = 5_000  # members that may be cut by narrower ones: beyond, their number squared would be too much work
MOST_NEGATED = 20_000


class Wanted(NamedTuple):
    """`--match-set NAME src,dst`, perhaps negated."""

    negated: bool
    name: str
    sides: tuple[str, ...]


class Unresolved(ValueError):
    """Why a reference stays unknown."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a set matches for certain, what it may match, and why that is not certain."""

    sure: tuple[Match, ...]
    maybe: tuple[Match, ...]
    why: str


def join_sets(chains: Sequence[Chain], sets: Sequence[AddressSet]) -> list[Chain]:
    """The chains with their references to sets resolved; what stays unknown says why. Twice changes nothing."""
    if not sets and not any(_refers(rule) for chain in chains for rule in chain.rules):
        return list(chains)
    known = _once(sets)
    join = _Join(known, _changed(chains, known))
    return [
        replace(chain, rules=tuple(part for rule in chain.rules for part in join.parts(rule)))
        if any(_refers(rule) for rule in chain.rules)
        else chain
        for chain in chains
    ]


def asked(residue: Residue) -> Wanted | None:
    """The reference to a set that a residue stands for."""
    found = OPTION.fullmatch(residue.text) if residue.what == "object" else None
    return Wanted(bool(found[1]), found[2], tuple(found[3].split(","))) if found else None


def _refers(rule: Rule) -> bool:
    return any(asked(residue) for residue in rule.residue)


def _once(sets: Iterable[AddressSet]) -> dict[str, AddressSet]:
    """A set that two dumps show differently is not known."""
    known: dict[str, AddressSet] = {}
    for one in sets:
        before = known.setdefault(one.name, one)
        if frozenset(before.members) != frozenset(one.members) or before.unsure != one.unsure:
            known[one.name] = replace(before, members=(), unsure="two dumps show it differently")
    return known


def _changed(chains: Sequence[Chain], known: Mapping[str, AddressSet]) -> frozenset[str]:
    """The sets that some rule adds to or deletes from; of a list: its members."""
    found = {
        name
        for chain in chains
        for rule in chain.rules
        if rule.action is Action.CONTINUE and rule.target.startswith(CHANGES)
        for name in rule.target.split()[1:]
    }
    listed = {part for name in found if name in known for one in known[name].members for part in one.parts}
    return frozenset(found | {name for name in listed if isinstance(name, str)})


class _Join:
    """The sets of one host, each worked out once for each way it is asked."""

    def __init__(self, known: Mapping[str, AddressSet], changed: frozenset[str]) -> None:
        self._known, self._changed = known, changed
        self._contents: dict[tuple[Family, Wanted], Content | str] = {}

    def parts(self, rule: Rule) -> list[Rule]:
        """The rule as the parts that certainly match and those that may; one empty rule where nothing can."""
        found = [_Part([Match(rule.family, box, rule.iif, rule.oif, rule.states) for box in rule.boxes], ())]
        left: list[Residue] = []
        for residue in rule.residue:
            wanted = asked(residue)
            if wanted is None:
                left.append(residue)
                continue
            content = self._content(rule.family, wanted)
            try:
                if isinstance(content, str):
                    raise Unresolved(content)
                found = [part for one in found for part in one.limited(content, _told(residue, content.why))]
            except (Unresolved, TooWide) as problem:
                left.append(_told(residue, str(problem)))
        rules = [part for one in found for part in one.rules(rule, left)]
        return rules or [replace(rule, boxes=(), residue=())]

    def _content(self, family: Family, wanted: Wanted) -> Content | str:
        key = (family, wanted)
        if key not in self._contents:
            try:
                plain = self._of(family, wanted.name, wanted.sides, ())
                self._contents[key] = _negated(plain, family) if wanted.negated else plain
            except Unresolved as problem:
                self._contents[key] = str(problem)
        return self._contents[key]

    def _of(self, family: Family, name: str, sides: tuple[str, ...], within: tuple[str, ...]) -> Content:
        if not self._known:
            raise Unresolved("the members of its sets were not given: ipset save")
        found = self._known.get(name)
        if found is None:
            raise Unresolved(f"set {name} is not in the ipset dump")
        if found.unsure:
            raise Unresolved(f"set {name}: {found.unsure}")
        if name in self._changed:
            raise Unresolved(f"rules of this host change set {name}")
        if name in within:
            raise Unresolved(f"set {name} is a member of itself")
        if len(sides) < len(found.kinds) or found.family not in {None, family}:
            return Content((), (), "")
        if found.kinds == ("set",):
            members = [str(part) for member in found.members for part in member.parts]
            return _union([self._of(family, member, sides, (*within, name)) for member in members])
        return _content(found, family, sides)


class _Part(NamedTuple):
    matches: list[Match]
    doubts: tuple[Residue, ...]

    def limited(self, content: Content, doubt: Residue) -> list[_Part]:
        """What of it the set leaves: for certain, and perhaps."""
        sure = _Part(both(self.matches, content.sure), self.doubts)
        if not content.maybe:
            return [sure]
        return [sure, _Part(both(self.matches, content.maybe), (*self.doubts, doubt))]

    def rules(self, rule: Rule, left: Sequence[Residue]) -> list[Rule]:
        """One for each pair of interfaces and states."""
        groups: dict[tuple[Names, Names, Names], list[Box]] = {}
        for match in self.matches:
            groups.setdefault((match.iif, match.oif, match.states), []).append(match.box)
        return [
            replace(rule, boxes=tuple(dict.fromkeys(boxes)), iif=iif, oif=oif, states=states,
                    residue=(*left, *self.doubts))
            for (iif, oif, states), boxes in groups.items()
        ]  # fmt: skip


def _told(residue: Residue, why: str) -> Residue:
    plain = residue.text.partition(" (")[0]
    return replace(residue, text=f"{plain} ({why})" if why else plain)


def _union(contents: Sequence[Content]) -> Content:
    return Content(
        tuple(match for one in contents for match in one.sure),
        tuple(match for one in contents for match in one.maybe),
        "; ".join(dict.fromkeys(one.why for one in contents if one.why)),
    )


def _negated(plain: Content, family: Family) -> Content:
    matches = (*plain.sure, *plain.maybe)
    if any(match.iif is not None or match.oif is not None for match in matches):
        raise Unresolved("a set with interfaces is not modelled behind `!`")
    if len(matches) > MOST_NEGATED:
        raise Unresolved("it has too many members to be modelled behind `!`")
    rest = difference([FULL[family]], [match.box for match in matches])
    return Content(tuple(Match(family, box) for box in rest), plain.maybe, plain.why)


def _content(found: AddressSet, family: Family, sides: tuple[str, ...]) -> Content:
    """The members as matches. Raises Unresolved."""
    drafts = [
        (_size(found, member), member, match)
        for member in found.members
        if (match := _match(found, family, member, sides)) is not None
    ]
    layered = "iface" in found.kinds or any(member.excluded for member in found.members)
    doubts = [f"set {found.name}: {member.unsure}" for member in found.members if member.unsure]
    sure: list[Match] = []
    maybe: list[Match] = []
    if not layered:
        for _, member, match in drafts:
            (maybe if member.unsure else sure).append(match)
        return Content(_merged(sure), _merged(maybe), doubts[0] if doubts else "")
    if doubts or len(drafts) > MOST_CUTS:
        raise Unresolved(doubts[0] if doubts else f"set {found.name} has too many members that cut each other")
    _check_wildcards(found)
    for size, member, match in drafts:
        if member.excluded:
            continue
        narrower = [
            other.box
            for other_size, one, other in drafts
            if other_size < size and (one.excluded or "iface" in found.kinds)
        ]
        sure.extend(replace(match, box=box) for box in difference([match.box], narrower))
    return Content(tuple(sure), (), "")


def _check_wildcards(found: AddressSet) -> None:
    """Which of two members of one network the kernel finds first, where both fit the interface, nobody knows."""
    if "iface" not in found.kinds:
        return
    wild = {member.parts[0] for member in found.members if str(member.parts[-1]).endswith("+")}
    if any(member.excluded and member.parts[0] in wild for member in found.members):
        raise Unresolved(f"set {found.name} excludes one of several interfaces of a network")


def _size(found: AddressSet, member: Member) -> tuple[int, ...]:
    """How wide the networks of a member are; the narrowest is tried first."""
    return tuple(
        part[1] - part[0]
        for kind, part in zip(found.kinds, member.parts, strict=False)
        if kind == "net" and not isinstance(part, str)
    )


def _match(found: AddressSet, family: Family, member: Member, sides: tuple[str, ...]) -> Match | None:
    """None where two dimensions look at the same side of a packet and want different addresses."""
    parts = iter(member.parts)
    match = Match(family, FULL[family])
    for kind, side in zip(found.kinds, sides, strict=False):
        if kind in {"mac", "mark"}:
            continue
        part = next(parts, None)
        if part is None:
            continue
        if isinstance(part, str):
            limit = frozenset({part})
            match = replace(match, iif=limit) if side == "src" else replace(match, oif=limit)
        elif kind == "port":
            match = replace(match, box=_with_port(match.box, part, side))
        else:
            axis = SRC if side == "src" else DST
            low, high = max(match.box[axis], part[0]), min(match.box[axis + 1], part[1])
            if low > high:
                return None
            match = replace(match, box=limited(match.box, axis, low, high))
    return match


def _with_port(box: Box, part: tuple[int, ...], side: str) -> Box:
    proto, first, last = part
    box = limited(box, PROTO, proto, proto)
    if proto in ICMP.values():
        return limited(limited(box, SPORT, first, first), DPORT, last, last)
    return limited(box, SPORT if side == "src" else DPORT, first, last)


def _merged(matches: Iterable[Match]) -> tuple[Match, ...]:
    """Neighbouring addresses as one, where nothing else differs; what no packet can be is left out."""
    kept = [match for match in dict.fromkeys(matches) if is_real(match.box)]
    for axis in (SRC, DST):
        kept = _joined_along(kept, axis)
    return tuple(kept)


def _joined_along(matches: Iterable[Match], axis: int) -> list[Match]:
    groups: dict[tuple[Box, Names, Names], list[tuple[int, int]]] = {}
    for match in matches:
        rest = limited(match.box, axis, 0, 0)
        groups.setdefault((rest, match.iif, match.oif), []).append((match.box[axis], match.box[axis + 1]))
    family = {match.family for match in matches}
    return [
        Match(next(iter(family)), limited(rest, axis, low, high), iif, oif)
        for (rest, iif, oif), spans in groups.items()
        for low, high in intervals.merge(spans)
    ]
