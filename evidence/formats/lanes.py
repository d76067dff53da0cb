"""A chain as packets of one family on one pair of interfaces see it: the boxes they can meet, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from compliance.traffic.boxes import FULL, PORT_TOP, PROTO_TOP, Box, Family, limited, overlaps
from compliance.traffic.index import Index
from compliance.traffic.shares import Origin, Residue
from evidence.formats.first_hit import FirstHit
from evidence.formats.first_packet import BORN, NEW, parts_in
from evidence.formats.matching import PROTO, WITH_PORTS, Names
from evidence.formats.slices import matches
from evidence.rules import Action, Chain, Nat, Rule

POLICY = "#policy"
LOOK_AHEAD = 16  # steps looked at one by one before the index is asked


class Step(NamedTuple):
    """One box of one rule that packets of a slice can meet; `doubt` says why it may not match ("" = it does)."""

    rule: Rule
    box: Box
    doubt: str
    after: int


class Ladder:
    """The steps of one chain: the same for all interfaces that its rules do not tell apart."""

    __slots__ = ("_first_hit", "_index", "_whole", "boxes", "steps")

    def __init__(self, chain: Chain, family: Family, iif: str, oif: str) -> None:
        self._whole = FULL[family]
        self.steps: list[Step] = []
        if chain.hook and chain.table == "nat":
            self._add(_unseen(chain, family, _policy_origin(chain)), family)
        for rule in chain.rules:
            if rule.id != chain.name + POLICY and _concerns(rule, family, iif, oif):
                self._add(rule, family)
        self.boxes = [step.box for step in self.steps]
        self._index: Index | None = None
        self._first_hit: FirstHit | None = None

    def _add(self, rule: Rule, family: Family) -> None:
        # Residue never means "nothing": a rule whose every object is unknown may match anything.
        boxes = rule.boxes or ((FULL[family],) if rule.residue else ())
        states = None if rule.states is None else frozenset(state.upper() for state in rule.states)
        boxes = tuple(part for box in boxes for part in parts_in(box, family, states))
        if rule.nat is not None and _changes_ports(rule.nat):
            # What a translation of ports does depends on the protocol: a step is of one kind or of the other.
            boxes = tuple(part for box in boxes for part, _ in by_ports(box))
        after, doubt = len(self.steps) + len(boxes), _doubt(rule)
        self.steps.extend(Step(rule, box, doubt, after) for box in boxes)

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

    def first_hit(self) -> FirstHit:
        """The steps prepared for many single packets."""
        if self._first_hit is None:
            self._first_hit = FirstHit(self.boxes, self._whole)
        return self._first_hit


class Lane:
    """A chain on its way to one interface, and what happens at its end."""

    __slots__ = ("chain", "default", "ladder", "oif", "policy_origin")

    def __init__(self, chain: Chain, ladder: Ladder, oif: str) -> None:
        self.chain, self.ladder, self.oif = chain, ladder, oif
        policy = next((rule for rule in chain.rules if rule.id == chain.name + POLICY), None)
        self.policy_origin = policy.origin if policy else None
        self.default = chain.default or (policy.action if policy else None)


class Ladders:
    """The ladders of a host's chains, each made once: a point has a walk for every pair of interfaces."""

    def __init__(self, chains: Mapping[str, Chain]) -> None:
        self.chains = chains
        self._made: dict[tuple[object, ...], Ladder] = {}
        self._limits: dict[str, tuple[list[Names], list[Names]]] = {}

    def lane(self, name: str, family: Family, iif: str, oif: str) -> Lane:
        """A chain as packets of a pair of interfaces see it."""
        chain = self.chains[name]
        if name not in self._limits:
            limits = (dict.fromkeys(rule.iif for rule in chain.rules), dict.fromkeys(rule.oif for rule in chain.rules))
            self._limits[name] = (list(limits[0]), list(limits[1]))
        come, go = self._limits[name]
        seen = (tuple(matches(one, iif) for one in come), tuple(matches(one, oif) for one in go))
        key = (name, family, *seen)
        if key not in self._made:
            self._made[key] = Ladder(chain, family, iif, oif)
        return Lane(chain, self._made[key], oif)


def has(rule: Rule, *kinds: str) -> bool:
    """Whether something of one of the kinds of residue is in the rule."""
    return any(residue.what in kinds for residue in rule.residue)


def texts(residues: Sequence[Residue], *kinds: str) -> str:
    """What was not modelled, as it is written."""
    return ", ".join(residue.text for residue in residues if residue.what in kinds)


def named(step: Step) -> str:
    """The doubt of a step with the rule it is about; "" when there is none."""
    return f"{step.rule.id}: {step.doubt}" if step.doubt else ""


def by_ports(box: Box) -> Iterator[tuple[Box, bool]]:
    """The parts of a box whose protocols have ports, and those whose protocols have none."""
    start = box[PROTO]
    for proto in (*WITH_PORTS, PROTO_TOP + 1):
        if start > box[PROTO + 1]:
            return
        if proto < start:
            continue
        end = min(proto - 1, box[PROTO + 1])
        if start <= end:
            yield limited(box, PROTO, start, end), False
        if proto <= box[PROTO + 1]:
            yield limited(box, PROTO, proto, proto), True
        start = proto + 1


def _changes_ports(nat: Nat) -> bool:
    return nat.kind in {"snat", "masquerade"} or any((box[8], box[9]) != (0, PORT_TOP) for box in nat.to)


def _policy_origin(chain: Chain) -> Origin | None:
    return next((rule.origin for rule in chain.rules if rule.id == chain.name + POLICY), None)


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
    return rule.action is not Action.CONTINUE or rule.nat is not None or has(rule, "action", "nat")


def _doubt(rule: Rule) -> str:
    unsure = texts(rule.residue, "match", "object")
    if unsure or has(rule, "match", "object"):
        return f"it could not be determined whether `{unsure}` matches"
    return "" if rule.enabled else "the rule is disabled or outside its time"
