"""Which state connection tracking gives to the first packet of a flow: NEW, except for ICMP that opens nothing.

An ICMP answer or error without its question is INVALID, neighbour and multicast discovery of IPv6 is never tracked.
Sources: net/netfilter/nf_conntrack_proto_icmp.c and nf_conntrack_proto_icmpv6.c (`valid_new`, `noct_valid_new`);
every type was asked of a kernel (6.18).
"""

from __future__ import annotations

from collections.abc import Iterator

from compliance.traffic.boxes import ICMP, ICMP_TOP, PROTO_TOP, Box, Family, limited

NEW, INVALID, UNTRACKED = "NEW", "INVALID", "UNTRACKED"
PROTO, TYPE = 4, 6
Types = tuple[tuple[int, int], ...]
BORN: dict[Family, dict[str, Types]] = {
    4: {
        NEW: ((8, 8), (13, 13), (15, 15), (17, 17)),
        INVALID: ((0, 7), (9, 12), (14, 14), (16, 16), (18, ICMP_TOP)),
    },
    6: {
        NEW: ((128, 128), (139, 139)),
        UNTRACKED: ((130, 136), (143, 143), (151, 152)),
        INVALID: ((0, 127), (129, 129), (137, 138), (140, 142), (144, 150), (153, ICMP_TOP)),
    },
}


def parts_in(box: Box, family: Family, states: frozenset[str] | None) -> Iterator[Box]:
    """The parts of a box whose packets, each the first of its flow, are in one of the states (None = any)."""
    if states is None or states >= BORN[family].keys():
        yield box
        return
    icmp = ICMP[family]
    if NEW in states:
        for low, high in ((0, icmp - 1), (icmp + 1, PROTO_TOP)):
            if low <= box[PROTO + 1] and box[PROTO] <= high:
                yield limited(box, PROTO, max(low, box[PROTO]), min(high, box[PROTO + 1]))
    if not box[PROTO] <= icmp <= box[PROTO + 1]:
        return
    whole = limited(box, PROTO, icmp, icmp)
    for state, ranges in BORN[family].items():
        for low, high in ranges if state in states else ():
            if low <= box[TYPE + 1] and box[TYPE] <= high:
                yield limited(whole, TYPE, max(low, box[TYPE]), min(high, box[TYPE + 1]))
