"""What each point says about each authorised connection: implemented, not implemented, not done, not verifiable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from compliance.register import Entry
from compliance.traffic.boxes import Box, Family
from compliance.traffic.residual import residual
from compliance.traffic.witness import choose
from evidence.attachments import interface_of
from evidence.case import Case, Host
from evidence.device_verdicts import Passage
from evidence.formats.evaluate import Piece
from evidence.judgement import Judgement, Silence, at_line, listed, resting
from evidence.rules import Certainty, Verdict

# What is said when a required point has no reading, by the reason that it has none.
NO_READING: dict[Verdict, str] = {
    Verdict.not_verifiable: "no evidence from {host}",
    Verdict.stale: "the last evidence from {host} is older than its limit",
    Verdict.unreachable: "{host} could not be reached; there is no evidence of it today",
}


NOT_GIVEN = "unread:"  # the chains that stand for dumps that were not given (evidence/host.py)


def not_given(piece: Piece, host: str, family: Family) -> str:
    """The sentence for a piece that is undecided because the rules of its family were not given; else ""."""
    return f"the IPv{family} rules of {host} were not given" if piece.rule.startswith(NOT_GIVEN) else ""


def connections(case: Case) -> Iterator[Judgement]:
    """One judgement for each entry and required point; an entry without any says that its path is not known."""
    for entry in case.wanted.entries:
        if not entry.required:
            because = f"path unknown: no server of the register stands at an end of {entry.id}"
            yield _unproven(entry, "", because)
        for host, point in entry.required:
            yield _at(case, entry, host, point)


def no_reading(case: Case, host: str) -> tuple[Verdict, str]:
    """The verdict and the sentence for a host without a reading."""
    known = case.absent.get(host, Verdict.not_verifiable)
    if isinstance(known, Silence):
        return known.verdict, known.because
    verdict = known
    return verdict, NO_READING.get(verdict, NO_READING[Verdict.not_verifiable]).format(host=host)


def _at(case: Case, entry: Entry, name: str, point: str) -> Judgement:
    place = f"{name}/{point}"
    host = case.hosts.get(name)
    if host is None:
        verdict, because = no_reading(case, name)
        return _unproven(entry, place, because + _in_front(case, name), verdict=verdict)
    if case.passes(entry, name, point):
        return _passing(case, entry, host, point)
    parts = case.part(entry, host, point)
    found = [piece for part in parts for piece in host.pieces(point, entry.family, part)]
    denied = [piece for piece in found if piece.decision == "deny"]
    if denied:
        said = _blocked(case, entry, place, denied, some=any(piece.decision == "permit" for piece in found))
        return replace(said, because=said.because + resting(host.beside(point)))
    doubtful = next((piece for piece in found if piece.decision == "unproven"), None)
    if doubtful is not None:
        return _doubtful(entry, host, point, doubtful)
    missing = _outside(parts, found)
    if missing is not None:
        witness = choose(entry.family, missing, case.estate.inventory)
        because = f"{witness} does not pass {point} of {name}: the address is not one the host shows as its own"
        return _unproven(entry, place, because)
    return _implemented(entry, place, found, host, _behind(host, point))


def _in_front(case: Case, name: str) -> str:
    """For a server whose own packet filter nobody read: where else it is judged; "" where it stands behind nothing."""
    held = case.attached.get(name, ())
    if not held:
        return ""
    return (
        f"; what an account lets through is judged at {listed(one.interface for one in held)}, not what {name} filters"
    )


def _behind(host: Host, point: str) -> str:
    """What is said at an interface that AWS runs, and of a path that others show a part of; "" elsewhere."""
    if host.beside(point):
        return resting(host.beside(point))
    service = host.account.operators.get(interface_of(host.reading, point), "") if host.account else ""
    return f"; {service} of AWS runs what stands behind it, and no packet filter of ours is there" if service else ""


def _passing(case: Case, entry: Entry, host: Host, point: str) -> Judgement:
    """What a device between the ends says."""
    said, place = Passage(case, entry, host, point), f"{host.name}/{point}"
    if all(piece.decision == "permit" for piece in said.pieces):
        return _implemented(entry, place, said.pieces, host, "")
    blind = said.not_known()
    if blind:
        return _unproven(entry, place, blind)
    blocked = said.blocked()
    if blocked is not None:
        return blocked
    doubtful = next((piece for piece in said.pieces if piece.decision == "unproven"), None)
    if doubtful is not None:
        return _doubtful(entry, host, point, doubtful)
    because, rule = said.unsure()
    return _unproven(entry, place, because, rule=rule)


def _outside(parts: tuple[Box, ...], found: list[Piece]) -> Box | None:
    """Some of the entry's traffic that no piece speaks about, because it does not pass the point at all."""
    boxes = [piece.box for piece in found]
    return next((rest for part in parts for rest in residual(part, boxes)), None)


def _implemented(entry: Entry, place: str, found: list[Piece], host: Host, beside: str) -> Judgement:
    first = next(iter(found), None)
    rule, origin = (first.rule, first.origin) if first else ("", None)
    if first is None:
        return _unproven(entry, place, f"{entry.id} has no traffic at {host.name}")
    because = f"every packet of {entry.id} is let through by {rule}{at_line(origin)}"
    rules = {piece.rule for piece in found}
    if len(rules) > 1:
        because += f" and {len(rules) - 1} more"
    because += beside
    return Judgement(Verdict.implemented, Certainty.definite, entry.id, place, rule, (), None, because, entry.family)


def _blocked(case: Case, entry: Entry, place: str, denied: list[Piece], *, some: bool) -> Judgement:
    piece = denied[0]
    witness = choose(entry.family, piece.box, case.estate.inventory)
    never_done = not entry.implemented and not some
    verdict = Verdict.approved_not_done if never_done else Verdict.not_implemented
    because = f"{witness} is stopped by {piece.rule}{at_line(piece.origin)}"
    if never_done:
        because += ": approved, and nothing of it is open here yet"
    elif some:
        because += "; other traffic of it is not"
    boxes = tuple(one.box for one in denied)
    return Judgement(verdict, Certainty.definite, entry.id, place, piece.rule, boxes, witness, because, entry.family)


def _doubtful(entry: Entry, host: Host, point: str, piece: Piece) -> Judgement:
    place, unread = f"{host.name}/{point}", host.unread(point)
    missing = not_given(piece, host.name, entry.family)
    if missing:
        return _unproven(entry, place, missing)
    named = f"{piece.rule}{at_line(piece.origin)}: " if piece.rule else ""
    because = f"{named}{piece.because}"
    if unread:
        because += f"; the first of them is {unread[0]}"
    return _unproven(entry, place, because, rule=piece.rule)


def _unproven(
    entry: Entry, place: str, because: str, *, verdict: Verdict = Verdict.not_verifiable, rule: str = ""
) -> Judgement:
    return Judgement(verdict, Certainty.unproven, entry.id, place, rule, (), None, because, entry.family)
