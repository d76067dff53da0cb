"""Which Cisco-like system a configuration is of: they share most of their words."""

from __future__ import annotations

import re
from functools import lru_cache

MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("asa", re.compile(r"^(?::? ?(?:ASA|PIX|FWSM) Version |NGFW Version )", re.M)),
    ("xr", re.compile(r"^(?:!! IOS XR |ipv4 access-list |end-set$|end-policy$|commit$|!! Last config)", re.M)),
    ("nxos", re.compile(r"^(?:!Command: show |feature [a-z]|vdc \S+ id \d|install feature-set )", re.M)),
    ("eos", re.compile(r"^(?:! device: .*EOS|transceiver qsfp |management api http-commands)", re.M | re.I)),
    ("asa", re.compile(
        r"^(?:access-list \S+ (?:line \d+ )?(?:extended|standard|ethertype|webtype) (?:permit|deny)"
        r"|access-group \S+ (?:in|out) interface |access-group \S+ global|object network |object service "
        r"|same-security-traffic permit |clear configure access-list |[ \t]+nameif \S)", re.M)),
    ("ios", re.compile(
        r"^(?:ip access-list (?:extended|standard) |version 1\d\.\d[^;\n]*$|access-list \d+ (?:permit|deny|remark)"
        r"|Current configuration : \d|Using \d+ out of \d+ bytes|[ \t]+ip access-group \S+ (?:in|out)"
        r"|[ \t]+ipv6 traffic-filter |ipv6 access-list \S+$)", re.M)),
    ("nxos", re.compile(r"^(?:ip access-list \S+$|hardware access-list |[ \t]+statistics per-entry)", re.M)),
    ("ios", re.compile(
        r"^interface (?:Loopback|Fast|Gigabit|TenGigabit|Ethernet|Serial|Vlan|Tunnel|Port-channel)[^\n]*\n"
        r"(?:[ \t]+[^\n]*\n)*?"
        r"[ \t]+(?:ip address \d+\.\d+\.\d+\.\d+ \d+\.|no ip address)", re.M)),
)  # fmt: skip
# Lists of another dialect in front of the ASA's: an ACL on an interface is IOS whatever its entries look like.
IOS_FIRST = re.compile(r"^[ \t]+ip access-group \S+ (?:in|out)", re.M)
IOS_GROUPS = re.compile(
    r"^object-group (?:network|service) \S+\n(?:[ \t]+(?:host|range|\d|tcp|udp|description)[^\n]*\n)+", re.M
)
ASA_GROUPS = re.compile(r"^[ \t]+(?:network-object|port-object|service-object|icmp-object|protocol-object) ", re.M)


@lru_cache(maxsize=8)
def kind(head: bytes) -> str:
    """`ios`, `asa`, `nxos`, `xr`, `eos`, or "" when it is none of them."""
    text = head.decode("utf-8", errors="replace").replace("\r", "")
    for name, pattern in MARKS[:4]:
        if pattern.search(text):
            return name
    if IOS_FIRST.search(text):
        return "ios"
    for name, pattern in MARKS[4:]:
        if pattern.search(text):
            return name
    if ASA_GROUPS.search(text):
        return "asa"
    return "ios" if IOS_GROUPS.search(text) else ""
