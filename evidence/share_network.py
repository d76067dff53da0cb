"""The network half of a share: whether INPUT of its server, and its interfaces, let its clients come at all. Pure.

NFS 4 needs 2049 alone, and NFS 3 cannot do without it. SMB comes by 445 or, the older way, by 139: it is held off only
where both are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from compliance.traffic.boxes import Box, Family, box_of
from compliance.traffic.witness import Witness, choose
from evidence import ends
from evidence.case import INPUT, Case, Host
from evidence.formats.evaluate import Piece

TCP: Final = 6
WAYS: Final[dict[str, tuple[int, ...]]] = {"nfs": (2049,), "smb": (445, 139)}
Through = Literal["open", "some", "closed", "unknown"]


class Half(NamedTuple):
    """Whether clients come through, by which port and rule, and an example of one that does."""

    through: Through
    port: int
    rule: str
    witness: Witness | None


def half(case: Case, host: Host, protocol: str, clients: Iterable[Box], family: Family) -> Half:
    """What the points at a server's end do to these clients (boxes, source side) of a share.

    open: all of them come through; some: some do; closed: none does; unknown: it was not read or is not proven.
    """
    asked = list(clients)
    if not ends.gates(case, host.name, INPUT) or not asked:
        return Half("unknown", WAYS[protocol][0], "", None)
    found: list[Half] = [_by(case, host, port, asked, family) for port in WAYS[protocol]]
    order: tuple[Through, ...] = ("open", "some", "unknown", "closed")
    return min(found, key=lambda one: order.index(one.through))


def _by(case: Case, host: Host, port: int, clients: Sequence[Box], family: Family) -> Half:
    boxes = packets(case, host, port, clients, family)
    pieces = [piece for box in boxes for piece in ends.asked(case, host.name, INPUT, family, box)]
    through = [one for one in pieces if one.decision == "permit"]
    held = [one for one in pieces if one.decision == "deny"]
    if not pieces:
        return Half("unknown", port, "", None)
    if through:
        first = through[0]
        what: Through = "open" if len(through) == len(pieces) else "some"
        return Half(what, port, first.rule, choose(family, first.box, case.estate.inventory))
    return Half("closed" if len(held) == len(pieces) else "unknown", port, _rule(held), None)


def _rule(pieces: Sequence[Piece]) -> str:
    return pieces[0].rule if pieces else ""


def packets(case: Case, host: Host, port: int, clients: Iterable[Box], family: Family) -> list[Box]:
    """The traffic from clients to the server's own addresses."""
    own = host.own(family) or case.estate.of(host.name, family)
    return [
        box_of(family, src=(box[0], box[1]), dst=(one, one), proto=TCP, dport=port) for box in clients for one in own
    ]
