"""Lists that only permit, and tiers, against packet-by-packet references in every world of what is not known."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import islice

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compliance.traffic.boxes import FULL, box_of
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import decide, pieces
from evidence.rules import Action, Point, Reading, Rule
from tests.bench.chains import base, rule, user, worlds
from tests.traffic.tiny import UNIVERSE, Packet, lies_in, packets, packets_of, tiny_boxes, total

PERMIT, DENY, PASS, JUMP, RETURN = Action.PERMIT, Action.DENY, Action.PASS, Action.JUMP, Action.RETURN
GROUPS = ("sg-web", "sg-admin", "sg-none")
TIERS, CALLED = ("admin", "network", "baseline"), "policy"
POINT = "eni-1/ingress"
MOST_WORLDS = 64


def _point(read: Reading, model: str, stages: tuple[str, ...]) -> Reading:
    return dataclasses.replace(read, points=(Point(POINT, model, stages, 0),))  # type: ignore[arg-type]


@st.composite
def lists(draw: st.DrawFn, name: str, actions: list[Action], residue: str) -> tuple[Rule, ...]:
    made = []
    for seq in range(1, draw(st.integers(0, 4)) + 1):
        action = draw(st.sampled_from(actions))
        unsure = residue if draw(st.integers(0, 3)) == 0 else ""
        target = CALLED if action is JUMP else ""
        made.append(rule(name, seq, action, draw(tiny_boxes()), residue=unsure, target=target))
    return tuple(made)


@st.composite
def groups(draw: st.DrawFn) -> Reading:
    chains = [user(name, *draw(lists(name, [PERMIT], "peer of unknown members"))) for name in GROUPS]
    stages = draw(st.lists(st.sampled_from(GROUPS), unique=True))
    return _point(Reading("sg", chains=tuple(chains)), "allow-union", tuple(stages))


def _union(read: Reading, world: Mapping[str, str], packet: Packet) -> str:
    attached = [chain for chain in read.chains if chain.name in read.points[0].stages]
    if not attached:
        return "permit"
    rules = [one for chain in attached for one in chain.rules if world.get(one.id, "matches") == "matches"]
    return "permit" if any(lies_in(packet, box) for one in rules for box in one.boxes) else "deny"


@settings(max_examples=100, deadline=None)
@given(groups())
def test_what_any_rule_of_any_group_permits_passes(read: Reading) -> None:
    possible = list(islice(worlds(read), MOST_WORLDS + 1))
    assume(len(possible) <= MOST_WORLDS)  # all of them: with fewer the reference would not know every outcome
    found = pieces(read, POINT, 4, UNIVERSE)
    assert packets(piece.box for piece in found) == packets([UNIVERSE])
    assert total(piece.box for piece in found) == len(packets([UNIVERSE]))
    for piece in found:
        assert piece.rule
        for packet in list(packets_of(piece.box))[::5]:
            outcomes = {_union(read, world, packet) for world in possible}
            assert piece.decision == (outcomes.pop() if len(outcomes) == 1 else "unproven")


@st.composite
def tiers(draw: st.DrawFn) -> Reading:
    actions = [PERMIT, DENY, PASS, RETURN, Action.CONTINUE, JUMP]
    policy = st.sampled_from([PERMIT, DENY])
    chains = [base(name, draw(policy), *draw(lists(name, actions, "unknown tag")), table="policy") for name in TIERS]
    chains.append(user(CALLED, *draw(lists(CALLED, [one for one in actions if one is not JUMP], "unknown tag"))))
    return _point(Reading("anp", chains=tuple(chains)), "tiered", TIERS)


def _tiered(read: Reading, world: Mapping[str, str], packet: Packet) -> str:
    chains = {chain.name: chain for chain in read.chains}

    def ended(name: str) -> str:
        for one in chains[name].rules:
            if world.get(one.id, "matches") != "matches" or not any(lies_in(packet, box) for box in one.boxes):
                continue
            if one.action in {PERMIT, DENY, PASS, RETURN}:
                return one.action.value
            if one.action is JUMP and (inner := ended(one.target)) in {"permit", "deny", "pass"}:
                return inner
        return "end"

    for name in TIERS:
        if (found := ended(name)) in {"permit", "deny"}:
            return found
    default = chains[TIERS[-1]].default
    return default.value if default else ""


@settings(max_examples=120, deadline=None)
@given(tiers())
def test_tiers_decide_in_order_and_pass_leads_to_the_next(read: Reading) -> None:
    possible = list(worlds(read))[:128]
    found = pieces(read, POINT, 4, UNIVERSE)
    assert packets(piece.box for piece in found) == packets([UNIVERSE])
    assert total(piece.box for piece in found) == len(packets([UNIVERSE]))
    for piece in found:
        for packet in list(packets_of(piece.box))[::5]:
            outcomes = {_tiered(read, world, packet) for world in possible}
            if piece.decision == "unproven":
                assert len(possible) > 1
            else:
                assert outcomes == {piece.decision}


def _packet(dport: int, family: int = 4) -> Witness:
    return Witness(4 if family == 4 else 6, 1, 2, 6, 1024, dport)


def test_defaults_are_named_and_the_other_family_is_denied_as_well() -> None:
    read = Reading("sg", chains=(user("sg-web", rule("sg-web", 1, PERMIT, box_of(4, proto=6, dport=443))),))
    attached = _point(read, "allow-union", ("sg-web",))
    assert decide(attached, POINT, _packet(443)).rule == "sg-web#1"
    for packet in (_packet(80), _packet(443, 6)):
        denied = decide(attached, POINT, packet)
        assert (denied.decision, denied.rule) == ("deny", POINT + "#default")
    alone = decide(_point(read, "allow-union", ()), POINT, _packet(80))
    assert (alone.decision, alone.rule) == ("permit", POINT + "#not-isolated")
    missing = _point(read, "allow-union", ("sg-web", "sg-gone"))
    assert decide(missing, POINT, _packet(443)).decision == "permit"
    assert "sg-gone is not defined" in decide(missing, POINT, _packet(80)).because


def test_what_has_no_meaning_there_is_unproven_and_never_a_denial() -> None:
    strange = user("sg-web", rule("sg-web", 1, DENY), rule("sg-web", 2, PERMIT, box_of(4, proto=6, dport=443)))
    read = _point(Reading("sg", chains=(strange,)), "allow-union", ("sg-web",))
    assert decide(read, POINT, _packet(443)).decision == "permit"
    assert "no meaning" in decide(read, POINT, _packet(80)).because
    disabled = user("sg-web", rule("sg-web", 1, PERMIT, FULL[4], enabled=False))
    assert (
        "disabled"
        in decide(_point(Reading("sg", chains=(disabled,)), "allow-union", ("sg-web",)), POINT, _packet(1)).because
    )
