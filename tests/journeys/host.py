"""A Linux host in namespaces of its own, across a real cable: its kernel's rules, its SSH server, its Samba server.

The test stands in another network namespace, with the addresses of two registered servers. Nothing of the machine is
touched: rules, interfaces, `/etc` and `/run` of the host are its own.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.evidence.sshd import PATH, Sshd
from tests.oracle.namespace import Namespace

COLLECTOR, APP = "10.20.40.30", "10.20.20.31"  # log-01 reads the hosts, pay-app-01 talks to them
MADE_S = 5.0
LISTENS = "import socket, sys; s = socket.create_server((sys.argv[1], int(sys.argv[2])))\nwhile True: s.accept()"
SMB = """[global]
	private dir = {place}
	lock directory = {place}
	state directory = {place}
	cache directory = {place}
	pid directory = {place}
	ncalrpc dir = {place}/ncalrpc
	log file = {place}/log
	smb ports = 445
	disable spoolss = Yes
	load printers = No
	map to guest = Bad User
	guest account = nobody
[pay]
	path = {path}
{more}"""


class Host:
    """One host. `ip`: its address, which sshd listens on."""

    def __init__(self, outside: Namespace, folder: Path, ip: str) -> None:
        self.outside, self.folder, self.ip = outside, folder, ip
        folder.mkdir(parents=True, exist_ok=True)
        self.kernel = subprocess.Popen(["unshare", "-n", "sleep", "3600"], env={"PATH": PATH})
        own, until = os.stat("/proc/thread-self/ns/net").st_ino, time.monotonic() + MADE_S
        while os.stat(f"/proc/{self.kernel.pid}/ns/net").st_ino == own:
            if time.monotonic() > until:
                raise RuntimeError("the host's namespace was not made")
            time.sleep(0.02)
        self.inside = ("nsenter", "-t", str(self.kernel.pid), "-n")
        self.servers: list[subprocess.Popen[bytes]] = []
        outside.run(
            f"ip link set lo up; ip link add cable type veth peer name eth0 netns {self.kernel.pid}\n"
            f"ip addr add {COLLECTOR}/32 dev cable; ip addr add {APP}/32 dev cable; ip link set cable up",
            folder,
        )
        self.run(
            f"ip link set lo up; ip addr add {ip}/24 dev eth0; ip link set eth0 up\n"
            "ip route add 10.20.20.0/24 dev eth0; ip route add 10.20.40.0/24 dev eth0"
        )
        outside.run(f"ip route add {ip}/32 dev cable src {COLLECTOR}", folder)
        self.boot_id = folder / "boot_id"
        self.boot_id.write_text("11111111-1111-4111-8111-111111111111\n")
        self.open = tempfile.TemporaryDirectory(prefix="eastwest-share-")  # where a guest gets to, unlike pytest's own
        self.smb_conf = folder / "smb.conf"
        self.smb_conf.write_text("[global]\n")
        self.sshd = Sshd(folder / "sshd", listen=ip, port=22, inside=self.inside)
        self.sshd.mounts = {"/proc/sys/kernel/random/boot_id": str(self.boot_id), "/etc/samba": str(folder)}

    def run(self, script: str) -> str:
        """A script on the host."""
        done = subprocess.run(
            [*self.inside, "sh", "-ec", script], capture_output=True, text=True, check=False,
            env={"PATH": PATH, "XTABLES_LOCKFILE": str(self.folder / "xtables.lock")},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def closed(self) -> None:
        """Its firewall as it was set up: SSH from the collector, the database from the application, nothing else."""
        self.run(
            "for tool in iptables-nft ip6tables-nft; do\n"
            "$tool -F; for chain in INPUT FORWARD OUTPUT; do $tool -P $chain DROP; done; done\n"
            "iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
            "iptables-nft -A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
            f"iptables-nft -A INPUT -s {COLLECTOR} -p tcp --dport 22 -j ACCEPT\n"
            f"iptables-nft -A INPUT -s {APP} -p tcp --dport 5432 -j ACCEPT"
        )

    def listens(self, port: int) -> None:
        """Something of the host listens there from now on."""
        self.start([sys.executable, "-c", LISTENS, self.ip, str(port)])
        until = time.monotonic() + MADE_S
        while f":{port} " not in self.run("ss -tlnH"):
            if time.monotonic() > until:
                raise RuntimeError(f"nothing listens on {port}")
            time.sleep(0.05)

    def quiet(self) -> None:
        """What was started to listen ends."""
        for server in self.servers:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        self.servers.clear()

    def start(self, command: list[str]) -> None:
        """A server on the host, until `quiet`."""
        self.servers.append(
            subprocess.Popen(
                [*self.inside, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env={"PATH": PATH}, start_new_session=True,
            )
        )  # fmt: skip

    def shares(self, more: str) -> Path:
        """Its Samba settings: one share, with these lines. Gives the folder."""
        above = Path(self.open.name)
        place, files = above / "samba", above / "pay"
        above.chmod(0o755)
        for each in (place, files):
            each.mkdir(exist_ok=True)
            each.chmod(0o755)
        (files / "hours").write_text("38\n")
        self.smb_conf.write_text(SMB.format(place=place, path=files, more=more))
        return files

    def samba(self) -> None:
        """A Samba server with the settings as they are now."""
        self.start(["smbd", "-F", "--no-process-group", "-s", str(self.smb_conf)])
        until = time.monotonic() + 20
        while ":445 " not in self.run("ss -tlnH"):
            if time.monotonic() > until:
                raise RuntimeError("smbd did not start")
            time.sleep(0.1)

    def as_guest(self, name: str = "pay") -> str:
        """What smbclient, without a name or password, gets to see of a share."""
        words = ["smbclient", "-N", "-s", "/dev/null", "-t", "10", f"//{self.ip}/{name}", "-c", "ls"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, env={"PATH": PATH}, timeout=40)
        return done.stdout + done.stderr

    def reboot(self) -> None:
        """Another start of the same machine: rules that were only in the kernel are gone."""
        self.boot_id.write_text("22222222-2222-4222-8222-222222222222\n")
        self.closed()

    def end(self) -> None:
        """Everything of it ends."""
        self.quiet()
        self.sshd.stop()
        self.kernel.kill()
        self.kernel.wait()
        self.open.cleanup()


def comes_through(source: str, ip: str, port: int) -> bool:
    """Whether a real first packet from that address is answered by whoever listens there."""
    with socket.socket() as one:
        one.bind((source, 0))
        one.settimeout(1.5)
        try:
            one.connect((ip, port))
        except TimeoutError:
            return False
    return True


@contextmanager
def host(folder: Path, ip: str) -> Iterator[Host]:
    """A host, and this thread across the cable from it."""
    with Namespace() as outside:
        made = Host(outside, folder, ip)
        try:
            yield made
        finally:
            made.end()
