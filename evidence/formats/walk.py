"""The way of a packet through chains and stages: first match, three-valued, over whole boxes at once.

A rule with residue may or may not match. Both worlds are followed without forking: a verdict that only
one world reaches is kept as a flag ("may have been accepted or dropped by …") and the walk goes on in the other.
At the end a piece is permitted when every world permits it, denied when every world denies it, else unproven.

* A residual match on a verdict is a flag. On a jump the called chain is walked in "maybe" mode, where each verdict
  is a flag and the walk returns behind the jump. After a residual RETURN or GOTO the rest of the chain is "maybe".
* Stages are the base chains in order: accept ends only its own base chain, drop is final (kernel).
* A RETURN from, or the end of, a base chain, and the end of a chain reached from it by GOTO, is its policy (kernel).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from compliance.traffic.boxes import FULL, Box, Budget, Family, TooManyPieces, intersect, overlaps, subtract
from compliance.traffic.index import Index
from compliance.traffic.shares import Origin, Residue
from evidence.formats.first_packet import BORN, NEW, parts_in
from evidence.formats.slices import NO_INTERFACE, matches
from evidence.rules import Action, Chain, Rule

Decided = Literal["permit", "deny", "unproven"]
POLICY = "#policy"
LOOK_AHEAD = 16  # steps looked at one by one before the index is asked
TRANSLATIONS = frozenset({"dnat", "redirect"})
# Tables that prepare packets; the reason a reader looks for is in another one.
PREPARING = frozenset({"raw", "mangle", "nat", "security"})
TOO_MANY = "not decided: too many pieces"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a box with its decision, the responsible rule, the jumps that led there and the reason in words."""

    box: Box
    decision: Decided
    rule: str
    origin: Origin | None
    path: tuple[str, ...]
    because: str


class Reason(NamedTuple):
    """A rule with what it does or may do."""

    rule: str
    origin: Origin | None
    path: tuple[str, ...]
    because: str
    weight: int = 0


class Step(NamedTuple):
    """One box of one rule that packets of a slice can meet; `doubt` says why it may not match ("" = it does)."""

    rule: Rule
    box: Box
    doubt: str
    after: int


class Lane:
    """A chain as packets of one family on one pair of interfaces see it."""

    __slots__ = ("_index", "boxes", "chain", "default", "oif", "policy_origin", "steps")

    def __init__(self, chain: Chain, family: Family, iif: str, oif: str) -> None:
        self.chain, self.oif = chain, oif
        policy = next((rule for rule in chain.rules if rule.id == chain.name + POLICY), None)
        self.policy_origin = policy.origin if policy else None
        self.default = chain.default or (policy.action if policy else None)
        self.steps: list[Step] = []
        if chain.hook and chain.table == "nat":
            self._add(_unseen(chain, family, self.policy_origin), family)
        for rule in chain.rules:
            if rule.id != chain.name + POLICY and _concerns(rule, family, iif, oif):
                self._add(rule, family)
        self.boxes = [step.box for step in self.steps]
        self._index: Index | None = None

    def _add(self, rule: Rule, family: Family) -> None:
        # Residue never means "nothing": a rule whose every object is unknown may match anything.
        boxes = rule.boxes or ((FULL[family],) if rule.residue else ())
        states = None if rule.states is None else frozenset(state.upper() for state in rule.states)
        boxes = tuple(part for box in boxes for part in parts_in(box, family, states))
        after = len(self.steps) + len(boxes)
        self.steps.extend(Step(rule, box, _doubt(rule), after) for box in boxes)

    def next_hit(self, box: Box, start: int) -> int | None:
        """The first step from `start` on that some packet of `box` meets."""
        near = min(start + LOOK_AHEAD, len(self.boxes))
        for number in range(start, near):
            if overlaps(self.boxes[number], box):
                return number
        if near == len(self.boxes):
            return None
        if self._index is None:
            self._index = Index(self.boxes)
        return next(iter(self._index.numbers(box, near)), None)


def _unseen(chain: Chain, family: Family, origin: Origin | None) -> Rule:
    """Chains that translate are asked about new connections only: the rest passes by, even their policy (kernel)."""
    return Rule(
        id=chain.name + POLICY, chain=chain.name, seq=0, family=family, action=Action.PERMIT, target="",
        boxes=(FULL[family],), iif=None, oif=None, states=frozenset(BORN[family]) - {NEW}, nat=None, residue=(),
        enabled=True, origin=origin or Origin("", "", 0, 0, ""),
    )  # fmt: skip


