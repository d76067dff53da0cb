"""Addresses, ranges, services and witnesses: what people write, read back and recognise."""

from __future__ import annotations

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.traffic import addresses, intervals, services
from compliance.traffic.addresses import Range
from compliance.traffic.boxes import FAMILIES, TOP, Family, box_of, contains, full
from compliance.traffic.witness import Inventory, Witness, choose, describe

RANGES = st.sampled_from(FAMILIES).flatmap(
    lambda family: st.tuples(st.just(family), st.integers(0, TOP[family]), st.integers(0, TOP[family]))
)
SMALL = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)).map(lambda p: (p[0], p[0] + p[1])), max_size=6)


def numbers(ranges: list[intervals.Interval]) -> set[int]:
    return {value for low, high in ranges for value in range(low, high + 1)}


@given(SMALL, SMALL)
def test_intervals_against_sets(a: list[intervals.Interval], b: list[intervals.Interval]) -> None:
    merged = intervals.merge(a)
    assert numbers(merged) == numbers(a)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(merged))
    assert numbers(intervals.intersect(a, b)) == numbers(a) & numbers(b)
    assert numbers(intervals.subtract(a, b)) == numbers(a) - numbers(b)
    assert numbers(intervals.complement(a, 20)) == set(range(21)) - numbers(a)
    assert {value for value in range(21) if intervals.holds(merged, value)} == numbers(a)


@given(RANGES)
def test_a_range_is_said_and_read_back(drawn: tuple[Family, int, int]) -> None:
    family, one, other = drawn
    low, high = min(one, other), max(one, other)
    read = addresses.parse_any(addresses.say(family, low, high))
    assert Range(family, low, high) in read
    prefixes = addresses.to_prefixes([Range(family, low, high)])
    assert addresses.merge(addresses.parse(text) for text in prefixes) == [Range(family, low, high)]


def test_prefixes_are_those_of_the_standard_library() -> None:
    low, high = (int(ipaddress.ip_address(text)) for text in ("10.20.4.7", "10.20.9.200"))
    theirs = ipaddress.summarize_address_range(ipaddress.IPv4Address(low), ipaddress.IPv4Address(high))
    ours = addresses.to_prefixes([Range(4, low, high)])
    assert ours == [str(net).removesuffix("/32") for net in theirs]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.20.4.300", "not an IPv4 or IPv6 address"),
        ("10.20.4.12/24", "write 10.20.4.0/24 or the single address 10.20.4.12"),
        ("10.0.0.0/33", "prefix length of 0 to 32"),
        ("10.0.0.9-10.0.0.5", "ends before it starts"),
        ("10.0.0.9-2001:db8::1", "mixes"),
        ("fe80::1%eth0", "interface"),
        ("010.0.0.1", "not an IPv4"),
        ("", "not an IPv4"),
    ],
)
def test_wrong_addresses_say_why(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        addresses.parse(text)


@pytest.mark.parametrize(
    "text",
    ["tcp/5432", "udp/53", "tcp/8000-8010", "icmp/8", "icmp/3/1", "icmpv6/128", "sctp/2905", "any", "gre", "tcp",
     "icmp", "254"],
)  # fmt: skip
def test_a_service_is_said_and_read_back(text: str) -> None:
    service = services.parse(text)
    assert services.say(service.span) == text
    assert services.parse(services.say(service.span)) == service


def test_what_services_mean() -> None:
    assert services.parse("tcp/8000-8010").span == (6, 6, 0, 65535, 8000, 8010)
    assert services.parse("icmp/3/1").span == (1, 1, 3, 3, 1, 1)
    assert services.parse("icmp/8").span == (1, 1, 8, 8, 0, 255)
    assert services.parse("icmp/8").families == (4,)
    assert services.parse("icmpv6/128").families == (6,)
    assert services.parse("6/22").span == services.parse("TCP/22").span
    assert services.parse("any").span == full(4)[4:]


@pytest.mark.parametrize(
    "text", ["tcp/65536", "tcp/9-3", "tcp/http", "nonsense/3", "gre/3", "icmp/300", "icmp/3/1/2", "tcp/1/2", "", "256",
             "tcp/٣"]
)  # fmt: skip
def test_wrong_services_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"tcp|nonsense|gre|icmp|protocol"):
        services.parse(text)


def _v4(text: str) -> int:
    return int(ipaddress.IPv4Address(text))


def test_a_witness_is_a_real_server_where_there_is_one() -> None:
    inventory = Inventory([_v4("10.20.4.19"), _v4("10.30.1.8")])
    box = box_of(
        4,
        src=(_v4("10.20.4.0"), _v4("10.20.4.255")),
        dst=(_v4("10.30.1.8"), _v4("10.30.1.8")),
        proto=6,
        dport=(5437, 5440),
    )
    found = choose(4, box, inventory)
    assert str(found) == "10.20.4.19 → 10.30.1.8 tcp/5437"
    assert found.as_dict() == {
        "src": "10.20.4.19", "dst": "10.30.1.8", "proto": "tcp", "sport": 49152, "dport": 5437, "in": "", "out": "",
    }  # fmt: skip


def test_a_witness_without_servers_is_a_usable_host() -> None:
    found = choose(4, box_of(4, src=(_v4("10.9.8.0"), _v4("10.9.8.255")), proto=1, sport=(0, 255), dport=(0, 255)))
    assert addresses.to_text(4, found.src) == "10.9.8.1"
    assert addresses.to_text(4, found.dst) == "1.0.0.1"
    assert str(found).endswith("icmp/8/0")
    everything = choose(6, full(6))
    assert everything.proto == 6
    assert everything.src != everything.dst


@given(RANGES, RANGES, st.integers(0, 255), st.integers(0, 65535), st.integers(0, 65535))
def test_a_witness_always_lies_in_its_box(
    src: tuple[Family, int, int], dst: tuple[Family, int, int], proto: int, sport: int, dport: int
) -> None:
    family = src[0]
    other = sorted(value % (TOP[family] + 1) for value in dst[1:])
    box = box_of(
        family, src=(min(src[1:]), max(src[1:])), dst=(other[0], other[1]), proto=(proto, 255), sport=sport,
        dport=(dport, 65535),
    )  # fmt: skip
    found = choose(family, box, Inventory([src[1], dst[1]]))
    assert contains(box, found.box())
    assert isinstance(found, Witness)


def test_a_box_is_described_in_words() -> None:
    box = box_of(4, dst=(_v4("10.30.0.0"), _v4("10.30.255.255")), proto=17, dport=53)
    assert describe(4, box) == {"src": "any", "dst": "10.30.0.0/16", "service": "udp/53"}
