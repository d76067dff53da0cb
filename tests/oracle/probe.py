"""One packet as bytes: the first of a flow, with a number at its end by which it is known when it comes out again."""

from __future__ import annotations

import struct
from functools import lru_cache

from compliance.traffic.boxes import ICMP, Family
from compliance.traffic.witness import Witness

MARK = b"EwOr"
TCP, UDP, DCCP, SCTP, UDPLITE = 6, 17, 33, 132, 136
WITH_PORTS = frozenset({TCP, UDP, DCCP, SCTP, UDPLITE})
# Protocols that are asked about; IPv6 extension headers are left out, they are no protocols of a packet.
PROTOCOLS: dict[Family, tuple[int, ...]] = {
    4: (1, 2, TCP, UDP, DCCP, 47, 50, 51, 89, 103, 112, SCTP, UDPLITE, 253),
    6: (TCP, UDP, DCCP, 47, 50, 58, 89, 103, 112, SCTP, UDPLITE, 253),
}
SYN = 2


def number_of(data: bytes) -> int | None:
    """The number at the end of a packet of ours, else None."""
    return int.from_bytes(data[-4:], "big") if data[-8:-4] == MARK else None


def frame(packet: Witness, number: int) -> bytes:
    """The whole packet from its IP header on, every checksum but SCTP's right."""
    body = _body(packet, number, MARK + number.to_bytes(4, "big"))
    if packet.family == 6:
        addresses = _sixteen(packet.src) + _sixteen(packet.dst)
        return struct.pack("!IHBB", 6 << 28, len(body), packet.proto, 64) + addresses + body
    head = struct.pack(
        "!BBHHHBBHII", 0x45, 0, 20 + len(body), number & 0xFFFF or 1, 0, 64, packet.proto, 0, packet.src, packet.dst
    )
    return head[:10] + _checksum(head).to_bytes(2, "big") + head[12:] + body


def _body(packet: Witness, number: int, tail: bytes) -> bytes:
    proto, sport, dport = packet.proto, packet.sport, packet.dport
    if proto == TCP:
        plain = struct.pack("!HHIIBBHHH", sport, dport, number, 0, 0x50, SYN, 64240, 0, 0) + tail
        return _summed(packet, plain, 16)
    if proto in {UDP, UDPLITE}:
        return _summed(packet, struct.pack("!HHHH", sport, dport, 8 + len(tail), 0) + tail, 6)
    if proto in ICMP.values():
        return _summed(packet, struct.pack("!BBHHH", sport, dport, 0, number & 0xFFFF, number >> 16) + tail, 2)
    if proto == SCTP:  # an INIT chunk, the number as its unknown last parameter
        chunk = struct.pack("!BBHIIHHI", 1, 0, 28, number | 1, 65535, 1, 1, number) + tail
        return struct.pack("!HHII", sport, dport, 0, 0) + chunk
    if proto == DCCP:  # a request
        return struct.pack("!HHBBHBBHII", sport, dport, 5, 0, 0, 1, 0, 0, number, 0) + tail
    return struct.pack("!IIII", 0, 0, 0, 0) + tail


def _summed(packet: Witness, body: bytes, at: int) -> bytes:
    pseudo = b"" if packet.proto == ICMP[4] else _pseudo(packet.family, packet.proto, packet.src, packet.dst, len(body))
    value = _checksum(pseudo + body) or 0xFFFF
    return body[:at] + value.to_bytes(2, "big") + body[at + 2 :]


@lru_cache(maxsize=4096)
def _pseudo(family: Family, proto: int, src: int, dst: int, length: int) -> bytes:
    if family == 4:
        return struct.pack("!IIHH", src, dst, proto, length)
    return _sixteen(src) + _sixteen(dst) + struct.pack("!II", length, proto)


def _sixteen(value: int) -> bytes:
    return value.to_bytes(16, "big")


def _checksum(data: bytes) -> int:
    """RFC 1071. 2**16 is 1 modulo 65535, so the sum of all words is the whole number modulo 65535."""
    if len(data) % 2:
        data += b"\0"
    return 0xFFFF - int.from_bytes(data, "big") % 0xFFFF