def _concerns(rule: Rule, family: Family, iif: str, oif: str) -> bool:
    """Whether the first packet of a new flow can be changed in its way by the rule."""
    if rule.family != family or not matches(rule.iif, iif) or not matches(rule.oif, oif):
        return False
    return rule.action is not Action.CONTINUE or rule.nat is not None or _has(rule, "action", "nat")


def _has(rule: Rule, *kinds: str) -> bool:
    return any(residue.what in kinds for residue in rule.residue)


def _texts(residues: Sequence[Residue], *kinds: str) -> str:
    return ", ".join(residue.text for residue in residues if residue.what in kinds)


def _doubt(rule: Rule) -> str:
    unsure = _texts(rule.residue, "match", "object")
    if unsure or _has(rule, "match", "object"):
        return f"it could not be determined whether `{unsure}` matches"
    return "" if rule.enabled else "the rule is disabled or outside its time"


class _Frame(NamedTuple):
    lane: Lane
    position: int
    maybe: str  # why it is not certain that the chain, or its rest, is walked ("" = it is)
    path: tuple[str, ...]
    parent: _Frame | None


class _Work(NamedTuple):
    box: Box
    stage: int
    frame: _Frame
    may_accept: Reason | None  # by a rule of this stage
    may_drop: Reason | None  # by a rule of this stage
    doubt: Reason | None  # an earlier stage may have dropped it
    permit: Reason | None  # the accept worth naming


