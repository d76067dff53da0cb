"""Policies drawn from a seed: terms between networks, with services, ICMP types, or neither, for IPv4 and IPv6."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from random import Random
from typing import Any

from aerleon import api
from aerleon.lib import naming

from compliance.traffic import addresses
from compliance.traffic.boxes import Family

NAME = "POLICY"
ADDRESSED = 0.7  # share of the policies whose every term has a source: aerleon's nftables cannot write all others
TYPES: dict[Family, tuple[str, ...]] = {4: ("echo-request", "timestamp-request"), 6: ("echo-request",)}
WORD: dict[Family, str] = {4: "inet", 6: "inet6"}


class NotWritten(Exception):
    """aerleon cannot write this policy for this target."""


@dataclass(frozen=True)
class Policy:
    """A policy of one family: what aerleon is told."""

    family: Family
    terms: tuple[dict[str, Any], ...]
    networks: dict[str, Any]
    services: dict[str, Any]


def drawn(seed: str, family: Family) -> Policy:
    """Three to twelve terms, some of which deny; networks overlap, ports touch and repeat."""
    dice = Random(seed)
    networks = {
        f"NET_{number}": {"values": [{"address": _network(dice, family)} for _ in range(dice.randint(1, 3))]}
        for number in range(5)
    }
    services = {f"SVC_{number}": [_service(dice) for _ in range(dice.randint(1, 3))] for number in range(5)}
    terms = tuple(_term(dice, number, networks, services, family) for number in range(dice.randint(3, 12)))
    if dice.random() < ADDRESSED:
        terms = tuple({"source-address": dice.choice(sorted(networks)), **term} for term in terms)
    return Policy(family, terms, networks, services)


def _network(dice: Random, family: Family) -> str:
    if family == 4:
        length = dice.choice((8, 16, 20, 24, 27, 30, 32))
        value = dice.choice((10 << 24, 172 << 24 | 16 << 16, 192 << 24 | 168 << 16)) | dice.getrandbits(10)
    else:
        length = dice.choice((32, 48, 64, 127, 128))
        value = 0x20010DB8 << 96 | dice.getrandbits(2) << 80 | dice.getrandbits(2)
    low, _ = addresses.prefix_range(family, value, length)
    return f"{addresses.to_text(family, low)}/{length}"


def _service(dice: Random) -> dict[str, Any]:
    low = dice.choice((22, 53, 80, 443, 1024, 8080, dice.randint(1, 65000)))
    high = dice.choice((low, low, low + 1, min(low + dice.randint(1, 400), 65535)))
    return {"protocol": dice.choice(("tcp", "udp")), "port": f"{low}-{high}" if low < high else str(low)}


def _term(
    dice: Random, number: int, networks: dict[str, Any], services: dict[str, Any], family: Family
) -> dict[str, Any]:
    term: dict[str, Any] = {"name": f"term-{number}", "action": dice.choice(("accept", "accept", "deny"))}
    for side in ("source-address", "destination-address"):
        if dice.random() < 0.6:
            term[side] = dice.choice(sorted(networks))
    kind = dice.random()
    if kind < 0.6:
        name = dice.choice(sorted(services))
        term["protocol"] = dice.choice(sorted({one["protocol"] for one in services[name]}))
        term["source-port" if dice.random() < 0.2 else "destination-port"] = name
    elif kind < 0.75:
        term["protocol"] = "icmp" if family == 4 else "icmpv6"
        term["icmp-type"] = dice.choice(TYPES[family])
    elif kind < 0.9:
        term["protocol"] = dice.choice(("tcp", "udp", "esp", "gre"))
    return term


def written(policy: Policy, target: str, options: str) -> str:
    """What aerleon makes of a policy for one target."""
    names = naming.Naming()
    names.ParseDefinitionsObject({"networks": policy.networks, "services": policy.services}, "")
    told = {"header": {"targets": {target: options}}, "terms": list(policy.terms)}
    logging.disable(logging.WARNING)
    try:
        made = api.Generate([{"filename": NAME, "filters": [told]}], names)
    except TypeError as problem:  # its nftables generator, of a term without addresses and ports
        raise NotWritten(str(problem)) from problem
    finally:
        logging.disable(logging.NOTSET)
    [text] = made.values()
    return str(text)
