"""Which Cisco-like system a configuration is of: they share most of their words."""

from __future__ import annotations

import re
from functools import lru_cache

# What only one of them writes, in the order they are tried. Archiving tools head a configuration with its kind.
SURE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("asa", re.compile(r"^(?::? ?(?:ASA|PIX|FWSM) Version |NGFW Version )", re.M)),
    ("comware", re.compile(r"^ ?sysname \S", re.M)),
    ("procurve", re.compile(r"^; ?\S+ Configuration Editor|^hpStack", re.M)),
    ("eos", re.compile(
        r"^(?:! device: .*EOS|!RANCID-CONTENT-TYPE: arista|transceiver qsfp |management api http-commands"
        r"|service routing protocols model |daemon TerminAttr|interface Management\d+$)", re.M | re.I)),
    ("xr", re.compile(
        r"^(?:!! IOS XR |!RANCID-CONTENT-TYPE: cisco-xr|ipv4 access-list |end-set$|end-policy$|commit$|!! Last config"
        r"|[ \t]+ipv4 address \d)", re.M)),
    ("nxos", re.compile(
        r"^(?:!Command: show |!RANCID-CONTENT-TYPE: cisco-nx|feature [a-z]|vdc \S+ id \d|install feature-set "
        r"|ip access-list \S+$|[ \t]+vrf member \S|[ \t]+ip address \d+\.\d+\.\d+\.\d+/\d)", re.M)),
)  # fmt: skip
MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("asa", re.compile(
        r"^(?:access-list \S+ (?:line \d+ )?(?:extended|standard|ethertype|webtype) (?:permit|deny)"
        r"|access-group \S+ (?:in|out) interface |access-group \S+ global|object network |object service "
        r"|same-security-traffic permit |clear configure access-list |[ \t]+nameif \S"
        r"|nameif \S+ \S+ security\d)", re.M)),  # the last as PIX wrote it before version 7
    ("ios", re.compile(
        r"^(?:ip access-list (?:extended|standard) |version 1\d\.\d[^;\n]*$|access-list \d+ (?:permit|deny|remark)"
        r"|Current configuration : \d|Using \d+ out of \d+ bytes|[ \t]+ip access-group \S+ (?:in|out)"
        r"|[ \t]+ipv6 traffic-filter |ipv6 access-list \S+$)", re.M)),
    ("nxos", re.compile(r"^(?:hardware access-list |[ \t]+statistics per-entry)", re.M)),
    ("ios", re.compile(
        r"^interface (?:Loopback|Fast|Gigabit|TenGigabit|Ethernet|Serial|Vlan|Tunnel|Port-channel)[^\n]*\n"
        r"(?:[ \t]+[^\n]*\n)*?"
        r"[ \t]+(?:ip address (?:\d+\.\d+\.\d+\.\d+ \d+\.|dhcp)|no ip address)", re.M)),
    # a switch that has ports and no address
    ("ios", re.compile(
        r"^interface (?:FastEthernet|GigabitEthernet|TenGigabitEthernet|TwentyFiveGigE|FortyGigabitEthernet|"
        r"HundredGigE)[^\n]*\n(?:[ \t]+[^\n]*\n)*?[ \t]+(?:switchport|spanning-tree|channel-group) ?", re.M)),
)  # fmt: skip
# Lists of another dialect in front of the ASA's: an ACL on an interface is IOS whatever its entries look like.
IOS_FIRST = re.compile(r"^[ \t]+ip access-group \S+ (?:in|out)", re.M)
IOS_GROUPS = re.compile(
    r"^object-group (?:network|service) \S+\n(?:[ \t]+(?:host|range|\d|tcp|udp|description)[^\n]*\n)+", re.M
)
ASA_GROUPS = re.compile(r"^[ \t]+(?:network-object|port-object|service-object|icmp-object|protocol-object) ", re.M)


@lru_cache(maxsize=8)
def kind(head: bytes) -> str:
    """`ios`, `asa`, `nxos`, `xr`; of others that look alike `eos`, `comware`, `procurve`; or "" when it is none."""
    text = head.decode("utf-8", errors="replace").replace("\r", "")
    for name, pattern in SURE:
        if pattern.search(text):
            return name
    if IOS_FIRST.search(text):
        return "ios"
    for name, pattern in MARKS:
        if pattern.search(text):
            return name
    if ASA_GROUPS.search(text):
        return "asa"
    return "ios" if IOS_GROUPS.search(text) else ""
