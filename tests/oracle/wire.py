"""The cables of the host under test: TUN devices, raw sockets, and the kernel's table of connections."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from compliance.traffic import addresses
from compliance.traffic.boxes import FAMILIES, Family
from tests.oracle.probe import PROTOCOLS

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000  # include/uapi/linux/if_tun.h
IPV6_HDRINCL, SO_RCVBUFFORCE = 36, 33
LONG_QUEUE = 8192
RECEIVE_BUFFER = 32 << 20
LARGEST = 2048
# include/uapi/linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h: delete, and no tuple: all of them.
NETLINK_NETFILTER, CTNETLINK_DELETE, REQUEST_AND_ACK = 12, (1 << 8) | 2, 5


class Lost(Exception):
    """The test bed itself lost packets (a full queue): what was asked is not answered."""


class Cable:
    """The far end of one interface: what is written comes in by it, what the host sends out by it is read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(self._file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))

    def send(self, packet: bytes) -> None:
        """The host receives the packet; the kernel is through with it when this returns."""
        os.write(self._file, packet)

    def received(self) -> Iterator[bytes]:
        """All that the host sent out by this interface since the last time."""
        with contextlib.suppress(BlockingIOError):
            while True:
                yield os.read(self._file, LARGEST)

    def close(self) -> None:
        """The interface goes away."""
        os.close(self._file)


class Sockets:
    """What a program on the host sends, and what reaches programs on it."""

    def __init__(self) -> None:
        kinds = {4: socket.AF_INET, 6: socket.AF_INET6}
        self._out = {family: _raw(kinds[family], socket.IPPROTO_RAW) for family in FAMILIES}
        self._out[6].setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
        self._in = {
            family: {proto: _raw(kinds[family], proto) for proto in PROTOCOLS[family]} for family in FAMILIES
        }  # fmt: skip

    def send(self, family: Family, dst: int, packet: bytes) -> None:
        """A program sends the packet. A drop on the way out is an error of the call: nobody needs it here."""
        with contextlib.suppress(PermissionError):
            self._out[family].sendto(packet, (addresses.to_text(family, dst), 0))

    def received(self) -> Iterator[bytes]:
        """All that reached a program since the last time (IPv6: without its header)."""
        for listening in self._in.values():
            for one in listening.values():
                with contextlib.suppress(BlockingIOError):
                    while True:
                        yield one.recv(LARGEST)

    def close(self) -> None:
        for one in (*self._out.values(), *(one for held in self._in.values() for one in held.values())):
            one.close()


def _raw(kind: socket.AddressFamily, proto: int) -> socket.socket:
    made = socket.socket(kind, socket.SOCK_RAW, proto)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    return made


class Connections:
    """The kernel's table of connections in this namespace."""

    def __init__(self) -> None:
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self._netlink.bind((0, 0))

    def forget(self) -> None:
        """Every packet is the first of its flow again. Raises OSError."""
        body = struct.pack("BBH", 0, 0, 0)
        self._netlink.send(struct.pack("IHHII", 16 + len(body), CTNETLINK_DELETE, REQUEST_AND_ACK, 1, 0) + body)
        answer = self._netlink.recv(4096)
        code = struct.unpack_from("i", answer, 16)[0]
        if code:
            raise OSError(-code, os.strerror(-code))

    def close(self) -> None:
        self._netlink.close()


def lost() -> int:
    """How many packets full queues have thrown away in this namespace since it was made."""
    devices = Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]
    dropped = 0
    for line in devices:
        fields = line.partition(":")[2].split()
        dropped += int(fields[3]) + int(fields[11])  # received and dropped, sent and dropped
    for name in ("raw", "raw6"):
        rows = Path("/proc/thread-self/net", name).read_text().splitlines()[1:]
        dropped += sum(int(row.split()[-1]) for row in rows)
    return dropped
