"""The register as a plain value: what it authorises, where it must be permitted, and every problem by its row."""

from __future__ import annotations

import ipaddress
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance import register_file
from compliance.register import Entry, RegisterError, Wanted, part_at, wanted
from compliance.traffic.boxes import Box, contains
from compliance.traffic.residual import covered, same_traffic
from compliance.traffic.witness import choose

DAY = date(2026, 6, 1)
SAMPLE = """
space: default
servers:
  - {name: web-01, addresses: [10.20.4.12, "2001:db8::12"], role: web, zone: app, environment: production}
  - {name: web-02, addresses: [10.20.4.13], zone: app}
  - {name: pay-db-01, addresses: [10.30.1.8, "2001:db8:1::8"], zone: data}
  - {name: lb-01, addresses: [{ip: 10.20.9.1, interface: eth0}]}
  - {name: file-03, addresses: [10.30.2.3], zone: data}
groups:
  - {name: web, members: [web-01, web-02]}
zones:
  - {name: app, prefixes: [10.20.4.0/24]}
  - {name: data, prefixes: []}
connections:
  - {id: CON-42, source: web, destination: pay-db-01, services: [tcp/5432, icmp/8], via: [], review_by: 2027-05-31}
  - {id: CON-44, source: any, destination: web, services: [tcp/443]}
  - {id: CON-45, source: web, destination: web, services: [tcp/7946], expected_use: daily}
  - {id: CON-46, source: 10.99.0.0/16, destination: pay-db-01, via: [lb-01], services: [tcp/443]}
  - {id: CON-47, source: app, destination: data, services: [udp/514], ends_on: 2026-06-01}
shares:
  - {id: CON-43, server: file-03, path: /export/hr, protocol: nfs, access: ro, clients: [web-01], security: krb5p,
     squash: root, users: []}
  - {id: CON-48, server: file-03, path: /export/old, protocol: nfs, access: rw, clients: [app], version: 3}
  - {id: CON-49, server: file-03, path: hr, protocol: smb, access: rw, clients: [web-02], security: sign}
"""


def _ip(text: str) -> int:
    return int(ipaddress.ip_address(text))


@pytest.fixture(name="held", scope="module")
def _held() -> Wanted:
    return wanted(register_file.read_text(SAMPLE), at=DAY)


def _entries(held: Wanted, name: str) -> list[Entry]:
    return [entry for entry in held.entries if entry.id == name]


def _box(src: str, dst: str, proto: int, low: int, high: int, *, icmp: bool = False) -> Box:
    source, target = _ip(src), _ip(dst)
    return (source, source, target, target, proto, proto, low if icmp else 0, high if icmp else 65535) + (
        (0, 255) if icmp else (low, high)
    )


def test_both_families_are_entries_of_their_own(held: Wanted) -> None:
    four, six = _entries(held, "CON-42")
    assert (four.family, six.family) == (4, 6)
    assert same_traffic(
        four.boxes,
        [
            _box("10.20.4.12", "10.30.1.8", 6, 5432, 5432),
            _box("10.20.4.13", "10.30.1.8", 6, 5432, 5432),
            _box("10.20.4.12", "10.30.1.8", 1, 8, 8, icmp=True),
            _box("10.20.4.13", "10.30.1.8", 1, 8, 8, icmp=True),
        ],
    )
    assert six.boxes == (_box("2001:db8::12", "2001:db8:1::8", 6, 5432, 5432),), "icmp is of IPv4 only"
    assert set(four.required) == {("pay-db-01", "INPUT"), ("web-01", "OUTPUT"), ("web-02", "OUTPUT")}
    assert set(six.required) == {("pay-db-01", "INPUT"), ("web-01", "OUTPUT")}, "web-02 has no IPv6 address"


def test_an_endpoint_that_is_no_server_has_no_required_point(held: Wanted) -> None:
    four, six = _entries(held, "CON-44")
    assert set(four.required) == {("web-01", "INPUT"), ("web-02", "INPUT")}
    assert six.required == (("web-01", "INPUT"),)


def test_each_host_is_asked_about_its_own_part(held: Wanted) -> None:
    (entry,) = (one for one in _entries(held, "CON-42") if one.family == 4)
    (part,) = (box for box in part_at(entry, "web-01", "OUTPUT", held) if box[4] == 6)
    assert str(choose(4, part)) == "10.20.4.12 → 10.30.1.8 tcp/5432"
    assert same_traffic(part_at(entry, "pay-db-01", "INPUT", held), entry.boxes)
    assert part_at(entry, "pay-db-01", "OUTPUT", held) == ()
    assert part_at(entry, "stranger", "INPUT", held) == ()
    assert part_at(entry, "fw-01", "FORWARD", held) == entry.boxes


def test_members_of_one_group_do_not_ask_a_host_about_itself(held: Wanted) -> None:
    (entry,) = _entries(held, "CON-45")[:1]
    assert same_traffic(part_at(entry, "web-01", "INPUT", held), [_box("10.20.4.13", "10.20.4.12", 6, 7946, 7946)])
    assert entry.expected_use == "daily"


