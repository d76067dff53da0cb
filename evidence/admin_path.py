"""How each server is administered: by which services, from where its packet filter lets them come, and how one logs in.
Beside it stands from where flow logs saw them come (evidence/admin_flows.py).

What is asked is INPUT of the server alone: what another server's OUTPUT holds back is a second line, not the first.
How one logs in is what the SSH server says of itself (`sshd -T`), without its Match blocks. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from compliance.policy.content import Policy
from compliance.policy.facts import Side, spans_of
from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, TOP, Family, box_of
from compliance.traffic.services import Span, protocol_name
from compliance.traffic.witness import choose
from evidence import ends
from evidence.admin_flows import Reached, seen
from evidence.case import INPUT, Case, Host
from evidence.formats.evaluate import Piece
from evidence.judgement import at_line
from evidence.rules import Reading
from evidence.sockets import POINT, only_itself

RULE: Final = "administration-from-bastion"
SERVICES, BASTIONS = "administration_services", "bastion_roles"
Reach = Literal["others", "possible", "unknown", "bastions", "nobody"]
WORST: Final[tuple[Reach, ...]] = ("others", "possible", "unknown", "bastions", "nobody")
# What an assessor asks of a log-in, in this order
LOGIN: Final = (
    "authenticationmethods", "passwordauthentication", "kbdinteractiveauthentication", "pubkeyauthentication",
    "permitrootlogin", "permitemptypasswords", "allowgroups", "allowusers", "denyusers", "maxauthtries", "maxsessions",
    "allowtcpforwarding", "allowagentforwarding",
)  # fmt: skip


@dataclass
class AdminPath:
    """One server. `login`: keyword → values as the SSH server prints them; empty where it was not read. `seen`: who
    came in by the flow logs (evidence/admin_flows.py); empty where none is read."""

    server: str
    bastion: bool
    services: list[str] = field(default_factory=list)
    sockets_read: bool = False
    reach: Reach = "unknown"
    bastions: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    outside: bool = False
    rule: str = ""
    where: str = ""
    example: str = ""
    because: str = ""
    login: dict[str, list[str]] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)


def ssh_ports(reading: Reading) -> tuple[str, ...]:
    """The services by which a host's SSH server hears, as it says itself or its sockets show (`tcp/2222`)."""
    said = [one.value for one in reading.statements if one.about == "sshd" and one.subject == "port"]
    heard = [str(one.port) for one in reading.listeners if "sshd" in one.process.split(",") and not only_itself(one)]
    return tuple(dict.fromkeys(f"tcp/{port}" for port in (*said, *heard) if port.isdigit() and int(port) <= 65535))


def here(policy: Policy, host: Host) -> Policy:
    """The policy as it is held against one host: its own SSH ports are ways of administration too."""
    setting = policy.rules[RULE]
    known = setting.texts(SERVICES)
    more = tuple(one for one in ssh_ports(host.reading) if one not in known)
    if not more:
        return policy
    widened = replace(setting, parameters={**setting.parameters, SERVICES: (*known, *more)})
    return replace(policy, rules={**policy.rules, RULE: widened})


def administration(policy: Policy, readings: Iterable[Reading]) -> list[Span]:
    """Every service that some server is administered by: those of the policy, and where its own SSH server hears."""
    texts = dict.fromkeys(policy.rules[RULE].texts(SERVICES))
    for reading in readings:
        texts |= dict.fromkeys(ssh_ports(reading))
    return [span for _, span in spans_of(texts)]


def paths(case: Case, policy: Policy, sides: Iterable[Side], reached: Reached | None = None) -> Iterator[AdminPath]:
    """One for each registered server, in the order of the register. `sides`: the servers with their roles. `reached`:
    what flow logs saw, where any is read."""
    roles: dict[str, set[str]] = {}
    for side in sides:
        for name in side.names:
            roles.setdefault(name, set()).add(side.role)
    bastions = {name for name, held in roles.items() if held & set(policy.rules[RULE].texts(BASTIONS))}
    for name in case.estate.servers:
        found = AdminPath(name, name in bastions)
        host = case.hosts.get(name)
        found.sockets_read = host is not None and POINT in host.points
        asked = (here(policy, host) if host else policy).rules[RULE].texts(SERVICES)
        if host is not None:
            found.login = login(host.reading)
            found.services = _listening(host, asked)
        _reached(case, name, asked, bastions, found)
        if reached is not None:
            found.seen = seen(case, name, [span for _, span in spans_of(asked)], bastions, reached)
        yield found


