"""What the reference reader knows of names for protocols, ports and types of ICMP, Cisco's and those of Junos.

From the command references of IOS ("access-list (IP extended)", "permit (IP)") and of ASA 9 ("Addresses, Protocols, and
Ports") and from IANA's registries. Written for these tests alone: nothing is taken from the product's tables.
"""

from __future__ import annotations

PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ipinip": 4, "tcp": 6, "igrp": 9, "udp": 17, "gre": 47, "esp": 50, "ahp": 51, "ah": 51,
    "eigrp": 88, "ospf": 89, "nos": 94, "pim": 103, "pcp": 108, "sctp": 132,
}  # fmt: skip
OF_BOTH = {
    "echo": 7, "discard": 9, "time": 37, "tacacs": 49, "domain": 53, "sunrpc": 111, "talk": 517, "sip": 5060,
    "nfs": 2049, "www": 80, "http": 80,
}  # fmt: skip
OF_TCP = {
    "bgp": 179, "chargen": 19, "citrix-ica": 1494, "cmd": 514, "daytime": 13, "exec": 512, "finger": 79, "ftp": 21,
    "ftp-data": 20, "gopher": 70, "h323": 1720, "hostname": 101, "https": 443, "ident": 113, "imap4": 143, "irc": 194,
    "klogin": 543, "kshell": 544, "ldap": 389, "ldaps": 636, "login": 513, "lpd": 515, "msrpc": 135,
    "netbios-ssn": 139, "nntp": 119, "pop2": 109, "pop3": 110, "pptp": 1723, "rsh": 514, "smtp": 25, "sqlnet": 1521,
    "ssh": 22, "syslog": 514, "telnet": 23, "uucp": 540, "whois": 43,
}  # fmt: skip
OF_UDP = {
    "biff": 512, "bootpc": 68, "bootps": 67, "dnsix": 195, "isakmp": 500, "mobile-ip": 434, "nameserver": 42,
    "netbios-dgm": 138, "netbios-ns": 137, "netbios-ss": 139, "non500-isakmp": 4500, "ntp": 123, "radius": 1645,
    "radius-acct": 1646, "rip": 520, "snmp": 161, "snmptrap": 162, "syslog": 514, "tftp": 69, "who": 513,
    "xdmcp": 177,
}  # fmt: skip
PORTS = {6: {**OF_BOTH, **OF_TCP}, 17: {**OF_BOTH, **OF_UDP}}
# Of IPv6, from the registry of RFC 4443 under the names of "permit (IPv6)"
ICMP6: dict[str, tuple[int, int | None]] = {
    "unreachable": (1, None), "no-route": (1, 0), "no-admin": (1, 1), "port-unreachable": (1, 4),
    "packet-too-big": (2, None), "time-exceeded": (3, None), "hop-limit": (3, 0), "parameter-problem": (4, None),
    "echo-request": (128, None), "echo-reply": (129, None), "mld-query": (130, None), "mld-report": (131, None),
    "mld-reduction": (132, None), "router-solicitation": (133, None), "router-advertisement": (134, None),
    "nd-ns": (135, None), "nd-na": (136, None), "redirect": (137, None),
}  # fmt: skip
# A name -> its type and, where it is of one, its code
ICMP: dict[str, tuple[int, int | None]] = {
    "echo-reply": (0, None), "unreachable": (3, None), "net-unreachable": (3, 0), "host-unreachable": (3, 1),
    "protocol-unreachable": (3, 2), "port-unreachable": (3, 3), "packet-too-big": (3, 4),
    "administratively-prohibited": (3, 13), "source-quench": (4, None), "redirect": (5, None),
    "host-redirect": (5, 1), "echo": (8, None), "router-advertisement": (9, None), "router-solicitation": (10, None),
    "time-exceeded": (11, None), "ttl-exceeded": (11, 0), "reassembly-timeout": (11, 1),
    "parameter-problem": (12, None), "timestamp-request": (13, None), "timestamp-reply": (14, None),
    "information-request": (15, None), "information-reply": (16, None), "mask-request": (17, None),
    "mask-reply": (18, None), "traceroute": (30, None),
}  # fmt: skip
# Of Junos, from "Firewall Filter Match Conditions" for IPv4 and IPv6 traffic
JUNOS_PROTOCOLS = {
    "ah": 51, "egp": 8, "esp": 50, "gre": 47, "icmp": 1, "icmp6": 58, "icmpv6": 58, "igmp": 2, "ipip": 4, "ipv6": 41,
    "ospf": 89, "pim": 103, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "vrrp": 112,
}  # fmt: skip
JUNOS_PORTS = {
    "afs": 1483, "bgp": 179, "biff": 512, "bootpc": 68, "bootps": 67, "cmd": 514, "cvspserver": 2401, "dhcp": 67,
    "domain": 53, "eklogin": 2105, "ekshell": 2106, "exec": 512, "finger": 79, "ftp": 21, "ftp-data": 20, "http": 80,
    "https": 443, "ident": 113, "imap": 143, "kerberos-sec": 88, "klogin": 543, "kpasswd": 761, "krb-prop": 754,
    "krbupdate": 760, "kshell": 544, "ldap": 389, "ldp": 646, "login": 513, "mobileip-agent": 434,
    "mobilip-mn": 435, "msdp": 639, "netbios-dgm": 138, "netbios-ns": 137, "netbios-ssn": 139, "nfsd": 2049,
    "nntp": 119, "ntalk": 518, "ntp": 123, "pop3": 110, "pptp": 1723, "printer": 515, "radacct": 1813,
    "radius": 1812, "rip": 520, "rkinit": 2108, "smtp": 25, "snmp": 161, "snmptrap": 162, "snpp": 444,
    "socks": 1080, "ssh": 22, "sunrpc": 111, "syslog": 514, "tacacs": 49, "tacacs-ds": 65, "talk": 517,
    "telnet": 23, "tftp": 69, "timed": 525, "who": 513, "xdmcp": 177,
}  # fmt: skip
JUNOS_ICMP = {
    "echo-reply": 0, "echo-request": 8, "info-reply": 16, "info-request": 15, "mask-request": 17, "mask-reply": 18,
    "parameter-problem": 12, "redirect": 5, "router-advertisement": 9, "router-solicit": 10, "source-quench": 4,
    "time-exceeded": 11, "timestamp": 13, "timestamp-reply": 14, "unreachable": 3,
}  # fmt: skip
JUNOS_ICMP6 = {
    "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4,
    "echo-request": 128, "echo-reply": 129, "membership-query": 130, "membership-report": 131,
    "membership-termination": 132, "router-solicit": 133, "router-advertisement": 134, "neighbor-solicit": 135,
    "neighbor-advertisement": 136, "redirect": 137,
}  # fmt: skip
