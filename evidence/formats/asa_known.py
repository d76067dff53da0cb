"""What a configuration of an ASA says that lets no packet through and stops none: statements by their first word.

What is not named here, and not understood by asa.py, is unread. Sections below a named statement are ignored with it.
"""

from __future__ import annotations


def _named(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


FIRST = _named(
    """
    aaa aaa-server alias anyconnect anyconnect-custom-attr app-agent arp as-path asdm asp auth-prompt auto-update
    banner bfd bfd-template boot call-home certificate checkheaps class-map clear client-update clns clock cluster
    command command-alias community-list compression configure console context control-plane coredump crashinfo
    crl crypto ctl-file ctl-provider cts dap-record ddns default default-group description dhcp-client
    dhcp-network-scope dhcp-server dhcpd dhcprelay dns dns-group domain-name dynamic-access-policy-record
    dynamic-filter dynamic-map eject email enable encryption end established-timer event exit extcommunity-list
    failover feature fips firewall fixup flow-export flow-offload floodguard fragment ftp
    ftp-map gdb group-policy gtp-map
    h225-map help hostname hpm http hw-module icmp ikev2 imap4s inspect ip ip-client jumbo-frame keepout
    kerberos-realm key l2tp large-community-list ldap license licensing logging logout mac mac-address mac-list
    management-access mdm-proxy media-termination mfib migrate mode monitor-interface mount mroute mta mtu
    multicast-routing nac-policy names netflow network-service-reload ngips no nsf ntp nve object-group-search
    ospf pager pak passwd password password-history password-policy peer phone-proxy pim policy policy-list
    policy-map pop3s prefix-list prf priority priority-queue privilege prompt protocol-version quit quota
    radius-common-pw regex reload remote-access resource rest-api route route-map router rtp-conformance sctp-map
    serial service service-interface service-module service-policy session setup sfr single-signon sla
    smart-tunnel smtp-server smtps snmp snmp-map snmp-server snmp-user snort ssh ssl sso-server stats
    subject-name-default summary sunrpc-server sysopt tcp-map telnet terminal terminal-width tftp-server
    threat-detection time-range timeout tls-proxy track traffic-forward tunnel-group tunnel-group-map uauth uc-ime
    umbrella-global unified-communications url-block url-cache url-list url-server user-identity user-statistics
    username virtual vpdn vpn vpn-addr-assign vpn-load-balancing vpn-mode vpn-sessiondb vpnclient vpnsetup vxlan
    wccp xlate xml zone zonelabs-integrity
    """
)
IPV6 = _named("icmp neighbor dhcp dhcprelay local nd enforce-eui64 unicast-routing")
LISTS = _named("cached alert-interval deny-flow-max mode")
INTERFACE = _named(
    """
    allow-ssc-mgmt arp authentication auto bfd bridge-group channel channel-group clock cts ddns
    default-mcast-group delay description dhcp dhcprelay duplex fec flowcontrol forward hello-interval hold-time
    igmp ip ipv6 isis lacp lldp mac-address management-only mcast-group media-type member-interface mfib mtu
    multicast negotiation no ntp nve-only ospf pim policy port-channel power pppoe priority propagate proxy
    redundant rip
    segment-id shutdown snmp soft-start source-interface speed split-horizon standby summary-address switchport
    tunnel vlan vtep-nve vxlan zone-member
    """
)
