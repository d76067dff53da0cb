"""Sockets against the register: who hears whom, what is no service and why, and the kernel's own answer to it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

from compliance.register import Wanted
from evidence.formats import ip_addr, iptables, ss
from evidence.host import merge
from evidence.judgement import Judgement
from evidence.rules import Artefact, Certainty, Reading, Verdict
from evidence.sockets import only_itself
from tests.bench.estate import CLOSED4, CLOSED6, connection, judged, of, register, table

ADDRESSES = json.dumps([
    {"ifname": "eth0", "addr_info": [{"family": "inet", "local": "10.20.8.1", "prefixlen": 24},
                                     {"family": "inet6", "local": "2001:db8::1", "prefixlen": 64},
                                     {"family": "inet6", "local": "fe80::1", "prefixlen": 64}]},
    {"ifname": "eth1", "addr_info": [{"family": "inet", "local": "10.20.9.1", "prefixlen": 24}]},
])  # fmt: skip
OPEN = 'tcp LISTEN 0 128 {}:8080 *:* users:(("java",pid=1,fd=3))\n'
UNBOUND = 'udp UNCONN 0 0 0.0.0.0:{} 0.0.0.0:* users:(("unbound",pid=7,fd=9))\n'


def db(sockets: str, rules: str = CLOSED4) -> Reading:
    """db-01 with its addresses, rules and sockets."""
    return merge([
        iptables.read([Artefact("v4", table(rules).encode())]), iptables.read([Artefact("v6", CLOSED6.encode())]),
        ip_addr.read([Artefact("ip-addr", ADDRESSES.encode())]), ss.read([Artefact("ss", sockets.encode())]),
    ])  # fmt: skip


def estate(*rows: dict[str, Any]) -> Wanted:
    """db-01 with an IPv6 address and a second interface, and one client."""
    servers = [{"name": "db-01", "addresses": ["10.20.8.1", "10.20.9.1", "2001:db8::1"]},
               {"name": "web-01", "addresses": ["10.20.4.11", "2001:db8::11"]}]  # fmt: skip
    return register(*rows, servers=servers, zones=[])


def found(sockets: str, *rows: dict[str, Any], before: str | None = None, rules: str = CLOSED4) -> list[Judgement]:
    """What is said of listeners."""
    then = {"db-01": db(before)} if before is not None else None
    return of(judged(estate(*rows), {"db-01": db(sockets, rules)}, before=then), Verdict.listener_unauthorised)


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("0.0.0.0", {4: {"10.20.8.1", "10.20.9.1"}}),  # noqa: S104 - what ss prints
        ("*", {4: {"10.20.8.1", "10.20.9.1"}, 6: {"2001:db8::1"}}),
        ("[::]", {6: {"2001:db8::1"}}),
        ("0.0.0.0%eth1", {4: {"10.20.9.1"}}),
        ("10.20.8.1", {4: {"10.20.8.1"}}),
        ("[::ffff:10.20.8.1]", {4: {"10.20.8.1"}}),
        ("[fe80::1]%eth0", {6: {"fe80::1"}}),
        ("127.0.0.1", {}),
        ("[::1]", {}),
        ("*%lo", {}),
    ],
)
def test_who_reaches_a_socket(address: str, reached: dict[int, set[str]]) -> None:
    from compliance.traffic.addresses import to_text

    said = found(OPEN.format(address))
    assert {one.family: {to_text(one.family, box[2]) for box in one.excess} for one in said} == reached
    assert {one.subject for one in said} <= {"db-01 tcp/8080"}
    assert {one.certainty for one in said} <= {Certainty.definite}
    assert {one.cause for one in said} <= {"java on tcp/8080"}


def test_one_family_authorised_leaves_the_other() -> None:
    row = connection("CON-1", "web-01", "10.20.8.1", "tcp/8080")
    assert [one.family for one in found(OPEN.format("10.20.8.1"), row)] == []
    both = found(OPEN.format("*"), row, connection("CON-2", "web-01", "10.20.9.1", "tcp/8080"))
    assert [one.family for one in both] == [6]


def test_an_old_ss_may_hide_ipv4_behind_ipv6() -> None:
    said = found(OPEN.format("::"))
    assert {one.family: one.certainty for one in said} == {4: Certainty.possible, 6: Certainty.definite}
    assert "does not say whether" in said[0].because


def test_a_multicast_group_is_said_to_be_one() -> None:
    (one,) = found('udp UNCONN 0 0 224.0.0.251:5353 0.0.0.0:* users:(("avahi-daemon",pid=1,fd=1))\n')
    assert "hears the group 224.0.0.251" in one.because
    assert "INPUT" not in one.because


def test_link_local_and_interface_are_said() -> None:
    (one,) = found(OPEN.format("[fe80::1]%eth0"))
    assert "only neighbours on its link" in one.because
    assert "bound to eth0" in one.because


def test_what_contains_it_is_named() -> None:
    opened = CLOSED4 + "-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT\n"
    assert "contained by INPUT of db-01" in found(OPEN.format("10.20.8.1"))[0].because
    assert "INPUT of db-01 lets traffic to it in" in found(OPEN.format("10.20.8.1"), rules=opened)[0].because


# --- clients over UDP ---------------------------------------------------------------------------------------------


def test_a_port_that_was_handed_out_is_no_service_once_two_readings_show_it() -> None:
    (one,) = found(UNBOUND.format(41000) + UNBOUND.format(52000))
    assert (one.subject, one.certainty) == ("db-01 udp/32768-60999 unbound", Certainty.possible)
    assert "2 sockets" in one.because
    assert "no reading of another moment" in one.because
    assert found(UNBOUND.format(41000), before=UNBOUND.format(33000)) == []
    (held,) = found(UNBOUND.format(41000), before=UNBOUND.format(41000) + UNBOUND.format(33000))
    assert "held the same port" in held.because
    # the same bytes are no second moment
    (same,) = found(UNBOUND.format(41000), before=UNBOUND.format(41000))
    assert "no reading of another moment" in same.because


@pytest.mark.parametrize(
    "row",
    [
        "udp UNCONN 0 0 0.0.0.0:51820 0.0.0.0:*\n",  # the kernel's own: no program to compare
        UNBOUND.format(53),
        UNBOUND.format(61000),
        'udp UNCONN 0 0 0.0.0.0:68 0.0.0.0:* users:(("python3",pid=1,fd=1))\n',
        'tcp LISTEN 0 5 0.0.0.0:41000 0.0.0.0:* users:(("python3",pid=1,fd=1))\n',
    ],
)
def test_what_is_not_shown_to_be_a_client_is_a_service(row: str) -> None:
    (one,) = found(row, before=UNBOUND.format(33000))
    assert one.certainty is Certainty.definite


def test_a_dhcp_client_is_none() -> None:
    assert found('udp UNCONN 0 0 0.0.0.0%eth0:68 0.0.0.0:* users:(("dhclient",pid=1,fd=1))\n') == []
    assert found('udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:* users:(("systemd-network",pid=1,fd=1))\n') == []


# --- nobody listens -------------------------------------------------------------------------------------------------


def test_who_listens_elsewhere_is_named_where_nobody_does() -> None:
    row = connection("CON-1", "web-01", "10.20.8.1", "tcp/8080")
    (one,) = of(judged(estate(row), {"db-01": db(OPEN.format("127.0.0.1"))}), Verdict.no_listener)
    assert "java listens there at 127.0.0.1 only (line 1 of ss)" in one.because
    (two,) = of(judged(estate(row), {"db-01": db(OPEN.format("10.20.9.1"))}), Verdict.no_listener)
    assert "java listens there at 10.20.9.1 only" in two.because
    (three,) = of(judged(estate(row), {"db-01": db(OPEN.format("[::]"))}), Verdict.no_listener)
    assert "java listens there at IPv6 only" in three.because
    assert of(judged(estate(row), {"db-01": db("not a socket\n")}), Verdict.no_listener) == []


# --- the kernel itself ------------------------------------------------------------------------------------------------

INSIDE = r"""
import json, socket, subprocess, time
run = lambda *words: subprocess.run(words, check=True, capture_output=True, text=True).stdout
run("ip", "link", "set", "lo", "up")
for one in ("10.66.0.1/32", "10.66.0.2/32", "fd66::1/128"):
    run("ip", "addr", "add", one, "dev", "lo", *(["nodad"] if ":" in one else []))
