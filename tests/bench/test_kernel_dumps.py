"""Rules that this machine's kernel has taken, dumped by its own tools and read back: every line is understood.

Needs root (or CAP_NET_ADMIN) for a network namespace of its own; without it the test says so and is skipped.
"""

from __future__ import annotations

import shutil
import subprocess

import pytest

from compliance.traffic import addresses
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import decide
from evidence.host import read_host
from evidence.rules import Artefact, Reading

pytestmark = pytest.mark.kernel
TOOLS = ("unshare", "iptables-restore", "ip6tables-restore", "iptables-legacy", "nft", "ip")
COMMANDS = {
    "nft.json": "nft -j list ruleset",
    "v4": "iptables-save -c",
    "v6": "ip6tables-save",
    "legacy": "iptables-legacy-save",
    "legacy6": "ip6tables-legacy-save",
    "addr": "ip -j addr",
    "route": "ip -j route show table all",
}
V4 = """*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -s 10.66.0.0/16 -j DROP
COMMIT
*mangle
:FORWARD ACCEPT [0:0]
-A FORWARD -p tcp --syn -j MARK --set-mark 7
-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i wan0 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.5:8080
-A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353
-A POSTROUTING -o wan+ -j MASQUERADE
-A POSTROUTING -s 10.0.0.0/24 -j SNAT --to-source 192.0.2.1-192.0.2.4
COMMIT
*filter
:INPUT DROP [0:0]
:WEB - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 10.1.0.0/16 -p tcp -m multiport --dports 22,80:90 -m comment --comment "CHG-1: \\"web\\" -j DROP" -j WEB
-A INPUT ! -s 10.2.0.0/16 -p udp --dport 123 -j ACCEPT
-A INPUT -p icmp --icmp-type host-unreachable -j ACCEPT
-A INPUT -m iprange --src-range 10.3.0.1-10.3.0.9 -p tcp ! --dport 1:1023 -j ACCEPT
-A INPUT -m limit --limit 5/min -j LOG --log-prefix "dropped: "
-A WEB -s 10.1.9.9 -j RETURN
-A WEB -p tcp --dport 22 -g WEB2
-A WEB -j ACCEPT
COMMIT
""".replace(":WEB - [0:0]\n", ":WEB - [0:0]\n:WEB2 - [0:0]\n")
V6 = """*filter
:INPUT DROP [0:0]
-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type neighbour-solicitation -j ACCEPT
-A INPUT -s 2001:db8:1::/48 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
"""
NFT = """table inet site {
  set adm { type ipv4_addr; flags interval; elements = { 10.1.1.0/28, 10.1.1.20-10.1.1.127 } }
  set trip { type ipv4_addr . inet_proto . inet_service; flags interval; elements = { 10.1.0.0/16 . udp . 2049 } }
  map nets { type ipv4_addr : verdict; flags interval; elements = { 10.9.0.0/24 : jump web, 10.8.0.0/16 : drop } }
  chain web { tcp dport { 80, 443 } accept comment "CHG-2"; }
  chain in { type filter hook input priority 10; policy accept;
    ct state vmap { established : accept, related : accept, invalid : drop }
    ip saddr 10.1.200.0/24 tcp dport 80 drop
    ip saddr . meta l4proto . th dport @trip accept
    icmpv6 type { nd-neighbor-solicit, nd-router-advert } accept
  }
  chain pass { type filter hook forward priority filter; policy drop;
    iifname "wan*" oifname != "lan0" drop
    ip saddr @adm tcp dport != { 1-1023 } accept
    tcp flags & (fin|syn|rst|ack) == syn ct state new meta l4proto tcp counter log prefix "new " continue
    ip daddr vmap @nets
  }
}
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reading, list[Artefact]]:
    """A network namespace with rules of every tool, dumped and read."""
    missing = [tool for tool in TOOLS if shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin") is None]
    if missing:
        pytest.skip(f"not installed here: {', '.join(missing)}")
    allowed = subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True, text=True)
    if allowed.returncode:
        pytest.skip(f"no network namespace without root or CAP_NET_ADMIN: {allowed.stderr.strip()}")
    place = tmp_path_factory.mktemp("kernel")
    for name, text in (("v4.in", V4), ("v6.in", V6), ("nft.in", NFT)):
        (place / name).write_text(text)
    script = ["set -e", "ip link set lo up", "ip addr add 10.9.0.1/24 dev lo", "nft -f nft.in"]
    script += ["iptables-restore v4.in", "ip6tables-restore v6.in", "iptables-legacy -A INPUT -s 10.77.0.0/16 -j DROP"]
    script += [f"{command} > {name}" for name, command in COMMANDS.items()]
    ran = subprocess.run(
        ["unshare", "-n", "sh", "-c", "\n".join(script)], cwd=place, check=False, capture_output=True, text=True,
        env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    dumps = [Artefact(name, (place / name).read_bytes(), command) for name, command in COMMANDS.items()]
    return read_host(dumps), dumps


def test_every_line_is_understood(host: tuple[Reading, list[Artefact]]) -> None:
    reading, dumps = host
    assert reading.unread == ()
    assert {name: lines.unread for name, lines in reading.lines.items()} == {dump.name: 0 for dump in dumps}
    assert sum(lines.consumed for lines in reading.lines.values()) > 100
    assert reading.families == {4, 6}
    names = {chain.name for chain in reading.chains}
    assert {"iptables:filter/INPUT", "iptables-legacy:filter/INPUT", "nft:inet/site/in"} <= names
    assert "nft:ip/filter/INPUT" not in names  # taken once, from iptables-save
    assert {table: rules for table, rules in _residue(reading).items() if rules} == {"iptables:filter/INPUT": 1}


def _residue(reading: Reading) -> dict[str, int]:
    return {chain.name: sum(1 for rule in chain.rules if rule.residue) for chain in reading.chains}


@pytest.mark.parametrize(
    ("source", "proto", "port", "decision", "rule"),
    [
        ("10.1.0.1", 6, 80, "permit", "iptables:filter/WEB#3"),
        ("10.1.200.1", 6, 80, "deny", "nft:inet/site/in"),
        ("10.1.9.9", 6, 80, "deny", "iptables:filter/INPUT#policy"),
        ("10.66.0.1", 6, 80, "deny", "iptables:raw/PREROUTING#1"),
        ("10.77.0.1", 17, 123, "deny", "iptables-legacy:filter/INPUT#1"),
        ("10.2.0.1", 17, 123, "deny", "iptables:filter/INPUT#policy"),
        ("10.3.0.9", 6, 1024, "permit", "iptables:filter/INPUT#6"),
        ("10.3.0.9", 6, 1023, "deny", "iptables:filter/INPUT#policy"),
    ],
)
def test_the_decisions_are_those_of_all_tools_together(
    host: tuple[Reading, list[Artefact]], source: str, proto: int, port: int, decision: str, rule: str
) -> None:
    probe = Witness(4, addresses.parse_host(source)[1], addresses.parse_host("10.9.0.1")[1], proto, 40000, port, "eth0")
    found = decide(host[0], "INPUT", probe)
    assert found.decision == decision
    assert found.rule.startswith(rule)
