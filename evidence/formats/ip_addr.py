"""`ip -j addr`: the interfaces of a host and its own addresses. One object of the list counts as a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compliance.traffic import addresses
from compliance.traffic.boxes import Family
from evidence.formats.cursor import Account
from evidence.formats.json_objects import Found, objects
from evidence.rules import Artefact, Lines, Reading, Unread

NAME = "ip-addr"
FAMILIES: dict[str, Family] = {"inet": 4, "inet6": 6}
Held = tuple[Family, int, int]


def sniff(head: bytes, name: str) -> float:
    """How sure it is that a file beginning so is such a dump: 0..1."""
    text = b"".join(head[:4000].split())
    if text.startswith((b'[{"ifindex":', b'[{"ifname":')):
        return 0.95
    return 0.5 if text == b"[]" and "addr" in name else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """Interface -> (family, address, prefix length). Raises FormatError when it is no such JSON."""
    held: dict[str, tuple[Held, ...]] = {}
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    for artefact in artefacts:
        found = objects(artefact)
        account = Account(artefact, len(found))
        for one in found:
            _interface(one, account, held)
        unread.extend(account.unread())
        lines[artefact.name] = account.lines()
    return Reading(format=NAME, addresses=held, unread=tuple(unread), lines=lines)


def _interface(one: Found, account: Account, held: dict[str, tuple[Held, ...]]) -> None:
    if one.value == {}:
        account.ignore(one.number)  # older versions print one for each interface that was filtered out
        return
    try:
        name, entries = _entries(one.value)
    except ValueError as problem:
        one.fail(account, f"the addresses of an interface are not readable: {problem}")
        return
    held[name] = tuple(dict.fromkeys((*held.get(name, ()), *entries)))
    account.consume(one.number)


def _entries(value: Any) -> tuple[str, list[Held]]:
    if not isinstance(value, dict) or not isinstance(value.get("ifname"), str):
        raise ValueError("no name")
    info = value.get("addr_info", [])
    if not isinstance(info, list):
        raise ValueError("no list")
    return value["ifname"], [_held(entry) for entry in info if entry != {}]


def _held(entry: Any) -> Held:
    if not isinstance(entry, dict) or not isinstance(entry.get("local"), str):
        raise ValueError(f"{entry!r}")
    family, value = addresses.parse_host(entry["local"])
    length = entry.get("prefixlen")
    if FAMILIES.get(str(entry.get("family"))) != family or not isinstance(length, int):
        raise ValueError(f"{entry['local']} without its family or prefix length")
    if not 0 <= length <= addresses.BITS[family]:
        raise ValueError(f"{entry['local']} with prefix length {length}")
    return family, value, length
