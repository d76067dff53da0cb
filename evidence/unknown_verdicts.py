"""Addresses inside the estate's networks that rules, shares or interfaces name and no registered server has."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.traffic import intervals
from compliance.traffic.addresses import prefix_range, to_text
from compliance.traffic.boxes import FAMILIES, Family
from compliance.traffic.intervals import Interval
from compliance.traffic.shares import Origin
from evidence.case import LINK_LOCAL, Case, Host
from evidence.judgement import Judgement, at_line, listed
from evidence.open_pairs import NETWORK
from evidence.rules import Action, Certainty, Verdict

INTERFACES = "interfaces"


def unknown(case: Case) -> Iterator[Judgement]:
    """One judgement for each unregistered address, with the places that name it. Only single addresses count."""
    scope = {family: _scope(case, family) for family in FAMILIES}
    seen: dict[tuple[Family, int], list[tuple[str, str]]] = {}
    for host in case.hosts.values():
        for family, value, point, words in _named(host):
            if intervals.holds(scope[family], value) and value not in case.estate.holders:
                seen.setdefault((family, value), []).append((f"{host.name}/{point}", words))
    for (family, value), places in sorted(seen.items()):
        text = to_text(family, value)
        named = listed(words for _, words in places)
        because = f"{text} is in a network of the estate and no registered server has it; named by {named}"
        yield Judgement(Verdict.unknown_server, Certainty.definite, text, places[0][0], "", (), None, because, family)


def _scope(case: Case, family: Family) -> list[Interval]:
    """The networks whose addresses must be registered: those of the zones, else the ones the servers stand in."""
    declared = [(one.low, one.high) for one in case.wanted.prefixes if one.family == family]
    if not declared:
        own = [value for name in case.estate.servers for value in case.estate.of(name, family)]
        declared = [prefix_range(family, value, NETWORK[family]) for value in own]
    return intervals.merge(declared)


def _named(host: Host) -> Iterator[tuple[Family, int, str, str]]:
    """(family, address, point, where it stands in words)."""
    for chain in host.reading.chains:
        point = host.points_by_chain.get(chain.name, chain.name)
        for rule in chain.rules:
            if rule.action is Action.CONTINUE:
                continue
            for value in sorted({box[at] for box in rule.boxes for at in (0, 2) if box[at] == box[at + 1]}):
                yield rule.family, value, point, f"{rule.id}{at_line(rule.origin)}"
    for share in host.reading.shares:
        for client in share.clients:
            if not isinstance(client, str) and client[0] == client[1]:
                family: Family = 4 if client[3] <= 2**32 - 1 else 6
                yield family, client[0], f"shares/{share.protocol}", _share(share.path, share.origin)
    for interface, held in host.reading.addresses.items():
        for family, value, _ in held:
            if interface != "lo" and not (family == 6 and LINK_LOCAL[0] <= value <= LINK_LOCAL[1]):
                yield family, value, INTERFACES, f"interface {interface} of {host.name}"


def _share(path: str, origin: Origin) -> str:
    return f"the clients of {path}{at_line(origin)}"
