"""What a device between two servers says about an authorised connection, and about the answers to it.

A denial is certain where the traffic passes the device, or where each of those that it may take instead denies it too.
Else the path is not known, and that is said: nothing is implemented on a way that nobody knows.
"""

from __future__ import annotations

from compliance.register import Entry
from compliance.traffic.residual import covered
from compliance.traffic.witness import choose
from evidence.answers import asked, not_known
from evidence.case import FORWARD, RETURN, Case, Host
from evidence.formats.evaluate import Piece
from evidence.judgement import Judgement, at_line, listed
from evidence.paths import Crossing
from evidence.rules import Certainty, Verdict

SAY = "say under Paths which devices stand between the two zones"


class Passage:
    """What one point of a device says of an entry, crossing by crossing."""

    def __init__(self, case: Case, entry: Entry, host: Host, point: str) -> None:
        self._case, self._entry, self._host, self._point = case, entry, host, point
        self.pieces: list[Piece] = []
        self._stopped: list[Piece] = []  # what is denied and certainly passes here, or is denied wherever it passes
        self._perhaps: list[tuple[Piece, Crossing]] = []  # what is denied and may pass elsewhere
        for crossing in case.crossings(entry):
            if crossing.device == host.name:
                self._ask(crossing)

    def _ask(self, crossing: Crossing) -> None:
        found = pieces(self._host, self._point, self._entry, crossing)
        self.pieces += found
        for piece in found:
            if piece.decision != "deny":
                continue
            if crossing.kind == "between" or (crossing.kind == "one of" and self._denied_by_all(piece, crossing)):
                self._stopped.append(piece)
            else:
                self._perhaps.append((piece, crossing))

    def _denied_by_all(self, piece: Piece, crossing: Crossing) -> bool:
        """Whether every device that this may take instead denies it as well."""
        for name in crossing.others:
            host = self._case.hosts.get(name)
            said = host.pieces(self._point, self._entry.family, piece.box) if host is not None else []
            if not covered(piece.box, [one.box for one in said if one.decision == "deny"]):
                return False
        return True

    def blocked(self) -> Judgement | None:
        """What is certainly stopped here; None where nothing is."""
        if not self._stopped:
            return None
        piece, entry = self._stopped[0], self._entry
        witness = choose(entry.family, piece.box, self._case.estate.inventory)
        some = any(one.decision == "permit" for one in self.pieces)
        never_done = self._point == FORWARD and not entry.implemented and not some
        because = f"{self._what()}{witness} is stopped between its ends by {piece.rule}{at_line(piece.origin)}"
        because += f" of {self._host.name}"
        if never_done:
            because += ": approved, and nothing of it is open here yet"
        elif some:
            because += "; other traffic of it is not"
        return Judgement(
            Verdict.approved_not_done if never_done else Verdict.not_implemented, Certainty.definite, entry.id,
            f"{self._host.name}/{self._point}", piece.rule, tuple(one.box for one in self._stopped), witness, because,
            entry.family,
        )  # fmt: skip

    def unsure(self) -> tuple[str, str]:
        """Why it is not known whether what is denied passes here, with the rule; ("", "") where all is known."""
        if not self._perhaps:
            return "", ""
        piece, crossing = self._perhaps[0]
        witness = choose(self._entry.family, piece.box, self._case.estate.inventory)
        start = f"path unknown: {self._what()}{witness} would be stopped by {piece.rule}{at_line(piece.origin)}"
        if crossing.kind == "one of":
            return f"{start} of {self._host.name}, and it may pass {listed(crossing.others)} instead; {SAY}", piece.rule
        return f"{start} of {self._host.name}, which stands in the network of one end alone; {SAY}", piece.rule

    def _what(self) -> str:
        return "the answer to " if self._point == RETURN else ""

    def not_known(self) -> str:
        """Why nothing can be said of answers here; "" where something can."""
        why = not_known(self._host.reading) if self._point == RETURN else ""
        return f"whether the answers to {self._entry.id} pass {self._host.name} is not known: {why}" if why else ""


def pieces(host: Host, point: str, entry: Entry, crossing: Crossing) -> list[Piece]:
    """What a point of a device says of the traffic of a crossing."""
    boxes = asked(entry.family, crossing.boxes) if point == RETURN else crossing.boxes
    return [piece for box in boxes for piece in host.pieces(point, entry.family, box)]
