"""Run in a network namespace of its own (`unshare -n python live_traffic.py FOLDER`): real traffic of two addresses.

Leaves in FOLDER the kernel's own list of connections (`conntrack.xml`) and every packet (`packets.pcap`).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

CLIENT, SERVER = "10.66.0.1", "10.66.0.2"
OUTGOING = 4  # PACKET_OUTGOING: each packet of the loopback interface passes twice
PREPARED = (
    "ip link set lo up", f"ip addr add {CLIENT}/32 dev lo", f"ip addr add {SERVER}/32 dev lo",
    "iptables -A INPUT -p tcp --dport 22 -j REJECT", "iptables -A INPUT -m conntrack --ctstate NEW -j ACCEPT",
)  # fmt: skip


def main(folder: Path) -> None:
    for command in PREPARED:
        subprocess.run(command.split(), check=True, capture_output=True)
    with contextlib.suppress(OSError):
        Path("/proc/sys/net/netfilter/nf_conntrack_acct").write_text("1", encoding="ascii")
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    tap.bind(("lo", 0))
    tap.settimeout(0.3)
    server = socket.create_server((SERVER, 5432))
    threading.Thread(target=answer, args=(server,), daemon=True).start()
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind((SERVER, 514))
    for _ in range(3):
        with socket.create_connection((SERVER, 5432), 2, source_address=(CLIENT, 0)) as one:
            one.recv(5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((CLIENT, 0))
        one.sendto(b"message", (SERVER, 514))
    with contextlib.suppress(OSError):
        socket.create_connection((SERVER, 22), 1, source_address=(CLIENT, 0)).close()
    listed = subprocess.run(["conntrack", "-L", "-o", "xml"], capture_output=True, check=True)
    (folder / "conntrack.xml").write_bytes(listed.stdout)
    with (folder / "packets.pcap").open("wb") as pcap:
        pcap.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        with contextlib.suppress(TimeoutError):
            while True:
                packet, where = tap.recvfrom(65535)
                if where[2] == OUTGOING:
                    continue
                now = time.time()
                pcap.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(packet), len(packet)) + packet)


def answer(server: socket.socket) -> None:
    while True:
        one, _ = server.accept()
        one.sendall(b"hello")
        one.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
