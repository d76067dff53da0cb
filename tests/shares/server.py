"""A real smbd in a network namespace of its own, and real clients that come from several addresses."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from evidence.share_access import Dialect, May
from tests.oracle.namespace import PATH, Namespace, NotPossible

PROGRAMS: Final = ("smbd", "smbclient", "smbpasswd", "testparm", "ip", "unshare")
# Where clients come from. For each the server has an address of its own, which the namespace reaches from there.
CLIENTS: Final = ("10.1.1.5", "10.1.1.6", "10.1.2.77", "10.2.0.7", "192.0.2.9", "fd01::5", "fd01:1::9")
USERS: Final = ("games", "backup")  # every Debian has them; their password is in the namespace's own database
PASSWORD: Final = "pw"
PROTOCOL: Final[dict[Dialect, str]] = {"smb1": "NT1", "smb2": "SMB2_10", "smb3": "SMB3"}
SETTINGS: Final = """
[global]
	private dir = {place}/private
	lock directory = {place}/lock
	state directory = {place}/state
	cache directory = {place}/cache
	pid directory = {place}/pid
	ncalrpc dir = {place}/ncalrpc
	log file = {place}/log
	smb ports = 445
	disable spoolss = Yes
	load printers = No
	max smbd processes = 60
"""
FOLDERS: Final = ("private", "lock", "state", "cache", "pid", "ncalrpc", "files")
STARTS_S: Final = 20.0


@cache
def missing() -> str:
    """Why no smbd can be asked here, as a sentence; "" when one can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if absent:
        return f"No Samba server can be asked here: {', '.join(absent)} not installed."
    if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        return "No Samba server can be asked here: a network namespace needs root or CAP_NET_ADMIN."
    return ""


def server_of(client: str) -> str:
    """The server's address that this client's packets go to."""
    place = CLIENTS.index(client) + 1
    return f"fd99::{place}" if ":" in client else f"10.99.0.{place}"


def _comes_from(client: str) -> None:
    """Raises NotPossible unless packets to this client's server really come from the client's address."""
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.connect((server_of(client), 445))
        if one.getsockname()[0] != client:
            raise NotPossible(f"The namespace does not send from {client} but from {one.getsockname()[0]}.")


class Bed:
    """The namespace's addresses, the folders and the users. `with bed.running(conf):` a server runs."""

    def __init__(self, inside: Namespace, place: Path) -> None:
        self.inside, self.place = inside, place
        place.chmod(0o755)
        for name in FOLDERS:
            (place / name).mkdir(mode=0o755)
        lines = ["ip link set lo up"]
        for client in CLIENTS:
            long = 128 if ip_address(client).version == 6 else 32
            more = " nodad" if long == 128 else ""
            lines += [
                f"ip addr add {client}/{long} dev lo{more}",
                f"ip addr add {server_of(client)}/{long} dev lo{more}",
                f"ip -{'6' if long == 128 else '4'} route replace local {server_of(client)}/{long} dev lo table local "
                f"src {client}",
            ]
            if long == 128:  # the kernel's own route, which it adds a little later, comes first and names no source
                gone = f"ip -6 route del local {server_of(client)}/128 dev lo proto kernel table local 2>/dev/null"
                lines.append(f"for try in $(seq 50); do {gone} && break; sleep 0.1; done")
        inside.run("\n".join(lines), place)
        for client in CLIENTS:
            _comes_from(client)
        (place / "word").write_text("hello\n")
        (place / "base.conf").write_text(SETTINGS.format(place=place))
        for user in USERS:
            self.call(["smbpasswd", "-c", str(place / "base.conf"), "-s", "-a", user], f"{PASSWORD}\n{PASSWORD}\n")

    def folder(self, share: str) -> Path:
        """The folder of a share, open to everybody, so that the share alone decides."""
        path = self.place / "files" / share
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
        return path

    def write(self, overall: str, shares: str) -> Path:
        """The configuration: what every server here needs, then this."""
        conf = self.place / "smb.conf"
        conf.write_text(SETTINGS.format(place=self.place) + overall + shares)
        return conf

    def testparm(self, conf: Path) -> bytes:
        """What `testparm -s` prints of it."""
        return self.call(["testparm", "-s", "--suppress-prompt", str(conf)]).encode()

    @contextmanager
    def running(self, conf: Path) -> Iterator[None]:
        """A server with this configuration, until the end of the block. Raises NotPossible when it does not start."""
        command = ["smbd", "-F", "--no-process-group", "-s", str(conf), "--debug-stdout"]
        with (self.place / "out").open("wb") as out:
            server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={"PATH": PATH}, start_new_session=True
            )
        try:
            self._wait(server)
            yield
        finally:
            os.killpg(server.pid, 15)
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, 9)
                server.wait()

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + STARTS_S
        while time.monotonic() < until and server.poll() is None:
            try:
                socket.create_connection((server_of(CLIENTS[0]), 445), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        said = (self.place / "out").read_text(errors="replace")[-400:]
        raise NotPossible(f"smbd did not start: {said}")

    def ask(self, share: str, client: str, user: str, dialect: Dialect, number: int) -> tuple[May, str]:
        """What the server lets one client do with a share, and what smbclient said.

        It looks and it writes a file under a name of its own.
        """
        name = f"f{number}"
        word = self.place / "word"
        answer = self._ask(share, client, user, dialect, f"ls; put {word} {name}; del {name}")
        lines = [line for line in answer.splitlines() if "NT_STATUS" in line or "ERR" in line or "failed" in line]
        if f"putting file {word}" in answer:
            return "rw", answer
        if "blocks of size" in answer or "blocks available" in answer:
            return "ro", answer
        return "no", "; ".join(lines) or answer

    def _ask(self, share: str, client: str, user: str, dialect: Dialect, script: str) -> str:
        least = "NT1" if dialect == "smb1" else "SMB2_02"
        command = [
            "smbclient", "-s", "/dev/null", "--option", f"client min protocol={least}", "-m", PROTOCOL[dialect],
            "-U", f"{user}%{PASSWORD}" if user else "%", "-t", "15", f"//{server_of(client)}/{share}", "-c", script,
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=60,
            stdin=subprocess.DEVNULL, env={"PATH": PATH, "HOME": str(self.place)},
        )  # fmt: skip
        return done.stdout + done.stderr

    def call(self, command: list[str], given: str = "") -> str:
        """What a tool prints. Raises NotPossible when it fails."""
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env={"PATH": PATH})
        if done.returncode:
            raise NotPossible(f"{command[0]} failed: {done.stderr.strip()[:300]}")
        return done.stdout
