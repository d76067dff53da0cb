"""The evaluator against a naive packet-by-packet interpreter, and the cases the kernel is known for."""

from __future__ import annotations

import dataclasses
import ipaddress
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.traffic import boxes
from compliance.traffic.boxes import FULL, Box, box_of
from compliance.traffic.residual import covered
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import decide, permitted, pieces
from evidence.formats.pieces import TOO_MANY
from evidence.rules import Action, Chain, Nat, Point, Reading, Rule, Unread
from tests.bench.chains import FILTER, Naive, base, reading, rule, user, worlds
from tests.traffic.tiny import UNIVERSE, packets, packets_of, tiny_boxes, total

INPUT, A, B = FILTER + "INPUT", FILTER + "A", FILTER + "B"
LATER = "iptables:security/INPUT"
TARGETS = {INPUT: (A, B), A: (B,), B: (), LATER: (B,)}
PERMIT, DENY, JUMP, GOTO, RETURN = Action.PERMIT, Action.DENY, Action.JUMP, Action.GOTO, Action.RETURN


@st.composite
def rules_of(draw: st.DrawFn, chain: str, residues: bool) -> tuple[Rule, ...]:
    made = []
    for seq in range(1, draw(st.integers(0, 4)) + 1):
        actions = [PERMIT, DENY, Action.REJECT, RETURN, Action.CONTINUE] + ([JUMP, GOTO] * 2 if TARGETS[chain] else [])
        action = draw(st.sampled_from(actions))
        target = draw(st.sampled_from(TARGETS[chain])) if action in {JUMP, GOTO} else ""
        unsure = residues and draw(st.integers(0, 3)) == 0
        what = draw(st.sampled_from(["match", "object", "action"])) if unsure else "match"
        made.append(
            rule(
                chain,
                seq,
                action,
                *draw(st.lists(tiny_boxes(), min_size=1, max_size=2)),
                target=target,
                iif=draw(st.sampled_from([None, None, ("eth0",), ("lo",)])),
                states=draw(st.sampled_from([None, None, ("NEW",), ("ESTABLISHED", "RELATED")])),
                residue="-m recent" if unsure else "",
                what=what,
                enabled=not (residues and draw(st.integers(0, 9)) == 0),
            )
        )
    return tuple(made)


@st.composite
def readings(draw: st.DrawFn, residues: bool) -> Reading:
    policy = st.sampled_from([PERMIT, DENY])
    return reading(
        base(INPUT, draw(policy), *draw(rules_of(INPUT, residues))),
        base(LATER, draw(policy), *draw(rules_of(LATER, residues)), table="security", priority=50),
        user(A, *draw(rules_of(A, residues))),
        user(B, *draw(rules_of(B, residues))),
    )


@settings(max_examples=150, deadline=None)
@given(readings(residues=False), st.sampled_from(["eth0", "eth1"]))
def test_without_residue_every_packet_is_decided_as_the_naive_way_does(read: Reading, interface: str) -> None:
    found = pieces(read, "INPUT", 4, UNIVERSE, iif=interface)
    assert packets(piece.box for piece in found) == packets([UNIVERSE])
    assert total(piece.box for piece in found) == len(packets([UNIVERSE]))
    naive = Naive(read, {})
    for piece in found:
        for packet in packets_of(piece.box):
            assert piece.decision == {"accept": "permit", "drop": "deny"}[naive.verdict(packet, interface)]
            assert piece.rule.rpartition("#")[0] in {INPUT, LATER, A, B}


@settings(max_examples=150, deadline=None)
@given(readings(residues=True), st.sampled_from(["eth0", "eth1"]))
def test_with_residue_what_is_decided_holds_in_every_world(read: Reading, interface: str) -> None:
    possible = list(worlds(read))[:600]
    found = pieces(read, "INPUT", 4, UNIVERSE, iif=interface)
    assert packets(piece.box for piece in found) == packets([UNIVERSE])
    for piece in found:
        if piece.decision == "unproven":
            assert piece.because
            continue
        expected = {"permit": "accept", "deny": "drop"}[piece.decision]
        for packet in list(packets_of(piece.box))[::3]:
            assert {Naive(read, world).verdict(packet, interface) for world in possible} == {expected}


