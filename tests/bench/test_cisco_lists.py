"""Lists of Cisco devices, drawn as values, written down, and asked packet by packet beside a reading of their own.

What an entry matches is worked out here bit by bit from its values, by other means than the readers use.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

import pytest

from compliance.traffic.addresses import to_text
from compliance.traffic.witness import Witness
from evidence.formats import table
from evidence.formats.evaluate import Evaluator
from evidence.host import read_host
from evidence.rules import Artefact, FormatError

PROTOCOLS = {"ip": None, "tcp": 6, "udp": 17, "icmp": 1, "esp": 50}
PACKETS = 60


class Place(NamedTuple):
    """Addresses whose bits outside `free` are those of `value`; a `group` is several."""

    value: int
    free: int
    group: str = ""


class Entry(NamedTuple):
    """An entry as values. `ports`: operator and numbers of the source, then of the destination."""

    permits: bool
    proto: str
    src: Place
    dst: Place
    ports: tuple[tuple[str, tuple[int, ...]], tuple[str, tuple[int, ...]]]
    answers: bool = False


GROUPS: dict[str, tuple[Place, ...]] = {
    "ONE": (Place(0x0A000001, 0), Place(0x0A000400, 0xFF)),
    "TWO": (Place(0x0A010000, 0xFFFF),),
}
NESTED = {"BOTH": ("ONE", "TWO")}


def drawn(dice: Random) -> list[Entry]:
    found = []
    for _ in range(dice.randint(2, 14)):
        proto = dice.choice(tuple(PROTOCOLS))
        ports = (_ports(dice), _ports(dice)) if proto in {"tcp", "udp"} else (("", ()), ("", ()))
        answers = proto == "tcp" and dice.random() < 0.1
        found.append(Entry(dice.random() < 0.6, proto, _place(dice), _place(dice), ports, answers))
    return found


def _place(dice: Random) -> Place:
    kind = dice.random()
    if kind < 0.25:
        return Place(0, 0xFFFFFFFF)
    if kind < 0.45:
        return Place(0, 0, dice.choice(("ONE", "TWO", "BOTH")))
    value = 0x0A000000 | dice.getrandbits(2) << 16 | dice.getrandbits(3) << 8 | dice.getrandbits(3)
    return Place(value, dice.choice((0, 0, 7, 0xFF, 0xFFFF, 0x00000F00, 0x00000105, 0x00010300)))


def _ports(dice: Random) -> tuple[str, tuple[int, ...]]:
    operator = dice.choice(("", "", "eq", "neq", "lt", "gt", "range"))
    values = tuple(sorted(dice.choice((1, 22, 23, 80, 443, 65534)) for _ in range(2)))
    return operator, () if not operator else values if operator == "range" else values[:1]


def matches(entry: Entry, packet: Witness) -> bool:
    number = PROTOCOLS[entry.proto]
    return (
        not entry.answers
        and number in {None, packet.proto}
        and _inside(entry.src, packet.src)
        and _inside(entry.dst, packet.dst)
        and _at(entry.ports[0], packet.sport)
        and _at(entry.ports[1], packet.dport)
    )


def _inside(place: Place, value: int) -> bool:
    if place.group:
        names = NESTED.get(place.group, (place.group,))
        return any(_inside(one, value) for name in names for one in GROUPS[name])
    return (place.value ^ value) & ~place.free & 0xFFFFFFFF == 0


def _at(asked: tuple[str, tuple[int, ...]], port: int) -> bool:
    operator, values = asked
    tests = {"": True, "eq": port in values, "neq": port not in values}
    if operator in tests:
        return tests[operator]
    if operator == "range":
        return values[0] <= port <= values[1]
    return port < values[0] if operator == "lt" else port > values[0]


def _side(place: Place, *, wildcard: bool) -> str:
    if place.group:
        return f"object-group {place.group}"
    if place.free == 0xFFFFFFFF:
        return "any"
    if place.free == 0:
        return f"host {to_text(4, place.value)}"
    mask = place.free if wildcard else place.free ^ 0xFFFFFFFF
    return f"{to_text(4, place.value)} {to_text(4, mask)}"


def _entry(entry: Entry, *, wildcard: bool) -> str:
    ports = [" ".join([operator, *map(str, values)]) for operator, values in entry.ports]
    words = ["permit" if entry.permits else "deny", entry.proto, _side(entry.src, wildcard=wildcard), ports[0]]
    words += [_side(entry.dst, wildcard=wildcard), ports[1], "established" if entry.answers else ""]
    return " ".join(word for word in words if word)


def ios(listed: list[Entry]) -> str:
    lines = []
    for name, places in GROUPS.items():
        lines.append(f"object-group network {name}")
        lines += [f" {to_text(4, one.value)} {to_text(4, one.free ^ 0xFFFFFFFF)}" for one in places]
    for name, inner in NESTED.items():
        lines += [f"object-group network {name}", *(f" group-object {one}" for one in inner)]
    return "\n".join([*lines, "ip access-list extended L", *(f" {_entry(one, wildcard=True)}" for one in listed), ""])


def asa(listed: list[Entry]) -> str:
    lines = ["ASA Version 9.8(1)"]
    for name, places in GROUPS.items():
        lines.append(f"object-group network {name}")
        lines += [f" network-object {to_text(4, one.value)} {to_text(4, one.free ^ 0xFFFFFFFF)}" for one in places]
    for name, inner in NESTED.items():
        lines += [f"object-group network {name}", *(f" group-object {one}" for one in inner)]
    rest = [one for one in listed if not one.answers]  # ASA keeps connections and has no such word
    return "\n".join([*lines, *(f"access-list L extended {_entry(one, wildcard=False)}" for one in rest), ""])


def nxos(listed: list[Entry]) -> str:
    lines = ["feature interface-vlan"]
    for name, places in _groups().items():
        lines.append(f"object-group ip address {name}")
        lines += [f"  {at}0 {to_text(4, one.value)} {to_text(4, one.free)}" for at, one in enumerate(places, start=1)]
    entries = [_entry(one, wildcard=True).replace("object-group", "addrgroup") for one in listed]
    return "\n".join([*lines, "ip access-list L", "  statistics per-entry", *(f"  {one}" for one in entries), ""])


def xr(listed: list[Entry]) -> str:
    lines = ["!! IOS XR Configuration 6.5.3"]
    for name, places in GROUPS.items():
        lines.append(f"object-group network ipv4 {name}")
        lines += [f" {to_text(4, one.value)} {to_text(4, one.free ^ 0xFFFFFFFF)}" for one in places]
    for name, inner in NESTED.items():
        lines += [f"object-group network ipv4 {name}", *(f" object-group {one}" for one in inner)]
    entries = [_entry(one, wildcard=True).replace("object-group", "net-group") for one in listed]
    entries = [one.replace(" ip ", " ipv4 ") for one in entries]
    return "\n".join([*lines, "ipv4 access-list L", *(f" {one}" for one in entries), "end", ""])


def _groups() -> dict[str, tuple[Place, ...]]:
    """The groups with those in one another spelt out: NX-OS has none within another."""
    return {**GROUPS, **{name: tuple(one for each in inner for one in GROUPS[each]) for name, inner in NESTED.items()}}


def packets(dice: Random, listed: list[Entry]) -> list[Witness]:
    """Corners of the entries, their neighbours, and others."""
    found = []
    for _ in range(PACKETS):
        near = dice.choice(listed)
        ends = [_of(dice, near.src), _of(dice, near.dst)]
        number = PROTOCOLS[near.proto] or dice.choice((1, 6, 17, 47))
        ports = [dice.choice((1, 2, 21, 22, 23, 24, 80, 443, 65535, 65534)) if number in {6, 17} else 0 for _ in "ab"]
        found.append(Witness(4, ends[0], ends[1], number, ports[0], ports[1], None, None))
    return found


def _of(dice: Random, place: Place) -> int:
    if place.group:
        place = dice.choice(GROUPS[dice.choice(NESTED.get(place.group, (place.group,)))])
    value = (place.value & ~place.free) | (dice.getrandbits(32) & place.free)
    return (value ^ (1 << dice.randrange(20)) if dice.random() < 0.3 else value) & 0xFFFFFFFF


@pytest.mark.parametrize("write", [ios, asa, nxos, xr], ids=["ios", "asa", "nxos", "xr"])
def test_every_packet_is_decided_by_the_first_entry_that_matches(write: Callable[[list[Entry]], str]) -> None:
    asked = permitted = 0
    for number in range(120):
        dice = Random(f"lists/{number}")
        listed = drawn(dice)
        reading = read_host([Artefact("list", write(listed).encode())])
        assert reading.unread == ()
        evaluator = Evaluator(reading, "L")
        for packet in packets(dice, listed):
            first = next((one for one in listed if matches(one, packet)), None)
            wanted = "permit" if first is not None and first.permits else "deny"
            assert evaluator.decide(packet).decision == wanted, (number, packet, first, write(listed))
            asked, permitted = asked + 1, permitted + (wanted == "permit")
    assert asked == 120 * PACKETS
    assert permitted > asked // 5


def test_a_switch_that_begins_with_thousands_of_vlans_is_known_by_its_end() -> None:
    vlans = "".join(f"vlan {number}\n name SITE-{number}\n!\n" for number in range(2, 4000))
    lists = "interface Vlan10\n ip address 10.20.4.1 255.255.255.0\n ip access-group FROM-APPS in\n!\n"
    lists += (
        "ip access-list extended FROM-APPS\n permit tcp 10.20.4.0 0.0.0.255 host 10.20.8.1 eq 443\n deny ip any any\n"
    )
    content = f"!\n{vlans}{lists}end\n".encode()
    assert len(content) - len(lists) > table.HEAD
    assert table.detect(Artefact("core-switch", content)).NAME == "cisco-ios"
    with pytest.raises(FormatError, match="nothing this version knows"):
        table.detect(Artefact("core-switch", vlans.encode()))


def test_a_pix_that_names_its_interfaces_at_the_margin_is_known() -> None:
    assert table.detect(Artefact("pix", b"nameif ethernet0 outside security0\n")).NAME == "cisco-asa"
