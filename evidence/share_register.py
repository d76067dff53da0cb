"""Which shares the servers really offer: who may come from where and do what, who does, and who authorised it. Pure.

One entry a share, with a line for each client list of its dump. Who uses it is what hosts say of themselves: the
clients' own mounts, and what the server notes of them; either may be silent without that meaning that nobody does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final

from compliance.traffic.addresses import family_of_value, say
from compliance.traffic.boxes import FAMILIES, FULL, TOP, Box, Family
from compliance.traffic.shares import Share
from evidence.case import Case, Host
from evidence.judgement import Judgement
from evidence.rules import Certainty, Statement, Verdict
from evidence.share_network import Half, half
from evidence.share_verdicts import DEFAULT_SECURITY, label

EVERYONE: Final = "everyone"
ABOUT_SHARES: Final = frozenset(
    {Verdict.share_wider, Verdict.implemented, Verdict.not_implemented, Verdict.approved_not_done,
     Verdict.not_verifiable}
)  # fmt: skip
ORDER: Final = ("open", "some", "unknown", "closed")


@dataclass
class Served:
    """One share of one server as it was read. `lines`, `mounts`: plain values, as the page shows them."""

    server: str
    protocol: str
    name: str
    path: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    mounts: list[dict[str, str]] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)
    verdict: str = ""
    certainty: str = ""
    because: str = ""

    @property
    def access(self) -> str:
        """The most that anybody may: `rw` or `ro`."""
        return "rw" if any(one["access"] == "rw" for one in self.lines) else "ro"

    @property
    def who(self) -> list[str]:
        """Every client, as it is named."""
        found = list(dict.fromkeys(name for one in self.lines for name in one["clients"]))
        return [EVERYONE] if EVERYONE in found else found

    @property
    def guest(self) -> bool:
        """Whether somebody comes in without a log-in, or NFS clients are believed to be root."""
        return any(one["guest"] for one in self.lines)

    @property
    def security(self) -> str:
        """What the weakest line insists on."""
        return min((one["security"] for one in self.lines), key=_strength, default="")

    @property
    def through(self) -> str:
        """What the network does to its clients, at the widest line."""
        return min((one["through"] for one in self.lines), key=ORDER.index, default="unknown")


def served(case: Case, judged: Iterable[Judgement]) -> Iterator[Served]:
    """Every share of every host that was read, by server, protocol and name."""
    mounts = mounted(case)
    verdicts = _verdicts(judged)
    for host in case.hosts.values():
        found: dict[tuple[str, str], Served] = {}
        for share in host.reading.shares:
            key = (share.protocol, label(share))
            one = found.setdefault(key, Served(host.name, share.protocol, label(share), share.path))
            one.lines.append(_line(case, host, share))
        for one in found.values():
            one.mounts = [each for each in mounts.get((host.name, one.protocol), ()) if _uses(each, one)]
            one.refs = _refs(case, one)
            _judged(one, verdicts)
            yield one


def _line(case: Case, host: Host, share: Share) -> dict[str, Any]:
    halves = [_half(case, host, share, family) for family in FAMILIES]
    known = [one for one in halves if one is not None]
    widest = min(known, key=lambda one: ORDER.index(one.through), default=None)
    example = str(widest.witness) if widest and widest.witness else ""
    weak = share.squash in ("guest", "admin") if share.protocol == "smb" else share.squash == "none"
    return {
        "clients": _clients(case, share),
        "access": share.access,
        "security": share.security or DEFAULT_SECURITY[share.protocol],
        "squash": share.squash,
        "users": list(share.users),
        "guest": weak,
        "doubts": [one.text for one in share.residue],
        "through": widest.through if widest else "unknown",
        "rule": widest.rule if widest else "",
        "example": example,
        "file": share.origin.name,
        "first": share.origin.first,
        "text": share.origin.text[:500],
    }


def _half(case: Case, host: Host, share: Share, family: Family) -> Half | None:
    """The network half of one family; None where the host takes no part in it, or nobody of it is a client."""
    boxes = [box for box in share.clients if not isinstance(box, str) and box[3] == TOP[family]]
    if not boxes or (family == 6 and not (host.own(6) or case.estate.of(host.name, 6))):
        return None
    return half(case, host, share.protocol, boxes, family)


def _clients(case: Case, share: Share) -> list[str]:
    """The clients of a line in words: a server's name where an address is its own."""
    if FULL[4] in share.clients:
        return [EVERYONE]
    return [one if isinstance(one, str) else _client(case, one) for one in share.clients] or ["nobody"]