def test_a_way_through_others_is_judged_leg_by_leg(held: Wanted) -> None:
    (entry,) = _entries(held, "CON-46")
    assert set(entry.required) == {("lb-01", "INPUT"), ("lb-01", "OUTPUT"), ("pay-db-01", "INPUT")}
    (inward,) = part_at(entry, "pay-db-01", "INPUT", held)
    assert (inward[0], inward[1]) == (_ip("10.20.9.1"), _ip("10.20.9.1"))
    direct = (_ip("10.99.0.1"), _ip("10.99.0.1"), *_box("10.99.0.1", "10.30.1.8", 6, 443, 443)[2:])
    assert not covered(direct, entry.boxes), "the source may not go past the load balancer"


def test_zones_are_their_prefixes_or_else_their_servers(held: Wanted) -> None:
    (entry,) = (one for one in _entries(held, "CON-47") if one.family == 4)
    assert {(box[0], box[1]) for box in entry.boxes} == {(_ip("10.20.4.0"), _ip("10.20.4.255"))}
    assert {box[2] for box in entry.boxes} == {_ip("10.30.1.8"), _ip("10.30.2.3")}
    assert set(entry.required) == {
        ("pay-db-01", "INPUT"), ("file-03", "INPUT"), ("web-01", "OUTPUT"), ("web-02", "OUTPUT"),
    }  # fmt: skip


def test_past_its_end_a_connection_is_not_authorised_but_an_overdue_review_changes_nothing() -> None:
    loaded = register_file.read_text(SAMPLE)
    after = wanted(loaded, at=date(2026, 6, 2))
    assert not _entries(after, "CON-47")
    assert _entries(wanted(loaded, at=date(2027, 6, 1)), "CON-42")


def test_shares_carry_their_network_half(held: Wanted) -> None:
    (nfs,) = _entries(held, "CON-43")
    assert nfs.boxes == (_box("10.20.4.12", "10.30.2.3", 6, 2049, 2049),)
    assert nfs.required == (("file-03", "INPUT"), ("web-01", "OUTPUT"))
    assert nfs.share is not None
    assert (nfs.share.server, nfs.share.path, nfs.share.access, nfs.share.security) == (
        "file-03", "/export/hr", "ro", "krb5p",
    )  # fmt: skip
    assert [(box[0], box[1]) for box in nfs.share.clients] == [(_ip("10.20.4.12"),) * 2]
    old = _entries(held, "CON-48")[0]
    assert {box[8] for box in old.boxes} == {111, 2049, 20048}
    (smb,) = _entries(held, "CON-49")
    assert {box[8] for box in smb.boxes} == {445}


def test_an_address_of_a_server_is_that_server() -> None:
    loaded = register_file.read_text(SAMPLE)
    loaded["connections"] = [
        {"id": "CON-1", "source": "10.20.4.12", "destination": ["pay-db-01", "lb-01"], "services": "tcp/22"}
    ]
    loaded["shares"] = []
    (entry,) = wanted(loaded, at=DAY).entries
    assert set(entry.required) == {("pay-db-01", "INPUT"), ("lb-01", "INPUT"), ("web-01", "OUTPUT")}


@pytest.mark.parametrize(
    ("section", "row", "says"),
    [
        ("connections", {"id": "CON-1", "source": "webb", "destination": "lb-01", "services": ["tcp/1"]},
         r"connections row 1 \(CON-1\): source: 'webb' is no server"),
        ("connections", {"id": "CON-1", "source": "web", "destination": "lb-01", "services": ["tcp/http"]}, "a port"),
        ("connections", {"id": "CON-1", "source": "web", "destination": "lb-01", "services": []}, "s is missing"),
        ("connections", {"id": "CON-1", "source": "web", "destination": "lb-01", "services": [443]}, "not text"),
        ("connections", {"id": "CON-1", "source": "web", "destination": "lb-01", "services": "tcp/1", "end_on": "x"},
         "did you mean ends_on"),
        ("connections", {"id": "CON-1", "source": "web", "destination": "lb-01", "services": "tcp/1", "ends_on": "1/2"},
         "not a date"),
        ("connections", {"id": "CON-1", "source": "lb-01", "destination": "lb-01", "services": "tcp/1"}, "itself"),
        ("connections", {"id": "CON-1", "source": "lb-01", "destination": "2001:db8::9", "services": "tcp/1"},
         "no address family in common"),
        ("connections", {"source": "web", "destination": "lb-01", "services": "tcp/1"}, "id is missing"),
        ("connections", "web to db", "is not a row"),
        ("connections", {"id": "CON-1", "source": "web", "destination": "lb-01", "services": "tcp/1",
                         "expected_use": "often"}, "not one of"),
        ("servers", {"name": "x", "addresses": ["10.0.0.0/24"]}, "not an IPv4 or IPv6 address"),
        ("servers", {"name": "x", "addresses": ["::1"]}, "no address of a server"),
        ("servers", {"name": "x"}, "addresses is missing"),
        ("servers", {"name": "x", "addresses": [10.5]}, "not an address in quotes"),
        ("zones", {"name": "x", "prefixes": ["10.0.0.1/24"]}, "host bits"),
        ("groups", {"name": "x", "members": ["x"]}, "holds itself"),
        ("groups", {"name": "x", "members": ["nobody"]}, "members: 'nobody' is no server"),
        ("shares", {"id": "CON-1", "server": "app", "path": "/x", "protocol": "nfs", "clients": "web"}, "one server"),
        ("shares", {"id": "CON-1", "server": "file-03", "protocol": "ftp", "clients": "web"}, "not one of nfs, smb"),
    ],
)  # fmt: skip
def test_a_problem_names_its_row(section: str, row: Any, says: str) -> None:
    loaded = register_file.read_text(SAMPLE)
    kept = loaded[section] if section in {"servers", "groups", "zones"} else []
    loaded[section] = [*kept, row]
    if section == "connections":
        loaded["shares"] = []
    with pytest.raises(RegisterError, match=says) as caught:
        wanted(loaded, at=DAY)
    assert all(problem.startswith(f"{section} row ") for problem in caught.value.problems)


