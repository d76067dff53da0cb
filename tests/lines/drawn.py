"""Access lists from a seed in the words of IOS, NX-OS, IOS XR, ASA and Junos, with lines planted that nothing reaches.

Planted are lines within one earlier line, lines that several earlier ones cover together or all but one port or address
of, and lines nothing matches.
"""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass, replace
from typing import NamedTuple

DIALECTS = ("ios", "numbered", "nxos", "xr", "asa", "ios6", "xr6", "junos", "junos6")
TOP_PORT = 65535
MOST_RANGES = 128  # of one wildcard: of those that are too many Eastwest says that it is not sure
ICMP_TYPES = ((0, None), (3, None), (3, 1), (3, 4), (8, None), (11, 0), (13, None))
NUMBERS = (2, 47, 50, 51, 88, 89, 103)


class Ports(NamedTuple):
    """A comparison of ports; `operator` "" = every port."""

    operator: str = ""
    values: tuple[int, ...] = ()


ALL_PORTS = Ports()


@dataclass(frozen=True)
class Drawn:
    """One line. Addresses are (value, free bits); `kind`: type and code of ICMP."""

    permit: bool
    proto: int  # -1: every one
    src: tuple[int, int]
    dst: tuple[int, int]
    sport: Ports = ALL_PORTS
    dport: Ports = ALL_PORTS
    kind: tuple[int, int | None] | None = None
    answers: bool = False


class Made(NamedTuple):
    """A configuration with one list, and the numbers of the file's lines that were planted as unreachable."""

    text: str
    planted: set[int]


def made(seed: str, length: int = 24) -> Made:
    """A list and its text; the same for the same seed."""
    chance = random.Random(seed)
    dialect = chance.choice(DIALECTS)
    holes = dialect not in {"asa", *OF_SIX, *JUNOS}
    lines: list[Drawn] = []
    planted = set[int]()
    while len(lines) < length:
        which = chance.random()
        if which < 0.15 and lines:
            lines.append(_within(chance.choice(lines), chance, holes=holes))
            planted.add(len(lines) - 1)
        elif which < 0.3:
            parts, whole = _parted(chance, holes=holes)
            lines += parts
            for one in chance.sample(range(3), chance.randrange(3)):  # others come in between
                lines.append(_any(chance, holes=holes) if one else _any(chance, holes=False))
            planted.add(len(lines))
            lines.append(whole)
        elif which < 0.4:
            lines += _almost(chance, holes=holes)
        elif which < 0.45:
            lines.append(_nothing(chance, holes=holes))
        else:
            lines.append(_any(chance, holes=holes))
    if chance.random() < 0.5:
        lines.append(Drawn(chance.random() < 0.5, -1, EVERYBODY, EVERYBODY))
    head = HEADS[dialect]
    body = [_written(line, dialect, number) for number, line in enumerate(lines)]
    text = "\n".join([*head, *body, *TAILS[dialect], ""])
    return Made(text, {len(head) + 1 + number for number in planted})


EVERYBODY = (0, (1 << 32) - 1)
OF_SIX = {"ios6", "xr6", "junos6"}
JUNOS = {"junos", "junos6"}
BEFORE = 0x20010DB8 << 96  # an address of IPv6 is one of IPv4 behind this
HEADS = {
    "ios": ("version 15.2", "hostname drawn", "ip access-list extended DRAWN"),
    "numbered": ("version 15.2", "hostname drawn"),
    "nxos": ("version 9.3(5)", "hostname drawn", "feature nxapi", "ip access-list DRAWN"),
    "xr": ("!! IOS XR Configuration 6.5.1", "hostname drawn", "ipv4 access-list DRAWN"),
    "asa": ("ASA Version 8.4(2)", "hostname drawn"),
    "ios6": ("version 15.2", "hostname drawn", "ipv6 access-list DRAWN"),
    "xr6": ("!! IOS XR Configuration 6.5.1", "hostname drawn", "ipv6 access-list DRAWN"),
    "junos": ("system { host-name drawn; }", "firewall {", " family inet {", "  filter DRAWN {"),
    "junos6": ("system { host-name drawn; }", "firewall {", " family inet6 {", "  filter DRAWN {"),
}
TAILS = {
    "ios": ("end",), "numbered": ("end",), "nxos": ("interface Vlan1",), "xr": ("!", "end"), "asa": (": end",),
    "ios6": ("end",), "xr6": ("!", "end"), "junos": ("  }", " }", "}"), "junos6": ("  }", " }", "}"),
}  # fmt: skip


# --- Drawing -----------------------------------------------------------------------------------------------------