def _client(case: Case, box: Box) -> str:
    if box in FULL.values():
        return "everyone over IPv6" if box == FULL[6] else EVERYONE
    family: Family = 4 if box[3] == TOP[4] else 6
    holder = case.estate.holders.get(box[0]) if box[0] == box[1] else None
    text = say(family, box[0], box[1])
    return f"{holder} ({text})" if holder else text


def _refs(case: Case, one: Served) -> list[str]:
    """The authorisations that speak of it."""
    return list(dict.fromkeys(
        entry.id for entry in case.wanted.entries
        if entry.share is not None and entry.share.server == one.server and entry.share.protocol == one.protocol
        and entry.share.path in (one.path, one.name)
    ))  # fmt: skip


def _verdicts(judged: Iterable[Judgement]) -> dict[tuple[str, str], list[Judgement]]:
    found: dict[tuple[str, str], list[Judgement]] = {}
    for one in judged:
        host, _, point = one.point.partition("/")
        if one.verdict in ABOUT_SHARES and point.startswith("shares/"):
            found.setdefault((host, point.removeprefix("shares/")), []).append(one)
    return found


def _judged(one: Served, verdicts: Mapping[tuple[str, str], Sequence[Judgement]]) -> None:
    """The worst that was said of it; where nothing was, that nobody looked for it."""
    marks = (*one.refs, f"{one.protocol} share {one.name}")
    mine = [said for said in verdicts.get((one.server, one.protocol), ()) if said.subject in marks]
    mine.sort(key=lambda said: (said.verdict is not Verdict.share_wider, said.verdict is Verdict.implemented))
    chosen = next(iter(mine), None)
    if chosen is not None:
        one.verdict, one.certainty, one.because = chosen.verdict.value, chosen.certainty.value, chosen.because
    else:
        one.verdict, one.certainty = Verdict.not_verifiable.value, Certainty.unproven.value
        one.because = "Nobody is let in by what was read, and no authorisation names it." if not one.refs else ""


# --- who does -------------------------------------------------------------------------------------------------------


def mounted(case: Case) -> dict[tuple[str, str], list[dict[str, str]]]:
    """(server, protocol) → who says that it is used: the clients' own mounts, and what NFS servers note of theirs."""
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    for host in case.hosts.values():
        for said in host.reading.statements:
            if said.about == "mount":
                server, protocol, path = _source(case, said)
                if server:
                    found.setdefault((server, protocol), []).append({
                        "client": host.name, "path": path, "access": said.value, "says": "the client says",
                        "how": ", ".join(f"{name} {said.detail(name)}" for name in ("type", "vers", "sec", "seal")
                                         if said.detail(name)),
                        "on": said.detail("on"),
                    })  # fmt: skip
            elif said.about == "mounted-by":
                found.setdefault((host.name, "nfs"), []).append({
                    "client": _named(case, said.value), "path": said.subject, "access": "", "says": "the server says",
                    "how": "asked once, over NFS 3", "on": "",
                })  # fmt: skip
    return found


def _source(case: Case, said: Statement) -> tuple[str, str, str]:
    """(server, protocol, path or share name) of a mount; server "" where it is none of ours."""
    smb = said.subject.startswith("//")
    if smb:
        name, _, path = said.subject.removeprefix("//").partition("/")
        path = path.partition("/")[0]
    else:
        start, _, path = said.subject.rpartition(":/")
        name, path = start.strip("[]"), f"/{path}"
    for text in (said.detail("addr"), name):
        server = _server(case, text)
        if server:
            return server, "smb" if smb else "nfs", path
    return "", "", ""


def _server(case: Case, text: str) -> str:
    """Our server of this name or address."""
    if text in case.estate.servers:
        return text
    try:
        value = ip_address(text)
    except ValueError:
        return ""
    holder = case.estate.holders.get(int(value), "")
    return holder if holder and family_of_value(int(value)) == value.version else ""


def _named(case: Case, text: str) -> str:
    server = _server(case, text)
    return f"{server} ({text})" if server and server != text else text


def _uses(mount: Mapping[str, str], one: Served) -> bool:
    """Whether a mount is of this share: the export or a folder below it, or the share by its name."""
    if one.protocol == "smb":
        return mount["path"].lower() == one.name.lower()
    below = one.path.rstrip("/") + "/"
    return mount["path"] in (one.path, "/") or mount["path"].startswith(below)


def _strength(security: str) -> int:
    order = ("smb1", "none", "null", "", "sys", "sign", "krb5", "krb5i", "krb5p", "encrypt")
    return min((order.index(one) if one in order else 0 for one in security.split(":")), default=0)
