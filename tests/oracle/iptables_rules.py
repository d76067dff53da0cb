"""Random tables as iptables-save would print them: every match and target that decides, in every table and hook."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from compliance.traffic import addresses
from compliance.traffic.boxes import Family
from tests.oracle.vocabulary import Vocabulary

CHAINS: dict[str, tuple[str, ...]] = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
COMES_IN = frozenset({"PREROUTING", "INPUT", "FORWARD"})
GOES_OUT = frozenset({"FORWARD", "OUTPUT", "POSTROUTING"})
USER = ("WEB", "ssh-in", "LOG_DROP", "a.b")
STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")
PORTED = ("tcp", "udp", "sctp", "dccp")
OTHER_PROTOCOLS = ("esp", "47", "89", "112", "253", "132", "17", "udplite")
ICMP4 = ("any", "8", "echo-request", "3", "3/1", "13", "8/0", "0", "11/1", "200", "router-advertisement")
ICMP6 = ("128", "echo-request", "1", "1/4", "135", "neighbour-advertisement", "3/0", "129", "200/7", "133", "144")
FLAGS = (
    "SYN,ACK SYN",
    "SYN,RST,ACK,FIN SYN",
    "FIN,RST FIN",
    "ALL SYN",
    "ALL NONE",
    "SYN SYN",
    "ACK ACK",
    "PSH,URG NONE",
)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes tables of one family. `doubt`: how often a rule has a match that no reader can decide."""

    dice: Random
    words: Vocabulary
    family: Family
    doubt: float
    sets: tuple[tuple[str, int], ...] = ()  # name and number of dimensions of the ipsets that may be used

    def save_text(self, tables: tuple[str, ...]) -> str:
        """Some tables, each with its COMMIT."""
        return "".join(self.table(name) for name in tables)

    def table(self, name: str) -> str:
        """One table: built-in chains with policies, up to four user chains, and their rules."""
        dice = self.dice
        user = dice.sample(USER, dice.randint(0, 3))
        lines = [f"*{name}"]
        for chain in CHAINS[name]:
            drops = 0.4 if name == "filter" else 0.0 if name == "nat" else 0.03
            lines.append(f":{chain} {'DROP' if dice.random() < drops else 'ACCEPT'} [0:0]")
        lines.extend(f":{chain} - [0:0]" for chain in user)
        most = 9 if name == "filter" else 4
        for chain in CHAINS[name]:
            lines.extend(self.rule(name, chain, user) for _ in range(dice.randint(0, most)))
        for place, chain in enumerate(user):  # a chain calls those behind it only: the kernel takes no loops
            lines.extend(self.rule(name, chain, user[place + 1 :]) for _ in range(dice.randint(0, 5)))
        return "\n".join([*lines, "COMMIT", ""])

    def rule(self, table: str, chain: str, callable_chains: list[str]) -> str:
        """One -A line."""
        parts, protocol = self._matches(table, chain)
        target = self._target(table, callable_chains, protocol)
        if table == "nat" and self.dice.random() < 0.4:
            target = self._translation(chain, protocol, parts) or target
        return " ".join(["-A", chain, *parts, *([target] if target else [])])

    def _matches(self, table: str, chain: str) -> tuple[list[str], str]:
        dice, parts, protocol = self.dice, list[str](), ""
        if dice.random() < 0.45:
            parts.append(self._address("-s"))
        if dice.random() < 0.4:
            parts.append(self._address("-d"))
        parts.extend(self._interfaces(chain))
        if dice.random() < 0.65:
            protocol, more = self._protocol()
            parts.extend(more)
        for chance, write in ((0.12, self._iprange), (0.25, self._state), (0.1, self._comment), (0.15, self._set)):
            if dice.random() < chance:
                parts.extend(write())
        if chain == "INPUT" and dice.random() < 0.05:
            parts.append(f"-m addrtype {self._not()}--dst-type LOCAL")
        if self.family == 4 and dice.random() < 0.02:
            parts.append("! -f")
        if dice.random() < self.doubt:
            parts.append(dice.choice(("-m length --length 30:200", "-m mark --mark 0x1", "-m limit --limit 1000/sec")))
        if table in {"raw", "security"} and not parts:
            parts.append(f"-s {self.words.prefix(dice, self.family)}")
        return parts, protocol

    def _not(self) -> str:
        return "! " if self.dice.random() < 0.2 else ""

    def _address(self, option: str) -> str:
        text = self.words.prefix(self.dice, self.family)
        mark = "" if text.endswith("/0") else self._not()  # `! -s 0.0.0.0/0` is refused
        return f"{mark}{option} {text}"

    def _interfaces(self, chain: str) -> list[str]:
        dice, found = self.dice, []
        user = chain in USER
        if (user or chain in COMES_IN) and dice.random() < 0.25:
            found.append(f"{self._not()}-i {dice.choice(self.words.names)}")
        if (user or chain in GOES_OUT) and dice.random() < 0.25:
            found.append(f"{self._not()}-o {dice.choice(self.words.names)}")
        return found

    def _protocol(self) -> tuple[str, list[str]]:
        dice = self.dice
        kind = dice.choices(("tcp", "udp", "sctp", "dccp", "icmp", "other", "not"), (9, 5, 2, 1, 4, 2, 1))[0]
        if kind == "icmp":
            return self._icmp()
        if kind == "other":
            return "", [f"-p {dice.choice(OTHER_PROTOCOLS)}"]
        if kind == "not":
            return "", [f"! -p {dice.choice((*PORTED, *OTHER_PROTOCOLS))}"]
        parts = [f"-p {kind}"]
        if dice.random() < 0.3:
            parts.extend(self._multiport())
        else:
            for option in ("--sport", "--dport"):
                if dice.random() < (0.2 if option == "--sport" else 0.65):
                    low, high = dice.choice(self.words.ports)
                    parts.append(f"-m {kind} {self._not()}{option} {low if low == high else f'{low}:{high}'}")
        if kind == "tcp" and dice.random() < 0.3:
            flags = "--syn" if dice.random() < 0.5 else f"--tcp-flags {dice.choice(FLAGS)}"
            parts.append(f"-m tcp {self._not()}{flags}")
        return kind, parts

    def _multiport(self) -> list[str]:
        dice = self.dice
        option = dice.choice(("--sports", "--dports", "--dports", "--ports"))
        spans = [dice.choice(self.words.ports) for _ in range(dice.randint(1, 4))]
        ports = ",".join(str(low) if low == high else f"{low}:{high}" for low, high in spans)
        return [f"-m multiport {self._not()}{option} {ports}"]

    def _icmp(self) -> tuple[str, list[str]]:
        name = "icmp" if self.family == 4 else "ipv6-icmp"
        parts = [f"-p {name}"]
        if self.dice.random() < 0.7:
            kinds, option = (ICMP4, "icmp --icmp-type") if self.family == 4 else (ICMP6, "icmp6 --icmpv6-type")
            module, _, word = option.partition(" ")
            parts.append(f"-m {module} {self._not()}{word} {self.dice.choice(kinds)}")
        return name, parts

    def _iprange(self) -> list[str]:
        low, high = self.dice.choice(self.words.spans[self.family])
        side = self.dice.choice(("--src-range", "--dst-range"))
        first, last = addresses.to_text(self.family, low), addresses.to_text(self.family, high)
        return [f"-m iprange {self._not()}{side} {first}-{last}"]

    def _state(self) -> list[str]:
        wanted = ",".join(self.dice.sample(STATES, self.dice.randint(1, 3)))
        if self.dice.random() < 0.2:
            return [f"-m state {self._not()}--state {wanted}"]
        if self.dice.random() < 0.1:
            return [f"-m conntrack --ctdir {self.dice.choice(('ORIGINAL', 'REPLY'))}"]
        return [f"-m conntrack {self._not()}--ctstate {wanted}"]

    def _comment(self) -> list[str]:
        return ['-m comment --comment "CHG-42: web -j DROP"']

    def _set(self) -> list[str]:
        if not self.sets:
            return []
        name, dimensions = self.dice.choice(self.sets)
        sides = ",".join(self.dice.choice(("src", "dst")) for _ in range(dimensions))
        return [f"-m set {self._not()}--match-set {name} {sides}"]

    def _translation(self, chain: str, protocol: str, parts: list[str]) -> str:
        """A new source or destination, as the chain may give one; the packet stays on its way through the host."""
        dice, words, family = self.dice, self.words, self.family
        ported = protocol in PORTED[:2] and dice.random() < 0.4
        if chain in {"POSTROUTING", "INPUT"}:
            ports = f"{dice.choice((1024, 20_000, 40_000))}-{dice.choice((50_000, 65_535))}" if ported else ""
            if chain == "POSTROUTING" and dice.random() < 0.5:
                return f"-j MASQUERADE --to-ports {ports}" if ports else "-j MASQUERADE"
            return f"-j SNAT --to-source {self._place(dice.choice(words.hosts[family]), ports)}"
        if chain not in {"PREROUTING", "OUTPUT"}:
            return ""
        low, high = dice.choice(words.ports)
        ports = "" if not ported else str(low) if dice.random() < 0.8 or low == high else f"{low}-{high}"
        to_itself = chain == "PREROUTING" and dice.random() < 0.5
        places = words.own[family] if to_itself else words.hosts[family]
        parts[:] = [part for part in parts if not part.startswith(("-d ", "! -d "))]
        parts.insert(0, f"-d {addresses.to_text(family, dice.choice(places))}")
        if to_itself and ports and dice.random() < 0.5:
            return f"-j REDIRECT --to-ports {ports}"
        return f"-j DNAT --to-destination {self._place(dice.choice(places), ports)}"

    def _place(self, value: int, ports: str) -> str:
        address = addresses.to_text(self.family, value)
        return f"{f'[{address}]' if self.family == 6 else address}:{ports}" if ports else address

    def _target(self, table: str, callable_chains: list[str], protocol: str) -> str:
        dice = self.dice
        kinds = {"ACCEPT": 6, "DROP": 5 if table == "filter" else 1, "RETURN": 2, "LOG": 1, "": 1, "call": 5, "go": 2}
        if table == "filter":
            kinds["REJECT"] = 2
        elif table == "nat":
            del kinds["DROP"]  # iptables refuses it there
        elif table == "mangle":
            kinds["MARK"] = 2
        elif table == "raw":
            kinds["NOTRACK"] = 4 if dice.random() < 10 * self.doubt else 0
        if not callable_chains:
            del kinds["call"], kinds["go"]
        kind = dice.choices(tuple(kinds), tuple(kinds.values()))[0]
        match kind:
            case "call" | "go":
                return f"{'-j' if kind == 'call' else '-g'} {dice.choice(callable_chains)}"
            case "REJECT":
                return "-j REJECT --reject-with tcp-reset" if protocol == "tcp" and dice.random() < 0.4 else "-j REJECT"
            case "MARK":
                return "-j MARK --set-xmark 0x7/0xffffffff"
            case "LOG":
                return dice.choice(('-j LOG --log-prefix "drop: "', "-j NFLOG --nflog-group 3"))
            case "NOTRACK":
                return dice.choice(("-j CT --notrack", "-j NOTRACK"))
            case "":
                return ""
            case _:
                return f"-j {kind}"