def _address(chance: random.Random, *, holes: bool) -> tuple[int, int]:
    which = chance.random()
    if which < 0.2:
        return EVERYBODY
    value = 10 << 24 | chance.randrange(4) << 16 | chance.randrange(4) << 8 | chance.randrange(256)
    free = (1 << chance.choice((0, 0, 2, 5, 8, 8, 16, 24))) - 1
    if holes and which > 0.85:
        free = chance.choice((0x00003F00, 0x0000007E, 0x007E0000, 0x00010100, 0x000003FC, 0x55))
    return value & ~free, free


def _ports(chance: random.Random) -> Ports:
    operator = chance.choice(("", "", "", "eq", "eq", "range", "gt", "lt", "neq"))
    one, two = sorted((chance.randrange(1, 40), chance.randrange(1, 40)))
    if not operator:
        return ALL_PORTS
    return Ports(operator, (one, two) if operator == "range" else (one,))


def _any(chance: random.Random, *, holes: bool) -> Drawn:
    proto = chance.choice((-1, 6, 6, 6, 17, 17, 1, chance.choice(NUMBERS)))
    src, dst = _address(chance, holes=holes), _address(chance, holes=holes)
    line = Drawn(chance.random() < 0.6, proto, src, dst)
    if proto in {6, 17}:
        line = replace(line, sport=_ports(chance) if chance.random() < 0.3 else ALL_PORTS, dport=_ports(chance))
    if proto == 1 and chance.random() < 0.6:
        line = replace(line, kind=chance.choice(ICMP_TYPES))
    return replace(line, answers=proto == 6 and holes and chance.random() < 0.1)


def _within(line: Drawn, chance: random.Random, *, holes: bool) -> Drawn:
    """A line that the given one holds."""
    src, dst = _narrower(line.src, chance, holes=holes), _narrower(line.dst, chance, holes=holes)
    found = replace(line, permit=chance.random() < 0.5, src=src, dst=dst)
    if line.proto == -1 and chance.random() < 0.7:
        found = replace(found, proto=6, dport=_ports(chance))
    if line.proto in {6, 17} and not line.dport.operator:
        found = replace(found, dport=_ports(chance))
    if line.dport.operator == "range":
        found = replace(found, dport=Ports("eq", (chance.randint(*line.dport.values),)))
    if line.proto == 1 and line.kind is None:
        found = replace(found, kind=chance.choice(ICMP_TYPES))
    return found


def _narrower(address: tuple[int, int], chance: random.Random, *, holes: bool) -> tuple[int, int]:
    value, free = address
    if chance.random() < 0.4 or not free:
        return address
    fixed = free & ~((1 << chance.randrange(free.bit_length())) - 1)  # the highest free bits alone
    scattered = free & chance.getrandbits(32)
    if holes and _ranges(free & ~scattered) <= MOST_RANGES:
        fixed = scattered
    return value | chance.getrandbits(32) & fixed, free & ~fixed


def _ranges(free: int) -> int:
    """How many ranges of addresses a wildcard stands for."""
    tail = (~free & (free + 1)).bit_length() - 1
    return 1 << (free >> tail).bit_count()


def _parted(chance: random.Random, *, holes: bool) -> tuple[list[Drawn], Drawn]:
    """Lines that cover another one together, none of them alone, and that one."""
    whole = replace(_any(chance, holes=holes), answers=False)
    which = chance.randrange(3)
    if not holes and whole.src == EVERYBODY:  # of IPv6 these are more than the addresses drawn here
        whole = replace(whole, src=(0, EVERYBODY[1] >> 1))
    if which == 0 and whole.src[1]:
        value, free = whole.src
        bits = [1 << place for place in range(32) if free >> place & 1]
        bit = chance.choice([one for one in bits if _ranges(free & ~one) <= MOST_RANGES]) if holes else bits[-1]
        halves = [(value, free & ~bit), (value | bit, free & ~bit)]
        parts = [replace(whole, src=half) for half in halves]
    elif which == 1 and whole.proto in {6, 17}:
        whole = replace(whole, dport=Ports("range", (5, 30)))
        cut = chance.randrange(6, 30)
        parts = [replace(whole, dport=Ports("lt", (cut,))), replace(whole, dport=Ports("gt", (cut - 1,)))]
    elif which == 2 and whole.proto in {6, 17}:
        whole, port = replace(whole, dport=ALL_PORTS), chance.randrange(1, 40)
        parts = [replace(whole, dport=Ports("eq", (port,))), replace(whole, dport=Ports("neq", (port,)))]
    else:
        parts = [replace(whole, proto=-1, sport=ALL_PORTS, dport=ALL_PORTS, kind=None)]
    chance.shuffle(parts)
    return [replace(part, permit=chance.random() < 0.5) for part in parts], whole


