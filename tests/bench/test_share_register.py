"""Which shares servers offer: who may come, what the network does, who says that it is used, who authorised it."""

from __future__ import annotations

from evidence.case import Case
from evidence.formats import exportfs, iptables, mounts, rmtab, testparm
from evidence.host import merge
from evidence.rules import Artefact, Reading
from evidence.share_register import Served, served
from tests.bench.estate import CLOSED4, CLOSED6, judged, register, table

HR = "/export/hr  {}(sync,wdelay,hide,no_subtree_check,sec=sys,{},root_squash,no_all_squash)\n"
SHARE = {"id": "CON-9", "server": "db-01", "path": "/export/hr", "protocol": "nfs", "access": "ro",
         "clients": ["web-01"], "security": "sys"}  # fmt: skip
SMB = """# Global parameters
[global]
	server min protocol = {}

[app$]
	path = /srv/app
	guest ok = {}
"""


def server(rules: str, *, nfs: str = "", smb: str = "", seen: str = "") -> Reading:
    """db-01 with what it exports."""
    parts = [iptables.read([Artefact("v4", table(rules).encode())]), iptables.read([Artefact("v6", CLOSED6.encode())])]
    parts += [exportfs.read([Artefact("exportfs", nfs.encode())])] if nfs else []
    parts += [testparm.read([Artefact("testparm", smb.encode())])] if smb else []
    parts += [rmtab.read([Artefact("rmtab", seen.encode())])] if seen else []
    return merge(parts)


def client(text: str) -> Reading:
    """web-01 with what it mounts."""
    return mounts.read([Artefact("mounts", text.encode())])


def shown(readings: dict[str, Reading], *shares: dict[str, object]) -> list[Served]:
    """The register of shares."""
    wanted = register(shares=shares)
    return list(served(Case(wanted, readings, None, {}), judged(wanted, readings)))


def test_who_may_come_and_what_the_network_does_are_joined() -> None:
    nfs = HR.format("10.20.4.11", "ro")
    let_in = "-A INPUT -s 10.20.4.11/32 -p tcp -m tcp --dport 2049 -j ACCEPT\n"
    (one,) = shown({"db-01": server(CLOSED4 + let_in, nfs=nfs)}, SHARE)
    assert (one.who, one.access, one.through, one.refs) == (["web-01 (10.20.4.11)"], "ro", "open", ["CON-9"])
    assert one.verdict == "implemented"
    (shut,) = shown({"db-01": server(CLOSED4, nfs=nfs)}, SHARE)
    assert (shut.through, shut.lines[0]["rule"]) == ("closed", "iptables:filter/INPUT#policy")
    (world,) = shown({"db-01": server(CLOSED4 + let_in, nfs=HR.format("*", "rw"))}, SHARE)
    assert (world.who, world.access, world.through) == (["everyone"], "rw", "some")
    assert world.verdict == "share_wider"
    (unread,) = shown({"db-01": exportfs.read([Artefact("exportfs", nfs.encode())])}, SHARE)
    assert unread.through == "unknown"


def test_smb_is_contained_only_where_both_of_its_ports_are_closed() -> None:
    older = "-A INPUT -p tcp -m tcp --dport 139 -j ACCEPT\n"
    (one,) = shown({"db-01": server(CLOSED4 + older, smb=SMB.format("NT1", "Yes"))})
    assert (one.through, one.guest, one.security, one.refs) == ("open", True, "smb1", [])
    assert (one.verdict, one.certainty) == ("share_wider", "definite")
    assert "INPUT lets 10.20.4.11 → 10.20.8.1 tcp/139 in" in one.because or "tcp/139" in one.because
    (two,) = shown({"db-01": server(CLOSED4, smb=SMB.format("SMB3", "No"))})
    assert two.through == "closed"
    assert "contained by INPUT" in two.because
    assert "445 and 139" in two.because


def test_who_uses_it_is_what_clients_and_servers_say() -> None:
    nfs = HR.format("10.20.4.0/24", "rw")
    said = (
        "db-01:/export/hr/sub /srv/hr nfs4 rw,vers=4.2,sec=sys,addr=10.20.8.1 0 0\n"
        "10.20.8.1:/export/other /srv/o nfs4 ro,vers=4.2,sec=sys,addr=10.20.8.1 0 0\n"
        "//db-01/app$ /srv/app cifs rw,vers=3.1.1,addr=10.20.8.1,seal 0 0\n"
    )
    readings = {
        "db-01": server(CLOSED4, nfs=nfs, smb=SMB.format("SMB3", "No"), seen="10.20.4.12:/export/hr:0x1\n"),
        "web-01": client(said),
    }
    found = {one.name: one.mounts for one in shown(readings, SHARE)}
    assert [(one["client"], one["says"]) for one in found["/export/hr"]] == [
        ("web-02 (10.20.4.12)", "the server says"), ("web-01", "the client says"),
    ]  # fmt: skip
    assert [(one["client"], one["how"]) for one in found["app$"]] == [("web-01", "type cifs, vers 3.1.1, seal yes")]


def test_a_share_that_nobody_is_let_in_to_claims_nothing() -> None:
    (one,) = shown({"db-01": server(CLOSED4, smb=SMB.format("SMB3", "No") + "\thosts deny = ALL\n")})
    assert (one.who, one.verdict, one.certainty) == (["nobody"], "not_verifiable", "unproven")
    assert "Nobody is let in" in one.because
