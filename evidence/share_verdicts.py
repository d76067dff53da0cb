"""What servers share against what was authorised: clients, read or write, security, squashing and users.

An NFS client that is named by its own address has the terms of that line, whatever a wider line says (nfs-utils asks
hosts before networks before names before everyone). Where two networks overlap, both must be as authorised. The
network half (2049, 445) is judged as a connection; here every finding says whether INPUT lets the traffic in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from compliance.register import Entry
from compliance.traffic.addresses import say
from compliance.traffic.boxes import FAMILIES, FULL, TOP, Box, Family, box_of, contains, intersect
from compliance.traffic.residual import difference
from compliance.traffic.shares import Share
from compliance.traffic.witness import Witness, choose
from evidence import ends
from evidence.case import INPUT, Case, Host
from evidence.connection_verdicts import no_reading
from evidence.judgement import Judgement, at_line, counted, listed
from evidence.rules import Certainty, Verdict
from evidence.share_network import WAYS, half, packets

POINT = {"nfs": "shares/nfs", "smb": "shares/smb"}
# From weak to strong; "" is what a server does that insists on nothing.
STRENGTH: dict[str, tuple[str, ...]] = {
    "nfs": ("none", "null", "sys", "krb5", "krb5i", "krb5p"),
    "smb": ("smb1", "", "sign", "encrypt"),
}
SPELT = {"signing": "sign", "signed": "sign", "encryption": "encrypt", "encrypted": "encrypt", "krb": "krb5"}
DEFAULT_SECURITY = {"nfs": "sys", "smb": ""}
SQUASHING = ("none", "root", "all")  # NFS, from weak to strong
DEFAULT_SQUASH = {"nfs": "root", "smb": ""}


@dataclass(frozen=True, slots=True)
class Row:
    """One share as a host shows it, with the clients of one family that really get its terms, and names apart."""

    share: Share
    boxes: tuple[Box, ...]
    names: tuple[str, ...]

    @property
    def rule(self) -> str:
        """How the line is named in a finding."""
        return named(self.share)


def named(share: Share) -> str:
    """A line that shares, as findings name it."""
    return f"{share.protocol}:{label(share)}#{share.origin.first}"


def label(share: Share) -> str:
    """The path of an NFS export, the name of an SMB share."""
    return share.origin.uid if share.protocol == "smb" and share.origin.uid else share.path


def shares(case: Case) -> Iterator[Judgement]:
    """One judgement for each authorised share and family, and one for each exported line that goes beyond."""
    for entry in case.wanted.entries:
        if entry.share is not None:
            yield _authorised(case, entry, entry.share)
    for host in case.hosts.values():
        for family in FAMILIES:
            yield from _together(found for row in rows_of(host, family) for found in wider(case, host, row, family))


def rows_of(host: Host, family: Family) -> Iterator[Row]:
    """Every share of a host, with the clients of the family that really get its terms."""
    return _rows(host.reading.shares, host.reading.shares, family)


def _together(found: Iterable[Judgement]) -> Iterator[Judgement]:
    """One judgement for a share, however many of its lines go too far: the widest that is proven, the rest counted."""
    by_share: dict[str, list[Judgement]] = {}
    for one in found:
        by_share.setdefault(one.subject, []).append(one)
    for lines in by_share.values():
        first = max(lines, key=lambda one: (one.certainty is Certainty.definite, _width(one)))
        more = counted(len(lines) - 1, "more of its client lists goes", "more of its client lists go")
        because = f"{first.because}; {more} too far" if len(lines) > 1 else first.because
        yield replace(first, excess=tuple(box for one in lines for box in one.excess), because=because)


def _width(one: Judgement) -> int:
    return sum(box[1] - box[0] + 1 for box in one.excess)


# --- what is authorised: is it there? -------------------------------------------------------------------------------


def _authorised(case: Case, entry: Entry, share: Share) -> Judgement:
    point = POINT[share.protocol]
    place = f"{share.server}/{point}"
    host = case.hosts.get(share.server)
    if host is None or point not in host.points:
        verdict, because = no_reading(case, share.server)
        if host is not None:
            verdict, because = (
                Verdict.not_verifiable,
                f"no evidence from {share.server} about its {share.protocol} shares",
            )
        return Judgement(verdict, Certainty.unproven, entry.id, place, "", (), None, because, entry.family)
    verdict, certainty, rule, because = _state(case, host, entry, share)
    return Judgement(verdict, certainty, entry.id, place, rule, (), None, because, entry.family)


def _state(case: Case, host: Host, entry: Entry, share: Share) -> tuple[Verdict, Certainty, str, str]:
    mine = [one for one in host.reading.shares if _same(one, share)]
    unread = host.unread(POINT[share.protocol])
    not_there = Verdict.not_implemented if entry.implemented else Verdict.approved_not_done
    if unread:
        why = f"{counted(len(unread), 'line')} could not be read: {listed(unread)}"
        return Verdict.not_verifiable, Certainty.unproven, "", why
    if not mine:
        return not_there, Certainty.definite, "", f"{host.name} does not share {share.path}"
    rows = list(_rows(mine, mine, entry.family))
    served = [row for row in rows if not row.share.residue and _serves(row.share, share)]
    wanted = list(share.clients)
    left = difference([box for box in wanted if not isinstance(box, str)], [box for row in served for box in row.boxes])
    if not left:
        first = served[0]
        because = f"{label(share)} is shared as authorised{at_line(first.share.origin)}"
        return Verdict.implemented, Certainty.definite, first.rule, because
    client = say(entry.family, left[0][0], left[0][1])
    doubtful = next((row for row in rows if row.names or row.share.residue), None)
    if doubtful is not None:
        about = [*doubtful.names, *(one.text for one in doubtful.share.residue)]
        line = at_line(doubtful.share.origin)
        why = f"whether {client} gets {label(share)} as authorised depends on {listed(about)}{line}"
        return Verdict.not_verifiable, Certainty.unproven, doubtful.rule, why
    near = next((row for row in rows if any(intersect(box, left[0]) for box in row.boxes)), None)
    if near is None:
        return not_there, Certainty.definite, "", f"{label(share)} is not shared with {client}"
    why = f"{client} gets {label(share)} {_terms(near.share)} and not {_terms(share)}{at_line(near.share.origin)}"
    return Verdict.not_implemented, Certainty.definite, near.rule, why


def _serves(actual: Share, wanted: Share) -> bool:
    """Whether the authorised users can do all they may (more than that is another judgement)."""
    if actual.users and not set(wanted.users or ("everyone",)) <= set(actual.users):
        return False
    return wanted.access == "ro" or actual.access == "rw"


def _same(actual: Share, wanted: Share) -> bool:
    return actual.protocol == wanted.protocol and wanted.path in {actual.path, label(actual)}


def _rows(chosen: Iterable[Share], every: Iterable[Share], family: Family) -> Iterator[Row]:
    """The lines with clients of the family, without those whose own line comes first."""
    others = list(every)
    for share in chosen:
        boxes = [box for box in share.clients if not isinstance(box, str) and _family(box, family)]
        names = tuple(client for client in share.clients if isinstance(client, str))
        wide = [box for box in boxes if not _single(box)]
        kept = [box for box in boxes if _single(box)]
        kept += difference(wide, _asked_first(share, others)) if share.protocol == "nfs" else wide
        if kept or names:
            yield Row(share, tuple(kept), names)


def _asked_first(share: Share, others: list[Share]) -> list[Box]:
    """The single addresses that have another line for the same path."""
    lines = [one for one in others if one is not share and one.protocol == "nfs" and one.path == share.path]
    return [box for line in lines for box in line.clients if not isinstance(box, str) and _single(box)]


def _single(box: Box) -> bool:
    return box[0] == box[1]


def _family(box: Box, family: Family) -> bool:
    """A share's box has no family of its own; its destination side, which is full, tells."""
    return box[3] == TOP[family]


