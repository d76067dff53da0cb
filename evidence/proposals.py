"""What to do about a judgement: the narrower rule for what goes beyond, the missing permit for what is stopped.

In the words of the register, and below them the commands to type where the rule's format has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from compliance.policy.shipped import described
from compliance.register import Entry, Wanted, part_at
from compliance.traffic.boxes import Box, Family
from compliance.traffic.witness import describe
from evidence.attachments import Account, is_fabric, part
from evidence.exposure_verdicts import CURE, SUBJECT
from evidence.judgement import Judgement
from evidence.narrower import commands
from evidence.rules import Reading, Rule, Verdict
from evidence.switch_off import SENTENCE
from evidence.switch_off import commands as switch_off

PLACES = ("INPUT", "OUTPUT")
MOST_PROPOSED = 8
LOOK_AGAIN = "recertify it: keep it until another day, narrow it, or ask for its removal"


class Proposals:
    """What to do about each judgement of one comparison. `readings`: what it judged, by host."""

    def __init__(self, wanted: Wanted, judged: Iterable[Judgement], readings: Mapping[str, Reading]) -> None:
        self.wanted = wanted
        self.readings = readings
        self.accounts = {name: Account(reading) for name, reading in readings.items() if is_fabric(reading)}
        self.entries: dict[str, list[Entry]] = {}
        for entry in wanted.entries:
            self.entries.setdefault(entry.id, []).append(entry)
        self.rules: dict[str, dict[str, list[Rule]]] = {}
        self.passing: dict[str, list[tuple[Family, Box]]] = {}
        # (point, rule, family) → the connections that the rule carries there
        self.carried: dict[tuple[str, str, Family], set[str]] = {}
        for one in judged:
            if one.verdict is Verdict.implemented:
                self.carried.setdefault((one.point, one.rule, one.family), set()).add(one.subject)

    def of(self, one: Judgement) -> str:
        """What to do, one line a step; "" where nothing follows from the rules alone."""
        if one.verdict in {Verdict.not_implemented, Verdict.approved_not_done} and one.excess:
            return f"permit {spelt(one.family, one.excess)}"
        if one.verdict is Verdict.against_policy:
            return next((rule.do for rule in described() if one.subject.startswith(f"{rule.id}: ")), "")
        if one.verdict is Verdict.unknown_server:
            return "register each of them on the page Inventory, or have it decided that it is none of ours"
        if one.verdict is Verdict.review_overdue:
            return LOOK_AGAIN
        if one.verdict is Verdict.review_missed:
            return "hold a review on the page Reviews, and sign its minutes off"
        if one.verdict is Verdict.listener_unauthorised:
            host, _, service = one.subject.partition(" ")
            process = one.cause.rpartition(" on ")[0]
            return "\n".join([SENTENCE, *switch_off(host, service.partition(" ")[0], process)])
        if one.verdict is not Verdict.permits_more:
            return ""
        if one.subject.startswith(SUBJECT):
            return CURE
        if one.rule.endswith("#policy"):
            return "set the policy to drop and permit what is authorised"
        host, _, point = one.point.partition("/")
        boxes = self.kept(one, host, point)
        if not boxes:
            return "remove the rule, or ask for what it permits"
        parts = self.parts(host).get(one.rule)
        typed = commands(parts, self.authorised(host, point)) if parts else []
        return "\n".join([f"narrow the rule to {spelt(one.family, boxes)}", *typed])

    def kept(self, one: Judgement, host: str, point: str) -> list[Box]:
        """The authorised traffic that the rule carries at that point."""
        carried = self.carried.get((one.point, one.rule, one.family), set())
        entries = [entry for name in sorted(carried) for entry in self.entries[name] if entry.family == one.family]
        known = host in self.wanted.servers
        if host in self.accounts:
            return [box for entry in entries for box in part(entry, host, point, self.accounts[host])]
        return [
            box for entry in entries for box in (part_at(entry, host, point, self.wanted) if known else entry.boxes)
        ]

    def authorised(self, host: str, point: str) -> list[tuple[Family, Box]]:
        """All authorised traffic that may pass the host: at its other points too, as several may call one chain."""
        own = host if host in self.wanted.servers and point in PLACES else ""
        if own not in self.passing:
            self.passing[own] = [
                (entry.family, box)
                for entry in self.wanted.entries
                for boxes in ([part_at(entry, own, place, self.wanted) for place in PLACES] if own else [entry.boxes])
                for box in boxes
            ]
        return self.passing[own]

    def parts(self, host: str) -> dict[str, list[Rule]]:
        """The rules of a host by id: one id may have a part for each family and state."""
        if host not in self.rules:
            found: dict[str, list[Rule]] = {}
            reading = self.readings.get(host)
            for chain in reading.chains if reading else ():
                for rule in chain.rules:
                    found.setdefault(rule.id, []).append(rule)
            self.rules[host] = found
        return self.rules[host]


def spelt(family: Family, boxes: Iterable[Box]) -> str:
    """Traffic in words, the first few of it."""
    words = ["{src} → {dst} {service}".format(**describe(family, box)) for box in boxes]
    unique = list(dict.fromkeys(words))
    more = f" and {len(unique) - MOST_PROPOSED} more" if len(unique) > MOST_PROPOSED else ""
    return "; ".join(unique[:MOST_PROPOSED]) + more
