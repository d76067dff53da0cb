"""What the options of an iptables rule match, as boxes; what is not modelled stays as residue text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from compliance.traffic.boxes import FULL, ICMP, PROTO_TOP, Family, limited
from evidence.formats import names
from evidence.formats.iptables_line import BadLine, Group, Option, Statement
from evidence.formats.matching import (
    DPORT,
    DST,
    PROTO,
    SPORT,
    SRC,
    STATES,
    STATES_OF,
    WITH_PORTS,
    Discontiguous,
    Match,
    address_range,
    both,
    everything,
    within,
)
from evidence.formats.translated_before import WAS, WAS_NOT

PORT_TOP = 65535
NEVER_FIRST = frozenset({"RELATED", "ESTABLISHED"})  # the states that no first packet of a flow has
ICMP_ANY = 255  # `--icmp-type any` is stored as type 255 in IPv4
# Modules whose every option is judged here; of the others all options are residue.
MODULES = frozenset(
    {"", "tcp", "udp", "udplite", "sctp", "dccp", "multiport", "iprange", "icmp", "icmp6", "icmpv6", "conntrack",
     "state", "comment"}
)  # fmt: skip
# The match of a set with nothing else than the set decides: counters are kept for every packet, or are not.
SET_OPTIONS = frozenset({"--match-set", "--update-counters", "--update-subcounters"})
FOREIGN: dict[Family, frozenset[str]] = {4: frozenset({"icmp6", "icmpv6"}), 6: frozenset({"icmp"})}  # of the other
# Extensions that match nothing, negated or not, where an IPv6 packet lacks their header (net/ipv6/netfilter/ip6t_*.c).
EXTENSION_HEADERS = frozenset({"rt", "srh", "hbh", "dst", "frag"})


@dataclass(slots=True)
class Condition:
    """What a rule matches so far, and the parts of it that are not modelled."""

    family: Family
    hooks: frozenset[str]
    nat_shown: bool
    matches: list[Match]
    residue: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)  # references to sets that another dump shows
    headers: bool = False  # whether it asks for a header that a plain packet does not have
    protocols: frozenset[int] = frozenset()  # those named by a plain `-p`

    def cut(self, wanted: Sequence[Match]) -> None:
        """One more condition that must hold."""
        self.matches = both(self.matches, wanted)

    def never(self) -> None:
        """A condition that no first packet of a flow fulfils."""
        self.matches = []


def condition_of(statement: Statement, family: Family, hooks: frozenset[str], *, nat_shown: bool = False) -> Condition:
    """Everything a rule asks of a packet. `hooks`: where its chain is reached from; `nat_shown`: the same dump has the
    table that translates. Raises BadLine, TooWide.
    """
    found = Condition(family, hooks, nat_shown, everything([family]))
    for option in statement.generic:
        if option.name == "-p":
            _protocol(found, option)
    for option in statement.generic:
        GENERIC_READERS[option.name](found, option)
    for group in statement.matches:
        _group(found, group)
    return found


def _group(found: Condition, group: Group) -> None:
    if group.name == "addrtype" and _always_local(found, group):
        return
    if group.name == "set" and all(option.name in SET_OPTIONS for option in group.options):
        found.objects.extend(option.text for option in group.options if option.name == "--match-set")
        return
    if group.name not in MODULES or group.name in FOREIGN[found.family]:
        found.headers |= found.family == 6 and group.name in EXTENSION_HEADERS
        found.residue.append(group.text("-m"))
        return
    for option in group.options:
        reader = OPTION_READERS.get(option.name)
        if reader is None:
            found.residue.append(option.text)
        else:
            reader(found, option)


def _always_local(found: Condition, group: Group) -> bool:
    """`--dst-type LOCAL` where only packets to the host itself come by."""
    texts = [(option.name, option.negated, option.values) for option in group.options]
    if found.hooks != {"input"} or texts not in (
        [("--dst-type", False, ("LOCAL",))],
        [("--dst-type", True, ("LOCAL",))],
    ):
        return False
    if group.options[0].negated:
        found.never()
    return True


def _protocol(found: Condition, option: Option) -> None:
    text = option.value.lower()
    try:
        number = 0 if text == "all" else names.number(text, names.PROTOCOLS, PROTO_TOP)
    except ValueError as problem:
        raise BadLine(f"protocol {problem}") from None
    if number == 0:
        if option.negated:
            raise BadLine("`! -p all` means nothing")
        return
    if found.family == 6 and number in names.IPV6_EXTENSIONS:
        found.residue.append(option.text)
        return
    found.cut(within(found.family, PROTO, [(number, number)], negated=option.negated))
    if not option.negated:
        found.protocols |= {number}


def _address(axis: int) -> Callable[[Condition, Option], None]:
    def read(found: Condition, option: Option) -> None:
        parts = option.value.split(",")
        if option.negated and len(parts) > 1:
            raise BadLine(f"`! {option.name}` takes one address")
        try:
            ranges = [address_range(part, found.family) for part in parts]
        except Discontiguous:
            found.residue.append(option.text)
            return
        except ValueError as problem:
            raise BadLine(str(problem)) from None
        found.cut(within(found.family, axis, ranges, negated=option.negated))

    return read


def _address_span(axis: int) -> Callable[[Condition, Option], None]:
    def read(found: Condition, option: Option) -> None:
        first, dash, last = option.value.partition("-")
        try:
            low = address_range(first, found.family)
            high = address_range(last if dash else first, found.family)
        except ValueError as problem:
            raise BadLine(str(problem)) from None
        if low[0] > high[0]:
            raise BadLine(f"{option.value} ends before it starts")
        found.cut(within(found.family, axis, [(low[0], high[0])], negated=option.negated))

    return read


def _interface(side: str) -> Callable[[Condition, Option], None]:
    def read(found: Condition, option: Option) -> None:
        name = option.value
        if name == "+":
            if option.negated:
                found.never()
            return
        limit = frozenset({"!" + name if option.negated else name})
        full = FULL[found.family]
        found.cut([Match(found.family, full, iif=limit) if side == "in" else Match(found.family, full, oif=limit)])

    return read


def _fragment(found: Condition, option: Option) -> None:
    # The first packet of a flow is no later fragment; whether one may be judged at all depends on defragmentation.
    if not option.negated:
        found.residue.append(option.text)


def _family_flag(found: Condition, option: Option) -> None:
    if option.name != f"-{found.family}":
        raise BadLine(f"{option.name} stands in a table of IPv{found.family}")


def _nothing(found: Condition, option: Option) -> None:
    """Counters say nothing about what matches; -p was read before."""


def _port_range(text: str) -> tuple[int, int]:
    first, colon, last = text.partition(":")
    try:
        low = names.number(first, names.PORTS, PORT_TOP) if first or not colon else 0
        high = names.number(last, names.PORTS, PORT_TOP) if last else PORT_TOP if colon else low
    except ValueError as problem:
        raise BadLine(f"port {problem}") from None
    if low > high:
        raise BadLine(f"ports {text} end before they start")
    return low, high


def _ports(*axes: int) -> Callable[[Condition, Option], None]:
    """One port or range, or a list of them; on two axes: either of them (or, negated, neither)."""

    def read(found: Condition, option: Option) -> None:
        if not found.protocols or not found.protocols <= set(WITH_PORTS):
            raise BadLine(f"{option.name} needs a protocol with ports")
        ranges = [_port_range(part) for part in option.value.split(",")]
        sides = [within(found.family, axis, ranges, negated=option.negated) for axis in axes]
        if option.negated:
            for side in sides:
                found.cut(side)
        else:
            found.cut([match for side in sides for match in side])

    return read


def _icmp(found: Condition, option: Option) -> None:
    if found.protocols != {ICMP[found.family]}:
        raise BadLine(f"{option.name} needs the ICMP protocol of IPv{found.family}")
    kind, code = _icmp_type(found.family, option.value)
    if kind is None:
        if option.negated:
            found.never()
        return
    with_type = limited(FULL[found.family], SPORT, kind, kind)
    codes = [(code, code)] if code is not None else [(0, PORT_TOP)]
    wanted = within(found.family, DPORT, codes, negated=option.negated, start=with_type)
    if option.negated:
        wanted += within(found.family, SPORT, [(kind, kind)], negated=True)
    found.cut(wanted)


def _icmp_type(family: Family, text: str) -> tuple[int | None, int | None]:
    known = names.IPTABLES_ICMP4 if family == 4 else names.IPTABLES_ICMP6
    if text.lower() in known:
        return known[text.lower()]
    kind_text, slash, code_text = text.partition("/")
    try:
        kind = names.number(kind_text, {}, 255)
        code = names.number(code_text, {}, 255) if slash else None
    except ValueError as problem:
        raise BadLine(f"ICMP type {problem}") from None
    if family == 4 and kind == ICMP_ANY:
        return None, None
    return kind, code


def _flags(text: str) -> int:
    bits = 0
    for name in text.upper().split(","):
        if name == "ALL":
            bits |= 0x3F
        elif name != "NONE":
            if name.lower() not in names.TCP_FLAGS:
                raise BadLine(f"TCP flag {name!r} is not known")
            bits |= names.TCP_FLAGS[name.lower()]
    return bits


def _tcp_flags(found: Condition, option: Option) -> None:
    """The first packet of a TCP connection carries SYN alone."""
    if found.protocols != {names.PROTOCOLS["tcp"]}:
        raise BadLine(f"{option.name} needs -p tcp")
    mask, wanted = ("FIN,SYN,RST,ACK", "SYN") if option.name == "--syn" else option.values
    bits, value = _flags(mask), _flags(wanted)
    if bits & names.UNTOLD_FLAGS:
        found.residue.append(option.text)
    elif (names.FIRST_PACKET & bits == value) == option.negated:
        found.never()


def _states(found: Condition, option: Option) -> None:
    wanted = set(option.value.upper().split(","))
    translated = wanted & {"SNAT", "DNAT"}
    wanted -= translated
    if not wanted <= STATES:
        raise BadLine(f"connection state {', '.join(sorted(wanted - STATES))} is not known")
    if translated and "NEW" not in wanted:
        # A new connection matches (negated: does not) if it was translated before.
        settled = translated == {"DNAT"} and found.nat_shown and wanted <= NEVER_FIRST
        found.residue.append((WAS_NOT if option.negated else WAS) if settled else option.text)
        return
    limit = STATES - wanted if option.negated else frozenset(wanted)
    found.cut([Match(found.family, FULL[found.family], states=limit)])


def _direction(found: Condition, option: Option) -> None:
    """What has no connection has no direction (net/netfilter/xt_conntrack.c)."""
    given = option.value.lower()
    if given not in STATES_OF:
        raise BadLine(f"direction {option.value!r} is not known")
    wanted = given if not option.negated else next(name for name in STATES_OF if name != given)
    found.cut([Match(found.family, FULL[found.family], states=STATES_OF[wanted])])


GENERIC_READERS: dict[str, Callable[[Condition, Option], None]] = {
    "-p": _nothing, "-c": _nothing, "-s": _address(SRC), "-d": _address(DST), "-i": _interface("in"),
    "-o": _interface("out"), "-f": _fragment, "-4": _family_flag, "-6": _family_flag,
}  # fmt: skip
OPTION_READERS: dict[str, Callable[[Condition, Option], None]] = {
    "--sport": _ports(SPORT), "--dport": _ports(DPORT), "--sports": _ports(SPORT), "--dports": _ports(DPORT),
    "--ports": _ports(SPORT, DPORT), "--src-range": _address_span(SRC), "--dst-range": _address_span(DST),
    "--icmp-type": _icmp, "--icmpv6-type": _icmp, "--tcp-flags": _tcp_flags, "--syn": _tcp_flags,
    "--ctstate": _states, "--state": _states, "--ctdir": _direction, "--comment": _nothing,
}  # fmt: skip