# --- what is shared: is it authorised? ------------------------------------------------------------------------------


def wider(case: Case, host: Host, row: Row, family: Family) -> Iterator[Judgement]:
    """The judgement on one line that gives more than is authorised; none where it does not."""
    share = row.share
    entries = [
        one
        for one in case.wanted.entries
        if one.share is not None and one.share.server == host.name and _same(share, one.share)
    ]
    named = [one.id for one in entries]
    within = [one for one in entries if one.family == family and one.share and not _beyond(share, one.share)]
    allowed = [box for one in within if one.share for box in one.share.clients if not isinstance(box, str)]
    extra = difference(row.boxes, allowed)
    names = [name for name in row.names if not _known(case, name, family, allowed)] if family == 4 else []
    if not extra and not names:
        return
    if family == 6 and host.takes_part(6) is not True and not case.estate.of(host.name, 6) and FULL[4] in share.clients:
        return  # everybody: said for IPv4 already, with IPv6 in its sentence
    sure = bool(extra) and not share.residue and not host.unread(POINT[share.protocol])
    traffic = [packet for box in extra for packet in packets(case, host, WAYS[share.protocol][0], [box], family)]
    witness = choose(family, traffic[0], case.estate.inventory) if traffic else None
    yield Judgement(
        Verdict.share_wider,
        Certainty.definite if sure else Certainty.possible,
        named[0] if named else f"{share.protocol} share {label(share)}",
        f"{host.name}/{POINT[share.protocol]}",
        row.rule,
        tuple(traffic or extra),
        witness,
        _because(case, host, row, extra, names, entries, witness, family),
        family,
    )