def login(reading: Reading) -> dict[str, list[str]]:
    """How the SSH server says one logs in."""
    found: dict[str, list[str]] = {}
    for one in reading.statements:
        if one.about == "sshd" and one.subject in LOGIN:
            found.setdefault(one.subject, []).append(one.value)
    return {key: found[key] for key in LOGIN if key in found}


def steps(said: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """(tone, sentence) on how many steps a log-in takes, by what the SSH server says outside its Match blocks."""
    if not said:
        return "off", "How one logs in is not known."
    methods = next(iter(said.get("authenticationmethods", ())), "any")
    ways = [] if methods == "any" else methods.split()
    if ways and all("," in way for way in ways):
        return "ok", f"Every log-in takes more than one step: {_ways(ways)}."
    if "yes" in said.get("permitemptypasswords", ()):
        return "bad", "Empty passwords are taken."
    if ways:
        return "warn", f"One step is enough: {_ways(ways)}."
    if "yes" in said.get("passwordauthentication", ()):
        return "bad", "A password alone is enough."
    if "yes" in said.get("kbdinteractiveauthentication", ()):
        return "warn", "One step is enough: a key, or whatever the server's PAM asks for."
    return "warn", "One step is enough: a key."


def _ways(ways: Sequence[str]) -> str:
    return ", or ".join(way.replace(",", " and ") for way in ways)


def _listening(host: Host, asked: Sequence[str]) -> list[str]:
    """Which of the services somebody listens on; all of them where the sockets were not read."""
    if POINT not in host.points:
        return list(asked)
    heard = {f"{protocol_name(one.proto)}/{one.port}" for one in host.reading.listeners if not only_itself(one)}
    return [one for one in asked if one in heard]


def _reached(case: Case, name: str, asked: Sequence[str], bastions: set[str], found: AdminPath) -> None:
    """Who comes through to the services, by INPUT of the host and by the interfaces it stands behind."""
    host, points = case.hosts.get(name), ends.gates(case, name, INPUT)
    if not points:
        found.because = f"the packet filter of {name} was not read" if host else f"nothing of {name} was read"
        return
    spans = [span for _, span in spans_of(found.services or asked)]
    said: list[Reach] = []
    for family in FAMILIES:
        own = (host.own(family) if host else ()) or case.estate.of(name, family)
        for span in spans:
            for value in own:
                for piece in ends.asked(case, name, INPUT, family, (0, TOP[family], value, value, *span)):
                    said.append(_through(case, name, piece, family, bastions, found))
    found.reach = min(said, key=WORST.index, default="nobody")
    if any(one.host.unread(one.point) for one in points) and found.reach in ("bastions", "nobody"):
        found.reach, found.because = "unknown", f"lines of the packet filter of {name} could not be read"


def _through(case: Case, host: str, piece: Piece, family: Family, bastions: set[str], found: AdminPath) -> Reach:
    """What one piece means: which servers it lets in, and whether anybody outside the estate."""
    if piece.decision == "deny":
        return "nobody"
    start = (piece.box[0], piece.box[1])
    spans = list(intervals.intersect([start], case.estate.spans[family]))
    names = [name for low, high in spans for name in _holders(case, low, high) if name != host]
    others = [name for name in names if name not in bastions]
    outside = bool(intervals.subtract([start], case.estate.spans[family]))
    if piece.decision == "unproven":
        if others or outside:
            found.because = found.because or f"whether it lets others in is not proven ({piece.because})"
            return "possible"
        return "bastions" if names else "nobody"
    found.bastions = list(dict.fromkeys([*found.bastions, *(name for name in names if name in bastions)]))
    found.others = list(dict.fromkeys([*found.others, *others]))
    found.outside = found.outside or outside
    if not (others or outside):
        return "bastions" if names else "nobody"
    if not found.rule:
        found.rule, found.where = piece.rule, at_line(piece.origin).strip(" ()")
        first = next((span for span in spans if set(_holders(case, *span)) - bastions - {host}), start)
        shown = box_of(family, src=first, dst=(piece.box[2], piece.box[3]), proto=piece.box[4], dport=piece.box[8])
        found.example = str(choose(family, shown, case.estate.inventory))
    return "others"


def _holders(case: Case, low: int, high: int) -> list[str]:
    """The servers with an address in a range of the estate's own."""
    if low == high:
        return [case.estate.holders[low]] if low in case.estate.holders else []
    return [name for value, name in case.estate.holders.items() if low <= value <= high]
