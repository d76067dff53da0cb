"""One policy, two dialects: aerleon writes it for iptables and for nftables, and both must let through the same.

The same by our reading of the two dumps, as sets, and the same by the kernel, packet by packet.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from aerleon import api
from aerleon.lib import naming

from compliance.traffic import addresses
from compliance.traffic.boxes import FULL, Box
from compliance.traffic.residual import same_traffic
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Evaluator
from evidence.host import read_host
from tests.oracle import layout
from tests.oracle.kernel import Kernel, host
from tests.oracle.namespace import missing
from tests.oracle.packets import Aim
from tests.oracle.rulesets import Ruleset
from tests.oracle.vocabulary import Vocabulary
from tests.oracle.vocabulary import drawn as vocabulary_drawn

pytestmark = [pytest.mark.kernel, pytest.mark.slow]
PACKETS = 150


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A host to load both dialects into."""
    why = missing()
    if why:
        pytest.skip(why)
    with host(layout.drawn(Random("one policy")), tmp_path_factory.mktemp("policy")) as made:
        yield made


def policy(dice: Random, words: Vocabulary) -> tuple[dict[str, Any], naming.Naming]:
    """Six to ten terms between networks, with services or without; and what its names mean."""
    networks = {
        f"NET_{number}": {"values": [{"address": _network(dice, words)} for _ in range(dice.randint(1, 3))]}
        for number in range(5)
    }
    services = {
        f"SVC_{protocol}_{number}": [{"protocol": protocol, "port": f"{low}-{high}" if low < high else str(low)}]
        for number, (low, high) in enumerate(words.ports)
        for protocol in ("tcp", "udp")
    }
    terms = [_term(dice, number, tuple(networks), tuple(services)) for number in range(dice.randint(6, 10))]
    names = naming.Naming()
    names.ParseDefinitionsObject({"networks": networks, "services": services}, "")
    header = {"targets": {"iptables": "FORWARD DROP", "nftables": "inet forward"}}
    return {"filename": "site", "filters": [{"header": header, "terms": terms}]}, names


def _network(dice: Random, words: Vocabulary) -> str:
    value, length = dice.choice([one for one in words.prefixes[4] if one[1] >= 8])
    return f"{addresses.to_text(4, value)}/{length}"


def _term(dice: Random, number: int, networks: tuple[str, ...], services: tuple[str, ...]) -> dict[str, Any]:
    term: dict[str, Any] = {"name": f"term-{number}", "action": dice.choice(("accept", "accept", "deny"))}
    for side in ("source-address", "destination-address"):
        if dice.random() < 0.6:
            term[side] = dice.choice(networks)
    if dice.random() < 0.7:
        service = dice.choice(services)
        term |= {"protocol": service.split("_")[1], "destination-port": service}
    else:
        term["protocol"] = dice.choice(("tcp", "udp", "icmp", "esp"))
    return term


def dialects(written: dict[str, Any], names: naming.Naming) -> tuple[Ruleset, Ruleset]:
    """What aerleon makes of it, for iptables and for nftables."""
    logging.disable(logging.WARNING)
    try:
        made = api.Generate([written], names)
    finally:
        logging.disable(logging.NOTSET)
    lines = [line for line in made["site"].splitlines() if line.startswith("-")]
    saved = "\n".join(["*filter", *lines, "COMMIT", ""])
    return Ruleset({"iptables-nft": saved}), Ruleset({}, made["site.nft"])


@pytest.mark.parametrize("number", range(6))
def test_both_dialects_let_through_the_same(kernel: Kernel, number: int) -> None:
    dice = Random(f"policy/{number}")
    words = vocabulary_drawn(dice, kernel.layout)
    link = kernel.layout.links[0].name
    permitted: list[list[Box]] = []
    passed: list[list[bool]] = []
    asked: list[Witness] = []
    for rules in dialects(*policy(dice, words)):
        kernel.load(rules)
        reading = read_host(kernel.dumps(sets=False))
        assert reading.unread == ()
        evaluator = Evaluator(reading, "FORWARD")
        pieces = evaluator.pieces(4, FULL[4], iif=link, oif=link)
        assert {piece.decision for piece in pieces} <= {"permit", "deny"}
        permitted.append([piece.box for piece in pieces if piece.decision == "permit"])
        if not asked:
            asked = [one.sent for one in Aim(dice, kernel.layout, words, reading, "FORWARD", 4).packets(PACKETS)]
        passed.append(kernel.passes("FORWARD", asked))
        assert [evaluator.decide(one).decision == "permit" for one in asked] == passed[-1]
    assert permitted[0] != []
    assert same_traffic(*permitted)
    assert passed[0] == passed[1]
