"""`eastwest packet` at 5,000 rules: decisions a second of one core, from a CSV file to the JSON.

The rules are those of a firewall between many small networks: a chain for each group of services, ports and /24s, and
few lines for what every network may do. All is drawn from a fixed seed.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.figures import Figure, seconds
from evidence import cli

RULES, PACKETS, GOAL = 5_000, 100_000, 50_000
CHAINS = 40
PORTS = (
    22, 25, 53, 80, 88, 123, 135, 389, 443, 445, 514, 636, 1433, 1521, 3306, 3389, 5432, 5672, 6379, 8080, 8443, 9200,
)  # fmt: skip


def figures() -> Iterator[Figure]:
    """One figure: reading the packets, judging them and writing the answers; the time to read the rules is beside."""
    dice = Random("eastwest packet")  # noqa: S311
    with tempfile.TemporaryDirectory(prefix="eastwest-bench-") as folder:
        rules, packets, none = (Path(folder, name) for name in ("rules.v4", "packets.csv", "none.csv"))
        rules.write_text(ruleset(dice, RULES))
        lines = list(flows(dice, PACKETS))
        packets.write_text("".join(["src,dst,proto,sport,dport,in,out\n", *lines]))
        none.write_text("src,dst,proto,sport,dport,in,out\n")
        start = seconds(lambda: _run(rules, none), best_of=2)
        whole = seconds(lambda: _run(rules, packets), best_of=2)
    yield Figure(
        "eastwest packet, decisions a second", PACKETS / (whole - start), "1/s", goal=GOAL, sense="at least",
        beside={"rules": RULES, "packets": PACKETS, "reading the rules, s": round(start, 2)},
    )  # fmt: skip


def _run(rules: Path, packets: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        cli.main(["packet", "--json", "--point", "FORWARD", "--rules", str(rules), "--packets", str(packets)])


def ruleset(dice: Random, count: int) -> str:
    """The text of iptables-save with about `count` rules."""
    names = [f"NET{number:02}" for number in range(CHAINS)]
    heads = "".join(f":{name} - [0:0]\n" for name in names)
    lines = ["-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"]
    lines += [f"-A FORWARD -d 10.{number}.0.0/16 -j {name}\n" for number, name in enumerate(names)]
    each = (count - len(lines)) // CHAINS
    for number, name in enumerate(names):
        lines += [f"-A {name} {_rule(dice, number)}\n" for _ in range(each - 1)]
        lines.append(f"-A {name} -j RETURN\n")
    body = "".join(lines)
    return f"*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n{heads}{body}COMMIT\n"


def _rule(dice: Random, number: int) -> str:
    source = f"-s {_network(dice, dice.randrange(CHAINS))} " if dice.random() < 0.9 else ""
    proto = dice.choice(("tcp", "tcp", "tcp", "udp"))
    ports = f"-p {proto} -m {proto} --dport {dice.choice(PORTS)}"
    if dice.random() < 0.2:
        ports = f"-p {proto} -m multiport --dports {','.join(map(str, sorted(dice.sample(PORTS, 3))))}"
    return f"{source}-d {_network(dice, number)} {ports} -j {'DROP' if dice.random() < 0.1 else 'ACCEPT'}"


def _network(dice: Random, number: int) -> str:
    third = dice.randrange(256)
    return f"10.{number}.{third}.0/24" if dice.random() < 0.8 else f"10.{number}.{third}.{dice.randint(1, 254)}/32"


def flows(dice: Random, count: int) -> Iterator[str]:
    """Lines of the CSV file: mostly between the networks, to ports the rules speak of."""
    for _ in range(count):
        src, dst = (f"10.{dice.randrange(CHAINS)}.{dice.randrange(256)}.{dice.randint(1, 254)}" for _ in range(2))
        port = dice.choice(PORTS) if dice.random() < 0.8 else dice.randrange(1, 65536)
        yield f"{src},{dst},{dice.choice(('tcp', 'tcp', 'udp'))},{dice.randrange(1024, 65536)},{port},,\n"