@st.composite
def plain_lists(draw: st.DrawFn) -> Reading:
    """Two base chains of verdicts only, some with residue: there the three values are exact."""
    chains = []
    for name, table in ((INPUT, "filter"), (LATER, "security")):
        rules = [
            rule(name, seq, draw(st.sampled_from([PERMIT, DENY])), draw(tiny_boxes()), residue=draw(RESIDUES))
            for seq in range(1, draw(st.integers(0, 5)) + 1)
        ]
        chains.append(base(name, draw(st.sampled_from([PERMIT, DENY])), *rules, table=table))
    return reading(*chains)


RESIDUES = st.sampled_from(["", "", "-m owner"])


@settings(max_examples=60, deadline=None)
@given(plain_lists())
def test_unproven_is_said_only_where_the_worlds_differ(read: Reading) -> None:
    possible = list(worlds(read))
    for piece in pieces(read, "INPUT", 4, UNIVERSE):
        for packet in list(packets_of(piece.box))[::5]:
            outcomes = {Naive(read, world).verdict(packet, "eth0") for world in possible}
            assert (piece.decision == "unproven") is (len(outcomes) == 2)


@settings(max_examples=60, deadline=None)
@given(readings(residues=True), tiny_boxes())
def test_an_unknown_interface_is_decided_only_where_all_agree(read: Reading, box: Box) -> None:
    known = {name: pieces(read, "INPUT", 4, box, iif=name) for name in ("eth0", "another0")}
    for piece in pieces(read, "INPUT", 4, box):
        for packet in packets_of(piece.box):
            sides = {one.decision for found in known.values() for one in found if packet in packets([one.box])}
            assert piece.decision == (sides.pop() if len(sides) == 1 else "unproven")


@settings(max_examples=60, deadline=None)
@given(readings(residues=True), tiny_boxes())
def test_lower_lies_in_upper_and_decide_agrees(read: Reading, box: Box) -> None:
    lower, upper = permitted(read, "INPUT", 4, box)
    assert packets(piece.box for piece in lower) <= packets(piece.box for piece in upper)
    for piece in upper:
        src, dst, proto, sport, dport = next(packets_of(piece.box))
        assert decide(read, "INPUT", Witness(4, src, dst, proto, sport, dport)).decision == piece.decision


def _ip(text: str) -> int:
    return int(ipaddress.ip_address(text))


def _packet(dst: str = "10.0.0.5", dport: int = 22, src: str = "10.9.9.9", iif: str | None = None) -> Witness:
    source = ipaddress.ip_address(src)
    return Witness(4 if source.version == 4 else 6, int(source), _ip(dst), 6, 50000, dport, iif)


SSH = box_of(4, proto=6, dport=22)


def test_goto_from_a_base_chain_falls_to_the_policy() -> None:
    read = reading(
        base(INPUT, DENY, rule(INPUT, 1, GOTO, target=A), rule(INPUT, 2, PERMIT)),
        user(A, rule(A, 1, RETURN)),
    )
    found = decide(read, "INPUT", _packet())
    assert (found.decision, found.rule) == ("deny", INPUT + "#policy")


def test_a_jump_comes_back_and_its_path_is_told() -> None:
    read = reading(
        base(INPUT, DENY, rule(INPUT, 1, JUMP, target=A), rule(INPUT, 2, PERMIT, SSH)),
        user(A, rule(A, 1, DENY, box_of(4, proto=6, dport=23))),
    )
    assert decide(read, "INPUT", _packet()).rule == INPUT + "#2"
    denied = decide(read, "INPUT", _packet(dport=23))
    assert (denied.decision, denied.rule, denied.path) == ("deny", A + "#1", (INPUT + "#1",))
    assert denied.origin is not None
    assert denied.origin.text == "rule 1"


