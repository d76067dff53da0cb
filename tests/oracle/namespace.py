"""A network namespace of our own, in which every rule is loaded: the machine's own rules are never touched."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from types import TracebackType

CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h
PROGRAMS = ("ip", "nft", "iptables-nft-restore", "iptables-legacy-restore", "ip6tables-nft-restore", "ipset")
PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
TUN = Path("/dev/net/tun")
# What the kernel does by itself and a test bed must not: answers, redirects, guesses about sources.
SETTINGS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/icmp_echo_ignore_all": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/addr_gen_mode": "1",
    "net/ipv6/icmp/echo_ignore_all": "1",
    "net/netfilter/nf_conntrack_checksum": "0",  # SCTP's own checksum is not worth computing here
}
# One rule of each kind that a kernel may have been built without.
TRIAL = """
ipset create o hash:net
iptables-nft -A INPUT -p sctp -m conntrack --ctstate NEW -m set --match-set o src -m multiport --dports 1,2 -j REJECT
ip6tables-nft -t nat -A POSTROUTING -m iprange --src-range ::1-::2 -j MASQUERADE
iptables-legacy -w -t security -A INPUT -p dccp --dport 5 -j ACCEPT
ip6tables-legacy -w -t nat -A PREROUTING -p udp -j REDIRECT --to-ports 7
nft 'add table inet o; add chain inet o c { type nat hook prerouting priority -90; }; add rule inet o c redirect'
"""
_libc = ctypes.CDLL(None, use_errno=True)


class NotPossible(Exception):
    """This machine cannot ask its kernel; the message says why, in a sentence."""


class ToolRefused(Exception):
    """A tool did not take what it was given; the message is what it said."""


@cache
def missing() -> str:
    """Why the kernel cannot be asked here, as a sentence; "" when it can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if absent:
        return f"The kernel cannot be asked here: {', '.join(absent)} not installed."
    if not TUN.exists():
        return f"The kernel cannot be asked here: there is no {TUN}."
    allowed = subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True, text=True)
    if allowed.returncode:
        return "The kernel cannot be asked here: a network namespace needs root or CAP_NET_ADMIN."
    trial = ["unshare", "-n", "sh", "-ec", TRIAL]
    tried = subprocess.run(trial, check=False, capture_output=True, text=True, env={"PATH": PATH})
    if tried.returncode:
        return f"The kernel cannot be asked here, it does not take every kind of rule: {tried.stderr.strip()[:200]}"
    return ""


def _check(result: int, what: str) -> None:
    if result != 0:
        raise NotPossible(f"The kernel cannot be asked here: {what} failed, {os.strerror(ctypes.get_errno())}.")


class Namespace:
    """`with Namespace() as inside:` this thread, and what it starts, is in an empty network namespace of its own.

    `run` refuses to start anything while the thread is elsewhere.
    """

    def __init__(self) -> None:
        self._outside = -1
        self._own = -1

    def __enter__(self) -> Namespace:
        self._outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _check(_libc.unshare(CLONE_NEWNET), "making a network namespace")
        self._own = _here()
        for name, value in SETTINGS.items():
            Path("/proc/sys", name).write_text(value)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _check(_libc.setns(self._outside, CLONE_NEWNET), "going back to the machine's own network namespace")
        os.close(self._outside)

    def run(self, script: str, folder: Path) -> None:
        """A shell script in `folder`, which stops at its first error. Raises ToolRefused."""
        if _here() != self._own:
            raise NotPossible("Rules are loaded in a namespace of our own only, and this is another one.")
        done = subprocess.run(
            ["sh", "-ec", script], cwd=folder, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            close_fds=False, env={"PATH": PATH, "XTABLES_LOCKFILE": str(folder / "xtables.lock")},
        )  # fmt: skip
        if done.returncode:
            raise ToolRefused(done.stderr.strip()[:2000])


def _here() -> int:
    return os.stat("/proc/thread-self/ns/net").st_ino
