"""Names that Junos writes instead of numbers, its predefined applications, and what a zone lets in to the device.

Sources: the text synonyms of firewall filter match conditions, the group `junos-defaults`, and the system services and
protocols of `host-inbound-traffic`, as Juniper documents them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from evidence.formats import names

Icmp = Mapping[str, int]

PROTOCOLS: Mapping[str, int] = {
    **names.PROTOCOLS, "hop-by-hop": 0, "egp": 8, "routing": 43, "fragment": 44, "icmp6": 58, "no-next-header": 59,
    "dstopts": 60, "mobility": 135,
}  # fmt: skip
PORTS: Mapping[str, int] = {
    **names.PORTS, "afs": 1483, "biff": 512, "cmd": 514, "cvspserver": 2401, "dhcp": 67, "eklogin": 2105,
    "ekshell": 2106, "kerberos-sec": 88, "klogin": 543, "kpasswd": 761, "krb-prop": 754, "krbupdate": 760,
    "kshell": 544, "ldp": 646, "mobileip-agent": 434, "mobilip-mn": 435, "msdp": 639, "netbios-dgm": 138, "nfsd": 2049,
    "ntalk": 518, "pptp": 1723, "radacct": 1813, "radius": 1812, "rip": 520, "rkinit": 2108, "snpp": 444,
    "tacacs": 49, "tacacs-ds": 65, "talk": 517, "timed": 525, "who": 513, "xdmcp": 177, "zephyr-clt": 2103,
    "zephyr-hm": 2104, "sip": 5060, "ripng": 521, "nfs": 2049,
}  # fmt: skip
TYPES: Mapping[int, Icmp] = {
    4: {
        "echo-reply": 0, "unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
        "router-advertisement": 9, "router-solicit": 10, "time-exceeded": 11, "parameter-problem": 12, "timestamp": 13,
        "timestamp-reply": 14, "info-request": 15, "info-reply": 16, "mask-request": 17, "mask-reply": 18,
    },
    6: {
        "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4,
        "echo-request": 128, "echo-reply": 129, "membership-query": 130, "membership-report": 131,
        "membership-termination": 132, "router-solicit": 133, "router-advertisement": 134, "neighbor-solicit": 135,
        "neighbor-advertisement": 136, "redirect": 137, "router-renumbering": 138, "node-information-request": 139,
        "node-information-reply": 140, "inverse-neighbor-discovery-solicitation": 141,
        "inverse-neighbor-discovery-advertisement": 142, "home-agent-address-discovery-request": 144,
        "home-agent-address-discovery-reply": 145, "mobile-prefix-solicitation": 146,
        "mobile-prefix-advertisement-reply": 147, "certificate-path-solicitation": 148,
        "certificate-path-advertisement": 149,
    },
}  # fmt: skip
CODES: Mapping[int, Icmp] = {
    4: {
        "network-unreachable": 0, "host-unreachable": 1, "protocol-unreachable": 2, "port-unreachable": 3,
        "fragmentation-needed": 4, "source-route-failed": 5, "destination-network-unknown": 6,
        "destination-host-unknown": 7, "source-host-isolated": 8, "destination-network-prohibited": 9,
        "destination-host-prohibited": 10, "network-unreachable-for-tos": 11, "host-unreachable-for-tos": 12,
        "communication-prohibited-by-filtering": 13, "host-precedence-violation": 14, "precedence-cutoff-in-effect": 15,
        "ip-header-bad": 0, "required-option-missing": 1, "redirect-for-network": 0, "redirect-for-host": 1,
        "redirect-for-tos-and-net": 2, "redirect-for-tos-and-host": 3, "ttl-eq-zero-during-transit": 0,
        "ttl-eq-zero-during-reassembly": 1,
    },
    6: {
        "no-route-to-destination": 0, "administratively-prohibited": 1, "address-unreachable": 3, "port-unreachable": 4,
        "ip6-header-bad": 0, "unrecognized-next-header": 1, "unrecognized-option": 2, "ttl-eq-zero-during-transit": 0,
        "ttl-eq-zero-during-reassembly": 1,
    },
}  # fmt: skip


class Application(NamedTuple):
    """Protocol with destination ports, or with the type of ICMP (`low`); high below low: every one."""

    proto: int
    low: int = 0
    high: int = -1


def _tcp(low: int, high: int = -1) -> Application:
    return Application(6, low, max(low, high))


def _udp(low: int, high: int = -1) -> Application:
    return Application(17, low, max(low, high))


APPLICATIONS: Mapping[str, tuple[Application, ...]] = {
    "junos-aol": (_tcp(5190, 5193),), "junos-bgp": (_tcp(179),), "junos-biff": (_udp(512),),
    "junos-bootpc": (_udp(68),), "junos-bootps": (_udp(67),), "junos-chargen": (_udp(19),),
    "junos-cifs": (_tcp(139), _tcp(445)), "junos-cvspserver": (_tcp(2401),), "junos-dhcp-client": (_udp(68),),
    "junos-dhcp-relay": (_udp(67),), "junos-dhcp-server": (_udp(67),), "junos-discard": (_udp(9),),
    "junos-dns-tcp": (_tcp(53),), "junos-dns-udp": (_udp(53),), "junos-echo": (_udp(7),), "junos-finger": (_tcp(79),),
    "junos-ftp": (_tcp(21),), "junos-ftp-data": (_tcp(20),), "junos-gnutella": (_udp(6346, 6347),),
    "junos-gopher": (_tcp(70),), "junos-gprs-gtp-c": (_udp(2123),), "junos-gprs-gtp-u": (_udp(2152),),
    "junos-gprs-gtp-v0": (_udp(3386),), "junos-gre": (Application(47),), "junos-gtp": (_udp(2123),),
    "junos-h323": (_tcp(1720), _udp(1719), _tcp(1503), _tcp(389), _tcp(522), _tcp(1731)),
    "junos-http": (_tcp(80),), "junos-https": (_tcp(443),), "junos-icmp-all": (Application(1),),
    "junos-icmp-ping": (Application(1, 8, 8),), "junos-ping": (Application(1, 8, 8),),
    "junos-icmp6-all": (Application(58),), "junos-icmp6-echo-request": (Application(58, 128, 128),),
    "junos-icmp6-echo-reply": (Application(58, 129, 129),), "junos-pingv6": (Application(58, 128, 128),),
    "junos-icmp6-packet-too-big": (Application(58, 2, 2),), "junos-ident": (_tcp(113),), "junos-ike": (_udp(500),),
    "junos-ike-nat": (_udp(4500),), "junos-imap": (_tcp(143),), "junos-imaps": (_tcp(993),),
    "junos-internet-locator-service": (_tcp(389),), "junos-irc": (_tcp(6660, 6669),), "junos-l2tp": (_udp(1701),),
    "junos-ldap": (_tcp(389),), "junos-ldp-tcp": (_tcp(646),), "junos-ldp-udp": (_udp(646),),
    "junos-lpr": (_tcp(515),), "junos-mail": (_tcp(25),), "junos-mgcp": (_udp(2427), _udp(2727)),
    "junos-mgcp-ca": (_udp(2727),), "junos-mgcp-ua": (_udp(2427),), "junos-ms-sql": (_tcp(1433),),
    "junos-msn": (_tcp(1863),), "junos-nbds": (_udp(138),), "junos-nbname": (_udp(137),),
    "junos-netbios-session": (_tcp(139),), "junos-nfsd-tcp": (_tcp(2049),), "junos-nfsd-udp": (_udp(2049),),
    "junos-nntp": (_tcp(119),), "junos-ntalk": (_udp(518),), "junos-ntp": (_udp(123),),
    "junos-ospf": (Application(89),), "junos-pc-anywhere": (_udp(5632),), "junos-pop3": (_tcp(110),),
    "junos-pptp": (_tcp(1723),), "junos-printer": (_tcp(515),), "junos-r2cp": (_udp(28672),),
    "junos-radacct": (_udp(1813),), "junos-radius": (_udp(1812),), "junos-realaudio": (_tcp(554),),
    "junos-rip": (_udp(520),), "junos-routing-inbound": (_tcp(179), _udp(520), _tcp(646), _udp(646)),
    "junos-rsh": (_tcp(514),), "junos-rtsp": (_tcp(554),), "junos-sccp": (_tcp(2000),),
    "junos-sctp-any": (Application(132),), "junos-sip": (_udp(5060), _tcp(5060)),
    "junos-smb": (_tcp(139), _tcp(445)), "junos-smb-session": (_tcp(445),), "junos-smtp": (_tcp(25),),
    "junos-snmp-agentx": (_tcp(705),), "junos-snpp": (_tcp(444),), "junos-sql-monitor": (_udp(1434),),
    "junos-sqlnet-v1": (_tcp(1525),), "junos-sqlnet-v2": (_tcp(1521),), "junos-ssh": (_tcp(22),),
    "junos-sun-rpc-portmap-tcp": (_tcp(111),), "junos-sun-rpc-portmap-udp": (_udp(111),),
    "junos-syslog": (_udp(514),), "junos-tacacs": (_tcp(49),), "junos-tacacs-ds": (_tcp(65),),
    "junos-talk": (_udp(517),), "junos-tcp-any": (Application(6),), "junos-telnet": (_tcp(23),),
    "junos-tftp": (_udp(69),), "junos-udp-any": (Application(17),), "junos-uucp": (_udp(540),),
    "junos-wais": (_tcp(210),), "junos-who": (_udp(513),), "junos-whois": (_tcp(43),),
    "junos-winframe": (_tcp(1494),), "junos-wxcontrol": (_tcp(3578),), "junos-x-windows": (_tcp(6000, 6063),),
    "junos-xnm-clear-text": (_tcp(3221),), "junos-xnm-ssl": (_tcp(3220),),
}  # fmt: skip

# host-inbound-traffic: what each word lets in to the device
SERVICES: Mapping[str, tuple[Application, ...]] = {
    "bootp": (_udp(67, 68),), "dhcp": (_udp(67, 68),), "dhcpv6": (_udp(546, 547),), "dns": (_udp(53), _tcp(53)),
    "finger": (_tcp(79),), "ftp": (_tcp(21),), "http": (_tcp(80),), "https": (_tcp(443),),
    "ident-reset": (_tcp(113),), "ike": (_udp(500), _udp(4500)), "lsping": (_udp(3503),), "netconf": (_tcp(830),),
    "ntp": (_udp(123),), "ping": (Application(1, 8, 8), Application(58, 128, 128)), "r2cp": (_udp(28672),),
    "reverse-ssh": (_tcp(2901),), "reverse-telnet": (_tcp(2900),), "rlogin": (_tcp(513),), "rsh": (_tcp(514),),
    "sip": (_udp(5060), _tcp(5060)), "snmp": (_udp(161),), "snmp-trap": (_udp(162),), "ssh": (_tcp(22),),
    "telnet": (_tcp(23),), "tftp": (_udp(69),), "traceroute": (_udp(33434, 33523),), "xnm-clear-text": (_tcp(3221),),
    "xnm-ssl": (_tcp(3220),),
}  # fmt: skip
INBOUND: Mapping[str, tuple[Application, ...]] = {
    "bfd": (_udp(3784, 3785), _udp(4784)), "bgp": (_tcp(179),), "igmp": (Application(2),),
    "ldp": (_tcp(646), _udp(646)), "msdp": (_tcp(639),), "ndp": (Application(58, 133, 137),),
    "nhrp": (Application(54),), "ospf": (Application(89),), "ospf3": (Application(89),), "pgm": (Application(113),),
    "pim": (Application(103),), "rip": (_udp(520),), "ripng": (_udp(521),),
    "router-discovery": (Application(1, 9, 10),), "rsvp": (Application(46),), "sap": (_udp(9875),),
    "vrrp": (Application(112),), "dvmrp": (Application(2),),
}  # fmt: skip