def test_accept_ends_only_its_own_base_chain_and_drop_is_final() -> None:
    raw = base("iptables:raw/PREROUTING", PERMIT, rule("iptables:raw/PREROUTING", 1, PERMIT), table="raw")
    late = base("nft:inet/main/late", DENY, hook="input", table="main", priority=10)
    open_filter = base(INPUT, PERMIT, rule(INPUT, 1, PERMIT))
    assert decide(reading(raw, open_filter, late), "INPUT", _packet()).rule == "nft:inet/main/late#policy"
    # The reason a reader looks for is the filter table's, not that raw or nat let it pass.
    nat = base("iptables:nat/INPUT", PERMIT, table="nat", priority=100)
    assert decide(reading(raw, open_filter, nat), "INPUT", _packet()).rule == INPUT + "#1"


@pytest.mark.parametrize(
    ("rules", "decision", "named", "says"),
    [
        ([rule(INPUT, 1, PERMIT, SSH, residue="-m owner")], "unproven", INPUT + "#1", "-m owner"),
        ([rule(INPUT, 1, DENY, SSH, residue="-m owner")], "deny", INPUT + "#policy", "default"),
        ([rule(INPUT, 1, PERMIT, enabled=False)], "unproven", INPUT + "#1", "disabled"),
        ([rule(INPUT, 1, PERMIT, residue="-j TEE", what="action")], "unproven", INPUT + "#1", "-j TEE"),
        ([rule(INPUT, 1, PERMIT, nat=Nat("dnat", ()))], "unproven", INPUT + "#1", "translated"),
        ([rule(INPUT, 1, PERMIT, nat=Nat("snat", ()))], "permit", INPUT + "#1", "permitted"),
        ([rule(INPUT, 1, PERMIT, states=["ESTABLISHED"])], "deny", INPUT + "#policy", "default"),
        ([rule(INPUT, 1, PERMIT, states=["UNTRACKED", "INVALID"])], "deny", INPUT + "#policy", "default"),
        ([rule(INPUT, 1, JUMP, target=FILTER + "GONE")], "unproven", INPUT + "#1", "not defined"),
        ([rule(INPUT, 1, JUMP, target=INPUT)], "unproven", INPUT + "#1", "leads back"),
        ([rule(INPUT, 1, Action.PASS)], "unproven", INPUT + "#1", "no meaning"),
        ([rule(INPUT, 1, PERMIT, iif=["lo"])], "deny", INPUT + "#policy", "default"),
        ([rule(INPUT, 1, RETURN, residue="-m time"), rule(INPUT, 2, PERMIT)], "unproven", INPUT + "#2", "-m time"),
    ],
)
def test_what_one_rule_does(rules: list[Rule], decision: str, named: str, says: str) -> None:
    found = decide(reading(base(INPUT, DENY, *rules)), "INPUT", _packet())
    assert (found.decision, found.rule) == (decision, named)
    assert says in found.because


def test_the_policy_may_stand_among_the_rules_to_carry_its_line() -> None:
    policy = dataclasses.replace(rule(INPUT, 9, DENY), id=INPUT + "#policy")
    read = reading(base(INPUT, DENY, rule(INPUT, 1, RETURN, SSH), policy))
    for port in (22, 23):
        found = decide(read, "INPUT", _packet(dport=port))
        assert (found.decision, found.rule) == ("deny", INPUT + "#policy")
        assert found.origin is not None
        assert found.origin.first == 9


def test_goto_loops_end() -> None:
    read = reading(
        base(INPUT, DENY, rule(INPUT, 1, GOTO, target=A)),
        user(A, rule(A, 1, GOTO, target=B)),
        user(B, rule(B, 1, GOTO, target=A)),
    )
    assert "leads back to itself" in decide(read, "INPUT", _packet()).because


def test_a_later_definite_drop_settles_an_earlier_doubt() -> None:
    doubtful = base("iptables:raw/PREROUTING", PERMIT, rule("iptables:raw/PREROUTING", 1, DENY, residue="x"))
    assert decide(reading(doubtful, base(INPUT, DENY)), "INPUT", _packet()).decision == "deny"
    assert decide(reading(doubtful, base(INPUT, PERMIT)), "INPUT", _packet()).decision == "unproven"


