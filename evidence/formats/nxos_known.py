"""What a configuration of NX-OS says that lets no packet through and stops none, beside what IOS says so too."""

from __future__ import annotations


def _named(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# At the margin, by the first word
FIRST = _named(
    """
    aaa analytics assoc bloggerd callhome cfs cli consistency-checker copp counter dce evpn fabric
    fabric-forwarding fcoe feature feature-set fex fips forwarder frequency hardware hsrp icam icmp-errors
    incompatibility install interface-vlan internal ip-host itd lacp ldap-server limit-resource mac-list macsec
    monitor ngoam nv nve nxapi openflow otm otv peer plb pnp poap port-channel port-security power ptp
    radius-server rmon role scheduler sflow shutdown sla slot spanning-tree ssh ssx svs switchname system
    telemetry telnet track tunnel-encryption twamp userpassphrase vdc vlan vmtracker vpc xbar xml zone
    """
)
# `ip …` and `ipv6 …` at the margin, by the second word
IP = _named(
    """
    adjacency as-path auto-discard community-list dns ecmp extcommunity-list host igmp load-sharing netstack nhrp
    pim prefix-list radius rip sticky-arp tacacs tcp udp wccp
    """
)
IPV6 = _named(
    """
    adjacency dhcp host icmp load-sharing mld neighbor prefix-list switch-packets
    """
)
# Within an interface
AT_INTERFACE = _named(
    """
    bfd carrier-delay duplex evpn fabric fabricpath fcoe fex flow global hardware host-reachability hsrp
    ingress-replication inherit isis layer3 link link-state lldp load-interval logging mac-address macsec
    management mcast-group medium member mpls mtu ngoam no nve otv port-profile port-type priority-flow-control
    ptp rate-mode source-interface speed-group suppress-arp switchport system tunnel vlan vn-segment vpc vrrp
    vrrpv3 vtp
    """
)
AT_INTERFACE_IP = _named(
    """
    arp delay dhcp directed-broadcast eigrp forward igmp local-proxy-arp offset-list ospf passive-interface pim
    port-unreachable proxy-arp rip router split-horizon summary-address unreachables verify
    """
)
AT_INTERFACE_IPV6 = _named(
    """
    dhcp link-local mld nd neighbor ospfv3 pim redirects rip router unreachables verify
    """
)
