"""`ip -j route show table all`: by which interfaces a host can send. One object of the list counts as a line.

The JSON does not name the family of `default`; it is told by the gateway, or by `pref`, which only IPv6 routes have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compliance.traffic import addresses
from compliance.traffic.boxes import TOP, Family
from evidence.formats.cursor import Account
from evidence.formats.json_objects import Found, objects
from evidence.rules import Artefact, Lines, Reading, Route, Unread

NAME = "ip-route"
THROWN_AWAY = frozenset({"blackhole", "unreachable", "prohibit", "throw"})
MAIN = "main"


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a dump: 0..1."""
    text = b"".join(head[:4000].split())
    if text.startswith((b'[{"dst":', b'[{"type":')) and b'"dst":' in text:
        return 0.95
    return 0.5 if text == b"[]" and "route" in name else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """All routes of one host in the order of the dump. Raises FormatError when it is no such JSON."""
    routes: list[Route] = []
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    for artefact in artefacts:
        found = objects(artefact)
        account = Account(artefact, len(found))
        for one in found:
            _route(one, account, routes)
        unread.extend(account.unread())
        lines[artefact.name] = account.lines()
    return Reading(format=NAME, routes=tuple(routes), unread=tuple(unread), lines=lines)


def _route(one: Found, account: Account, routes: list[Route]) -> None:
    try:
        routes.extend(_routes(one.value))
    except ValueError as problem:
        one.fail(account, f"a route is not readable: {problem}")
        return
    account.consume(one.number)


def _routes(value: Any) -> list[Route]:
    if not isinstance(value, dict) or not isinstance(value.get("dst"), str):
        raise ValueError("it has no destination")
    if not isinstance(value.get("type", ""), str) or not isinstance(value.get("nexthops", []), list):
        raise ValueError("its type or next hops are odd")
    family, low, high = _destination(value)
    metric, table = value.get("metric", 0), value.get("table", MAIN)
    if not isinstance(metric, int) or not isinstance(table, str):
        raise ValueError("its table or metric is odd")
    return [Route(family, low, high, name, table, metric) for name in _interfaces(value)]


def _destination(value: dict[str, Any]) -> tuple[Family, int, int]:
    text = value["dst"]
    if text == "default":
        family = _family(value)
        return family, 0, TOP[family]
    found = addresses.parse(text)
    return found.family, found.low, found.high


def _family(value: dict[str, Any]) -> Family:
    hops = value.get("nexthops", [])
    for hop in (value, *(hop for hop in hops if isinstance(hop, dict))):
        via = hop.get("via")
        for text in (hop.get("gateway"), hop.get("prefsrc")):
            if isinstance(text, str):
                return addresses.parse_host(text)[0]
        if isinstance(via, dict):
            return 4  # an IPv4 route through an IPv6 gateway: IPv6 routes have no other kind
    return 6 if "pref" in value else 4


def _interfaces(value: dict[str, Any]) -> list[str]:
    if value.get("type") in THROWN_AWAY:
        return [""]
    hops = value.get("nexthops")
    devices = [hop.get("dev") if isinstance(hop, dict) else None for hop in hops] if isinstance(hops, list) else []
    devices = devices or [value.get("dev")]
    found = [device for device in devices if isinstance(device, str) and device]
    if len(found) != len(devices):
        raise ValueError("it names no interface")
    return list(dict.fromkeys(found))
