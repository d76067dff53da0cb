"""The firewall filters of Junos: terms with `from` and `then`, their prefix lists, and the rules they make.

A term without `from` matches everything; a term without an action that ends (accept, discard, reject, next term) lets
through what it matches. Of addresses in one condition the longest prefix counts, be it an `except`; addresses and
prefix lists of one side are one condition. A condition on ports or types of ICMP does not ask for the protocol: what
it does to other protocols is in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.traffic import addresses, intervals
from compliance.traffic.boxes import ICMP, ICMP_TOP, PORT_TOP, PROTO_TOP, TOP, Family
from compliance.traffic.intervals import Interval
from compliance.traffic.shares import Residue
from evidence.formats import junos_names, names
from evidence.formats.cisco_entry import ANSWERS
from evidence.formats.entries import ANY_PORT, ANY_PROTOCOL, Entry, Named, Service, Side, rules_of
from evidence.formats.junos_groups import below
from evidence.formats.junos_text import Node, unchain
from evidence.rules import Action, Rule

WITH_PORTS = (6, 17, 132)
ENDS = {"accept": Action.PERMIT, "discard": Action.DENY, "reject": Action.REJECT}
SENDS_ON = frozenset(
    {"routing-instance", "next-ip", "next-ip6", "next-interface", "logical-system", "topology", "next-hop-group"}
)
# What a term does beside: it counts, marks, copies or limits the rate, and does not end by it
BESIDE = frozenset(
    {"count", "log", "syslog", "sample", "policer", "three-color-policer", "hierarchical-policer", "forwarding-class",
     "loss-priority", "port-mirror", "port-mirror-instance", "port-mirroring", "dscp", "traffic-class",
     "service-accounting", "service-accounting-deferred", "service-filter-hit", "prefix-action", "analyzer",
     "policy-map", "clear-policy-map", "packet-mode", "flow-accounting", "no-mac-learn", "exclude-accounting",
     "subscriber-policer", "traffic-class-count", "ip-mirror", "load-balance"}
)  # fmt: skip
TO_FIELD = {"source-address": "src", "source-prefix-list": "src", "destination-address": "dst",
            "destination-prefix-list": "dst", "address": "either", "prefix-list": "either"}  # fmt: skip
NO_VALUE = frozenset({"tcp-established", "tcp-initial", "is-fragment", "first-fragment"})
CONDITIONS = frozenset(
    {*TO_FIELD, *NO_VALUE, "protocol", "protocol-except", "next-header", "next-header-except", "payload-protocol",
     "port", "source-port", "destination-port", "port-except", "source-port-except", "destination-port-except",
     "icmp-type", "icmp-code", "icmp-type-except", "icmp-code-except", "tcp-flags", "fragment-offset", "dscp",
     "precedence", "ttl", "packet-length", "ip-options", "fragment-flags", "forwarding-class", "interface",
     "interface-group"}
)  # fmt: skip
TRAILING = frozenset({"is-fragment", "fragment-offset"})
FLAG = re.compile(r"[a-z]+|0x[0-9a-f]+|[&|!()+,]")
SPAN = re.compile(r"(\d{1,10})-(\d{1,10})")
MOST_FLAGS = 40
FIRST = frozenset({"syn&!ack", "!ack&syn"})  # what tcp-initial stands for
OF_ANSWERS = frozenset({"ack|rst", "rst|ack", "ack,rst", "rst,ack"})  # what tcp-established stands for


@dataclass(slots=True)
class Prefixes:
    """What one condition on addresses lists: (prefix, whether it is an `except`), and what of it is not known."""

    listed: list[tuple[str, bool]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def side(self, family: Family) -> Side:
        """The addresses that meet it: of each the longest prefix counts, and what none holds does not meet it."""
        ranges: dict[tuple[int, int], bool] = {}
        doubts, positive = list(self.doubts), False
        for text, except_ in self.listed:
            try:
                other, low, high = _prefix(text)
            except ValueError:
                doubts.append(f"{text} is no prefix")
                continue
            if other != family:
                continue
            positive |= not except_
            if ranges.setdefault((low, high), except_) != except_:
                doubts.append(f"{text} is both listed and an exception")
        found: list[Interval] = []
        for (low, high), except_ in sorted(ranges.items(), key=lambda one: one[0][0] - one[0][1]):
            found = intervals.subtract(found, [(low, high)]) if except_ else intervals.merge([*found, (low, high)])
        if ranges and not positive:  # nothing but exceptions: some releases take it for all the rest
            rest = intervals.complement(intervals.merge(ranges), TOP[family])
            return Side({}, [*doubts, "nothing but exceptions is listed"], {family: rest})
        return Side({family: found}, doubts)


def _prefix(text: str) -> tuple[Family, int, int]:
    address, slash, length = text.partition("/")
    family, value = addresses.parse_host(address)
    bits = addresses.BITS[family]
    if not slash:
        return family, value, value
    if not (length.isascii() and length.isdigit() and len(length) < 4 and int(length) <= bits):
        raise ValueError(text)
    return family, *addresses.prefix_range(family, value, int(length))


class PrefixLists:
    """`policy-options prefix-list`, with what `apply-path` finds in the rest of the configuration."""

    def __init__(self, root: Node, named: Node | None) -> None:
        self._root = root
        self._named = {node.word: node for node in named.live()} if named is not None else {}
        self._known: dict[str, tuple[list[str], list[str]]] = {}

    def add(self, found: Prefixes, name: str, *, except_: bool) -> None:
        """All prefixes of a list into a condition."""
        listed, doubts = self.members(name)
        found.listed.extend((text, except_) for text in listed)
        found.doubts.extend(doubts)

    def members(self, name: str) -> tuple[list[str], list[str]]:
        """The prefixes of a list, and what of it is not known."""
        if name not in self._known:
            self._known[name] = self._members(name)
        return self._known[name]

    def _members(self, name: str) -> tuple[list[str], list[str]]:
        node = self._named.get(name)
        if node is None:
            return [], [f"prefix list {name} is not defined"]
        listed = [child.word for child in node.live() if child.word != "apply-path"]
        doubts: list[str] = []
        for path in node.words("apply-path"):
            held = below(self._root, path.split())
            listed += [_network(one.word) for one in held if _is_prefix(one.word)]
            doubts += [f"{name}: {one.word} is no address" for one in held if not _is_prefix(one.word)][:3]
        if not listed and not doubts:
            doubts.append(f"prefix list {name} is empty")
        return listed, doubts


def _is_prefix(text: str) -> bool:
    try:
        _prefix(text)
    except ValueError:
        return False
    return True


def _network(text: str) -> str:
    """`10.0.0.1/24` of an interface stands for its network."""
    family, low, high = _prefix(text)
    return f"{addresses.to_text(family, low)}/{addresses.BITS[family] - (high - low).bit_length()}"


@dataclass(slots=True)
class _Match:
    """The conditions of one term."""

    src: Prefixes | None = None
    dst: Prefixes | None = None
    either: Prefixes | None = None
    protocols: list[Interval] | None = None
    ports: dict[str, list[Interval]] = field(default_factory=dict)  # source, destination, either
    types: list[Interval] | None = None
    codes: list[Interval] | None = None
    answers: bool = False
    flags: list[str] = field(default_factory=list)  # as they are asked for
    never: bool = False
    residue: list[str] = field(default_factory=list)


def rules(term: Node, named: Named, family: Family, lists: PrefixLists, policers: Mapping[str, Node]) -> list[Rule]:
    """The rules of one term."""
    actions, doubts = _actions(term, policers)
    given = term.at("from")
    if given is not None:
        unchain(given, CONDITIONS, alone=NO_VALUE)
    match = _match(given, family, lists)
    residue = [Residue("match", text, named.origin.first) for text in match.residue]
    residue += [Residue("action", text, named.origin.first) for text in doubts]
    extra = [child.word for child in term.live() if child.word not in {"from", "then", "filter"}]
    residue += [Residue("match", f"{word} in a term", named.origin.first) for word in extra]
    found: list[Rule] = []
    for action in actions:
        for source, target in _sides(match, family):
            for services, states, more in _services(match, family):
                reasons = [*residue, *(Residue("match", text, named.origin.first) for text in more)]
                entry = Entry(action, source, target, {family: services}, (family,), [], states, reasons)
                entry.enabled, entry.matches_first = not term.inactive, not match.never
                found += rules_of(entry, named)
    return found


def _actions(term: Node, policers: Mapping[str, Node]) -> tuple[list[Action], list[str]]:
    """What a term does, and what of it is not known. Two actions where it may be either."""
    if term.at("filter") is not None:
        return [Action.PERMIT, Action.DENY], [f"filter {' '.join(term.words('filter'))} decides"]
    then = term.at("then")
    if then is not None:
        unchain(then, {*ENDS, *BESIDE, "next"}, alone={*ENDS, "log", "syslog", "sample", "packet-mode"})
    said = then.live() if then is not None else []
    ending = [one for one in said if one.word in ENDS or one.word in SENDS_ON or one.word == "next"]
    doubts = [one.says() for one in said if one not in ending and one.word not in BESIDE]
    for one in said:
        if one.word == "policer":
            doubts += [f"policer {name.word} is not defined" for name in one.live() if name.word not in policers]
    if not ending:
        return [Action.PERMIT], doubts
    best = min(one.rank for one in ending)
    held = [one for one in ending if one.rank == best]
    if len({one.word for one in held} - SENDS_ON) > 1:
        doubts.append(" and ".join(one.word for one in held))
    last = next((one for one in reversed(held) if one.word not in SENDS_ON), held[-1])
    if last.word == "next":
        if [child.word for child in last.live()] not in (["term"], []):
            doubts.append(last.says())
        return [Action.CONTINUE], doubts
    return [ENDS.get(last.word, Action.PERMIT)], doubts


def _match(node: Node | None, family: Family, lists: PrefixLists) -> _Match:
    found = _Match()
    for one in node.live() if node is not None else ():
        try:
            _condition(one, found, family, lists)
        except ValueError as problem:
            found.residue.append(f"{one.word}: {problem}")
    return found


def _condition(one: Node, found: _Match, family: Family, lists: PrefixLists) -> None:
    word, values = one.word, [child.word for child in one.live()]
    base = word.removesuffix("-except")
    if word in TO_FIELD:
        held = getattr(found, TO_FIELD[word]) or Prefixes()
        for child in one.live():
            extra = [below_.word for below_ in child.live()]
            if [text for text in extra if text != "except"]:
                raise ValueError(" ".join([child.word, *extra]))
            if word.endswith("list"):
                lists.add(held, child.word, except_="except" in extra)
            else:
                held.listed.append(("0.0.0.0/0" if child.word == "any" else child.word, "except" in extra))
        setattr(found, TO_FIELD[word], held)
    elif base in {"protocol", "next-header", "payload-protocol"}:
        given = [_number(text, junos_names.PROTOCOLS, PROTO_TOP) for text in values]
        if base == "next-header" and any(low in names.IPV6_EXTENSIONS for low, _ in given):
            raise ValueError("it asks for a header in front of the protocol")
        listed = _listed(given, PROTO_TOP, except_=base != word)
        found.protocols = listed if found.protocols is None else intervals.intersect(found.protocols, listed)
    elif base in {"source-port", "destination-port", "port"}:
        listed = _listed(
            [_number(text, junos_names.PORTS, PORT_TOP) for text in values], PORT_TOP, except_=base != word
        )
        if base == "port" and base != word:
            raise ValueError("neither of the ports may be one of these")
        known = found.ports.get(base)
        found.ports[base] = listed if known is None else intervals.intersect(known, listed)
    elif base in {"icmp-type", "icmp-code"}:
        table = (junos_names.TYPES if base == "icmp-type" else junos_names.CODES)[family]
        listed = _listed([_number(text, table, ICMP_TOP) for text in values], ICMP_TOP, except_=base != word)
        if base == "icmp-type":
            found.types = listed
        else:
            found.codes = listed
    elif word == "tcp-established":
        found.answers = True
    elif word == "tcp-initial":
        found.ports.setdefault("", [])  # it asks for TCP with SYN alone, as a first packet has
        found.flags.append(word)
    elif word == "tcp-flags":
        met = all(_syn_alone(text) for text in values)
        found.answers |= not met
        found.ports.setdefault("", [])
        found.flags += [
            "tcp-initial" if _plain(text) in FIRST else text for text in values if _plain(text) not in OF_ANSWERS
        ]
    elif word in TRAILING and "0" not in values:
        found.never = True
    else:
        raise ValueError(one.says().removeprefix(one.word).strip() or "it is not modelled")


def _listed(given: Sequence[Interval], top: int, *, except_: bool) -> list[Interval]:
    if not given:
        raise ValueError("it names nothing")
    return intervals.complement(intervals.merge(given), top) if except_ else intervals.merge(given)


def _number(text: str, known: Mapping[str, int], top: int) -> Interval:
    """`443`, `1024-65535`, `ssh`. Raises ValueError."""
    value = known.get(text.lower())
    if value is not None:
        return value, value
    span = SPAN.fullmatch(text) if text.isascii() else None
    if span is not None and int(span[1]) <= int(span[2]) <= top:
        return int(span[1]), int(span[2])
    low, dash, high = text.partition("-")
    if dash and low in known and high in known and known[low] <= known[high]:
        return known[low], known[high]
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= top:
        return int(text), int(text)
    raise ValueError(f"{text} is not known")


def _sides(match: _Match, family: Family) -> list[tuple[Side, Side]]:
    """Source and destination; where a condition is about either of them, both ways."""
    source = match.src.side(family) if match.src is not None else _all(family)
    target = match.dst.side(family) if match.dst is not None else _all(family)
    if match.either is None:
        return [(source, target)]
    held = match.either.side(family)
    return [(_both(source, held, family), target), (source, _both(target, held, family))]


def _all(family: Family) -> Side:
    return Side({family: [(0, TOP[family])]})


def _both(one: Side, other: Side, family: Family) -> Side:
    known = intervals.intersect(one.ranges.get(family, []), other.ranges.get(family, []))
    wide = intervals.intersect(one.widest(family), other.widest(family))
    return Side({family: known}, [*one.doubts, *other.doubts], {family: wide})


Meant = tuple[list[Service], "frozenset[str] | None", list[str]]


def _services(match: _Match, family: Family) -> list[Meant]:
    """(services, states, what is in doubt): what is certain first, then what other protocols may meet."""
    protocols = match.protocols if match.protocols is not None else [ANY_PROTOCOL]
    asks_ports, asks_icmp = bool(match.ports) or match.answers, match.types is not None or match.codes is not None
    if not asks_ports and not asks_icmp:
        return [([Service(one) for one in protocols], None, [])]
    found: list[Meant] = []
    certain: list[Interval] = []
    if asks_ports and not asks_icmp:
        tcp_only = match.answers or "" in match.ports
        wanted = [one for one in WITH_PORTS if not tcp_only or one == 6]
        certain = intervals.intersect(protocols, [(one, one) for one in wanted])
        services = _ported(match.ports, certain)
        found.append((services, _states(match), []))
    if asks_icmp and not asks_ports:
        number = ICMP[family]
        certain = intervals.intersect(protocols, [(number, number)])
        types, codes = match.types or [ANY_PORT], match.codes or [ANY_PORT]
        found.append(([Service(one, kind, code) for one in certain for kind in types for code in codes], None, []))
    rest = intervals.subtract(protocols, certain)
    if rest:
        what = "it asks for ports, flags or types without the protocol that has them"
        found.append(([Service(one) for one in rest], None, [what]))
    return found


def _ported(ports: Mapping[str, list[Interval]], protocols: Iterable[Interval]) -> list[Service]:
    sources, targets = ports.get("source-port", [ANY_PORT]), ports.get("destination-port", [ANY_PORT])
    ways = [(sources, targets)]
    if "port" in ports:
        either = ports["port"]
        ways = [(intervals.intersect(sources, either), targets), (sources, intervals.intersect(targets, either))]
    return [
        Service((proto, proto), sport, dport)
        for low, high in protocols
        for proto in range(low, high + 1)
        for sources_, targets_ in ways
        for sport in sources_
        for dport in targets_
    ]


def _states(match: _Match) -> frozenset[str] | None:
    """Which packets of a connection are meant. Flags stand among the states, so that a term which asks for some is not
    taken for one that asks for others, or for none."""
    if match.answers:
        return ANSWERS.union(match.flags)
    return frozenset({"NEW", *match.flags}) if match.flags else None


def _plain(text: str) -> str:
    return text.strip("()").replace(" ", "").lower()


def _syn_alone(text: str) -> bool:
    """Whether a first packet, which carries SYN alone, has the flags: `(ack | rst)`, `syn`. Raises ValueError."""
    words = FLAG.findall(text.lower())
    if not words or len(words) > MOST_FLAGS or FLAG.sub("", text.lower()).strip():
        raise ValueError(text)
    return _Flags(words).whole()


class _Flags:
    """An expression of flags: `|` and `,` bind less than `&` and `+`, those less than `!`."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words, self._at = words, 0

    def whole(self) -> bool:
        value = self._either()
        if self._at < len(self._words):
            raise ValueError(" ".join(self._words))
        return value

    def _peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def _either(self) -> bool:
        value = self._both()
        while self._peek() in {"|", ","}:
            self._at += 1
            value = self._both() or value
        return value

    def _both(self) -> bool:
        value = self._one()
        while self._peek() in {"&", "+"}:
            self._at += 1
            value = self._one() and value
        return value

    def _one(self) -> bool:
        word = self._peek()
        self._at += 1
        if word == "!":
            return not self._one()
        if word == "(":
            value = self._either()
            if self._peek() != ")":
                raise ValueError(" ".join(self._words))
            self._at += 1
            return value
        if word not in {"syn", "ack", "fin", "rst", "push", "urgent", "psh", "urg"}:
            raise ValueError(" ".join(self._words))
        return word == "syn"
