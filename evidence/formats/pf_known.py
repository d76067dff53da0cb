"""What a config.xml of pfSense or OPNsense says that lets no packet through and stops none, by name.

A section that is not named here, and not understood by pf_config.py, is unread; a word of a rule that is not named
here, and not understood by pf_rules.py, puts the rule in doubt.
"""

from __future__ import annotations


def _named(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


SECTIONS = _named(
    """
    acme authserver bigpond bsnmpd ca cert created crl cron dhcp6 dhcp6relay dhcpd dhcpd6 dhcpdv6 dhcrelay
    dhcrelay6 diag dnsallowoverride dnshaper dnsmasq dnsserver dnsshaper dyndns dyndnses ezshaper ftp gateways
    gifs gres hasync hostapd igmpproxy installed installedpackages ipsec kea l2tp laggs last_change lastchange
    load_balancer mailreports menu monit notifications ntpd nut openvpn ovpn package pppoe pppoes ppps pptp pptpd
    proxyarp qinqs revision rrd rrddata schedules sections shaper snmpd sshdata staticmaps staticroutes swap
    sysctl syslog system theme tinc tracker_counter trigger_initial_wizard unbound unboundplus updated upnpd
    version vlans voucher vouchers widgets wireguard wireless wizardtemp wol
    """
)
QUIET = _named(
    """
    ackqueue action adaptiveend adaptivestart allow-opts allowopts associated-rule-id categories category created
    defaultqueue descr description destination destination_net destination_not destination_port direction disabled
    disablereplyto dnpipe enabled floating gateway icmp6type icmptype id interface interfacenot ipprotocol log
    nopfsync nosync noxmlrpcsync overload pdnpipe prio protocol quick reply-to ridentifier separator sequence
    set-prio set-prio-low sort_order source source_net source_not source_port state-policy statetimeout statetype
    tcpflags_any tracker tracker_id type udp-first udp-multiple udp-single updated
    """
)
