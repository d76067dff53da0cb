"""The interfaces of a device: the networks they stand in, and the lists or rules that judge what passes them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, NamedTuple

from compliance.traffic.addresses import to_text
from evidence.formats.device import LISTS
from evidence.judgement import counted
from evidence.points import POLICY
from evidence.rules import Action, Chain, Reading, Rule

FORWARD: Final = "forward"  # the hook of the chains that judge what passes
LOOPBACK: Final = "lo"
COMING, GOING = "coming in", "going out"
WORDS: Final = {"undefined": "not defined: it lets everything through", "empty": "empty: it lets everything through"}
Network = IPv4Network | IPv6Network


class Interface(NamedTuple):
    """One interface. `coming`, `going`: what judges a packet that comes in or goes out there; () = nothing there."""

    name: str
    networks: tuple[Network, ...]
    coming: tuple[str, ...]
    going: tuple[str, ...]


def interfaces(reading: Reading) -> list[Interface]:
    """The interfaces of a reading that judges what passes, in the order they were read; [] of others."""
    base = [chain for chain in reading.chains if chain.hook == FORWARD]
    judged = {way: _judged(base, way) for way in (COMING, GOING)}
    names = dict.fromkeys(name for name, held in reading.addresses.items() if name != LOOPBACK and held)
    names |= dict.fromkeys(name for held in judged.values() for name in held)
    if not base or (len(names) < 2 and not any(one.about == LISTS for one in reading.statements)):
        return []
    return [
        Interface(
            name,
            networks_of(reading, name),
            tuple(_spoken(judged[COMING].get(name, ()))),
            tuple(_spoken(judged[GOING].get(name, ()))),
        )
        for name in names
    ]


def networks_of(reading: Reading, name: str) -> tuple[Network, ...]:
    """The networks that an interface has an address in, link-local ones left out."""
    found = (
        ip_network(f"{to_text(family, value)}/{length}", strict=False)
        for family, value, length in reading.addresses.get(name, ())
    )
    return tuple(dict.fromkeys(one for one in found if not one.is_link_local))


def attached_to(reading: Reading) -> dict[str, list[str]]:
    """Chain -> the interfaces from which packets are sent to it, each with its direction."""
    found: dict[str, list[str]] = {}
    for chain in reading.chains:
        for rule in chain.rules if chain.hook else ():
            for way, names in ((COMING, rule.iif), (GOING, rule.oif)):
                places = [f"{way} at {name}" for name in sorted(names or ()) if not name.startswith("!")]
                known = found.setdefault(rule.target, []) if rule.target else []
                known += [place for place in places if place not in known]
    return found


def _judged(chains: Iterable[Chain], way: str) -> dict[str, list[Rule]]:
    """Interface -> the rules of the base chains that are limited to it in one direction."""
    found: dict[str, list[Rule]] = {}
    for chain in chains:
        for rule in chain.rules:
            for name in sorted((rule.iif if way == COMING else rule.oif) or ()):
                if not name.startswith("!"):
                    found.setdefault(name, []).append(rule)
    return found


def _spoken(rules: Iterable[Rule]) -> Iterator[str]:
    """The lists by their names, and how many rules stand beside them."""
    lists: dict[str, None] = {}
    others: Mapping[str, None] = {}
    for rule in rules:
        name, _, what = rule.id.rpartition("#")
        if rule.action in {Action.JUMP, Action.GOTO}:
            lists[f"list {rule.target.rpartition('/')[2]}"] = None
        elif what in WORDS:
            lists[f"list {name.rpartition('/')[2]}, {WORDS[what]}"] = None
        elif not rule.id.endswith((POLICY, "#implicit")):
            others = {**others, rule.id: None}
    yield from lists
    if others:
        yield counted(len(others), "rule")
