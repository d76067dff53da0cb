"""Random nft expressions: what a rule of one table may ask of a packet."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from compliance.traffic import addresses
from compliance.traffic.boxes import Family
from tests.oracle.vocabulary import Span, Vocabulary

WORD: dict[Family, str] = {4: "ip", 6: "ip6"}
TYPE: dict[Family, str] = {4: "ipv4_addr", 6: "ipv6_addr"}
DOUBT = ("limit rate 1000/second", "meta mark 0x1", "meta length 30-200")
STATES = ("new", "established", "related", "invalid", "untracked")
L4 = ("tcp", "udp", "sctp", "icmp", "ipv6-icmp", "esp", "47", "89", "dccp", "udplite", "253")
ICMP4 = ("echo-request", "echo-reply", "destination-unreachable", "timestamp-request", "13", "200")
ICMP6 = ("echo-request", "echo-reply", "nd-neighbor-solicit", "destination-unreachable", "133", "200")
FLAGS = (
    "tcp flags syn", "tcp flags & (fin|syn|rst|ack) == syn", "tcp flags syn / fin,syn,rst,ack",
    "tcp flags & (syn|ack) != syn", "tcp flags ack", "tcp flags != syn", "tcp flags & (fin|rst) == 0",
    "tcp flags ! ack",
)  # fmt: skip
MASKS: dict[Family, tuple[int, ...]] = {4: (8, 16, 20, 24), 6: (16, 32, 48, 64)}


def address_text(family: Family, span: Span) -> str:
    """`10.0.0.0-10.0.0.9`, or one address."""
    low, high = (addresses.to_text(family, value) for value in span)
    return low if low == high else f"{low}-{high}"


def port_text(span: Span) -> str:
    """`80-90`, or one port."""
    return str(span[0]) if span[0] == span[1] else f"{span[0]}-{span[1]}"


@dataclass(frozen=True, slots=True)
class Matches:
    """Expressions for a table of `families`; `sets` are its named sets: type -> names."""

    dice: Random
    words: Vocabulary
    families: tuple[Family, ...]
    sets: dict[str, tuple[str, ...]]

    def some(self, hook: str, family: Family) -> tuple[list[str], bool]:
        """None to six expressions that nft takes together, and whether one of them names a protocol.

        One rule speaks of one family and of one protocol: nft refuses the others. `hook` is "" in a called chain.
        """
        dice, found = self.dice, list[str]()
        found.extend(self.address(family) for chance in (0.45, 0.15) if dice.random() < chance)
        if dice.random() < 0.04:
            found.append(self.mask(family))
        if len(self.families) == 2 and dice.random() < 0.06:
            found.append(f"meta nfproto {'ipv4' if family == 4 else 'ipv6'}")
        kind = dice.choices((None, self.service, self.concatenation), (4, 7, 1))[0]
        if kind is not None:
            found.append(kind(family))
        if dice.random() < 0.2:
            found.append(self.interface(hook))
        if dice.random() < 0.2:
            found.append(self.state())
        if not found and len(self.families) == 2 and dice.random() < 0.3:
            found.append(f"meta nfproto != {dice.choice(('ipv4', 'ipv6'))}")
        return found, kind is not None

    def _not(self) -> str:
        return "!= " if self.dice.random() < 0.2 else ""

    def address(self, family: Family) -> str:
        """One side's address: a prefix, a range, a set of its own, or a named set."""
        dice = self.dice
        left = f"{WORD[family]} {dice.choice(('saddr', 'daddr'))}"
        return f"{left} {self._not()}{self.address_values(family)}"

    def address_values(self, family: Family) -> str:
        """The right side of an address."""
        dice = self.dice
        named = self.sets.get(TYPE[family], ())
        kind = dice.randint(0, 3 if named else 2)
        if kind == 0:
            return self.words.prefix(dice, family)
        if kind == 1:
            return address_text(family, dice.choice(self.words.spans[family]))
        if kind == 2:
            return "{ " + ", ".join(address_text(family, one) for one in self.words.apart(dice, family, 4)) + " }"
        return f"@{dice.choice(named)}"

    def mask(self, family: Family) -> str:
        """An address under a netmask."""
        dice = self.dice
        length = dice.choice(MASKS[family])
        bits = addresses.BITS[family]
        mask = ((1 << length) - 1) << (bits - length)
        value = dice.choice(self.words.prefixes[family])[0] & mask
        texts = addresses.to_text(family, mask), addresses.to_text(family, value)
        return f"{WORD[family]} {dice.choice(('saddr', 'daddr'))} & {texts[0]} {dice.choice(('==', '!='))} {texts[1]}"

    def service(self, family: Family) -> str:
        """A protocol with or without its ports, ICMP, or TCP flags."""
        dice = self.dice
        kind = dice.choices(("ports", "th", "l4", "icmp", "flags", "proto"), (10, 3, 3, 4, 2, 2))[0]
        match kind:
            case "ports":
                proto = dice.choices(("tcp", "udp", "sctp", "dccp"), (8, 5, 2, 1))[0]
                return f"{proto} {self._ports()}"
            case "th":
                protocols = dice.choice(("tcp", "udp", "{ tcp, udp }", "{ tcp, udp, sctp }"))
                return f"meta l4proto {protocols} th {self._ports()}"
            case "l4":
                return f"meta l4proto {self._not()}{self._protocols()}"
            case "icmp":
                return self._icmp(family)
            case "flags":
                return dice.choice(FLAGS)
            case _:
                left = "ip protocol" if family == 4 else "ip6 nexthdr"
                return f"{left} {self._not()}{self._protocols()}"

    def _protocols(self) -> str:
        dice = self.dice
        if dice.random() < 0.5:
            return dice.choice(L4)
        return "{ " + ", ".join(dice.sample(L4, dice.randint(1, 3))) + " }"

    def _ports(self) -> str:
        dice = self.dice
        side = dice.choice(("sport", "dport", "dport", "dport"))
        named = self.sets.get("inet_service", ())
        kind = dice.randint(0, 3 if named else 2)
        if kind == 0:
            return f"{side} {self._not()}{port_text(dice.choice(self.words.ports))}"
        if kind == 1:
            port = dice.choice(self.words.ports)[0]
            return f"{side} {dice.choice(('<', '>', '<=', '>='))} {min(max(port, 1), 65534)}"
        if kind == 2:
            spans = self.words.ports_apart(dice, 4)
            return f"{side} {self._not()}{{ {', '.join(port_text(one) for one in spans)} }}"
        return f"{side} {self._not()}@{dice.choice(named)}"

    def _icmp(self, family: Family) -> str:
        dice = self.dice
        word, kinds = ("icmp", ICMP4) if family == 4 else ("icmpv6", ICMP6)
        if dice.random() < 0.1:
            kind = dice.choice(kinds)
            return f"{word} type . {word} code {self._not()}{{ {kind} . 0, {dice.choice((1, 3, 5))} . 1 }}"
        if dice.random() < 0.15:
            return f"{word} code {self._not()}{dice.choice((0, 1, 3))}"
        if dice.random() < 0.3:
            return f"{word} type {{ {', '.join(dice.sample(kinds, 3))} }}"
        return f"{word} type {self._not()}{dice.choice(kinds)}"

    def interface(self, hook: str) -> str:
        """An interface by its name, a pattern, a set of names or its number."""
        dice = self.dice
        sides = {"prerouting": ("iif",), "input": ("iif",), "output": ("oif",), "postrouting": ("oif",)}
        side = dice.choice(sides.get(hook, ("iif", "oif")))
        if dice.random() < 0.15:
            return f"{side} {self._not()}{dice.choice(self.words.links)}"  # by its number
        if dice.random() < 0.2:
            names = dict.fromkeys(dice.choice(self.words.links) for _ in range(2))
            return f"{side}name {self._not()}{{ {', '.join(names)} }}"
        named = self.sets.get("ifname", ())
        if named and dice.random() < 0.3:
            return f"{side}name {self._not()}@{dice.choice(named)}"
        return f'{side}name {self._not()}"{dice.choice(self.words.names).replace("+", "*")}"'

    def state(self) -> str:
        """The state or direction of the connection."""
        dice = self.dice
        if dice.random() < 0.1:
            return f"ct direction {self._not()}{dice.choice(('original', 'reply'))}"
        if dice.random() < 0.5:
            return f"ct state {self._not()}{dice.choice(STATES)}"
        return f"ct state {self._not()}{{ {', '.join(dice.sample(STATES, dice.randint(1, 3)))} }}"

    def concatenation(self, family: Family) -> str:
        """Two or three fields at once."""
        dice = self.dice
        proto = dice.choice(("tcp", "udp"))
        side = f"{WORD[family]} {dice.choice(('saddr', 'daddr'))}"
        named = self.sets.get(f"{TYPE[family]} . inet_proto . inet_service", ())
        if named and dice.random() < 0.5:
            return f"meta l4proto {{ tcp, udp }} {side} . meta l4proto . th dport {self._not()}@{dice.choice(named)}"
        texts = [f"{address_text(family, one)} . {port_text(dice.choice(self.words.ports))}"
                 for one in self.words.apart(dice, family, 3)]  # fmt: skip
        return f"{side} . {proto} dport {self._not()}{{ {', '.join(texts)} }}"
