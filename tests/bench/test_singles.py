"""The quick way for single packets against the walk over boxes: the same decision, rule, path and reason."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.traffic.boxes import Box
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Decision, Evaluator
from evidence.formats.singles import box_of_values
from evidence.rules import Action, Chain, Nat, Point, Reading, Route, Rule
from tests.bench.chains import base, rule, user
from tests.traffic.tiny import UNIVERSE, packets_of, tiny_boxes

PRE, PRE_NAT = "iptables:raw/PREROUTING", "iptables:nat/PREROUTING"
FILTER_IN, FILTER_FORWARD, POST = "iptables:filter/INPUT", "iptables:filter/FORWARD", "iptables:nat/POSTROUTING"
LATE, A, B = "nft:ip/late/post", "iptables:filter/A", "iptables:filter/B"
CALLS = {FILTER_IN: (A, B), FILTER_FORWARD: (A, B), A: (B,), B: (A, "iptables:filter/GONE")}
ENDS = (Action.PERMIT, Action.DENY, Action.RETURN, Action.CONTINUE)
EVERY = {"INPUT": (PRE, PRE_NAT, FILTER_IN), "FORWARD": (PRE, PRE_NAT, FILTER_FORWARD, POST, LATE)}


@st.composite
def some_rules(draw: st.DrawFn, chain: str) -> tuple[Rule, ...]:
    """Rules with jumps, loops, unknown chains, residue and interfaces; in nat chains translations as well."""
    made = []
    for seq in range(1, draw(st.integers(0, 4)) + 1):
        nat = None
        if chain in {PRE_NAT, POST}:
            to = draw(tiny_boxes())
            kinds = ["dnat", "redirect"] if chain == PRE_NAT else ["snat", "masquerade"]
            if draw(st.booleans()):
                to = (to[0], to[0], to[2], to[2], *to[4:8], to[8], to[8])
            nat = Nat(draw(st.sampled_from(kinds)), (to,))  # type: ignore[arg-type]
        calls = CALLS.get(chain, ())
        action = draw(st.sampled_from([*ENDS, *([Action.JUMP, Action.GOTO] if calls else [])]))
        called = action in {Action.JUMP, Action.GOTO}
        unsure = draw(st.integers(0, 4)) == 0
        made.append(
            rule(
                chain, seq, Action.PERMIT if nat else action, draw(tiny_boxes()),
                target=draw(st.sampled_from(calls)) if called else "",
                iif=draw(st.sampled_from([None, None, ("eth0",)])), nat=nat,
                residue="-m recent" if unsure else "", what=draw(st.sampled_from(["match", "action", "nat"])),
            )
        )  # fmt: skip
    return tuple(made)


@st.composite
def hosts(draw: st.DrawFn) -> Reading:
    """A host with translations, of which the addresses and routes are known, or not."""
    policy = st.sampled_from([Action.PERMIT, Action.PERMIT, Action.DENY])
    hooks = {PRE: "prerouting", PRE_NAT: "prerouting", FILTER_IN: "input", FILTER_FORWARD: "forward"}
    tables = {PRE: "raw", PRE_NAT: "nat", POST: "nat"}
    names = (PRE, PRE_NAT, FILTER_IN, FILTER_FORWARD, POST, LATE)
    chains: list[Chain] = [
        base(
            name,
            draw(policy),
            *draw(some_rules(name)),
            hook=hooks.get(name, "postrouting"),
            table=tables.get(name, "x"),
        )
        for name in names
    ]
    chains += [user(name, *draw(some_rules(name))) for name in (A, B)]
    held = {"eth0": ((4, 1, 30),), "eth1": ((4, 2, 31), (4, 6, 31))}
    routes = (Route(4, 0, 3, "eth0", "main", 0), Route(4, 4, 7, "eth1", "main", 0), Route(4, 5, 5, "", "main", 0))
    return Reading(
        "iptables",
        points=tuple(
            Point(name, "first-match", stages, draw(st.sampled_from([0, 0, 2]))) for name, stages in EVERY.items()
        ),
        chains=tuple(chains),
        addresses=held if draw(st.booleans()) else {},  # type: ignore[arg-type]
        routes=routes if draw(st.booleans()) else (),
    )


def some_packets(box: Box) -> Iterator[tuple[int, int, int, int, int]]:
    return (one for number, one in enumerate(packets_of(box)) if number % 7 == 0)


@settings(max_examples=120, deadline=None)
@given(hosts(), st.sampled_from(["INPUT", "FORWARD"]), st.sampled_from([None, "eth0"]), st.sampled_from([None, "eth1"]))
def test_single_packets_are_answered_as_boxes_are(read: Reading, point: str, iif: str | None, oif: str | None) -> None:
    quick, whole = Evaluator(read, point), Evaluator(read, point)
    for values in some_packets(UNIVERSE):
        found = whole.pieces(4, box_of_values(values), iif=iif, oif=oif)
        said = quick.decide(Witness(4, *values, iif, oif))
        if not found:
            assert (said.decision, said.rule) == ("unproven", "")
            continue
        (one,) = found
        assert said == Decision(one.decision, one.rule, one.origin, one.path, one.because)
