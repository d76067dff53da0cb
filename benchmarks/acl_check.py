"""aerleon's AclCheck on the same rules: the peer for "which authorised traffic does not pass".

https://github.com/aerleon/aerleon, aerleon/lib/aclcheck.py. One question goes through every term of the policy.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Sequence
from typing import Any

from aerleon.lib import naming, policy, policy_builder
from aerleon.lib.aclcheck import AclCheck

from benchmarks.policies import Rules
from compliance.traffic.addresses import to_text
from compliance.traffic.boxes import FULL, Box, Family

PROTOCOLS = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6"}


class Peer:
    """A policy of aerleon made of boxes."""

    def __init__(self, rules: Rules, family: Family) -> None:
        self._family = family
        self._networks: dict[str, dict[str, list[dict[str, str]]]] = {}
        self._services: dict[str, list[dict[str, Any]]] = {}
        terms = [self._term(number, box, permit) for number, (box, permit) in enumerate(rules)]
        names = naming.Naming()
        names.ParseDefinitionsObject({"networks": self._networks, "services": self._services}, "")
        kind = "inet6" if family == 6 else "extended"
        written: Any = {
            "filename": "measured",
            "filters": [{"header": {"targets": {"cisco": f"measured {kind}"}}, "terms": terms}],
        }
        logging.disable(logging.WARNING)
        self._policy = policy.FromBuilder(policy_builder.PolicyBuilder(written, names, optimize=False))

    def _term(self, number: int, box: Box, permit: bool) -> dict[str, Any]:
        term: dict[str, Any] = {"name": f"rule-{number}", "action": "accept" if permit else "deny"}
        full = FULL[self._family]
        for side, at in (("source-address", 0), ("destination-address", 2)):
            if box[at : at + 2] != full[at : at + 2]:
                term[side] = self._network(box[at], box[at + 1])
        if box[4] == box[5]:
            term["protocol"] = PROTOCOLS[box[4]]
        if box[4] in {6, 17} and box[8:] != full[8:]:
            name = f"PORT_{box[4]}_{box[8]}_{box[9]}"
            self._services[name] = [{"protocol": PROTOCOLS[box[4]], "port": f"{box[8]}-{box[9]}"}]
            term["destination-port"] = name
        return term

    def _network(self, low: int, high: int) -> str:
        ends = (ipaddress.ip_address(to_text(self._family, value)) for value in (low, high))
        parts = list(ipaddress.summarize_address_range(*ends))
        name = f"NET_{low:x}_{high:x}"
        self._networks[name] = {"values": [{"address": str(part)} for part in parts]}
        return name

    def seconds(self, questions: Sequence[Box]) -> float:
        """CPU seconds for one question each about the first packet of a box."""
        started = time.process_time()
        for box in questions:
            with_ports = box[4] in {6, 17}
            AclCheck(
                self._policy,
                src=to_text(self._family, box[0]),
                dst=to_text(self._family, box[2]),
                sport=box[6] if with_ports else "any",
                dport=box[8] if with_ports else "any",
                proto=PROTOCOLS.get(box[4], "any"),
            ).Matches()
        return time.process_time() - started