def _almost(chance: random.Random, *, holes: bool) -> list[Drawn]:
    """Lines that cover the last of them but for one port, one address, or the first packets."""
    whole = replace(_any(chance, holes=False), proto=6, kind=None, answers=False, dport=ALL_PORTS, dst=EVERYBODY)
    port, which = chance.randrange(2, 40), chance.randrange(3)
    if which == 0:
        parts = [replace(whole, dport=Ports("lt", (port,))), replace(whole, dport=Ports("gt", (port,)))]
    elif which == 1 and holes:
        parts = [replace(whole, answers=True)]
    else:
        parts = [replace(whole, dst=(1 << place, (1 << place) - 1)) for place in range(32)][-8:]
    return [replace(part, permit=chance.random() < 0.5) for part in parts] + [whole]


def _nothing(chance: random.Random, *, holes: bool) -> Drawn:
    line = replace(_any(chance, holes=holes), proto=6, kind=None, answers=False)
    return replace(line, dport=chance.choice((Ports("lt", (0,)), Ports("gt", (TOP_PORT,)))))


# --- Writing -----------------------------------------------------------------------------------------------------


def _written(line: Drawn, dialect: str, number: int) -> str:
    if dialect in JUNOS:
        return _term(line, number, six=dialect in OF_SIX)
    words = [
        "permit" if line.permit else "deny",
        _protocol(line.proto, dialect),
        *_side(line.src, dialect),
        *map(str, (line.sport.operator, *line.sport.values)),
        *_side(line.dst, dialect),
        *map(str, (line.dport.operator, *line.dport.values)),
    ]
    if line.kind is not None:
        words += [str(one) for one in line.kind if one is not None]
    if line.answers:
        words.append("established")
    heads = {"numbered": "access-list 150", "asa": "access-list DRAWN extended"}
    head = heads.get(dialect, f" {'sequence ' if dialect == 'ios6' else ''}{(number + 1) * 10}")
    return " ".join([head, *(word for word in words if word)])


def _term(line: Drawn, number: int, *, six: bool) -> str:
    asked = []
    if line.proto != -1:
        names = {1: "icmp6" if six else "icmp", 6: "tcp", 17: "udp"}
        asked.append(f"{'next-header' if six else 'protocol'} {names.get(line.proto, line.proto)}")
    for side, address in (("source", line.src), ("destination", line.dst)):
        if address != EVERYBODY:
            asked.append(f"{side}-address {_prefix(address, six=six)}")
    for side, ports in (("source", line.sport), ("destination", line.dport)):
        asked += [f"{side}-{words}" for words in _ports_of_junos(ports)]
    if line.kind is not None:
        kind, code = line.kind
        asked += [f"icmp-type {kind}"] + [f"icmp-code {code}"] * (code is not None)
    said = f"from {{ {'; '.join(asked)}; }} " if asked else ""
    return f"   term t{number} {{ {said}then {'accept' if line.permit else 'discard'}; }}"


def _ports_of_junos(ports: Ports) -> tuple[str, ...]:
    if not ports.operator:
        return ()
    low, high = ports.values[0], ports.values[-1]
    if ports.operator == "neq":
        return (f"port-except {low}",)
    if ports.operator in {"lt", "gt"}:
        low, high = (0, low - 1) if ports.operator == "lt" else (low + 1, TOP_PORT)
    if low > high:  # nothing is both
        return (f"port 0-{TOP_PORT}", f"port-except 0-{TOP_PORT}")
    return (f"port {low}-{high}" if low < high else f"port {low}",)


def _prefix(address: tuple[int, int], *, six: bool) -> str:
    value, free = address
    text = str(ipaddress.IPv6Address(BEFORE | value)) if six else _dotted(value)
    return f"{text}/{(128 if six else 32) - free.bit_length()}"


def _protocol(proto: int, dialect: str) -> str:
    every = "ipv6" if dialect in OF_SIX else "ipv4" if dialect == "xr" else "ip"
    names = {-1: every, 1: "icmp", 6: "tcp", 17: "udp"}
    return names.get(proto, str(proto))


def _side(address: tuple[int, int], dialect: str) -> tuple[str, ...]:
    value, free = address
    if address == EVERYBODY:
        return ("any",)
    if dialect in OF_SIX:
        text = str(ipaddress.IPv6Address(BEFORE | value))
        return (f"{text}/{128 - free.bit_length()}",) if free else ("host", text)
    if not free:
        return "host", _dotted(value)
    if dialect in {"nxos", "xr"} and not free & (free + 1) and value & 0x0100:  # either way is written
        return (f"{_dotted(value)}/{32 - free.bit_length()}",)
    return _dotted(value), _dotted(free ^ EVERYBODY[1] if dialect == "asa" else free)


def _dotted(value: int) -> str:
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))