def test_all_problems_are_told_at_once() -> None:
    broken = {
        "servers": [{"name": "a", "addresses": ["10.0.0.1"]}, {"name": "b", "addresses": ["10.0.0.1"]}, {"name": "a"}],
        "connections": [
            {"id": "C1", "source": "nobody", "destination": "a", "services": ["tcp/99999"]},
            {"id": "C1", "source": "a", "destination": "b", "services": ["tcp/1"]},
        ],
        "conections": [],
    }
    with pytest.raises(RegisterError) as caught:
        wanted(broken, at=DAY)
    text = "\n".join(caught.value.problems)
    for expected in ("'conections'", "held by a as well", "name a is used twice", "'nobody'", "'99999'", "C1 is used"):
        assert expected in text


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Co", "Cn")), min_size=1, max_size=12)
PLAIN = st.one_of(
    NAMES, st.integers(-(2**40), 2**40), st.booleans(), st.none(), st.dates(date(1900, 1, 1), date(2100, 1, 1))
)


@settings(max_examples=80)
@given(
    st.fixed_dictionaries(
        {
            "servers": st.lists(st.dictionaries(NAMES, st.one_of(PLAIN, st.lists(PLAIN, max_size=3)), max_size=4)),
            "connections": st.lists(st.dictionaries(NAMES, PLAIN, max_size=4), max_size=4),
        }
    )
)
def test_what_is_written_reads_back_the_same(register: dict[str, Any]) -> None:
    assert register_file.read_text(register_file.write_text(register)) == register


def test_the_sample_reads_back_to_the_same_authorisations(held: Wanted) -> None:
    again = register_file.read_text(register_file.write_text(register_file.read_text(SAMPLE)))
    assert wanted(again, at=DAY) == held


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a: &x [1]\nb: *x\n", "line 1: anchors and aliases"),
        ("servers: []\nservers: []\n", "line 2: key 'servers' stands twice"),
        ("servers: []\n---\nservers: []\n", "2 documents"),
        ("servers: [\n", "not YAML"),
        ("- 1\n", "not a register"),
        ("", "not a register"),
        ("a: !!python/object/apply:os.system [id]\n", "not YAML"),
        ("a: 2026-13-45\n", "cannot be read"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("a: " + "[" * 40 + "]" * 40, "nested deeper"),
        ("<<: {a: 1}\nb: 2\n? [x, y]\n: 1\n", "no text"),
        ("\x00\x01", "not YAML"),
    ],
)
def test_a_file_that_is_no_register_is_refused(content: str | bytes, says: str) -> None:
    with pytest.raises(RegisterError, match=says):
        register_file.read_text(content)


def test_oversized_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_file, "MOST_NODES", 10)
    with pytest.raises(RegisterError, match="more than 10 values"):
        register_file.read_text(SAMPLE)
    monkeypatch.setattr(register_file, "LARGEST", 100)
    with pytest.raises(RegisterError, match="larger than"):
        register_file.read_text(SAMPLE)


def test_a_missing_file_is_refused(tmp_path: Any) -> None:
    with pytest.raises(RegisterError, match="No such file"):
        register_file.read_file(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", ["CON-42", "CON-44", "CON-45", "CON-46", "CON-47", "CON-48"])
def test_every_required_host_has_a_part_and_it_lies_in_the_entry(held: Wanted, name: str) -> None:
    for entry in _entries(held, name):
        for host, point in entry.required:
            parts = part_at(entry, host, point, held)
            assert parts
            assert all(any(contains(one, part) for one in entry.boxes) for part in parts)