class Walk:
    """All stages of a point for one family and one pair of interfaces (names; "" where a side does not exist)."""

    def __init__(self, chains: dict[str, Chain], stages: Sequence[str], family: Family, iif: str, oif: str) -> None:
        self._chains, self._family, self._iif, self._oif = chains, family, iif, oif
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._stages = tuple(stages)

    def pieces(self, box: Box, budget: Budget) -> Iterator[Piece]:
        """The box in pieces, each decided or unproven; together they are the box. Above the budget: unproven."""
        missing = [name for name in self._stages if name not in self._chains]
        if missing or not self._stages:
            because = f"chain {missing[0]} is not defined" if missing else "no rules were read"
            yield Piece(box, "unproven", missing[0] if missing else "", None, (), because)
            return
        waiting = [_Work(box, 0, self._enter_stage(0), None, None, None, None)]
        while waiting:
            work = waiting.pop()
            try:
                budget.spend()
            except TooManyPieces:
                for left in (work, *waiting):
                    yield Piece(left.box, "unproven", "", None, (), TOO_MANY)
                return
            for result in self._advance(work):
                if isinstance(result, Piece):
                    yield result
                else:
                    waiting.append(result)

    def _lane(self, name: str, oif: str) -> Lane | None:
        key = (name, oif)
        if key not in self._lanes and name in self._chains:
            self._lanes[key] = Lane(self._chains[name], self._family, self._iif, oif)
        return self._lanes.get(key)

    def _enter_stage(self, stage: int) -> _Frame:
        name = self._stages[stage]
        # Before routing nobody knows yet where a packet will go out: there it has no such interface.
        unrouted = name in self._chains and self._chains[name].hook == "prerouting"
        lane = self._lane(name, NO_INTERFACE if unrouted else self._oif)
        if lane is None:
            raise KeyError(self._stages[stage])
        return _Frame(lane, 0, "", (), None)

    def _advance(self, work: _Work) -> Iterator[_Work | Piece]:
        frame = work.frame
        number = frame.lane.next_hit(work.box, frame.position)
        if number is None:
            yield self._leave(work)
            return
        step = frame.lane.steps[number]
        for rest in subtract(work.box, step.box):
            yield work._replace(box=rest, frame=frame._replace(position=number + 1))
        part = intersect(work.box, step.box)
        if part is not None:
            yield self._apply(work._replace(box=part, frame=frame._replace(position=step.after)), step)

    def _apply(self, work: _Work, step: Step) -> _Work | Piece:
        rule, frame = step.rule, work.frame
        if rule.nat is not None and rule.nat.kind in TRANSLATIONS:
            return _unproven(work, rule, "the destination is translated here; what follows was not judged")
        if _has(rule, "nat"):
            return _unproven(work, rule, f"unknown translation `{_texts(rule.residue, 'nat')}`")
        if _has(rule, "action"):
            because = f"unknown effect of `{_texts(rule.residue, 'action')}`"
            if frame.lane.chain.table == "nat":
                return _unproven(work, rule, because)
            return _flag(_flag(work, rule, because, accept=True), rule, because, accept=False)
        if rule.action in {Action.JUMP, Action.GOTO}:
            return self._call(work, step)
        if rule.action is Action.RETURN:
            return work._replace(frame=frame._replace(maybe=_named(step))) if step.doubt else self._leave(work)
        if rule.action is Action.CONTINUE and rule.nat is None:
            return work
        if rule.action is Action.PASS:
            return _unproven(work, rule, "pass has no meaning in a list of the first-match kind")
        accept = rule.action not in {Action.DENY, Action.REJECT}
        if step.doubt:
            return _flag(work, rule, step.doubt, accept=accept)
        return self._verdict(work, rule, accept=accept)

    def _call(self, work: _Work, step: Step) -> _Work | Piece:
        rule, frame = step.rule, work.frame
        lane = self._lane(rule.target, frame.lane.oif)
        if lane is None:
            return _unproven(work, rule, f"chain {rule.target} is not defined")
        if rule.id in frame.path:
            return _unproven(work, rule, f"chain {rule.chain} leads back to itself")
        path = (*frame.path, rule.id)
        if rule.action is Action.JUMP:
            return work._replace(frame=_Frame(lane, 0, _named(step), path, frame))
        if step.doubt:
            return work._replace(frame=_Frame(lane, 0, _named(step), path, frame._replace(maybe=_named(step))))
        return work._replace(frame=_Frame(lane, 0, frame.maybe, path, frame.parent))

    def _leave(self, work: _Work) -> _Work | Piece:
        """The end of a chain or a RETURN: behind the call, or the policy of the base chain."""
        if work.frame.parent is not None:
            return work._replace(frame=work.frame.parent)
        base = self._enter_stage(work.stage).lane
        rule = base.chain.name + POLICY
        if base.default not in {Action.PERMIT, Action.DENY, Action.REJECT}:
            return Piece(work.box, "unproven", rule, base.policy_origin, (), f"{base.chain.name} has no known default")
        accept = base.default is Action.PERMIT
        because = f"no rule decided; the default of {base.chain.name} is {'accept' if accept else 'drop'}"
        return self._end_stage(work, Reason(rule, base.policy_origin, (), because, _weight(base.chain)), accept=accept)

    def _verdict(self, work: _Work, rule: Rule, *, accept: bool) -> _Work | Piece:
        frame: _Frame | None = work.frame
        while frame is not None and not frame.maybe:
            frame = frame.parent
        if frame is not None:
            flagged = _flag(work, rule, frame.maybe, accept=accept)
            # Without a caller this is the base chain itself after a residual RETURN: its policy is next.
            return self._leave(flagged._replace(frame=frame))
        base = self._chains[self._stages[work.stage]]
        because = f"{'permitted' if accept else 'denied'} by {rule.id}"
        weight = _weight(base) + (1 if rule.nat is None else 0)
        return self._end_stage(work, Reason(rule.id, rule.origin, work.frame.path, because, weight), accept=accept)

    def _end_stage(self, work: _Work, reason: Reason, *, accept: bool) -> _Work | Piece:
        contrary = work.may_drop if accept else work.may_accept
        if not accept and contrary is None:
            return Piece(work.box, "deny", reason.rule, reason.origin, reason.path, reason.because)
        doubt = work.doubt or contrary
        permit = work.permit
        if accept and (permit is None or reason.weight >= permit.weight):
            permit = reason
        if work.stage + 1 < len(self._stages):
            frame = self._enter_stage(work.stage + 1)
            return _Work(work.box, work.stage + 1, frame, None, None, doubt, permit)
        if doubt is not None:
            return Piece(work.box, "unproven", doubt.rule, doubt.origin, doubt.path, doubt.because)
        if permit is None:
            raise ValueError("a packet passed every stage, and none accepted it")
        return Piece(work.box, "permit", permit.rule, permit.origin, permit.path, permit.because)


def _named(step: Step) -> str:
    return f"{step.rule.id}: {step.doubt}" if step.doubt else ""


def _weight(base: Chain) -> int:
    return 0 if base.table in PREPARING else 2


def _unproven(work: _Work, rule: Rule, because: str) -> Piece:
    return Piece(work.box, "unproven", rule.id, rule.origin, work.frame.path, because)


def _flag(work: _Work, rule: Rule, because: str, *, accept: bool) -> _Work:
    reason = Reason(rule.id, rule.origin, work.frame.path, because)
    if accept:
        return work._replace(may_accept=work.may_accept or reason)
    return work._replace(may_drop=work.may_drop or reason)
