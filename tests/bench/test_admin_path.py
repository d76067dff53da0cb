"""From where a server can be administered, by its own rules, sockets and SSH settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compliance.policy.content import Policy
from compliance.policy.facts import Side
from compliance.policy.shipped import shipped
from compliance.traffic import addresses
from evidence.admin_path import AdminPath, here, paths, ssh_ports, steps
from evidence.case import Case
from evidence.formats import iptables, ss, sshd
from evidence.host import merge
from evidence.rules import Artefact, Reading
from tests.bench.estate import CLOSED4, CLOSED6, register, table

JUMP, WEB, DB = "10.20.1.5", "10.20.4.11", "10.20.8.1"
SERVERS = [{"name": "jump-01", "addresses": [JUMP]}, {"name": "web-01", "addresses": [WEB]},
           {"name": "db-01", "addresses": [DB]}]  # fmt: skip
SSHD = (
    "port 22\npermitrootlogin no\npasswordauthentication {}\nkbdinteractiveauthentication {}\n"
    "pubkeyauthentication yes\n"
)
LISTENS = 'tcp LISTEN 0 128 0.0.0.0:{} 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n'


def side(name: str, address: str, role: str) -> Side:
    """A server with its role."""
    return Side((name,), (addresses.parse(address),), role=role, zone="z", environment="production", system="Payroll")


SIDES = (side("jump-01", JUMP, "jump host"), side("web-01", WEB, "web"), side("db-01", DB, "database"))


def policy() -> Policy:
    """The shipped one."""
    return shipped()


def db(rules: str, *, sockets: str = "", login: str = "") -> Reading:
    """db-01."""
    parts = [iptables.read([Artefact("v4", table(rules).encode())]), iptables.read([Artefact("v6", CLOSED6.encode())])]
    parts += [ss.read([Artefact("ss", sockets.encode())])] if sockets else []
    parts += [sshd.read([Artefact("sshd", login.encode())])] if login else []
    return merge(parts)


def path(reading: Reading | None) -> AdminPath:
    """What is said of db-01."""
    wanted = register(servers=SERVERS, zones=[])
    case = Case(wanted, {"db-01": reading} if reading else {}, None, {})
    return {one.server: one for one in paths(case, policy(), SIDES)}["db-01"]


def allow(source: str, port: int, rest: str = "") -> str:
    """A rule of INPUT."""
    return f"-A INPUT -s {source} -p tcp -m tcp --dport {port}{rest} -j ACCEPT\n"


@pytest.mark.parametrize(
    ("rules", "reach", "others", "outside"),
    [
        (allow(f"{JUMP}/32", 22), "bastions", [], False),
        (allow(f"{JUMP}/32", 22) + allow(f"{WEB}/32", 22), "others", ["web-01"], False),
        (allow("10.20.0.0/16", 3389), "others", ["web-01"], True),
        (allow("192.0.2.0/24", 5985), "others", [], True),
        (allow(f"{WEB}/32", 22, " -m recent --name x --rcheck"), "possible", [], False),
        (allow(f"{WEB}/32", 443), "nobody", [], False),
        (allow(f"{JUMP}/32", 22) + "frobnicate\n", "possible", [], False),
    ],
)
def test_who_comes_through(rules: str, reach: str, others: list[str], outside: bool) -> None:
    found = path(db(CLOSED4 + rules))
    assert (found.reach, found.others, found.outside) == (reach, others, outside)


def test_an_open_policy_is_a_way_in_as_well_and_named() -> None:
    found = path(db(":INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n"))
    assert (found.reach, found.rule, found.others) == ("others", "iptables:filter/INPUT#policy", ["web-01"])
    assert (found.bastions, found.where) == (["jump-01"], "line 3 of v4")
    assert found.example.startswith("10.20.4.11 → 10.20.8.1 tcp/22")


def test_without_a_reading_nothing_is_claimed() -> None:
    assert (path(None).reach, path(None).because) == ("unknown", "nothing of db-01 was read")
    only = ss.read([Artefact("ss", LISTENS.format(22).encode())])
    assert (path(only).reach, path(only).because) == ("unknown", "the packet filter of db-01 was not read")


def test_the_ports_of_the_ssh_server_are_ways_of_administration() -> None:
    reading = db(CLOSED4 + allow(f"{WEB}/32", 2222), sockets=LISTENS.format(2222), login="port 2022\n")
    assert ssh_ports(reading) == ("tcp/2022", "tcp/2222")
    found = path(reading)
    assert (found.reach, found.services) == ("others", ["tcp/2222"])
    case = Case(register(servers=SERVERS, zones=[]), {"db-01": reading}, None, {})
    services = here(policy(), case.hosts["db-01"]).rules["administration-from-bastion"].texts("administration_services")
    assert services[-2:] == ("tcp/2022", "tcp/2222")
    plain = replace(reading, listeners=(), statements=())
    case = Case(register(servers=SERVERS, zones=[]), {"db-01": plain}, None, {})
    assert here(policy(), case.hosts["db-01"]) == policy()


def test_another_ssh_port_is_against_the_policy_too() -> None:
    from datetime import date

    from compliance.policy.shipped import described
    from evidence.policy_verdicts import against

    outside = Side(("the internet",), (), outside="internet")
    rules = CLOSED4 + allow(f"{WEB}/32", 2222)
    for login, subjects in (("", []), ("port 2222\n", ["administration-from-bastion: z → z, Payroll"])):
        case = Case(register(servers=SERVERS, zones=[]), {"db-01": db(rules, login=login)}, None, {})
        found = [
            one for one in against(case, policy(), described(), SIDES, outside, on=date(2026, 11, 21))
            if one.subject.startswith("administration")
        ]  # fmt: skip
        assert [one.subject for one in found] == subjects
        if found:
            assert "by iptables:filter/INPUT#1 (line 6 of v4)" in found[0].because
            assert str(found[0].witness) == "10.20.4.11 → 10.20.8.1 tcp/2222"
            assert "1 pair" in found[0].because


@pytest.mark.parametrize(
    ("said", "tone", "words"),
    [
        (SSHD.format("no", "no"), "warn", "One step is enough: a key."),
        (SSHD.format("yes", "no"), "bad", "A password alone"),
        (SSHD.format("no", "yes"), "warn", "PAM"),
        (SSHD.format("yes", "yes") + "authenticationmethods publickey,keyboard-interactive\n", "ok", "more than one"),
        (SSHD.format("yes", "yes") + "authenticationmethods publickey,password publickey\n", "warn", "or publickey"),
        (SSHD.format("no", "no") + "permitemptypasswords yes\n", "bad", "Empty"),
        ("", "off", "not known"),
    ],
)
def test_how_one_logs_in_is_what_the_server_says(said: str, tone: str, words: str) -> None:
    found = path(db(CLOSED4, login=said))
    assert steps(found.login)[0] == tone
    assert words in steps(found.login)[1]
