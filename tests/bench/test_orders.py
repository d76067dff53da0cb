"""Chains of one priority: where one of them translates, their order matters, and no dump tells it (kernel)."""

from __future__ import annotations

import pytest

from compliance.traffic.boxes import FULL, box_of
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import decide, pieces
from evidence.formats.orders import MOST_ORDERS, orders
from evidence.rules import Action, Chain, Nat
from tests.bench.chains import base, reading, rule

HOST, PEER = 0x0A000005, 0x0A000009
SSH = box_of(4, proto=6, dport=22)


def nat(name: str, *rules_of: tuple[Action, Nat | None], priority: int = 100) -> Chain:
    """A chain that translates, on INPUT."""
    made = [rule(name, seq, action, SSH, nat=to) for seq, (action, to) in enumerate(rules_of, start=1)]
    return base(name, Action.PERMIT, *made, table="nat", priority=priority)


SOURCE = Nat("snat", (box_of(4, src=(PEER, PEER)),))
FIRST = nat("iptables:nat/INPUT", (Action.PERMIT, SOURCE))
SECOND = nat("nft:inet/t/nat", (Action.DENY, None))
IDLE = nat("nft:inet/u/nat")


def answer(*chains: Chain, dport: int = 22) -> str:
    packet = Witness(4, 0x08080808, HOST, 6, 40000, dport, "eth0")
    read = reading(*chains)
    found = decide(read, "INPUT", packet).decision
    assert pieces(read, "INPUT", 4, packet.box(), iif="eth0")[0].decision == found
    return found


def test_who_translates_first_is_not_known() -> None:
    """Translated by the first, the packet is not shown to the second; the other way round the second drops it."""
    assert answer(FIRST, SECOND) == "unproven"
    assert answer(FIRST, SECOND, dport=23) == "permit"
    assert answer(FIRST, IDLE) == "permit"
    assert answer(SECOND, IDLE) == "unproven"  # nothing is seen to track connections: it may not be asked
    tracks = rule("nft:inet/t/in", 1, Action.PERMIT, SSH, states=("ESTABLISHED",))
    assert answer(SECOND, IDLE, base("nft:inet/t/in", Action.PERMIT, tracks, table="inet t", priority=101)) == "deny"


def test_priorities_of_their_own_order_them() -> None:
    assert answer(FIRST, nat("nft:inet/t/nat", (Action.DENY, None), priority=110)) == "permit"


def test_a_chain_that_filters_at_the_same_place_may_see_either_address() -> None:
    name = "nft:inet/t/late"
    to_peer = rule(name, 1, Action.DENY, box_of(4, src=(PEER, PEER)))
    assert answer(FIRST, base(name, Action.PERMIT, to_peer, table="inet t", priority=100)) == "unproven"
    assert answer(FIRST, base(name, Action.PERMIT, to_peer, table="inet t", priority=101)) == "deny"


def test_orders_are_counted_before_they_are_made() -> None:
    many = [nat(f"nft:inet/t{number}/nat", (Action.PERMIT, None)) for number in range(5)]
    chains = {chain.name: chain for chain in many}
    assert orders(list(chains)[:4], chains, 4)[0] == tuple(chains)[:4]
    assert len(set(orders(list(chains)[:4], chains, 4))) == MOST_ORDERS
    assert orders(list(chains), chains, 4) == []
    assert "too many chains" in decide(reading(*many), "INPUT", Witness(4, 1, HOST, 6, 1, 22, "eth0")).because


@pytest.mark.parametrize("table", ["inet t", "filter"])
def test_chains_that_only_filter_have_one_order(table: str) -> None:
    twins = [base(f"nft:inet/t{n}/in", Action.PERMIT, rule("x", 1, Action.DENY, FULL[4]), table=table) for n in (1, 2)]
    chains = {chain.name: chain for chain in twins}
    assert orders(list(chains), chains, 4) == [tuple(chains)]
