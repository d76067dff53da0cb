"""The normalised rule: what every format reads into and every verdict is computed from.

Pure Python, no Django. The shapes are fixed by the design (docs/adr/0001) and shared by the
formats, the evaluator, the verdicts and the command line. Traffic itself (Box) is said in the
language of compliance.traffic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from compliance.traffic.boxes import Box, Family
from compliance.traffic.shares import Origin, Residue, Share


class Action(StrEnum):
    """What a matching rule does. CONTINUE: counts, logs or marks and goes on. PASS: tiered models only."""

    PERMIT = "permit"
    DENY = "deny"
    REJECT = "reject"
    JUMP = "jump"
    GOTO = "goto"
    RETURN = "return"
    CONTINUE = "continue"
    PASS = "pass"


@dataclass(frozen=True, slots=True)
class Artefact:
    """Raw bytes as they were read: one dump or file, the command that wrote it and when."""

    name: str
    content: bytes
    command: str = ""
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Nat:
    """A translation. `to` are boxes whose destination (dnat, redirect) or source (snat, masquerade) side is meant."""

    kind: Literal["dnat", "snat", "masquerade", "redirect"]
    to: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one chain and family.

    `boxes` is the traffic it matches (union); `iif`/`oif` the interface names it is limited to (None = any;
    a name ending in `+` is a prefix; a name starting with `!` excludes); `states` the connection states it is
    limited to (None = any; judged for NEW only). With `residue` the rule may or may not match.
    """

    id: str
    chain: str
    seq: int
    family: Family
    action: Action
    target: str
    boxes: tuple[Box, ...]
    iif: frozenset[str] | None
    oif: frozenset[str] | None
    states: frozenset[str] | None
    nat: Nat | None
    residue: tuple[Residue, ...]
    enabled: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in order. A base chain has a hook, a priority and a default; a user chain has hook "" and default None."""

    name: str
    table: str
    hook: str
    priority: int
    default: Action | None
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """An enforcement point. `stages`: the chain names a packet passes in order, each must let it on."""

    name: str
    model: Literal["first-match", "allow-union", "tiered"]
    stages: tuple[str, ...]
    unread: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A line nobody understood, and which point it makes unverifiable ("" = every point of the host)."""

    name: str
    line: int
    text: str
    reason: str
    point: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Every line of an artefact is accounted for: total == consumed + ignored + unread."""

    total: int
    consumed: int
    ignored: int
    unread: int

    def __post_init__(self) -> None:
        if self.total != self.consumed + self.ignored + self.unread:
            raise ValueError(f"lines do not add up: {self}")


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket somebody listens on. The wildcard address is 0 (0.0.0.0 or ::).

    `interface`: the one it is bound to ("" = none: it hears on every one). `unsure`: why it may not hear this family.
    """

    family: Family
    address: int
    port: int
    proto: int
    process: str
    origin: Origin
    interface: str = ""
    unsure: str = ""


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """One observed flow, oriented from initiator to responder with a confidence 0..1."""

    space: str
    src: int
    dst: int
    family: Family
    proto: int
    sport: int
    dport: int
    accepted: bool
    packets: int
    bytes: int
    first: datetime
    last: datetime
    orientation: float


@dataclass(frozen=True, slots=True)
class Route:
    """One route of a host: packets to low..high may leave by `interface` ("" = they are thrown away).

    `table` is the name or number of the routing table ("main" when the dump names none); `metric` 0 when none.
    """

    family: Family
    low: int
    high: int
    interface: str
    table: str
    metric: int


@dataclass(frozen=True, slots=True)
class Member:
    """One element of an address set: one part per dimension of the set.

    An address part is (low, high), a port part (protocol, low, high) or, for ICMP, (protocol, type, code); a name
    is an interface (a `+` at its end: every one that begins so) or, in a list of sets, a set. An `excluded` member
    takes its traffic out of wider ones. `unsure` says why it may not be matched ("" = it is).
    """

    parts: tuple[tuple[int, ...] | str, ...]
    excluded: bool
    unsure: str


@dataclass(frozen=True, slots=True)
class AddressSet:
    """A named set of a host that rules of other dumps refer to. `kinds`: what each dimension is (`ip`, `net`, …).

    `family` None: of both. `unsure` says why nothing is known about its members ("" = these are all).
    """

    name: str
    kinds: tuple[str, ...]
    family: Family | None
    members: tuple[Member, ...]
    unsure: str
    origin: Origin


OBJECTS = "objects"  # what the statements about named objects and groups of a device are about


@dataclass(frozen=True, slots=True)
class Statement:
    """What a host says of itself, beside its rules: it is shown as "the server says", and proves nothing by itself.

    `about`: mount, mounted-by, sshd, time, logs, updates, samba or flows; of a device lists (where each is attached)
    and objects (what each holds as written, its members parted by `; `); `subject`: what of it; `value`: what is said;
    `details`: (name, text) pairs in the order of the tool.
    """

    about: str
    subject: str
    value: str
    details: tuple[tuple[str, str], ...]
    origin: Origin

    def detail(self, name: str) -> str:
        """The text of a detail; "" when the tool did not say it."""
        return next((text for key, text in self.details if key == name), "")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An address that a host met on one of its own segments. `mac`: "" when the dump names none.

    `by_hand`: somebody entered it; whether anybody ever answered there is not known.
    """

    family: Family
    address: int
    interface: str
    mac: str
    by_hand: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was understood of a set of artefacts, and all that was not.

    `addresses`: interface name -> the host's own (family, address, prefix length) on it. `families`: the address
    families whose packet filter these dumps show in full; of any other family nothing is known. `neighbours`: whom
    the host met when it was read; nobody is missing because they do not stand there.
    """

    format: str
    points: tuple[Point, ...] = ()
    chains: tuple[Chain, ...] = ()
    shares: tuple[Share, ...] = ()
    listeners: tuple[Listener, ...] = ()
    addresses: Mapping[str, tuple[tuple[Family, int, int], ...]] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()
    lines: Mapping[str, Lines] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    families: frozenset[Family] = frozenset()
    sets: tuple[AddressSet, ...] = ()
    statements: tuple[Statement, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()


class FormatError(ValueError):
    """The artefact is not what it claims to be: nothing of it is used. Says what, why and what to do next."""

    def __init__(self, what: str, why: str, next_step: str) -> None:
        super().__init__(f"{what}: {why}. {next_step}")
        self.what, self.why, self.next_step = what, why, next_step


Artefacts = Sequence[Artefact]


class Verdict(StrEnum):
    """The whole list of what is said about a connection, a share, a rule, a host or a source."""

    implemented = "implemented"
    permits_more = "permits_more"
    not_implemented = "not_implemented"
    unfiltered = "unfiltered"
    share_wider = "share_wider"
    listener_unauthorised = "listener_unauthorised"
    no_listener = "no_listener"
    changed_without_record = "changed_without_record"
    approved_not_done = "approved_not_done"
    used_outside = "used_outside"
    attempted = "attempted"
    unused = "unused"
    usage_unknown = "usage_unknown"
    silent_baseline = "silent_baseline"
    against_policy = "against_policy"
    review_overdue = "review_overdue"
    review_missed = "review_missed"
    unknown_server = "unknown_server"
    not_verifiable = "not_verifiable"
    stale = "stale"
    unreachable = "unreachable"


class Certainty(StrEnum):
    """definite: the rules prove it. possible: it holds if an unmodelled match does. unproven: not determined."""

    definite = "definite"
    possible = "possible"
    unproven = "unproven"
