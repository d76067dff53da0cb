"""The shapes of nft's JSON: which keys its objects have, what is a constant, and how a part of it is quoted.

Newer versions of nft add keys. A key that is not listed here may change what a rule means: it is never passed over.
Source: libnftables-json(5) and the dumps of nft 0.9.3 to 1.1; tests/bench/test_nft_kernel.py holds the list
against the nft of the machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

MOST_TEXT = 300  # characters of a statement that are repeated as residue
MOST_DEPTH = 60  # lists and objects inside each other; nft prints some ten

PLACE = frozenset({"family", "table", "name", "handle", "comment"})
KNOWN: dict[str, frozenset[str]] = {
    "table": frozenset({"family", "name", "handle", "comment", "flags"}),
    "chain": PLACE | {"type", "hook", "prio", "policy", "dev", "devs", "devices"},
    "rule": frozenset({"family", "table", "chain", "handle", "comment", "expr", "index", "position"}),
    "set": PLACE | {"type", "flags", "elem", "size", "policy", "timeout", "gc-interval", "auto-merge", "stmt"},
}
KNOWN["map"] = KNOWN["set"] | {"map"}
COMMANDS = frozenset({"add", "insert", "replace", "create", "delete", "destroy", "flush", "reset", "rename"})
# What may stand in an expression that needs nothing of the packet: it can neither fail nor imply a protocol.
ARITHMETIC = frozenset({"|", "&", "^", "<<", ">>", "range", "prefix", "addr", "len", "set"})
# Expressions that read a packet or look something up: where there is nothing to find, the kernel breaks the rule off.
LOOKING = frozenset(
    {"map", "payload", "exthdr", "tcp option", "ip option", "sctp chunk", "dccp option", "ct", "meta", "fib", "rt",
     "socket", "osf", "ipsec", "numgen", "jhash", "symhash"}
)  # fmt: skip
OWN_MARK = ({"meta": {"key": "mark"}}, {"meta": "mark"})
USED = re.compile(r', "used": \d+(?:, "used_unit": "\w+")?')


class Malformed(ValueError):
    """The rule has no shape that nft prints; the message says what is odd."""


def quoted(value: Any) -> str:
    """A part of a dump as text, shortened, and without what of a quota is used up: that is another every day."""
    text = USED.sub("", json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "…"


def strange_keys(kind: str, detail: Mapping[str, Any]) -> str:
    """The keys of an object that no known version of nft prints, as text; "" when there are none."""
    return ", ".join(sorted(set(detail) - KNOWN[kind]))


def only(statement: Any) -> tuple[str, Any]:
    """The one key of a statement or verdict, and what stands under it. Raises Malformed."""
    if isinstance(statement, str):
        return statement, None
    if not isinstance(statement, dict) or len(statement) != 1:
        raise Malformed("a statement has one key")
    kind, detail = next(iter(statement.items()))
    return str(kind), detail


def word(value: Any) -> str:
    """A value where nft prints a word; anything else is no word ("")."""
    return value if isinstance(value, str) else ""


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a value, itself among them."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def too_deep(value: Any) -> bool:
    """Whether lists and objects stand inside each other deeper than nft ever prints."""
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [part for one in level if isinstance(one, (dict, list)) for part in _parts(one)]
        if not level:
            return False
    return True


def _parts(value: dict[str, Any] | list[Any]) -> Collection[Any]:
    return value.values() if isinstance(value, dict) else value


def constant(value: Any) -> bool:
    """Whether an expression is the same for every packet (or is the packet's own mark)."""
    return all(one in OWN_MARK or set(one) <= ARITHMETIC or one == {"key": "mark"} for one in inside(value))


def looks_up(value: Any) -> bool:
    """Whether anything inside reads the packet or looks something up."""
    return any(LOOKING & set(one) for one in inside(value))
