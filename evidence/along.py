"""A connection's way in order: each point that must let it on, from the sender's own filter to the receiver's. Pure.

Of an account's path the comparison keeps one judgement (FORWARD), with the rule that decided. By that rule the lists
between the interfaces are told apart: where the whole path lets everything on, each of them does; where one of them
stops it, that one is named, and what the others do is not said apart. Where nothing that was read is known to stand
between two servers, the path is not known, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from evidence.formats.aws_fabric import FORWARD, PATH, RETURN
from evidence.formats.aws_lists import TABLE
from evidence.judgement import listed
from evidence.rules import Verdict

# apart: not said of this list by itself; unseen: nothing that was read is known to stand there
State = Literal["through", "stopped", "unknown", "apart", "unseen"]
WORST: Final[tuple[State, ...]] = ("stopped", "unknown", "unseen", "apart", "through")
OUTPUT, INPUT = "OUTPUT", "INPUT"
UNKNOWN_WAY: Final = "no router, firewall or account that was read is known to stand between them"
MOST: Final = 3  # places that a step names


@dataclass(frozen=True, slots=True)
class Said:
    """What the last comparison said of the connection at one point (HOST/POINT)."""

    point: str
    verdict: str
    rule: str
    because: str
    family: int

    @property
    def host(self) -> str:
        """Whose point it is: a server, or an account."""
        return self.point.partition("/")[0]

    @property
    def name(self) -> str:
        """The point without its host."""
        return self.point.partition("/")[2]

    @property
    def state(self) -> State:
        """As a step of the way."""
        if self.verdict == Verdict.implemented:
            return "through"
        stopped = self.verdict in {Verdict.not_implemented, Verdict.approved_not_done}
        return "stopped" if stopped else "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """One place of the way. `where`: which points they are; `rule`: what stops it, or leaves it unknown."""

    what: str
    state: State
    where: str
    because: str = ""
    rule: str = ""


def ways(rows: Iterable[Said]) -> list[tuple[int, list[Step]]]:
    """(family, its steps in order); nothing for a connection that no point was asked about."""
    found: dict[int, list[Said]] = {}
    for row in rows:
        if row.name in {OUTPUT, INPUT, FORWARD, RETURN} or row.name.endswith(("/in", "/out")):
            found.setdefault(row.family, []).append(row)
    return [(family, list(_steps(mine))) for family, mine in sorted(found.items())]


def _steps(rows: Sequence[Said]) -> list[Step]:
    accounts = {row.host for row in rows if row.name.endswith(("/in", "/out"))}
    paths = [row for row in rows if row.name == FORWARD and row.host in accounts]
    devices = [row for row in rows if row.name == FORWARD and row.host not in accounts]
    back = [row for row in rows if row.name == RETURN]
    found = [
        _step("Sender's own filter", [row for row in rows if row.name == OUTPUT]),
        _step("Security groups out", [row for row in rows if row.name.endswith("/out")]),
        *_merged([step for row in paths for step in _between(row)]),
    ]
    found.append(_step("Routers and firewalls", devices))
    if not paths and not devices:
        found.append(Step("Between them", "unseen", "", UNKNOWN_WAY))
    found += [
        _step("Security groups in", [row for row in rows if row.name.endswith("/in")]),
        _step("Receiver's own filter", [row for row in rows if row.name == INPUT]),
        _step("The answer back", back),
    ]
    return [one for one in found if one is not None]


def _step(what: str, rows: Sequence[Said]) -> Step | None:
    """One step for all points of a kind: as the worst of them."""
    if not rows:
        return None
    worst = min(rows, key=lambda row: WORST.index(row.state))
    where = listed((f"{row.name} of {row.host}" for row in rows), most=MOST)
    if worst.state == "through":
        return Step(what, "through", where)
    return Step(what, worst.state, where, worst.because, worst.rule)


def _between(row: Said) -> list[Step]:
    """The lists between two interfaces, by the rule that decided about the path."""
    account = row.host
    names = ("Network ACL out", "Routes", "Network ACL in")
    if row.state == "through":
        return [Step(name, "through", account) for name in names]
    chain = row.rule.partition("#")[0]
    at = next((number for number, holds in enumerate(_stages(chain)) if holds), None)
    if at is None and row.state == "stopped":  # by a group: the steps beside say it
        return [Step("Network ACLs and routes", "apart", account)]
    if at is None:
        return [Step("Network ACLs and routes", "unknown", account, row.because, row.rule)]
    decided = Step(names[at], row.state, account, row.because, row.rule)
    return [decided if number == at else Step(name, "apart", account) for number, name in enumerate(names)]


def _merged(steps: Sequence[Step]) -> list[Step]:
    """Each list once: two accounts that lead into one another both say something of the whole path between them."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(step.what, []).append(step)
    worst = [min(held, key=lambda step: WORST.index(step.state)) for held in found.values()]
    places = [dict.fromkeys(step.where for step in held if step.state == one.state)
              for held, one in zip(found.values(), worst, strict=True)]  # fmt: skip
    return [replace(one, where=listed(where, most=MOST)) for one, where in zip(worst, places, strict=True)]


def _stages(chain: str) -> tuple[bool, bool, bool]:
    """Whether a chain is one of the network ACL out, the routes, or the network ACL in."""
    acl = chain.startswith((f"{TABLE}:acl-", f"{TABLE}:subnet-"))
    return (
        chain == f"{PATH}acl-out" or (acl and chain.endswith("/out")),
        chain == f"{PATH}route" or chain.endswith("/away"),
        chain == f"{PATH}acl-in" or (acl and chain.endswith("/in")),
    )
