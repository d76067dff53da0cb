"""By which interface a packet leaves: the routes of a host against a packet-by-packet reading of the same table."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.traffic import addresses
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Decision, decide
from evidence.formats.routes import NOWHERE, Routes
from evidence.host import read_host
from evidence.rules import Artefact, Route

TOP = 15
PREFIXES = [(low, low + (1 << bits) - 1) for bits in range(5) for low in range(0, TOP + 1, 1 << bits)]


def _naive(routes: list[Route], value: int) -> set[str]:
    fitting = [route for route in routes if route.low <= value <= route.high]
    if not fitting:
        return set()
    longest = min(route.high - route.low for route in fitting)
    best = [route for route in fitting if route.high - route.low == longest]
    metric = min(route.metric for route in best)
    return {route.interface or NOWHERE for route in best if route.metric == metric}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(PREFIXES), st.sampled_from(["eth0", "eth1", ""]), st.integers(0, 2)), max_size=8
    ),
    st.integers(0, TOP), st.integers(0, TOP),
)  # fmt: skip
def test_the_longest_prefix_with_the_lowest_metric_holds(
    drawn: list[tuple[tuple[int, int], str, int]], one: int, two: int
) -> None:
    routes = [Route(4, low, high, name, "main", metric) for (low, high), name, metric in drawn]
    low, high = min(one, two), max(one, two)
    parts = list(Routes(routes, 4).parts(low, high))
    assert [parts[0][0], *(end + 1 for _, end, _ in parts)] == [*(start for start, _, _ in parts), high + 1]
    assert parts[0][0] == low
    for start, end, names in parts:
        for value in range(start, end + 1):
            assert set(names) == _naive(routes, value)


RULES = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A FORWARD -o dmz0 -j ACCEPT
-A OUTPUT -o dmz0 -j ACCEPT
COMMIT
"""
ADDRESSES = [
    {"ifname": "wan0", "addr_info": [{"family": "inet", "local": "198.51.100.1", "prefixlen": 24}]},
    {"ifname": "dmz0", "addr_info": [{"family": "inet", "local": "10.2.0.1", "prefixlen": 24}]},
]
ROUTES = [
    {"dst": "default", "gateway": "198.51.100.254", "dev": "wan0"},
    {"dst": "198.51.100.0/24", "dev": "wan0", "scope": "link"},
    {"dst": "10.2.0.0/24", "dev": "dmz0", "scope": "link"},
    {"dst": "10.9.0.0/16", "gateway": "10.2.0.254", "dev": "dmz0"},
    {"type": "blackhole", "dst": "10.9.66.0/24"},
    {"type": "local", "dst": "10.2.0.1", "dev": "dmz0", "table": "local"},
]


def _decided(point: str, src: str, dst: str, *more: dict[str, str], oif: str | None = None) -> Decision:
    dumps = {"v4": RULES, "addr.json": json.dumps(ADDRESSES), "route.json": json.dumps([*ROUTES, *more])}
    read = read_host([Artefact(name, text.encode()) for name, text in dumps.items()])
    ends = [addresses.parse_host(text)[1] for text in (src, dst)]
    return decide(read, point, Witness(4, ends[0], ends[1], 6, 1024, 443, None, oif))


def test_routes_tell_where_a_packet_leaves() -> None:
    assert _decided("FORWARD", "198.51.100.9", "10.9.1.1").decision == "permit"
    assert _decided("FORWARD", "10.2.0.9", "203.0.113.1").decision == "deny"
    # Not the interface that holds the source, but the one the route names.
    assert _decided("OUTPUT", "198.51.100.1", "10.9.1.1").decision == "permit"
    assert _decided("OUTPUT", "10.2.0.1", "203.0.113.1").decision == "deny"
    assert _decided("FORWARD", "10.2.0.9", "203.0.113.1", oif="dmz0").decision == "permit"


def test_a_blackhole_denies_and_is_named() -> None:
    thrown = _decided("FORWARD", "198.51.100.9", "10.9.66.1")
    assert (thrown.decision, thrown.rule) == ("deny", "route:main#blackhole")


def test_with_another_table_every_interface_stays_possible() -> None:
    other = {"dst": "default", "gateway": "10.2.0.254", "dev": "dmz0", "table": "100"}
    for dst in ("10.9.1.1", "203.0.113.1"):
        assert _decided("FORWARD", "198.51.100.9", dst, other).decision == "unproven"
