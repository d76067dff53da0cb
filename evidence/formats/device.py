"""A device that stands between networks: its lists, where they are attached, and the points that come of it.

Such a device lets through in transit what the list of the incoming interface, what lies between, and the list of the
outgoing interface let through: three base chains, each of which must accept. A list that is attached is a chain to
which a rule limited to the interface goes. A file with lists and without any interface is a fragment: there each list
is a point of its own, and where it is attached is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from compliance.traffic.boxes import FAMILIES, FULL, Box, Family
from compliance.traffic.shares import Residue
from evidence.formats.cursor import Account, Line
from evidence.formats.entries import Named, made
from evidence.rules import Action, Chain, Point, Rule, Statement, Unread

FORWARD, INPUT = "FORWARD", "INPUT"
POINTS = (FORWARD, INPUT)
LISTS = "lists"  # what the statements about lists are about
# What the statement about answers is about; a device whose lists keep no state says so, or why that is not known
ANSWERS = "answers"
WITHOUT_STATE = "judged like any packet"


@dataclass(slots=True)
class AccessList:
    """A list as read. `chain`: what its chain is called. `bad`: lines of it that nobody understood, and why."""

    name: str
    chain: str
    families: tuple[Family, ...]
    head: Line
    rules: list[Rule] = field(default_factory=list)
    bad: list[tuple[Line, str]] = field(default_factory=list)

    def is_empty(self) -> bool:
        """Whether it has no entry at all."""
        return not self.rules and not self.bad


@dataclass(slots=True)
class Attachment:
    """A list at an interface (or, with interface "", at all that have none of their own)."""

    interface: str
    direction: str  # in or out
    family: Family | None  # None: of both
    name: str
    line: Line


def list_chain(found: AccessList, account: Account, *, before: Sequence[Rule] = ()) -> Chain:
    """The chain of a list, its implicit end among its rules. `before`: synthetic rules in front of that end."""
    origin = account.origin(found.head)
    end = len(found.rules) + len(before)
    denies = [
        made(
            Named(f"{found.chain}#implicit", found.chain, end + number, origin), family, Action.DENY, (FULL[family],)
        )
        for number, family in enumerate(found.families, start=1)
    ]  # fmt: skip
    return Chain(found.chain, "filter", "", 0, None, (*found.rules, *before, *denies))


def base(name: str, hook: str, priority: int, rules: Iterable[Rule]) -> Chain:
    """A base chain through which everything goes that no rule stops."""
    return Chain(name, "filter", hook, priority, Action.PERMIT, tuple(rules))


def doubt(named: Named, text: str, family: Family, *, action: Action = Action.DENY,
          iif: Iterable[str] | None = None, oif: Iterable[str] | None = None,
          boxes: tuple[Box, ...] | None = None) -> Rule:  # fmt: skip
    """A rule of which nobody knows whether it stops (or admits) something."""
    residue = (Residue("match", text, named.origin.first),)
    return made(named, family, action, boxes or (FULL[family],), iif=iif, oif=oif, residue=residue)


def attached(
    prefix: str, chain: str, lists: dict[tuple[str, Family | None], AccessList], wanted: Sequence[Attachment],
    account: Account, *, side: Literal["iif", "oif"],
) -> list[Rule]:  # fmt: skip
    """The rules of a base chain that lead to the attached lists, one for each list with all its interfaces.

    A list that is not defined, or has no entry, lets everything through (IOS).
    """
    grouped: dict[tuple[str, Family | None], list[Attachment]] = {}
    for one in wanted:
        grouped.setdefault((one.name, one.family), []).append(one)
    found: list[Rule] = []
    for number, ((name, family), ones) in enumerate(grouped.items(), start=1):
        interfaces = [one.interface for one in ones]
        origin = account.origin(ones[0].line, comment=f"attached to {', '.join(interfaces)}")
        held = lists.get((name, family))
        if held is not None and not held.is_empty():
            named = Named(f"{held.chain}#{ones[0].direction}", chain, number, origin)
            action, target = Action.GOTO, held.chain
        else:
            what = "undefined" if held is None else "empty"
            named = Named(f"{prefix}/{name}#{what}", chain, number, origin)
            action, target = Action.PERMIT, ""
        iif, oif = (interfaces, None) if side == "iif" else (None, interfaces)
        for each in FAMILIES if family is None else (family,):
            found.append(made(named, each, action, (FULL[each],), target=target, iif=iif, oif=oif))
    return found


def said(
    lists: Iterable[AccessList], wanted: Sequence[Attachment], account: Account, *, whole: bool
) -> list[Statement]:
    """Where each list is attached, and that it has no effect where it is not."""
    found: list[Statement] = []
    known = set()
    for one in lists:
        known.add(one.name)
        places = [
            f"{each.direction} of {each.interface or 'every interface'}" for each in wanted if each.name == one.name
        ]
        nowhere = "attached to no interface: it stops nothing" if whole else "where it is attached is not known"
        value = ", ".join(dict.fromkeys(places)) or nowhere
        if places and one.is_empty():
            value = f"{value}; it is empty: it lets everything through"
        found.append(Statement(LISTS, one.name, value, (("chain", one.chain),), account.origin(one.head)))
    for each in wanted:
        if each.name not in known:
            known.add(each.name)
            value = f"{each.direction} of {each.interface or 'every interface'}; it is not defined: see the point"
            found.append(Statement(LISTS, each.name, value, (), account.origin(each.line)))
    return found


def answers(account: Account, doubts: Iterable[str]) -> Statement:
    """That answers are judged like any packet, for a device whose lists keep no state; or why nobody can say."""
    told = "; ".join(dict.fromkeys(doubts))
    return Statement(ANSWERS, FORWARD, told or WITHOUT_STATE, (), account.origin(Line(0, "")))


def fragment_points(lists: Iterable[AccessList], unread: Sequence[Unread]) -> tuple[Point, ...]:
    """Each list as a point of its own, by its name."""
    return tuple(
        Point(one.name, "first-match", (one.chain,), sum(each.point in {"", one.name} for each in unread))
        for one in lists
    )


def points(stages: dict[str, tuple[str, ...]], unread: Sequence[Unread]) -> tuple[Point, ...]:
    """The points of a device with the chains on the way through each."""
    return tuple(
        Point(name, "first-match", chains, sum(one.point in {"", name} for one in unread))
        for name, chains in stages.items()
    )