def test_a_chain_that_translates_may_sleep_while_nothing_tracks_connections() -> None:
    """The kernel does not ask it then (`./run oracle` found it): its drop proves nothing."""
    name = "nft:ip/nat/pre"
    sleeper = base(name, DENY, hook="prerouting", table="nat", priority=-100)
    found = decide(reading(sleeper, base(INPUT, PERMIT)), "INPUT", _packet())
    assert (found.decision, found.rule) == ("unproven", name + "#policy")
    assert decide(reading(sleeper, base(INPUT, DENY)), "INPUT", _packet()).decision == "deny"
    waking = rule(INPUT, 1, PERMIT, boxes.box_of(4, dport=9), states=("ESTABLISHED",))
    assert decide(reading(sleeper, base(INPUT, PERMIT, waking)), "INPUT", _packet()).decision == "deny"


def test_ipv6_is_its_own_world() -> None:
    v4_only = reading(base(INPUT, PERMIT))
    found = decide(v4_only, "INPUT", _packet(src="2001:db8::1", dst="2001:db8::5"))
    assert (found.decision, found.because) == ("unproven", "no IPv6 rules of INPUT were read")
    inet = "nft:inet/main/input"
    both = reading(
        base(INPUT, DENY), base(inet, PERMIT, rule(inet, 1, DENY, boxes.box_of(6, dport=22), family=6), table="main")
    )
    assert decide(both, "INPUT", _packet(src="2001:db8::1", dst="2001:db8::5")).rule == inet + "#1"
    assert decide(both, "INPUT", _packet(src="2001:db8::1", dst="2001:db8::5", dport=23)).decision == "permit"
    assert decide(both, "INPUT", _packet()).decision == "deny"


def test_what_was_not_read_is_never_decided() -> None:
    open_chain = base(INPUT, PERMIT)
    assert decide(reading(open_chain, unread=2), "INPUT", _packet()).because.startswith("2 lines")
    listed = Unread("f", 3, "?", "unknown", "")
    assert decide(dataclasses.replace(reading(open_chain), unread=(listed,)), "INPUT", _packet()).decision == "unproven"
    other = dataclasses.replace(listed, point="FORWARD")
    assert decide(dataclasses.replace(reading(open_chain), unread=(other,)), "INPUT", _packet()).decision == "permit"
    assert decide(reading(open_chain), "FORWARD", _packet()).because == "no rules of FORWARD were read"
    tiered = dataclasses.replace(reading(open_chain), points=(Point("INPUT", "tiered", (INPUT,), 0),))
    assert decide(tiered, "INPUT", _packet()).because.startswith("no rule decided")
    gone = reading(open_chain, stages=[INPUT, FILTER + "GONE"])
    assert "not defined" in decide(gone, "INPUT", _packet()).because
    assert decide(reading(base(INPUT, None)), "INPUT", _packet()).because.endswith("no known default")


HOST = {
    "lo": ((4, _ip("127.0.0.1"), 8),),
    "eth0": ((4, _ip("10.0.0.5"), 24),),
    "eth1": ((4, _ip("10.7.0.5"), 24),),
}


def test_interfaces_that_addresses_leave_possible() -> None:
    management = rule(INPUT, 1, PERMIT, SSH, iif=["eth1"])
    read = reading(base(INPUT, DENY, management), addresses=HOST)  # type: ignore[arg-type]
    assert decide(read, "INPUT", _packet(dst="10.7.0.5", src="10.7.0.9")).decision == "permit"
    assert decide(read, "INPUT", _packet(dst="10.7.0.5", src="172.16.0.1")).decision == "permit"
    assert decide(read, "INPUT", _packet(dst="10.0.0.5", src="172.16.0.1")).decision == "deny"
    unsure = decide(read, "INPUT", _packet(dst="10.0.0.5", src="10.7.0.9"))
    assert unsure.decision == "unproven"
    assert "eth0" in unsure.because
    assert "eth1" in unsure.because
    assert decide(read, "INPUT", _packet(dst="10.0.0.5", src="10.7.0.9", iif="eth1")).decision == "permit"
    assert decide(read, "INPUT", _packet(dst="127.0.0.1", src="127.0.0.1", iif="lo")).decision == "deny"
    nobody = decide(read, "INPUT", _packet(dst="10.0.0.6"))
    assert nobody.decision == "unproven"
    assert "no address of this host" in nobody.because
    lower, _ = permitted(read, "INPUT", 4, SSH)
    assert {(piece.box[2], piece.box[3]) for piece in lower} == {(_ip("10.7.0.5"), _ip("10.7.0.5"))}


