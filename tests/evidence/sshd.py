"""A real SSH server of the distribution, with keys and settings of its own in a temporary folder.

It runs in a mount namespace: /run/sshd, /usr/local/sbin/eastwest-pull and, where a password is wanted, /etc/shadow are
its own there, and the machine's are never touched.
"""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.house.source import TOP

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
WRAPPER = TOP / "deploy" / "linux" / "eastwest-pull"
CONFIG = """
ListenAddress {listen}
Port {port}
HostKey {host_key}
PidFile none
AuthorizedKeysFile {keys}
PasswordAuthentication {password}
KbdInteractiveAuthentication no
PermitRootLogin {root}
UsePAM no
StrictModes no
UseDNS no
LogLevel VERBOSE
MaxAuthTries 3
"""


def missing() -> str:
    """Why no SSH server can be started here; "" when one can."""
    if shutil.which("sshd", path=PATH) is None:
        return "openssh-server is not installed: apt-get install openssh-server"
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if os.geteuid() != 0 or tried.returncode:
        return "An SSH server of our own needs root and a mount namespace"
    return ""


class Sshd:
    """One server. `inside`: words before the command that put it into a network namespace."""

    def __init__(self, folder: Path, *, listen: str = "127.0.0.1", port: int = 0, inside: tuple[str, ...] = ()) -> None:
        self.folder, self.listen, self.inside = folder, listen, inside
        self.port = port or free_port(listen)
        folder.mkdir(parents=True, exist_ok=True)
        self.user, self.server, self.answer = getpass.getuser(), None, WRAPPER
        self.mounts: dict[str, str] = {}
        self.new_host_key("ed25519")

    server: subprocess.Popen[bytes] | None

    def new_host_key(self, kind: str) -> None:
        """The host is set up anew, or begins."""
        for place in self.folder.glob("host_key*"):
            place.unlink()
        make = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(self.folder / "host_key")]
        subprocess.run(make, check=True, stdin=subprocess.DEVNULL)

    @property
    def pin(self) -> str:
        """Kind and base64 of its host key."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def fingerprint(self) -> str:
        """As ssh-keygen says it: what somebody at the host's console compares."""
        said = subprocess.run(["ssh-keygen", "-lf", str(self.folder / "host_key.pub")], capture_output=True, check=True)
        return said.stdout.decode().split()[1]

    def let_in(self, public: str, *, forced: str = "") -> None:
        """Whose key may come in, and what it runs (by default the copy of eastwest-pull that stands in for it)."""
        command = forced or "/usr/local/sbin/eastwest-pull"
        (self.folder / "keys").write_text(f'restrict,command="{command}" {public}\n')

    def answers(self, script: str) -> None:
        """What runs in place of eastwest-pull."""
        place = self.folder / "answer"
        place.write_text(script)
        place.chmod(0o755)
        self.answer = place

    def wrapper(self, **replaced: str) -> None:
        """The real eastwest-pull with some of its settings replaced (PATH=…, each_s=…)."""
        lines = []
        for line in WRAPPER.read_text().splitlines():
            name = line.partition("=")[0]
            lines.append(f"{name}={replaced[name]}" if name in replaced and "=" in line else line)
        self.answers("\n".join(lines) + "\n")

    def config(self, **said: Any) -> dict[str, Any]:
        """The settings of a source that reads it."""
        return {"host": self.listen, "port": self.port, "user": self.user, "use": "key", "pin": self.pin, **said}

    def start(self, *, password: str = "") -> Sshd:
        """Starts it and waits until it answers."""
        settings = CONFIG.format(
            listen=self.listen, port=self.port, host_key=self.folder / "host_key", keys=self.folder / "keys",
            password="yes" if password else "no", root="yes" if password else "prohibit-password",
        )  # fmt: skip
        (self.folder / "sshd_config").write_text(settings)
        (self.folder / "keys").touch()
        mounts = {"/usr/local/sbin/eastwest-pull": str(self.answer), **self.mounts}
        if password:
            mounts["/etc/shadow"] = self.shadow(password)
        script = [
            "mount --make-rprivate /",
            "mount -t tmpfs none /run && mkdir -p /run/sshd",
            "mount -t tmpfs none /usr/local/sbin && touch /usr/local/sbin/eastwest-pull",
            *(f"test -e {shlex.quote(here)} || touch {shlex.quote(here)}" for here in mounts),
            *(f"mount --bind {shlex.quote(there)} {shlex.quote(here)}" for here, there in mounts.items()),
            f"exec /usr/sbin/sshd -D -e -f {shlex.quote(str(self.folder / 'sshd_config'))}",
        ]
        log = (self.folder / "log").open("ab")
        self.server = subprocess.Popen(
            [*self.inside, "unshare", "-m", "sh", "-ec", "\n".join(script)], env={"PATH": PATH, **self.environment()},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        self.wait()
        return self

    def environment(self) -> Mapping[str, str]:
        """Nothing of the tests' own."""
        return {"LANG": "C.UTF-8"}

    def shadow(self, password: str) -> str:
        """A file of passwords in which this user has that one."""
        crypted = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=password.encode(), capture_output=True, check=True
        ).stdout.decode().strip()  # fmt: skip
        place = self.folder / "shadow"
        place.write_text(f"{self.user}:{crypted}:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n")
        place.chmod(0o600)
        return str(place)

    def wait(self) -> None:
        """Until it listens, or said why it does not."""
        until = time.monotonic() + 10
        while b"Server listening" not in (self.folder / "log").read_bytes():
            if time.monotonic() > until or self.server is None or self.server.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def attempts(self) -> int:
        """How often somebody failed to sign in."""
        return (self.folder / "log").read_text().count("Failed ")

    def stop(self) -> None:
        """Ends it and whatever it started."""
        if self.server is not None and self.server.poll() is None:
            os.killpg(self.server.pid, signal.SIGTERM)
            self.server.wait(10)
        self.server = None
        (self.folder / "log").write_bytes(b"")


def free_port(listen: str) -> int:
    """A port nobody has."""
    with socket.create_server((listen, 0)) as taken:
        return int(taken.getsockname()[1])
