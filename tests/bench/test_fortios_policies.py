"""Policies of a FortiOS device, drawn as values, written down, and asked packet by packet beside another reading.

What a policy matches is worked out here address by address from its values, by other means than the reader uses: the
first policy that matches decides, a translated destination is seen only by the policies that name it.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from compliance.traffic.addresses import to_text
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Evaluator
from evidence.host import read_host
from evidence.rules import Artefact

PACKETS = 50
INTERFACES = {"a": 0x0A000001, "b": 0x0A010001, "c": 0x0A020001}  # with networks of 16 bits
ZONES = {"z": ("b", "c")}
PORTED = {"tcp": 6, "udp": 17}


class Object(NamedTuple):
    """An address: a range, or what stands in both of value and mask."""

    low: int
    high: int
    mask: int = 0
    value: int = 0

    def holds(self, address: int) -> bool:
        return address & self.mask == self.value if self.mask else self.low <= address <= self.high


class Service(NamedTuple):
    """Protocol, destination ports, source ports."""

    proto: str
    dport: tuple[int, int]
    sport: tuple[int, int]


class Vip(NamedTuple):
    """An outer address and port, the inner ones behind interface b."""

    outer: int
    port: int
    inner: int
    inner_port: int


class Policy(NamedTuple):
    permits: bool
    src: tuple[str, ...]
    dst: tuple[str, ...]
    services: tuple[str, ...]
    come: str
    go: str
    negated: frozenset[str]
    vip: str = ""


class World(NamedTuple):
    objects: dict[str, Object]
    groups: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]  # members, and what is left out
    services: dict[str, Service]
    vips: dict[str, Vip]
    policies: list[Policy]


def drawn(dice: Random) -> World:
    objects = {f"o{number}": _object(dice) for number in range(6)}
    groups: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for number in range(3):
        names = [*objects, *groups]
        out = tuple(dice.sample(names, 1)) if dice.random() < 0.4 else ()
        groups[f"g{number}"] = tuple(dice.sample(names, dice.randint(1, 3))), out
    services = {f"s{number}": _service(dice) for number in range(4)}
    vips = {f"v{n}": Vip(0x0A000100 + n, 8000 + n, 0x0A010010 + n, dice.choice((22, 80))) for n in range(2)}
    policies = [
        _policy(dice, [*objects, *groups, "all", "all", "all"], list(services), list(vips))
        for _ in range(dice.randint(2, 9))
    ]
    return World(objects, groups, services, vips, policies)


def _object(dice: Random) -> Object:
    base = dice.choice((0x0A000000, 0x0A010000, 0x0A020000)) + dice.getrandbits(4)
    kind = dice.random()
    if kind < 0.3:
        return Object(base, base + dice.getrandbits(5))
    if kind < 0.5:
        mask = dice.choice((0xFFFFFF03, 0xFFFCFFF0, 0xFFFF3F0F))
        return Object(0, 0, mask, base & mask)
    bits = dice.choice((0, 3, 8, 16))
    return Object(base >> bits << bits, (base >> bits << bits) + (1 << bits) - 1)


def _service(dice: Random) -> Service:
    low = dice.choice((22, 53, 80))
    source = dice.choice(((0, 65535), (0, 65535), (1024, 2048)))
    return Service(dice.choice(("tcp", "udp")), (low, low + dice.choice((0, 1, 30))), source)


def _policy(dice: Random, names: list[str], services: list[str], vips: list[str]) -> Policy:
    def some() -> tuple[str, ...]:
        return tuple(dict.fromkeys(dice.choices(names, k=dice.randint(1, 3))))

    negated = frozenset(key for key in ("src", "dst", "service") if dice.random() < 0.15)
    vip = dice.choice(vips) if dice.random() < 0.25 else ""
    go = dice.choice(("a", "b", "z", "any", "any", "any"))
    come = dice.choice(("a", "z", "any", "any", "any"))
    named = tuple(dice.sample(services, dice.randint(1, 3)))
    left = negated - ({"dst"} if vip else set())
    return Policy(dice.random() < 0.6, some(), some(), named, come, go, left, vip)


def written(world: World) -> str:
    lines = ["config system interface"]
    for name, value in INTERFACES.items():
        lines += [f'edit "{name}"', f"set ip {to_text(4, value)} 255.255.0.0", "next"]
    lines += ["end", "config system zone", 'edit "z"', 'set interface "b" "c"', "next", "end"]
    lines.append("config firewall address")
    for name, one in world.objects.items():
        lines += [f'edit "{name}"', *_written(one), "next"]
    lines += ["end", "config firewall addrgrp"]
    for name, (members, out) in world.groups.items():
        lines += [f'edit "{name}"', f"set member {' '.join(members)}"]
        lines += ["set exclude enable", f"set exclude-member {' '.join(out)}"] if out else []
        lines.append("next")
    lines += ["end", "config firewall service custom"]
    for name, service in world.services.items():
        (low, high), (first, last) = service.dport, service.sport
        ports = f"{low}-{high}" + ("" if (first, last) == (0, 65535) else f":{first}-{last}")
        lines += [f'edit "{name}"', f"set {service.proto}-portrange {ports}", "next"]
    lines += ["end", "config firewall vip"]
    for name, vip in world.vips.items():
        lines += [f'edit "{name}"', f"set extip {to_text(4, vip.outer)}", 'set extintf "any"', "set portforward enable",
                  f'set mappedip "{to_text(4, vip.inner)}"', f"set extport {vip.port}",
                  f"set mappedport {vip.inner_port}", "next"]  # fmt: skip
    lines += ["end", "config firewall policy"]
    for number, one in enumerate(world.policies, start=1):
        dst = (one.vip,) if one.vip else one.dst
        lines += [f"edit {number}", f"set srcintf {one.come}", f"set dstintf {one.go}", "set match-vip disable"]
        lines += [f"set srcaddr {' '.join(one.src)}", f"set dstaddr {' '.join(dst)}"]
        lines += [f"set service {' '.join(one.services)}", f"set action {'accept' if one.permits else 'deny'}"]
        lines += [f"set {key if key == 'service' else f'{key}addr'}-negate enable" for key in sorted(one.negated)]
        lines.append("next")
    return "\n".join([*lines, "end", ""])


def _written(one: Object) -> list[str]:
    if one.mask:
        return ["set type wildcard", f"set wildcard {to_text(4, one.value)} {to_text(4, one.mask)}"]
    size = one.high - one.low + 1
    if size & (size - 1) == 0 and one.low % size == 0:
        return [f"set subnet {to_text(4, one.low)} {to_text(4, 0x100000000 - size)}"]
    return ["set type iprange", f"set start-ip {to_text(4, one.low)}", f"set end-ip {to_text(4, one.high)}"]


def _held(world: World, name: str, address: int) -> bool:
    if name == "all":
        return True
    if name in world.objects:
        return world.objects[name].holds(address)
    members, out = world.groups[name]
    return any(_held(world, one, address) for one in members) and not any(_held(world, one, address) for one in out)


def _meets(world: World, one: Policy, packet: Witness, dport: int) -> bool:
    src = any(_held(world, name, packet.src) for name in one.src) != ("src" in one.negated)
    service = False
    for name in one.services:
        said = world.services[name]
        ports = said.dport[0] <= dport <= said.dport[1] and said.sport[0] <= packet.sport <= said.sport[1]
        service = service or (packet.proto == PORTED[said.proto] and ports)
    return src and service != ("service" in one.negated)


def _of(names: str) -> tuple[str, ...]:
    return tuple(INTERFACES) if names == "any" else ZONES.get(names, (names,))


def decided(world: World, packet: Witness) -> str:
    """What becomes of a packet, by the first policy that matches."""
    come = next(name for name, value in INTERFACES.items() if packet.src >> 16 == value >> 16)
    used = {one.vip for one in world.policies}
    vip = next((name for name, one in world.vips.items() if name in used and packet.proto == 6
                and (packet.dst, packet.dport) == (one.outer, one.port)), "")  # fmt: skip
    target = world.vips[vip].inner if vip else packet.dst
    dport = world.vips[vip].inner_port if vip else packet.dport
    go = next(name for name, value in INTERFACES.items() if target >> 16 == value >> 16)
    for one in world.policies:
        if come not in _of(one.come) or go not in _of(one.go) or one.vip != vip:
            continue
        dst = bool(vip) or any(_held(world, name, packet.dst) for name in one.dst) != ("dst" in one.negated)
        if dst and _meets(world, one, packet, dport):
            return "permit" if one.permits else "deny"
    return "deny"


def packets(dice: Random, world: World) -> list[Witness]:
    """Near the corners of the objects, and to the outer addresses."""
    values = [value for one in world.objects.values() for value in (one.low, one.high, one.value) if value]
    found = []
    for _ in range(PACKETS):
        ends = [dice.choice(values) + dice.choice((-1, 0, 0, 1)) for _ in "ab"]
        proto, sport = dice.choice((6, 6, 17)), dice.choice((1, 1023, 1024, 2048, 2049))
        dport = dice.choice((21, 22, 23, 53, 54, 80, 81, 110, 111))
        if dice.random() < 0.25:
            vip = dice.choice(list(world.vips.values()))
            ends[1], dport = vip.outer, dice.choice((vip.port, vip.port, vip.inner_port))
        if all(end >> 16 in {value >> 16 for value in INTERFACES.values()} for end in ends):
            found.append(Witness(4, ends[0], ends[1], proto, sport, dport, None, None))
    return found


def test_every_packet_is_decided_by_the_first_policy_that_matches() -> None:
    asked = permitted = translated = 0
    for number in range(50):
        dice = Random(f"policies/{number}")
        world = drawn(dice)
        reading = read_host([Artefact("fw", written(world).encode())])
        assert reading.unread == ()
        evaluator = Evaluator(reading, "FORWARD")
        for packet in packets(dice, world):
            wanted = decided(world, packet)
            found = evaluator.decide(packet)
            assert found.decision == wanted, (number, packet, found, written(world))
            asked, permitted = asked + 1, permitted + (wanted == "permit")
            translated += wanted == "permit" and packet.dport >= 8000
    assert asked > 1500
    assert permitted > asked // 20
    assert translated > 10
