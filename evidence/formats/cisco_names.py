"""Names that Cisco devices write instead of numbers: protocols, ports, ICMP types and codes.

Sources: the command references of IOS 15 and IOS XE 17 (`permit (IP)`, `permit (IPv6)`), of ASA 9 ("Addresses,
Protocols, and Ports") and of NX-OS 9. A name that is not here is not guessed at: its rule is not certain.
"""

from __future__ import annotations

PROTOCOLS: dict[str, int] = {
    "icmp": 1, "igmp": 2, "ipinip": 4, "tcp": 6, "egp": 8, "igp": 9, "igrp": 9, "udp": 17, "rsvp": 46, "gre": 47,
    "esp": 50, "ipsec": 50, "ah": 51, "ahp": 51, "icmp6": 58, "icmpv6": 58, "eigrp": 88, "ospf": 89, "nos": 94,
    "pim": 103, "pcp": 108, "snp": 109, "vrrp": 112, "pptp": 47, "sctp": 132, "udplite": 136,
}  # fmt: skip

_BOTH: dict[str, int] = {
    "echo": 7, "discard": 9, "daytime": 13, "chargen": 19, "time": 37, "tacacs": 49, "tacacs-ds": 49, "domain": 53,
    "sunrpc": 111, "pim-auto-rp": 496, "talk": 517, "syslog": 514, "nfs": 2049, "sip": 5060, "cifs": 3020,
}  # fmt: skip
TCP: dict[str, int] = {
    **_BOTH, "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "nicname": 43, "whois": 43, "gopher": 70,
    "finger": 79, "www": 80, "http": 80, "hostname": 101, "pop2": 109, "pop3": 110, "ident": 113, "nntp": 119,
    "msrpc": 135, "netbios-ssn": 139, "imap4": 143, "bgp": 179, "irc": 194, "ldap": 389, "https": 443, "exec": 512,
    "login": 513, "cmd": 514, "rsh": 514, "lpd": 515, "uucp": 540, "klogin": 543, "kshell": 544, "rtsp": 554,
    "ldaps": 636, "lotusnotes": 1352, "citrix-ica": 1494, "sqlnet": 1521, "h323": 1720, "pptp": 1723,
    "ctiqbe": 2748, "drip": 3949, "aol": 5190, "pcanywhere-data": 5631,
    "onep-plain": 15001, "onep-tls": 15002, "connectedapps-plain": 15001, "connectedapps-tls": 15002,
}  # fmt: skip
UDP: dict[str, int] = {
    **_BOTH, "nameserver": 42, "bootps": 67, "bootpc": 68, "tftp": 69, "www": 80, "http": 80, "ntp": 123,
    "netbios-ns": 137, "netbios-dgm": 138, "netbios-ss": 139, "snmp": 161, "snmptrap": 162, "xdmcp": 177, "dnsix": 195,
    "mobile-ip": 434, "isakmp": 500, "biff": 512, "who": 513, "rip": 520, "ripv6": 521, "ripng": 521,
    "radius": 1645, "radius-acct": 1646, "non500-isakmp": 4500, "vxlan": 4789, "secureid-udp": 5510,
    "pcanywhere-status": 5632,
}  # fmt: skip
# Kerberos is 750 (its fourth version) where ASA says the name.
ASA_ONLY: dict[str, int] = {"kerberos": 750}
PORTS: dict[int, dict[str, int]] = {6: TCP, 17: UDP, 132: {**TCP, **UDP}}

Icmp = dict[str, tuple[int, int | None]]  # name -> (type, code); None: every code
IOS_ICMP4: Icmp = {
    "echo-reply": (0, None), "unreachable": (3, None), "net-unreachable": (3, 0), "host-unreachable": (3, 1),
    "protocol-unreachable": (3, 2), "port-unreachable": (3, 3), "packet-too-big": (3, 4), "source-route-failed": (3, 5),
    "network-unknown": (3, 6), "host-unknown": (3, 7), "host-isolated": (3, 8), "dod-net-prohibited": (3, 9),
    "dod-host-prohibited": (3, 10), "net-tos-unreachable": (3, 11), "host-tos-unreachable": (3, 12),
    "administratively-prohibited": (3, 13), "host-precedence-unreachable": (3, 14), "precedence-unreachable": (3, 15),
    "source-quench": (4, None), "redirect": (5, None), "net-redirect": (5, 0), "host-redirect": (5, 1),
    "net-tos-redirect": (5, 2), "host-tos-redirect": (5, 3), "alternate-address": (6, None), "echo": (8, None),
    "router-advertisement": (9, None), "router-solicitation": (10, None), "time-exceeded": (11, None),
    "ttl-exceeded": (11, 0), "reassembly-timeout": (11, 1), "parameter-problem": (12, None),
    "general-parameter-problem": (12, 0), "option-missing": (12, 1), "no-room-for-option": (12, 2),
    "timestamp-request": (13, None), "timestamp-reply": (14, None), "information-request": (15, None),
    "information-reply": (16, None), "mask-request": (17, None), "mask-reply": (18, None), "traceroute": (30, None),
    "conversion-error": (31, None), "mobile-redirect": (32, None),
}  # fmt: skip
IOS_ICMP6: Icmp = {
    "unreachable": (1, None), "destination-unreachable": (1, None), "no-route": (1, 0), "no-admin": (1, 1),
    "beyond-scope": (1, 2), "port-unreachable": (1, 4), "packet-too-big": (2, None), "time-exceeded": (3, None),
    "hop-limit": (3, 0), "reassembly-timeout": (3, 1), "parameter-problem": (4, None), "header": (4, 0),
    "next-header": (4, 1), "parameter-option": (4, 2), "echo-request": (128, None), "echo-reply": (129, None),
    "mld-query": (130, None), "mld-report": (131, None), "mld-reduction": (132, None),
    "router-solicitation": (133, None), "router-advertisement": (134, None), "nd-ns": (135, None),
    "nd-na": (136, None), "redirect": (137, None), "router-renumbering": (138, None), "renum-command": (138, 0),
    "renum-result": (138, 1), "renum-seq-number": (138, 255), "mldv2": (143, None), "dhaad-request": (144, None),
    "dhaad-reply": (145, None), "mpd-solicitation": (146, None), "mpd-advertisement": (147, None),
}  # fmt: skip
ASA_ICMP4: Icmp = {name: (kind, None) for name, (kind, code) in IOS_ICMP4.items() if code is None}
ASA_ICMP6: Icmp = {
    "unreachable": (1, None), "packet-too-big": (2, None), "time-exceeded": (3, None), "parameter-problem": (4, None),
    "echo": (128, None), "echo-request": (128, None), "echo-reply": (129, None), "membership-query": (130, None),
    "membership-report": (131, None), "membership-reduction": (132, None), "router-solicitation": (133, None),
    "router-advertisement": (134, None), "neighbor-solicitation": (135, None), "neighbor-advertisement": (136, None),
    "neighbor-redirect": (137, None), "router-renumbering": (138, None),
}  # fmt: skip

# Flags of TCP by name, as bits; the first packet of a connection carries `syn` alone.
FLAGS = frozenset({"ack", "fin", "psh", "rst", "syn", "urg"})
