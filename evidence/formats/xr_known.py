"""What a configuration of IOS XR says that lets no packet through and stops none, beside what IOS says so too."""

from __future__ import annotations

from collections.abc import Mapping


def _named(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Texts with an end of their own: by their first word, the word they close with
TEXTS: Mapping[str, str] = {
    "route-policy": "end-policy", "prefix-set": "end-set", "as-path-set": "end-set", "community-set": "end-set",
    "extcommunity-set": "end-set", "large-community-set": "end-set", "rd-set": "end-set", "ospf-area-set": "end-set",
    "tag-set": "end-set", "etag-set": "end-set", "mac-set": "end-set", "esi-set": "end-set",
    "policy-global": "end-global",
}  # fmt: skip
# At the margin, by the first word
FIRST = _named(
    """
    appmgr aps as-format attribute-set bundle cinetd commit confdconfig controllers cpuhog dhcp dynamic-template
    end-policy end-set ethernet-services event-history fault-manager flow frequency ftp generic-interface-list
    gmpls-uni group grpc http hw-module-profile icmp igmp install interface-ospf ipsla l2vpn lawful-intercept
    linux linux-networking lpts macsec mirror mld monitor-session mpls multicast-routing nsr nv nve
    optical-application optics performance-measurement performance-mgmt ppp ptp rcc rd-set rp rpki rsvp
    sampler-map selective-vrf-download session snmp srv6 sysmgr tcp tcp-ao telemetry telnet tpa traffic-collector
    usb-policy vpn-id vty-pool xml ztp
    """
)
# `ipv4 …` and `ipv6 …` at the margin, by the second word
IP = _named(
    """
    assembler conflict-policy connected hardware mfib netmask-format path rsi unnumbered virtual
    """
)
IPV6 = _named(
    """
    assembler conflict-policy connected hardware mfib path rsi virtual
    """
)
# Within an interface
AT_INTERFACE = _named(
    """
    accounting ancp aps autoroute bundle carrier-delay dampening damping destination flow
    frequency-synchronization l2protocol l2transport lacp link-status lldp load-interval local-proxy-arp
    local-traffic logging mac-accounting mac-address macsec monitor-session mpls mtu path-option point-to-point
    priority proxy-arp ptp record-route rewrite service shutdown signalled-bandwidth snmp traffic-class
    transceiver tunnel-te vrf weight
    """
)
AT_INTERFACE_IP = _named(
    """
    assembler bgp bgp-policy directed-broadcast flowspec forwarding-enable helper-address mask-reply mtu
    point-to-point redirects source-routing tcp-mss-adjust ttl-propagate unreachable unreachables verify
    """
)
AT_INTERFACE_IPV6 = _named(
    """
    bgp flowspec forwarding-enable mtu nd redirects tcp-mss-adjust ttl-propagate unreachables verify
    """
)