held, port = [], 7000
def bind(family, address, only=None):
    global port
    port += 1
    one = socket.socket(family, socket.SOCK_STREAM)
    if only is not None:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
    one.bind((address, port))
    one.listen()
    held.append(one)
for default in ("0", "1"):
    open("/proc/sys/net/ipv6/bindv6only", "w").write(default)
    bind(socket.AF_INET6, "::")
bind(socket.AF_INET6, "::", 0)
bind(socket.AF_INET6, "::", 1)
bind(socket.AF_INET, "0.0.0.0")
bind(socket.AF_INET, "10.66.0.2")
bind(socket.AF_INET6, "::ffff:10.66.0.1", 0)
bind(socket.AF_INET, "127.0.0.1")
bind(socket.AF_INET6, "::1")
for _ in range(100):  # on a busy machine the kernel takes a moment to know an address as its own
    try:
        with socket.socket(socket.AF_INET6) as ready:
            ready.bind(("fd66::1", 0))
            ready.listen()
            socket.create_connection(ready.getsockname()[:2], timeout=2).close()
        break
    except OSError:
        time.sleep(0.05)
answers = {}
for number in range(7001, port + 1):
    for address in ("10.66.0.1", "10.66.0.2", "fd66::1"):
        try:
            socket.create_connection((address, number), timeout=2).close()
            answers[f"{address} {number}"] = True
        except OSError:
            answers[f"{address} {number}"] = False
print(json.dumps({"ss": run("ss", "-tulpnH"), "answers": answers}))
"""


@pytest.mark.kernel
def test_the_kernel_lets_in_where_the_reading_says_somebody_hears() -> None:
    if not all(map(shutil.which, ("unshare", "ss", "ip"))):
        pytest.skip("unshare, ss or ip is not installed")
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", INSIDE], capture_output=True, text=True, check=False, timeout=60
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("a network namespace needs root or CAP_NET_ADMIN")
    assert done.returncode == 0, done.stderr
    from compliance.traffic.addresses import parse_host

    said = json.loads(done.stdout)
    reading = ss.read([Artefact("ss", said["ss"].encode())])
    assert not reading.unread
    wrong = []
    for asked, real in said["answers"].items():
        address, port = asked.split()
        family, value = parse_host(address)
        mine = any(
            one.port == int(port) and one.family == family and one.address in {0, value} and not only_itself(one)
            for one in reading.listeners
        )
        if mine is not real:
            wrong.append((asked, mine, real))
    assert len(said["answers"]) == 27
    assert True in said["answers"].values()
    assert wrong == []
