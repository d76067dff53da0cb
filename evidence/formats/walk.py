"""The way of a packet through chains and stages: first match, three-valued, over whole boxes at once.

A rule with residue may or may not match. Both worlds are followed without forking: a verdict that only
one world reaches is kept as a flag ("may have been accepted or dropped by …") and the walk goes on in the other.
At the end a piece is permitted when every world permits it, denied when every world denies it, else unproven.

* A residual match on a verdict is a flag. On a jump the called chain is walked in "maybe" mode, where each verdict
  is a flag and the walk returns behind the jump. After a residual RETURN or GOTO the rest of the chain is "maybe".
* Stages are the base chains in order: accept ends only its own base chain, drop is final (kernel).
* A RETURN from, or the end of, a base chain, and the end of a chain reached from it by GOTO, is its policy (kernel).
* In tiers PERMIT and DENY are final, PASS and the end of a tier lead to the next one; the last one's default holds.
* A translation changes what later rules see (translation.py); the chains that translate are then asked no more, and
  a new destination is routed anew: before FORWARD and INPUT, and after OUTPUT (kernel).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from compliance.traffic.boxes import Box, Budget, Family, TooManyPieces, intersect, subtract
from compliance.traffic.shares import Origin
from evidence.formats.lanes import POLICY, Ladders, Lane, Step, has, named, texts
from evidence.formats.pieces import ASLEEP, PASSES_BY, TOO_MANY, Decided, Piece, overlay
from evidence.formats.routes import NOWHERE
from evidence.formats.slices import LOOPBACK, NO_INTERFACE, Interfaces
from evidence.formats.translation import OF_DESTINATION, UNSHIFTED, Ends, Shift, as_sent, seen, translated
from evidence.formats.untracked import takes_out
from evidence.rules import Action, Chain, Nat, Rule

# Tables that prepare packets; the reason a reader looks for is in another one.
PREPARING = frozenset({"raw", "mangle", "nat", "security"})
DEEPEST = 256  # chains that may call one another; the kernel's nft allows 16, its legacy tables more
ANY_SOURCE = Nat("masquerade", ())  # a source that may or may not be translated: later rules may see any


class Reason(NamedTuple):
    """A rule with what it does or may do."""

    rule: str
    origin: Origin | None
    path: tuple[str, ...]
    because: str
    weight: int = 0


class Frame(NamedTuple):
    """A chain that is being walked."""

    lane: Lane
    position: int
    maybe: str  # why it is not certain that the chain, or its rest, is walked ("" = it is)
    path: tuple[str, ...]
    parent: Frame | None


class Work(NamedTuple):
    """A part of the traffic, as the rules see it, with where it has got to."""

    box: Box
    stage: int
    frame: Frame
    may_accept: Reason | None  # by a rule of this stage
    may_drop: Reason | None  # by a rule of this stage
    doubt: Reason | None  # an earlier stage may have dropped it
    permit: Reason | None  # the accept worth naming
    shift: Shift = UNSHIFTED
    oif: str = NO_INTERFACE
    unrouted: bool = False  # it stands before a routing decision on its new destination


class Way(NamedTuple):
    """Which way the packets of a walk take. `chosen`: the outgoing interface was given and is not to be derived.

    `foreign`: at INPUT, the packets are not sent to the host, and only those that are redirected to it get there.
    `order`: which of the orders that its chains may stand in.
    """

    point: str
    iif: str
    oif: str
    order: int = 0
    chosen: bool = False
    foreign: bool = False
    tiered: bool = False


class Walk:
    """All stages of a point for one family and one pair of interfaces (names; "" where a side does not exist)."""

    def __init__(
        self, ladders: Ladders, stages: Sequence[str], family: Family, way: Way, interfaces: Interfaces
    ) -> None:
        self._ladders, self._chains = ladders, ladders.chains
        self._family, self._way, self._interfaces = family, way, interfaces
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._stages = tuple(stages)
        self._ends = Ends(interfaces, family, way.iif)
        self._ends.local = way.point == "OUTPUT"
        self._idle = self._idle_stages()
        self._tracks: bool | None = None  # whether a rule of the family is seen to need connection tracking

    def pieces(self, box: Box, budget: Budget) -> Iterator[Piece]:
        """The box in pieces, each decided or unproven; together they are the box. Above the budget: unproven.

        Of foreign traffic only what concerns the host.
        """
        obstacle = self.obstacle(box)
        if obstacle is not None:
            yield obstacle
            return
        yield from self._run([self.start(box)], budget)

    def obstacle(self, box: Box) -> Piece | None:
        """What is said of a box without walking; None when it is to be walked."""
        if self._way.oif == NOWHERE:
            return thrown_away(box)
        missing = [name for name in self._stages if name not in self._chains]
        if missing:
            return Piece(box, "unproven", missing[0], None, (), f"chain {missing[0]} is not defined")
        return None if self._stages else Piece(box, "unproven", "", None, (), "no rules were read")

    def start(self, box: Box) -> Work:
        """The traffic of a box before the first chain that does anything."""
        hooks = [self._chains[name].hook for name in self._stages]
        stage = 0
        while stage in self._idle and hooks[stage + 1] == hooks[0]:
            stage += 1
        return Work(box, stage, self._enter_stage(stage, self._way.oif), None, None, None, None, oif=self._way.oif)

    def _idle_stages(self) -> frozenset[int]:
        """Chains that prepare packets, have no rules and accept: most stages of most machines. They are left out.

        Nothing is cut in them, and the accept worth naming is never theirs while a stage of another table must accept
        as well. The last stage stays: whether one follows a routing decision makes a difference to it.
        """
        chains = [self._chains.get(name) for name in self._stages]
        if self._way.tiered or all(one is None or one.table in PREPARING for one in chains):
            return frozenset()
        return frozenset(number for number, one in enumerate(chains[:-1]) if one is not None and _is_idle(one))

    def _run(self, waiting: list[Work], budget: Budget) -> Iterator[Piece]:
        while waiting:
            work = waiting.pop()
            try:
                budget.spend()
                for result in self._advance(work, budget):
                    if isinstance(result, Piece):
                        yield result
                    else:
                        waiting.append(result)
            except TooManyPieces:
                for left in (work, *waiting):
                    yield Piece(as_sent(left.box, left.shift), "unproven", "", None, (), TOO_MANY)
                return

    def _lane(self, name: str, oif: str) -> Lane | None:
        key = (name, oif)
        if key not in self._lanes and name in self._chains:
            self._lanes[key] = self._ladders.lane(name, self._family, self._way.iif, oif)
        return self._lanes.get(key)

    def _enter_stage(self, stage: int, oif: str) -> Frame:
        name = self._stages[stage]
        # Before routing nobody knows yet where a packet will go out: there it has no such interface.
        unrouted = name in self._chains and self._chains[name].hook == "prerouting"
        lane = self._lane(name, NO_INTERFACE if unrouted else oif)
        if lane is None:
            raise KeyError(self._stages[stage])
        return Frame(lane, 0, "", (), None)

    def _advance(self, work: Work, budget: Budget) -> Iterator[Work | Piece]:
        if work.unrouted:
            yield from self.route(work, budget)
            return
        frame = work.frame
        number = self.next_hit(work)
        if number is None:
            yield from self.leave(work)
            return
        step = frame.lane.ladder.steps[number]
        if work.shift.kept:
            step = seen(step, work.box, work.shift)
        for rest in subtract(work.box, step.box):
            yield work._replace(box=rest, frame=frame._replace(position=number + 1))
        part = intersect(work.box, step.box)
        if part is not None:
            yield from self.apply(work._replace(box=part, frame=frame._replace(position=step.after)), step, budget)

    def next_hit(self, work: Work) -> int | None:
        """The next step of the chain that some packet of the work meets."""
        return work.frame.lane.ladder.next_hit(work.box, work.frame.position)

    def apply(self, work: Work, step: Step, budget: Budget) -> Iterator[Work | Piece]:
        """What becomes of traffic that meets a step, all of it. It stands behind the step already."""
        rule, frame = step.rule, work.frame
        if rule.nat is not None:
            yield from self._translate(work, step, rule.nat)
        elif has(rule, "nat"):
            yield _unproven(work, rule, f"unknown translation `{texts(rule.residue, 'nat')}`")
        elif has(rule, "action"):
            because = f"unknown effect of `{texts(rule.residue, 'action')}`"
            if frame.lane.chain.table == "nat":
                yield _unproven(work, rule, because)
            else:
                yield _flag(_flag(work, rule, because, accept=True), rule, because, accept=False)
        elif rule.action in {Action.JUMP, Action.GOTO}:
            yield self._call(work, step)
        elif rule.action is Action.RETURN and step.doubt:
            yield work._replace(frame=frame._replace(maybe=named(step)))
        elif rule.action is Action.RETURN:
            yield from self.leave(work)
        elif rule.action is Action.CONTINUE:
            yield work
        elif rule.action is Action.PASS and self._way.tiered:
            yield from self._pass(work, step, budget)
        elif rule.action is Action.PASS:
            yield _unproven(work, rule, "pass has no meaning in a list of the first-match kind")
        else:
            yield from self._judge(work, step)

    def _judge(self, work: Work, step: Step) -> Iterator[Work | Piece]:
        accept = step.rule.action not in {Action.DENY, Action.REJECT}
        if step.doubt:
            yield _flag(work, step.rule, step.doubt, accept=accept)
        else:
            yield from self._verdict(work, step.rule, accept=accept)

    def _translate(self, work: Work, step: Step, nat: Nat) -> Iterator[Work | Piece]:
        rule, frame = step.rule, work.frame
        of_destination = nat.kind in OF_DESTINATION
        doubt = step.doubt or _maybe(frame) or _maybe_accepted(work)
        if doubt and (of_destination or self._asked_again(work)):
            yield _unproven(work, rule, f"it may be translated here: {doubt}")
            return
        if has(rule, "nat"):
            yield _unproven(work, rule, f"unknown translation `{texts(rule.residue, 'nat')}`")
            return
        path = (*work.shift.path, *frame.path)
        changed = translated(work.box, work.shift, rule, ANY_SOURCE if doubt else nat, path, self._ends)
        if not changed:
            yield _unproven(work, rule, "the destination is translated here, to what is not known")
        for box, shift in changed:
            new = work._replace(box=box, shift=shift)
            yield from self._judge(new, step)

    def _asked_again(self, work: Work) -> bool:
        """Whether later chains of the same hook translate as well: they are asked unless this one did."""
        hook = self._chains[self._stages[work.stage]].hook
        later = (self._chains[name] for name in self._stages[work.stage + 1 :])
        return any(chain.hook == hook and chain.table == "nat" for chain in later)

    def _call(self, work: Work, step: Step) -> Work | Piece:
        rule, frame = step.rule, work.frame
        lane = self._lane(rule.target, frame.lane.oif)
        if lane is None:
            return _unproven(work, rule, f"chain {rule.target} is not defined")
        if rule.id in frame.path:
            return _unproven(work, rule, f"chain {rule.chain} leads back to itself")
        if len(frame.path) >= DEEPEST:
            return _unproven(work, rule, f"more than {DEEPEST} chains call one another on the way here")
        path = (*frame.path, rule.id)
        if rule.action is Action.JUMP:
            return work._replace(frame=Frame(lane, 0, named(step), path, frame))
        if step.doubt:
            return work._replace(frame=Frame(lane, 0, named(step), path, frame._replace(maybe=named(step))))
        return work._replace(frame=Frame(lane, 0, frame.maybe, path, frame.parent))

    def leave(self, work: Work) -> Iterator[Work | Piece]:
        """The end of a chain or a RETURN: behind the call, or the policy of the base chain."""
        if work.frame.parent is not None:
            yield work._replace(frame=work.frame.parent)
            return
        if self._way.tiered and work.stage + 1 < len(self._stages):
            yield self._next_tier(work)
            return
        base = self._enter_stage(work.stage, work.oif).lane
        rule = base.chain.name + POLICY
        if base.default not in {Action.PERMIT, Action.DENY, Action.REJECT}:
            because = f"{base.chain.name} has no known default"
            yield _piece(work, "unproven", Reason(rule, base.policy_origin, _path(work), because))
            return
        accept = base.default is Action.PERMIT
        because = f"no rule decided; the default of {base.chain.name} is {'accept' if accept else 'drop'}"
        reason = Reason(rule, base.policy_origin, _path(work), because, _weight(base.chain))
        yield from self._end_stage(work, reason, accept=accept)

    def _next_tier(self, work: Work) -> Work:
        return work._replace(stage=work.stage + 1, frame=self._enter_stage(work.stage + 1, work.oif))

    def _pass(self, work: Work, step: Step, budget: Budget) -> Iterator[Work | Piece]:
        """On to the next tier; what only may be passed on goes both ways, and is decided where both decide alike."""
        frame: Frame | None = work.frame
        while frame is not None and not frame.maybe:
            frame = frame.parent
        ended = work._replace(frame=work.frame._replace(parent=None))
        passed = list(self.leave(ended))
        if not step.doubt and frame is None:
            yield from passed
            return
        stayed: list[Work | Piece] = (
            [work] if step.doubt or frame is None else list(self.leave(work._replace(frame=frame)))
        )
        ways = [self._ended(one, budget) for one in (passed, stayed)]
        rule = step.rule.id
        names = (f"the way {rule} passes it on", f"the way {rule} does not")
        yield from list(overlay(ways[0], ways[1], names, budget))

    def _ended(self, results: list[Work | Piece], budget: Budget) -> list[Piece]:
        found = [one for one in results if isinstance(one, Piece)]
        return [*found, *self._run([one for one in results if isinstance(one, Work)], budget)]

    def _verdict(self, work: Work, rule: Rule, *, accept: bool) -> Iterator[Work | Piece]:
        frame: Frame | None = work.frame
        while frame is not None and not frame.maybe:
            frame = frame.parent
        if frame is not None:
            flagged = _flag(work, rule, frame.maybe, accept=accept)
            # Without a caller this is the base chain itself after a residual RETURN: its policy is next.
            yield from self.leave(flagged._replace(frame=frame))
            return
        base = self._chains[self._stages[work.stage]]
        because = f"{'permitted' if accept else 'denied'} by {rule.id}"
        weight = _weight(base) + (1 if rule.nat is None else 0)
        yield from self._end_stage(work, Reason(rule.id, rule.origin, _path(work), because, weight), accept=accept)

    def _end_stage(self, work: Work, reason: Reason, *, accept: bool) -> Iterator[Work | Piece]:
        contrary = work.may_drop if accept else work.may_accept
        if not accept and contrary is None and self._may_sleep(self._chains[self._stages[work.stage]]):
            contrary = reason._replace(because=ASLEEP)
        if self._way.tiered and contrary is not None:
            yield _piece(work, "unproven", contrary)
            return
        if self._way.tiered:
            yield _piece(work, "permit" if accept else "deny", reason)
            return
        if not accept and contrary is None:
            yield _piece(work, "deny", reason) if self._concerns_host(work) else passes_by(work)
            return
        permit = work.permit
        if accept and (permit is None or reason.weight >= permit.weight):
            permit = reason
        # A flag of another stage or chain was for traffic of which it was not known what translates it.
        done = work._replace(may_accept=None, may_drop=None, doubt=work.doubt or contrary, permit=permit)
        yield from self._next(done)

    def _may_sleep(self, base: Chain) -> bool:
        """Whether a chain that translates may not be asked at all: only a tracked connection makes the kernel do so."""
        if base.table != "nat" or self._way.tiered:
            return False
        if self._tracks is None:
            rules = [one for chain in self._chains.values() for one in chain.rules if one.family == self._family]
            asks = any(one.states is not None or one.nat is not None for one in rules)
            self._tracks = asks and not any(map(takes_out, rules))
        return not self._tracks

    def _concerns_host(self, work: Work) -> bool:
        return not self._way.foreign or work.shift.destination

    def _next(self, work: Work) -> Iterator[Work | Piece]:
        hook, stage = self._chains[self._stages[work.stage]].hook, work.stage + 1
        while stage < len(self._stages) and (
            stage in self._idle or self._is_settled(work, hook, self._chains[self._stages[stage]])
        ):
            stage += 1
        over = stage == len(self._stages)
        crosses = over or self._chains[self._stages[stage]].hook != hook
        if crosses and (work.shift.destination or self._way.foreign) and hook in {"prerouting", "output"}:
            yield work._replace(stage=stage, unrouted=True)
        else:
            yield from self._enter(work._replace(stage=stage))

    @staticmethod
    def _is_settled(work: Work, hook: str, following: Chain) -> bool:
        """Whether a chain that translates is asked no more, because another one of its hook did."""
        if following.table != "nat" or following.hook != hook:
            return False
        return work.shift.destination if hook in {"prerouting", "output"} else work.shift.source

    def _enter(self, work: Work) -> Iterator[Work | Piece]:
        if work.stage < len(self._stages):
            yield work._replace(frame=self._enter_stage(work.stage, work.oif), unrouted=False)
        elif work.doubt is not None:
            yield _piece(work, "unproven", work.doubt)
        elif work.permit is None:
            raise ValueError("a packet passed every stage, and none accepted it")
        else:
            yield _piece(work, "permit", work.permit)

    def route(self, work: Work, budget: Budget) -> Iterator[Work | Piece]:
        """The routing decision on a new destination: does the packet still come here, and where does it leave?"""
        work = work._replace(unrouted=False)
        if not self._concerns_host(work):
            yield passes_by(work)
            return
        low, high = work.box[2], work.box[3]
        point = self._way.point
        if point != "OUTPUT":
            away = self._leads_away(work, low, high)
            if away:
                yield _piece(work, "unproven", Reason(work.shift.path[-1], work.shift.origin, work.shift.path, away))
                return
        given = point == "FORWARD" and self._way.chosen
        if point == "INPUT" or given or work.stage == len(self._stages):
            yield from self._enter(work)
            return
        if point == "OUTPUT" and work.shift.redirected:
            yield from self._enter(work._replace(oif=LOOPBACK))
            return
        yield from self._on_each(work, self._interfaces.ways_out(self._family, low, high), budget)

    def _on_each(self, work: Work, names: Sequence[str], budget: Budget) -> Iterator[Work | Piece]:
        if len(names) == 1 and names[0] != NOWHERE:
            yield from self._enter(work._replace(oif=names[0]))
            return
        found = self._by(work, names[0], budget)
        for known, name in enumerate(names[1:], start=1):
            other = self._by(work, name, budget)
            found = list(overlay(found, other, (" or ".join(names[:known]), name), budget))
        yield from found

    def _by(self, work: Work, oif: str, budget: Budget) -> list[Piece]:
        if oif == NOWHERE:
            return [thrown_away(as_sent(work.box, work.shift))]
        entered = work._replace(frame=self._enter_stage(work.stage, oif), oif=oif)
        return list(self._run([entered], budget))

    def _leads_away(self, work: Work, low: int, high: int) -> str:
        """Why a packet under its new destination may not come to this point; "" when it does."""
        said = work.shift.said
        is_input = self._way.point == "INPUT"
        if work.shift.redirected:
            return "" if is_input else f"{said}, to this host itself: it goes to INPUT and not to FORWARD"
        own = self._interfaces.own(self._family)
        if not own:
            unknown = f"{said}; whether that is this host is not known (no `ip -j addr`): it may go to FORWARD"
            return unknown if is_input else ""
        inside = sum(1 for value in own if low <= value <= high)
        if inside == (high - low + 1 if is_input else 0):
            return ""
        if 0 < inside < high - low + 1:
            return f"{said}, of which only a part is this host: it goes to INPUT or to FORWARD"
        if is_input:
            return f"{said}, which is not this host: it goes to FORWARD and not to INPUT"
        return f"{said}, which is this host: it goes to INPUT and not to FORWARD"


def thrown_away(box: Box) -> Piece:
    """Traffic that a blackhole route ends, whatever the rules are."""
    return Piece(box, "deny", "route:main#blackhole", None, (), "a route of this host throws it away")


def passes_by(work: Work) -> Piece:
    """Traffic that does not come to this point at all."""
    return Piece(work.box, "unproven", "", None, (), PASSES_BY)


def _maybe(frame: Frame | None) -> str:
    while frame is not None:
        if frame.maybe:
            return frame.maybe
        frame = frame.parent
    return ""


def _maybe_accepted(work: Work) -> str:
    return f"{work.may_accept.rule}: {work.may_accept.because}" if work.may_accept else ""


def _path(work: Work) -> tuple[str, ...]:
    return (*work.shift.path, *work.frame.path)


def _is_idle(base: Chain) -> bool:
    if base.table not in PREPARING or base.table == "nat":  # a chain that translates cuts off what it never sees
        return False
    return base.default is Action.PERMIT and all(rule.id == base.name + POLICY for rule in base.rules)


def _weight(base: Chain) -> int:
    return 0 if base.table in PREPARING else 2


def _piece(work: Work, decision: Decided, reason: Reason) -> Piece:
    because = reason.because
    if work.shift.said and work.shift.said not in because:
        because = f"{because}, {work.shift.said}"
    return Piece(as_sent(work.box, work.shift), decision, reason.rule, reason.origin, reason.path, because)


def _unproven(work: Work, rule: Rule, because: str) -> Piece:
    return _piece(work, "unproven", Reason(rule.id, rule.origin, _path(work), because))


def _flag(work: Work, rule: Rule, because: str, *, accept: bool) -> Work:
    reason = Reason(rule.id, rule.origin, _path(work), because)
    if accept:
        return work._replace(may_accept=work.may_accept or reason)
    return work._replace(may_drop=work.may_drop or reason)