def test_output_is_cut_to_own_sources_and_its_interface_follows_the_route() -> None:
    name = FILTER + "OUTPUT"
    read = reading(
        base(name, PERMIT, rule(name, 1, DENY, oif=["eth1"]), hook="output"),
        point="OUTPUT",
        addresses=HOST,  # type: ignore[arg-type]
    )
    found = pieces(read, "OUTPUT", 4, FULL[4])
    assert {piece.box[0] for piece in found} == {_ip("10.0.0.5"), _ip("10.7.0.5")}
    assert decide(read, "OUTPUT", _packet(src="10.0.0.5", dst="10.0.0.77")).decision == "permit"
    assert decide(read, "OUTPUT", _packet(src="10.0.0.5", dst="10.7.0.77")).decision == "deny"


@pytest.mark.parametrize(
    ("limit", "name", "expected"),
    [
        (["eth+"], "eth3", True),
        (["eth+"], "ens3", False),
        (["!eth+"], "ens3", True),
        (["!eth0", "!eth1"], "eth1", False),
        (["!eth0", "!eth1"], "eth2", True),
        (["eth0", "eth1"], "eth1", True),
    ],
)
def test_interface_names(limit: list[str], name: str, expected: bool) -> None:
    read = reading(base(INPUT, DENY, rule(INPUT, 1, PERMIT, iif=limit)))
    assert (decide(read, "INPUT", _packet(iif=name)).decision == "permit") is expected
    assert decide(read, "INPUT", _packet()).decision == "unproven"


def _many(count: int) -> tuple[Chain, Chain]:
    """A long list as hosts have: drops by source, then services for networks, some in a called chain."""
    dice = random.Random(3)
    first: list[Rule] = []
    called: list[Rule] = []
    for seq in range(1, count + 1):
        host = 0x0A000000 + dice.randrange(2**20) * 16
        port = dice.choice([22, 80, 443, 5432, dice.randrange(1024, 60000)])
        wide = dice.choice([0, 15])
        where = called if seq % 4 == 0 else first
        chain = A if seq % 4 == 0 else INPUT
        box = box_of(4, src=(host & ~wide, host | wide), proto=6, dport=port)
        if dice.random() < 0.7:
            target = 0x0A000000 + dice.randrange(2**20)
            box = boxes.limited(box, 2, target, target)
        where.append(rule(chain, seq, dice.choice([PERMIT, DENY]), box))
    middle = rule(INPUT, count + 1, JUMP, target=A)
    return base(INPUT, DENY, *first, middle), user(A, *called)


def test_thousands_of_rules_on_everything_in_seconds() -> None:
    read = reading(*_many(4000))
    begun = time.process_time()
    found = pieces(read, "INPUT", 4, FULL[4])
    spent = time.process_time() - begun
    assert not any(piece.because == TOO_MANY for piece in found)
    assert spent < 10
    dice = random.Random(5)
    for piece in dice.sample(found, 50):
        packet = Witness(4, piece.box[0], piece.box[2], piece.box[4], piece.box[6], piece.box[8])
        assert decide(read, "INPUT", packet).decision == piece.decision


def test_above_the_budget_it_says_so_and_still_covers_the_box() -> None:
    found = pieces(reading(*_many(60)), "INPUT", 4, FULL[4], steps=20)
    left = [piece for piece in found if piece.because == TOO_MANY]
    assert left
    assert {piece.decision for piece in left} == {"unproven"}
    assert covered(FULL[4], [piece.box for piece in found])
