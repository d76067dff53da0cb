"""The security rules of PAN-OS: what one rule matches, apart from its zones.

A rule is about what comes before translation in its addresses and services. Users, devices, categories of addresses,
times and everything unknown in a rule are its residue: it may or may not match. Of a rule that is switched off, what it
would let through stays in doubt ("dormant"); what it would stop, it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from compliance.traffic.boxes import FAMILIES
from compliance.traffic.intervals import Interval
from compliance.traffic.shares import Origin, Residue
from evidence.formats import entries
from evidence.formats.entries import Entry, Named, Service, Side, rules_of
from evidence.formats.negation import negated
from evidence.formats.panos_apps import Applications, Meant, Services
from evidence.formats.panos_known import CONDITIONS, OPEN, RULE
from evidence.formats.panos_objects import Book
from evidence.formats.panos_tree import Node
from evidence.rules import Action, Rule

ACTIONS = {
    "allow": Action.PERMIT,
    "deny": Action.DENY,
    "drop": Action.DENY,
    "reset-client": Action.REJECT,
    "reset-server": Action.REJECT,
    "reset-both": Action.REJECT,
}
LONGEST_COMMENT = 1024  # characters, as the device allows
TYPES = frozenset({"universal", "intrazone", "interzone"})
LISTS = ("from", "to", "source", "destination", "service", "application")
Origins = Callable[[Node, str, str], Origin]  # node, uid, comment


@dataclass(slots=True)
class Written:
    """A rule as it is written: its lists by name, its other words, and what of it nobody understood."""

    node: Node
    lists: dict[str, list[str]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    inner: dict[str, Node] = field(default_factory=dict)
    residue: list[Residue] = field(default_factory=list)
    uid: str = ""
    comment: str = ""

    def says(self, word: str) -> bool:
        """Whether it says `yes` to something."""
        return self.words.get(word, "").lower() == "yes"

    def doubt(self, text: str) -> None:
        """Something of it that is not understood."""
        self.residue.append(Residue("match", text, self.node.line))


def written(node: Node, *, lists: Sequence[str], words: Iterable[str], inner: Iterable[str] = ()) -> Written:
    """A rule sorted into its words. Of what is unknown, or comes twice, nothing is concluded."""
    rule = Written(node, uid=node.attrs.get("uuid", ""))
    seen: set[str] = set()
    wanted, deeper = frozenset(words), frozenset(inner)
    for child in node.children:
        child.use()
        word = child.word
        if child.kind in {"text", "member", "entry"} or word in seen:
            rule.doubt(f"{child.said()} (unknown, or a second time)")
        elif word in lists:
            rule.lists[word] = _list(rule, child)
        elif word in CONDITIONS:
            values = child.values() if all(not one.children for one in child.children) else [child.said()]
            if word == "schedule":
                rule.words[word] = " ".join(values)
            elif any(one not in OPEN for one in values):
                rule.doubt(f"{word} {', '.join(values)}")
        elif word in wanted:
            rule.words[word] = child.text()
        elif word in deeper:
            rule.inner[word] = child
        elif word == "target":
            _target(rule, child)
        elif word == "uuid":
            rule.uid = child.text()
        elif word == "description":
            rule.comment = " ".join(child.text().split())[:LONGEST_COMMENT]
        elif word not in RULE:
            rule.doubt(child.said())
        seen.add(word)
    for name in lists:
        if not rule.lists.get(name):
            rule.lists[name] = []
    return rule


def _list(rule: Written, child: Node) -> list[str]:
    if any(one.children or one.kind not in {"member", "word", "text"} for one in child.children):
        rule.doubt(child.said())
    return child.values()


def _target(rule: Written, child: Node) -> None:
    """Of Panorama: the rule is for some devices only, or for all others."""
    devices = next((one for one in child.children if one.word == "devices"), None)
    named = [one.word for one in devices.children] if devices is not None else []
    tags = any(one.word == "tags" and one.children for one in child.children)
    if named or tags:
        rule.doubt(f"target {', '.join(named) or 'by tags'}: it is not known whether this device is one")


class Reader:
    """Makes rules of one place, as seen from a place below it. `place`: how ids begin; `below`: the objects there."""

    def __init__(self, place: str, book: Book, applications: Applications, below: Book, origins: Origins) -> None:
        self.place, self.book = place, book
        self._applications, self._below, self._origins = applications, below, origins

    def security(self, node: Node, chain: str, seq: int) -> tuple[Written, list[Rule]]:
        """A security rule and what it matches, not yet limited to zones. At least one rule, so that none is lost."""
        rule = written(
            node, lists=LISTS,
            words=("action", "negate-source", "negate-destination", "disabled", "rule-type"),
        )  # fmt: skip
        kind = rule.words.get("rule-type", "") or "universal"
        if kind not in TYPES:
            rule.doubt(f"rule-type {kind}")
            kind = rule.words["rule-type"] = "universal"
        for name in LISTS:
            known = name in {"source", "destination"} or (name == "to" and kind == "intrazone")
            if not rule.lists[name] and not known:
                rule.doubt(f"{name} is empty")
        action = ACTIONS.get(rule.words.get("action", ""))
        if action is None:
            said = rule.words.get("action") or "no action"
            rule.residue.append(Residue("action", said, node.line))
        made = self._entries(rule, action or Action.PERMIT)
        origin = self.origin(rule)
        named = Named(f"{self.place}#{node.word}", chain, seq, origin)
        rules = [one for entry in made for one in rules_of(entry, named)]
        if rule.says("disabled") and action is not None and action is not Action.PERMIT:
            rules = [replace(one, boxes=(), residue=()) for one in rules[:1]]
        return rule, rules

    def origin(self, rule: Written) -> Origin:
        """Where a rule stands, with its description and the objects it was made from."""
        used = list(dict.fromkeys(self.book.take_used()))
        parts = [rule.comment, f"from {', '.join(used)}" if used else ""]
        return self._origins(rule.node, rule.uid, "; ".join(part for part in parts if part))

    def sides(self, rule: Written) -> tuple[Side, Side]:
        """Its sources and destinations, negated where it says so."""
        found: list[Side] = []
        for name in ("source", "destination"):
            values = rule.lists[name]
            side = self.book.addresses(values) if values else entries.unknown(f"{name} is empty")
            side.doubts += self.book.shadows(values, below=self._below)
            found.append(negated(side) if rule.says(f"negate-{name}") else side)
        return found[0], found[1]

    def _entries(self, rule: Written, action: Action) -> list[Entry]:
        src, dst = self.sides(rule)
        enabled = not rule.says("disabled") and rule.words.get("schedule", "") in OPEN
        known, unsure, doubts = self._services(rule)
        found: list[Entry] = []
        for services, more, reasons in ((known, doubts, []), *((one, [], why) for one, why in unsure)):
            if any(services.values()) or more or (not found and not unsure):
                said = [Residue("match", one, rule.node.line) for one in reasons]
                found.append(
                    Entry(action, src, dst, services, FAMILIES, more, residue=[*rule.residue, *said], enabled=enabled)
                )
        return found

    def _services(self, rule: Written) -> tuple[Services, list[tuple[Services, list[str]]], list[str]]:
        """(services that match for certain, those that may with the reasons, what of the names is not known)."""
        names, asked = rule.lists["service"], rule.lists["application"]
        standard = names == ["application-default"]
        everything: Services = {family: [Service()] for family in FAMILIES}
        ports: Services = everything
        doubts: list[str] = []
        if not standard and "any" not in names and names:
            ports, doubts = self.book.services(names)
            doubts += self.book.shadows(names, below=self._below)
        if "any" in asked or not asked:
            if standard:
                return {}, [(everything, ["any application at its standard port"])], doubts
            return ports, [], doubts
        meant = self._applications.meant(asked)
        whole = standard or ports is everything
        exact = meant.exact if whole else _cut(meant.exact, ports)
        unsure: list[tuple[Services, list[str]]] = []
        if meant.unsure:
            unsure.append((_by_content(meant, ports, standard=standard), [_said(meant)]))
        if meant.bound_by:
            unsure.append((meant.bound if whole else _cut(meant.bound, ports), meant.bound_by))
        return exact, unsure, doubts


def _by_content(meant: Meant, ports: Services, *, standard: bool) -> Services:
    if standard and meant.standard is not None:
        return {family: list(meant.standard) for family in FAMILIES}
    return ports


def _said(meant: Meant) -> str:
    more = len(meant.unsure) - 4
    names = ", ".join(meant.unsure[:4])
    return f"{names}{f' and {more} more' if more > 0 else ''}: told by content, not by port"


def _cut(exact: Services, ports: Services) -> Services:
    """What is in both: an application told by its protocol, at the services the rule names."""
    found: Services = {}
    for family in FAMILIES:
        found[family] = [
            Service(proto, sport, dport)
            for one in exact.get(family, [])
            for other in ports.get(family, [])
            if (proto := _both(one.proto, other.proto)) is not None
            and (sport := _both(one.sport, other.sport)) is not None
            and (dport := _both(one.dport, other.dport)) is not None
        ]
    return found


def _both(one: Interval, other: Interval) -> Interval | None:
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else None
