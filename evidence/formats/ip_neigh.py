"""`ip -j neigh show`: which addresses a host met on its own segments. One object of the list counts as a line.

Only an address that answered, or that somebody entered by hand, is a neighbour: what was asked for and never answered
(FAILED, INCOMPLETE) is nobody, what needs no answer (NOARP: multicast, tunnels) shows nobody, and for a proxy entry
the host itself answers. An entry that is not there shows nothing either: tables forget within minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compliance.traffic import addresses
from evidence.formats.cursor import Account
from evidence.formats.json_objects import Found, objects
from evidence.rules import Artefact, Lines, Neighbour, Reading, Unread

NAME = "ip-neigh"
POINT = "neighbours"  # what an unread line makes unverifiable: no rule depends on it
ANSWERED = frozenset({"REACHABLE", "STALE", "DELAY", "PROBE"})
BY_HAND = frozenset({"PERMANENT"})
NOBODY = frozenset({"FAILED", "INCOMPLETE", "NOARP", "NONE"})


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a dump: 0..1. A table of routes begins alike, and has flags."""
    text = b"".join(head[:4000].split())
    if text.startswith(b'[{"dst":') and b'"flags":' not in text:
        return 0.97 if b'"state":[' in text or b'"lladdr":' in text or "neigh" in name else 0.0
    return 0.6 if text == b"[]" and "neigh" in name else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """The neighbours of one host. Raises FormatError when it is no such JSON."""
    met: list[Neighbour] = []
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    for artefact in artefacts:
        found = objects(artefact)
        account = Account(artefact, len(found))
        for one in found:
            _entry(one, account, met)
        unread.extend(account.unread())
        lines[artefact.name] = account.lines()
    return Reading(format=NAME, neighbours=tuple(met), unread=tuple(unread), lines=lines)


def _entry(one: Found, account: Account, met: list[Neighbour]) -> None:
    try:
        neighbour = _neighbour(one, account)
    except ValueError as problem:
        one.fail(account, f"a neighbour is not readable: {problem}", POINT)
        return
    if neighbour is None:
        account.ignore(one.number)
        return
    met.append(neighbour)
    account.consume(one.number)


def _neighbour(one: Found, account: Account) -> Neighbour | None:
    """The neighbour; None for an entry behind which nobody answered. Raises ValueError."""
    value: Any = one.value
    if not isinstance(value, dict) or not isinstance(value.get("dst"), str):
        raise ValueError("it has no address")
    family, address = addresses.parse_host(value["dst"])
    interface, mac = value.get("dev"), value.get("lladdr", "")
    if not isinstance(interface, str) or not interface or not isinstance(mac, str):
        raise ValueError("it names no interface, or its link address is odd")
    states = _states(value)
    if "proxy" in value or not states or states <= NOBODY:
        return None
    by_hand = not states & ANSWERED
    return Neighbour(family, address, interface, mac, by_hand, one.origin(account))


def _states(value: dict[str, Any]) -> set[str]:
    said = value.get("state", [])
    if not isinstance(said, list) or not all(isinstance(word, str) for word in said):
        raise ValueError("its state is no list of words")
    strange = set(said) - ANSWERED - BY_HAND - NOBODY
    if strange:
        raise ValueError(f"{sorted(strange)[0]} is no state this version knows")
    return set(said)