def _because(
    case: Case,
    host: Host,
    row: Row,
    extra: list[Box],
    names: list[str],
    entries: list[Entry],
    witness: Witness | None,
    family: Family,
) -> str:
    share = row.share
    whom = (
        "everyone" if FULL[family] in share.clients else listed([say(family, box[0], box[1]) for box in extra] + names)
    )
    start = f"{host.name} shares {label(share)} with {whom} {_terms(share)}{at_line(share.origin)}"
    if not entries:
        reason = "nobody authorised this share"
    else:
        reasons = [text for one in entries if one.share for text in _beyond(share, one.share)]
        reason = listed(reasons) if reasons else f"{entries[0].id} authorises fewer clients"
    unsure = [one.text for one in share.residue]
    if names:
        unsure.append(f"whom {listed(names)} means is not in the dump")
    parts = [f"{start}: {reason}", *unsure]
    if witness is not None:
        parts.append(_network(case, host, share, witness))
    return "; ".join(parts)


def _network(case: Case, host: Host, share: Share, witness: Witness) -> str:
    """The network half for the example: whether the server's end lets it in by any of the ports it may use."""
    points = ends.gates(case, host.name, INPUT)
    if not points:
        return f"whether INPUT of {host.name} lets it in is not known"
    where = listed(one.point for one in points)
    client = box_of(witness.family, src=(witness.src, witness.src))
    found = half(case, host, share.protocol, [client], witness.family)
    if found.through in {"open", "some"}:
        seen = witness if found.port == witness.dport else found.witness
        return f"{where} {'lets' if len(points) == 1 else 'let'} {seen} in"
    if found.through == "closed":
        ports = " and ".join(str(port) for port in WAYS[share.protocol])
        return f"for {witness} contained by {where} ({found.rule})" + (f", ports {ports}" if len(ports) > 4 else "")
    return f"whether {where} of {host.name} {'lets' if len(points) == 1 else 'let'} it in is not proven"


def _known(case: Case, name: str, family: Family, allowed: list[Box]) -> bool:
    """Whether a client's name is that of a registered server, all of whose addresses are authorised clients.

    The name itself: what `web-01.elsewhere.example` means is not told by our having a web-01.
    """
    own = case.estate.of(name, family)
    sides = [box_of(family, src=(one, one)) for one in own]
    return bool(own) and all(any(contains(box, side) for box in allowed) for side in sides)


def _beyond(actual: Share, wanted: Share) -> list[str]:
    """In what the terms of a line go beyond what is authorised."""
    found = []
    if actual.access == "rw" and wanted.access == "ro":
        found.append("rw where ro is authorised")
    asked = wanted.security or DEFAULT_SECURITY[wanted.protocol]
    if _weakest(actual) < _least(wanted.protocol, asked):
        found.append(f"security {actual.security or 'that insists on nothing'} where {asked or 'SMB 2'} is authorised")
    if actual.protocol == "nfs":
        authorised = wanted.squash if wanted.squash in SQUASHING else "root"
        if SQUASHING.index(actual.squash) < SQUASHING.index(authorised):
            found.append(f"no_{authorised}_squash where {authorised} is to be squashed")
    elif actual.squash and actual.squash != wanted.squash:
        found.append(f"access as {actual.squash} is not authorised")
    strangers = [user for user in actual.users if user not in wanted.users] if wanted.users else []
    if wanted.users and not actual.users and actual.protocol == "smb":
        strangers = ["every user"]
    if strangers:
        found.append(f"users {listed(strangers)} are not authorised")
    return found


def _weakest(share: Share) -> int:
    """The weakest of the flavours a line offers; one that we do not know counts as the weakest there is."""
    order = STRENGTH[share.protocol]
    return min(order.index(one) if one in order else 0 for one in share.security.split(":"))


def _least(protocol: str, security: str) -> int:
    """What the register asks for at least; a word that we do not know asks for the strongest."""
    order = STRENGTH[protocol]
    words = [SPELT.get(one.strip().lower(), one.strip().lower()) for one in security.split(":")]
    return min(order.index(one) if one in order else len(order) - 1 for one in words)


def _terms(share: Share) -> str:
    squash = share.squash or DEFAULT_SQUASH[share.protocol]
    words = [share.access, share.security or DEFAULT_SECURITY[share.protocol]]
    if share.protocol == "nfs":
        words.append("no_root_squash" if squash == "none" else f"{squash}_squash")
    elif squash:
        words.append(f"as {squash}")
    if share.users:
        words.append(f"for {listed(share.users)}")
    return "(" + ", ".join(word for word in words if word) + ")"
