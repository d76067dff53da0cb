"""Azure flow logs: of network security groups (versions 1 and 2) and of virtual networks (version 4), as blobs of JSON.

A blob is appended to each minute: one that was fetched before its end is read to its last whole record. Each flow tuple
is one record of the account; Azure writes the one who began first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from evidence.flowlogs.engine import Engine
from evidence.flowlogs.json_stream import objects
from evidence.flowlogs.rows import Odd, Record, sifted
from evidence.flowlogs.shapes import Plain, Sifted, Table

NAME: Final = "azure-flows"
BY_LINES: Final = False
LETTERS: Final = {"T": 6, "U": 17}
Tuple = tuple[str, str, bool]  # who logs, the text, whether of a virtual network


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such a blob, 0 to 1."""
    return 0.95 if b'"NetworkSecurityGroupFlowEvent"' in head or b'"FlowLogFlowEvent"' in head else 0.0


def table(plain: Plain, engine: Engine) -> Table | None:
    """Never: the tuples are read one by one."""
    return None


def sift(plain: Plain, engine: Engine, into: Path) -> Sifted:
    """Each tuple by itself."""
    return sifted(plain, into, _tuples(plain.path), _record, counted=True)


def _tuples(path: Path) -> Iterator[tuple[int, Tuple | Odd]]:
    number = 0
    for at, one in objects(path):
        if isinstance(one, Odd):
            number += 1
            yield number, Odd(f"record {at}: {one}")
            continue
        try:
            found = list(_of(one))
        except (KeyError, TypeError, AttributeError) as error:
            number += 1
            yield number, Odd(f"record {at} is not built as such records are ({type(error).__name__}: {error})")
            continue
        for each in found:
            number += 1
            yield number, each


def _of(one: dict[str, Any]) -> Iterator[Tuple]:
    sensor = str(one.get("macAddress", ""))
    if one["category"] == "FlowLogFlowEvent":
        for flow in one["flowRecords"]["flows"]:
            for group in flow["flowGroups"]:
                yield from ((sensor, str(text), True) for text in group["flowTuples"])
        return
    for rule in one["properties"]["flows"]:
        for flow in rule["flows"]:
            yield from ((str(flow.get("mac", sensor)), str(text), False) for text in flow["flowTuples"])


def _record(one: Tuple) -> Record:
    sensor, text, network = one
    words = text.split(",")
    if len(words) < 8:
        raise Odd(f"a tuple of {len(words)} fields: {text[:80]!r}")
    moment = int(words[0]) // 1000 if network else int(words[0])
    proto = int(words[5]) if network else LETTERS.get(words[5], -1)
    if proto < 0:
        raise Odd(f"the protocol {words[5][:10]!r} is not known")
    if (network and words[7] not in {"B", "C", "E", "D"}) or (not network and words[7] not in {"A", "D"}):
        raise Odd(f"the decision {words[7][:10]!r} is not known")
    counts = words[9:13] if len(words) >= 13 else ()
    numbers = [int(word) if word else 0 for word in counts] or [0, 0, 0, 0]
    ports = int(words[3]), int(words[4])
    packets, size = numbers[0] + numbers[2], numbers[1] + numbers[3]
    return Record(sensor, words[1], words[2], *ports, proto, packets, size, moment, moment, words[7] != "D", 1)
