"""Golden texts of shares, sockets and what a host says of itself.

Each case of tests/corpus/<format>/<case>/ names its trap and what comes out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compliance.traffic import addresses
from compliance.traffic.boxes import TOP, Family
from compliance.traffic.services import protocol_name
from compliance.traffic.shares import Share
from evidence.formats import (
    chrony,
    conntrack,
    exportfs,
    exports,
    journal_upload,
    mounts,
    packages,
    rmtab,
    rsyslog,
    ss,
    sshd,
    testparm,
    usershare,
)
from evidence.rules import Artefact, FormatError, Listener, Reading, Statement

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
FORMATS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        exportfs, exports, testparm, ss, mounts, rmtab, sshd, chrony, rsyslog, journal_upload, packages, conntrack,
        usershare,
    )
}  # fmt: skip
CASES = sorted(path.parent for name in FORMATS for path in (CORPUS / name).glob("*/expected.json"))


def ident(path: Path) -> str:
    """`exports-blank-before-bracket`."""
    return f"{path.parent.name}-{path.name}"


def said(reading: Reading) -> dict[str, Any]:
    """A reading in the shape of an expectation."""
    (lines,) = reading.lines.values()
    return {
        "lines": [lines.total, lines.consumed, lines.ignored, lines.unread],
        "unread": [[one.line, one.reason] for one in reading.unread],
        "found": [*map(share, reading.shares), *map(listener, reading.listeners), *map(statement, reading.statements)],
    }


def share(one: Share) -> str:
    """`PATH CLIENTS (access, security, squash[, for users]) @line [what is unsure]`."""
    clients = ", ".join(client if isinstance(client, str) else source(client[:2], client[3]) for client in one.clients)
    terms = [one.access, one.security or "-", one.squash or "-", *([f"for {' '.join(one.users)}"] if one.users else [])]
    unsure = "".join(f" [{residue.text}]" for residue in one.residue)
    return f"{one.path} {clients} ({', '.join(terms)}) @{one.origin.first}-{one.origin.last}{unsure}"


def source(span: tuple[int, int], top: int) -> str:
    """A client range; `any4` and `any6` are everybody of a family."""
    family: Family = 4 if top == TOP[4] else 6
    text = addresses.say(family, *span)
    return f"any{family}" if text == "any" else text


def listener(one: Listener) -> str:
    """`udp/68 0.0.0.0%eth0 dhclient [what is unsure]`."""
    at = addresses.to_text(one.family, one.address) + (f"%{one.interface}" if one.interface else "")
    unsure = f" [{one.unsure}]" if one.unsure else ""
    return f"{protocol_name(one.proto)}/{one.port} {at} {one.process}".strip() + unsure


def statement(one: Statement) -> str:
    """`mount file-01:/export/hr: rw (on /srv/hr, vers 4.2) @1`."""
    details = ", ".join(f"{name} {text}" for name, text in one.details)
    return f"{one.about} {one.subject}: {one.value}{f' ({details})' if details else ''} @{one.origin.first}"


@pytest.mark.parametrize("case", CASES, ids=ident)
def test_case(case: Path) -> None:
    expected = json.loads((case / "expected.json").read_text())
    module = FORMATS[case.parent.name]
    artefact = Artefact("config", (case / "config").read_bytes())
    if "refused" in expected:
        with pytest.raises(FormatError) as refused:
            module.read([artefact])
        assert expected["refused"] in str(refused.value)
        return
    assert said(module.read([artefact])) == {key: expected[key] for key in ("lines", "unread", "found")}
    sure = {name: one.sniff(artefact.content, "") for name, one in FORMATS.items()}
    assert max(sure, key=lambda name: sure[name]) == case.parent.name or expected.get("named")


def test_every_case_names_its_trap() -> None:
    assert len(CASES) >= 24
    assert [ident(case) for case in CASES if not json.loads((case / "expected.json").read_text()).get("trap")] == []
