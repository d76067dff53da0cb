"""Each answer of the list over SSH is known by the name it gets, and read as what it is."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.collectors import linux
from evidence.gates import format_of
from evidence.host import read_host
from evidence.rules import Artefact
from tests.evidence.sshd import Sshd
from tests.evidence.test_ssh import SAVE, collected, loopback, programs, sshd

__all__ = ["loopback", "sshd"]  # fixtures

# What each command or file of the list is read as, by its name alone and by what it may begin with
READ_AS = {
    "iptables-save -c": "iptables-save", "ip6tables-save -c": "iptables-save",
    "iptables-legacy-save": "iptables-save", "ip6tables-legacy-save": "iptables-save", "ipset save": "ipset",
    "nft -j list ruleset": "nft-json", "ip -j addr": "ip-addr", "ip -j route show table all": "ip-route",
    "ip -j neigh show": "ip-neigh", "ss -tulpnH": "ss", "exportfs -s": "exportfs",
    "testparm -s --suppress-prompt": "testparm", "net usershare info --long": "usershare",
    "/var/lib/nfs/rmtab": "rmtab", "conntrack -L -o xml": "conntrack", "/proc/mounts": "mounts", "sshd -T": "sshd",
    "chronyc -n sources": "chrony", "/etc/rsyslog.conf": "rsyslog", "/etc/rsyslog.d/*.conf": "rsyslog",
    "/etc/systemd/journal-upload.conf": "journal-upload", "/var/log/dpkg.log": "packages",
    "/var/log/apt/history.log": "packages", "rpm -qa --last": "packages",
}  # fmt: skip

# Cases of the corpus that no tool prints: scripts, and a share's file without its head
NO_DUMPS = {"commands-not-dump", "script-form", "text-form", "no-global"}


@pytest.mark.parametrize("asked", [words for words, kind in linux.COMMANDS.items() if kind != "kept"])
def test_each_answer_is_known_by_the_name_it_gets(asked: str) -> None:
    """Also where it is empty, if its tool can mean that, and where its text alone could be of another format."""
    name = asked.replace("*", "50-default")
    frame = linux.Frame(name, 0, b"", b"", cut=False)
    empty = Artefact(linux.name_of(frame.name), frame.said, linux.command_of(frame.name))
    assert linux.kind_of(name) == linux.COMMANDS[asked]
    folder = Path(__file__).parents[1] / "corpus" / READ_AS[asked].replace("nft-json", "nftables").replace("-", "_")
    folder = folder if folder.is_dir() else folder.with_name("iptables")
    whole = [path for path in sorted(folder.glob("*/config")) if path.parent.name not in NO_DUMPS]
    assert whole
    wrong = [
        path.parent.name for path in whole if format_of(replace(empty, content=path.read_bytes())) != READ_AS[asked]
    ]
    assert wrong == []
    if asked.startswith(("iptables", "ip6tables", "ipset", "ss ", "exportfs")):  # the others print a frame at least
        assert format_of(empty) == READ_AS[asked], "a tool that ended well and said nothing said that there is nothing"


def test_whom_a_host_met_comes_over_ssh_and_is_read(sshd: Sshd, tmp_path: Path) -> None:
    """`ip -j neigh show` is on the list, is asked for, and its answer is the host's neighbours."""
    met = '[{"dst":"10.20.20.9","dev":"eth0","lladdr":"02:00:00:00:00:09","state":["REACHABLE"]}]'
    ip = f"case \"$*\" in '-j neigh show') echo '{met}' ;; *) echo '[]' ;; esac"
    sshd.wrapper(PATH=programs(tmp_path / "bin", iptables_save=SAVE, ip6tables_save=SAVE, ip=ip))
    found = collected(sshd.start())
    [answer] = [one for one in found.artefacts if one.command == "ip -j neigh show"]
    assert (answer.name, format_of(answer)) == ("ip-j-neigh-show", "ip-neigh")
    assert [
        (str(ipaddress.ip_address(one.address)), one.interface) for one in read_host(found.artefacts).neighbours
    ] == [("10.20.20.9", "eth0")]
