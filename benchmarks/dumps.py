"""The dumps of a firewall between many networks and the register it is held against, as text, the same everywhere.

A chain for each network of destination, reached by its prefix and partly by the interfaces; in it what servers of
other networks may reach, mostly host to host and as the register has it, some of it wider, some for an ipset of
servers, one rule in twelve a deny. Networks grow with the rules. All is drawn from a fixed seed.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

from compliance.traffic.addresses import to_text
from compliance.traffic.boxes import FAMILIES, Family

PORTS = (22, 25, 53, 80, 88, 123, 389, 443, 445, 514, 636, 1433, 1521, 3306, 5432, 5671, 6379, 8080, 8443, 9092, 9200)
BASE: dict[Family, int] = {4: 10 << 24, 6: 0xFD00 << 112}
BITS: dict[Family, int] = {4: 8, 6: 64}
TOOL: dict[Family, str] = {4: "iptables", 6: "ip6tables"}
KINDS: dict[Family, str] = {4: "inet", 6: "inet6"}
SERVERS = 20  # in each network
INTERFACES = 8
STATEFUL = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"


@dataclass(frozen=True, slots=True)
class Server:
    """One registered server: in one network, with an address of each family."""

    name: str
    network: int
    place: int

    def address(self, family: Family) -> int:
        """Its address."""
        return BASE[family] + (self.network << BITS[family]) + 10 + self.place

    def text(self, family: Family) -> str:
        """Its address as people write it."""
        return to_text(family, self.address(family))


@dataclass(frozen=True, slots=True)
class Connection:
    """One authorised connection: one port of one server to another."""

    id: str
    source: Server
    target: Server
    proto: str
    port: int


class Site:
    """Servers, connections and what is drawn from them."""

    def __init__(self, rules: int, connections: int, seed: str = "check") -> None:
        self.rules = rules
        self.draw = random.Random(f"{seed}/{rules}/{connections}")  # noqa: S311 (data to measure with)
        self.networks = max(4, rules // 200)
        self.servers = [
            Server(f"srv-{network:03}-{place:02}", network, place)
            for network in range(self.networks)
            for place in range(SERVERS)
        ]
        self.wanted = [self._connection(number) for number in range(1, connections + 1)]

    def _connection(self, number: int) -> Connection:
        source, target = self.draw.sample(self.servers, 2)
        return Connection(f"CON-{number}", source, target, self.draw.choice(("tcp", "tcp", "udp")), self.port())

    def port(self) -> int:
        """A port that services have."""
        return self.draw.choice(PORTS)

    def register(self) -> str:
        """The register file. It is written as JSON, which is YAML."""
        return json.dumps(
            {
                "servers": [
                    {"name": one.name, "addresses": [one.text(4), one.text(6)], "zone": f"net-{one.network:03}"}
                    for one in self.servers
                ],
                "zones": [
                    {"name": f"net-{number:03}", "prefixes": [self.prefix(4, number), self.prefix(6, number)]}
                    for number in range(self.networks)
                ],
                "connections": [
                    {"id": one.id, "source": one.source.name, "destination": one.target.name,
                     "services": [f"{one.proto}/{one.port}"]}
                    for one in self.wanted
                ],
            }
        )  # fmt: skip

    def prefix(self, family: Family, network: int) -> str:
        """A network as people write it."""
        length = (32 if family == 4 else 128) - BITS[family]
        return f"{to_text(family, BASE[family] + (network << BITS[family]))}/{length}"

    def save(self, family: Family, count: int) -> str:
        """iptables-save (or ip6tables-save) of the firewall with about `count` rules."""
        names = [f"NET{number:03}" for number in range(self.networks)]
        lines = [f"-A FORWARD {STATEFUL}", "-A FORWARD -m conntrack --ctstate INVALID -j DROP"]
        for number, name in enumerate(names):
            limit = f" -o eth{number % INTERFACES}" if number % 2 else ""
            lines.append(f"-A FORWARD -d {self.prefix(family, number)}{limit} -j {name}")
        lines.append('-A FORWARD -j LOG --log-prefix "dropped "')
        chains = {name: [f"-A {name} -i eth{INTERFACES} -j DROP"] for name in names}
        for one in self.wanted:  # what is authorised is mostly there
            if self.draw.random() < 0.9:
                name = names[one.target.network]
                match = f"-p {one.proto} -m {one.proto} --dport {one.port}"
                chains[name].append(
                    f"-A {name} -s {one.source.text(family)} -d {one.target.text(family)} {match} -j ACCEPT"
                )
        while sum(map(len, chains.values())) < count - len(lines):
            for number in range(self.networks):
                chains[names[number]].append(f"-A {names[number]} {self._rule(family, number)}")
        for name in names:
            body = chains[name][1:]
            self.draw.shuffle(body)
            chains[name][1:] = [*body, f"-A {name} -j RETURN"]
        heads = [
            ":INPUT DROP [0:0]",
            ":FORWARD DROP [0:0]",
            ":OUTPUT ACCEPT [0:0]",
            *(f":{name} - [0:0]" for name in names),
        ]
        own = [f"-A INPUT {STATEFUL}", "-A INPUT -i lo -j ACCEPT", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"]
        body = [*own, *lines, *(line for chain in chains.values() for line in chain)]
        tables = [_table(family, table, [f":{hook} ACCEPT [0:0]" for hook in hooks]) for table, hooks in OTHERS.items()]
        return "".join([*tables, _table(family, "filter", [*heads, *body])])

    def _rule(self, family: Family, network: int) -> str:
        draw = self.draw
        kind = draw.random()
        target = draw.choice(self.servers[network * SERVERS : (network + 1) * SERVERS]).text(family)
        action = "DROP" if draw.random() < 0.08 else "ACCEPT"
        proto = draw.choice(("tcp", "tcp", "tcp", "udp"))
        ports = f"-p {proto} -m {proto} --dport {self.port()}"
        if draw.random() < 0.1:
            few = ",".join(str(port) for port in sorted(draw.sample(PORTS, 3)))
            ports = f"-p {proto} -m multiport --dports {few}"
        if kind < 0.70:
            return f"-s {draw.choice(self.servers).text(family)} -d {target} {ports} -j {action}"
        if kind < 0.80:
            return f"-s {self.prefix(family, draw.randrange(self.networks))} -d {target} {ports} -j {action}"
        if kind < 0.84:
            source = self.prefix(family, draw.randrange(self.networks))
            return f"-s {source} -d {self.prefix(family, network)} {ports} -j {action}"
        if kind < 0.88:
            return f"-m set --match-set admin{family} src -d {target} {ports} -j {action}"
        if kind < 0.90:
            return f"-d {target} {ports} -j {action}"
        if kind < 0.92:
            return f"-s {draw.choice(self.servers).text(family)} -d {target} -j {action}"
        source = draw.choice(self.servers).text(family)
        return f"-s {source} -d {target} -i eth{draw.randrange(INTERFACES)} {ports} -j {action}"

    def host(self, server: Server, count: int, seed: int = 0) -> dict[str, str]:
        """A server's own dumps by name, with about `count` rules; another seed changes one rule in a hundred."""
        files = {f"rules.v{family}": self._own(server, family, count // 2, seed) for family in FAMILIES}
        held: list[dict[str, object]] = [
            {"family": KINDS[4], "local": server.text(4), "prefixlen": 24},
            {"family": KINDS[6], "local": server.text(6), "prefixlen": 64},
            {"family": KINDS[6], "local": f"fe80::{server.network}:{server.place + 1}", "prefixlen": 64},
        ]
        return {**files, "addr.json": json.dumps([{"ifname": "eth0", "addr_info": held}])}

    def _own(self, server: Server, family: Family, count: int, seed: int) -> str:
        draw = random.Random(f"{server.name}/{family}")  # noqa: S311 (data to measure with)
        heads = [":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", ":NEAR - [0:0]", ":FAR - [0:0]"]
        first = [f"-A INPUT {STATEFUL}", "-A INPUT -i lo -j ACCEPT"]
        first += [f"-A INPUT -s {self.prefix(family, server.network)} -j NEAR", "-A INPUT -j FAR"]
        body = [
            f"-A FAR -s {one.source.text(family)} -p {one.proto} -m {one.proto} --dport {one.port} -j ACCEPT"
            for one in self.wanted
            if one.target == server
        ]
        while len(body) < count:
            ports = f"-p tcp -m tcp --dport {draw.choice(PORTS)}"
            source = draw.choice(self.servers).text(family)
            if draw.random() < 0.2:
                source = self.prefix(family, draw.randrange(self.networks))
            action = "DROP" if draw.random() < 0.1 else "ACCEPT"
            body.append(f"-A {draw.choice(('NEAR', 'FAR', 'FAR'))} -s {source} {ports} -j {action}")
        draw.shuffle(body)
        for place in range(seed % 100, len(body), 100) if seed else ():
            body[place] = (
                f"-A FAR -s {draw.choice(self.servers).text(family)} -p tcp -m tcp --dport 4{seed:03} -j ACCEPT"
            )
        return _table(family, "filter", [*heads, *first, *body])

    def ipsets(self) -> str:
        """`ipset save`: the administrators' machines, in each family."""
        lines = []
        for family in FAMILIES:
            name = f"admin{family}"
            lines.append(
                f"create {name} hash:ip family {'inet' if family == 4 else 'inet6'} hashsize 1024 maxelem 65536"
            )
            lines += [f"add {name} {one.text(family)}" for one in self.servers[:: max(1, len(self.servers) // 12)]]
        return "".join(f"{line}\n" for line in lines)

    def interfaces(self) -> str:
        """`ip -j addr`: each interface stands in several networks, as their gateway."""
        held: dict[int, list[dict[str, object]]] = {number: [] for number in range(INTERFACES)}
        for network in range(self.networks):
            for family, kind in KINDS.items():
                length = int(self.prefix(family, network).partition("/")[2])
                local = to_text(family, BASE[family] + (network << BITS[family]) + 1)
                held[network % INTERFACES].append({"family": kind, "local": local, "prefixlen": length})
        held[INTERFACES] = [{"family": "inet", "local": "198.51.100.2", "prefixlen": 30}]
        return json.dumps([{"ifname": f"eth{number}", "addr_info": info} for number, info in held.items()])

    def routes(self) -> str:
        """`ip -j route show table all`: the connected networks, and what leads to everybody else."""
        found: list[dict[str, object]] = [{"dst": "default", "gateway": "198.51.100.1", "dev": f"eth{INTERFACES}"}]
        for network in range(self.networks):
            found += [{"dst": self.prefix(one, network), "dev": f"eth{network % INTERFACES}"} for one in FAMILIES]
        return json.dumps(found)


OTHERS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}


def _table(family: Family, name: str, lines: list[str]) -> str:
    when = "on Sat Nov 21 02:00:00 2026"
    head = f"# Generated by {TOOL[family]}-save v1.8.9 (nf_tables) {when}"
    return "\n".join([head, f"*{name}", *lines, "COMMIT", f"# Completed {when}", ""])


def written(folder: Path, site: Site) -> tuple[list[Path], Path]:
    """(the dumps, the register), written into a folder: half of the rules in each family."""
    half = site.rules // 2
    files = {
        "rules.v4": site.save(4, half),
        "rules.v6": site.save(6, half),
        "sets.ipset": site.ipsets(),
        "addr.json": site.interfaces(),
        "route.json": site.routes(),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "register.yaml").write_text(site.register())
    return [folder / name for name in files], folder / "register.yaml"
