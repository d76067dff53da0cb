"""What a configuration of IOS says that lets no packet through and stops none: statements by their first words.

What is not named here, and not understood by ios.py, is unread. A statement is named by its first word, or by its first
words where others of that family matter. Sections below a named statement are ignored with it.
"""

from __future__ import annotations


def _named(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# At the margin, by the first word.
FIRST = _named(
    """
    aaa absolute-timeout address-family alias app aqm-register-fnf archive arp async-bootp atm auto autonomic avb
    banner bba-group bfd bfd-template boot boot-end-marker boot-start-marker bridge bstun buffers call call-home
    card cdp cef cem chat-script class-map clear clns clock cns config-register configuration connect controller
    crypto cts-logging cwmp default default-value define device-sensor device-tracking diagnostic dial-peer dialer
    dialer-list dns do domain dot11 dot1x downward-compatible-config dspfarm dss dual-active eap enable encryption
    end endpoint-tracker energywise environment eou errdisable ethernet event exception exec exit
    exit-address-family fabric facility-alarm fallback file flow format frame-relay ftp-server gatekeeper gateway
    global-address-family gnmi-yang graceful-restart help hostname hw-module hw-switch identity interface-range
    iox ipc isdn isis issu kerberos key keystore kron l2 l2vpn lacp lane ldap license line lldp location logging
    login lsp mab mac mac-address-table macro maximum memory memory-size menu metadata mls mobility mode module
    monitor mop mpls mta multilink mvrp name names netconf netconf-yang network-clock network-clock-select
    network-object network-policy nmsp ntp object-tracking onep openflow optical-monitor pagp parameter-map parser
    partition password performance platform pnp policy-map port-channel power ppp pppoe printer priority-list
    privilege process process-max-time profile prompt protocol ptp qos queue-list quit radius radius-server
    redundancy regexp remote remote-management restconf resume rif rmon route-map route-tag router rtr sampler
    scheduler scripting sdm security segment-routing service service-list session set setup shell sip-ua snasw
    snmp snmp-server software source-bridge spanning-tree spd ssh stack-mac stack-power stackwise standby
    state-machine subscriber switch switch-mode switch-profile syscon system table-map tacacs tacacs-server tag
    tag-switching template terminal test tftp tftp-server time-range track transceiver translate transmit
    transport trunk ttcp tunnel uc udld upgrade usb user user-name-format username vc-class version
    virtual-profile virtual-template-snmp vlan-name vmps voice voice-card voice-port vpdn vpdn-group vpn vrf vrrp
    vstack vtp vty-async wccp webvpn wireless wism wlccp wsma x25 x29 xconnect xsm yang-interfaces zone
    """
)
# `ip …` at the margin, by the second word.
IP = _named(
    """
    accounting accounting-list accounting-threshold accounting-transits address-pool admission alias arp as-path
    audit auth-proxy bgp-community bootp cef cef-interface classless community-list ddns default-gateway
    default-network device dhcp dhcp-client dhcp-server dns domain domain-list domain-lookup domain-name dvmrp
    explicit-path extcommunity-list finger flow flow-aggregation flow-cache flow-capture flow-egress flow-export
    flow-sampling-mode flow-top-talkers forward-protocol forwarding ftp gratuitous-arps host host-list hp-host
    http icmp identd igmp inspect ipc ips irdp kerberos large-community-list local local-pool mobile mrm mroute
    mroute-cache msdp multicast multicast-routing name-server nbar netmask-format nhrp options ospf pgm pim
    port-map prefix-list prefix-sequence radius rarp-server rcmd reflexive-list route routing rsvp rtp scp sctp
    security sla source-route spd spf-timer ssh sso subnet-zero subscriber tacacs tcp telnet tftp tos
    traffic-export traffic-index tunnel udp unreachables verify vrf wccp
    """
)
IPV6 = _named(
    """
    cef dhcp dns flow flowset general-prefix hop-limit host icmp inspect local mfib mfib-cef mfib-mode mld mobile
    multicast multicast-routing name-server nd neighbor nhrp ospf pim prefix-list rip route router routing
    snooping source-route spd spf-timer unicast-routing
    """
)
# Within an interface, by the first word.
INTERFACE = _named(
    """
    access-session aggregate-port antenna arp async atm authentication auto autodetect backup bandwidth beacon bfd
    bgp-policy bridge-virtual broadcast-key bundle-enable cable cablelength carrier-delay cdp cell-packing cem
    channel channel-group channel-protocol class-map clns clock compress crc ctunnel dampening datalink default
    delay description destination device-tracking dfs dialer dialer-group dot1q dot1x downshift dsl dsu duplex
    encapsulation endpoint-tracker energywise ethernet exit fair-queue fdl flow flow-sampler flowcontrol
    frame-relay framing full-duplex glbp group-range guard h323-gateway half-duplex history hold-queue hostname
    hw-module idle-timeout ignore ignore-dcd inherit interface-id invert isdn isis keepalive l2protocol-tunnel
    lacp lane-mtu linecode link llc2 lldp load-balancing load-interval local logging loopback mab mac mac-address
    macro management max-reserved-bandwidth mdix media media-type member mls mop mpls mtu multilink-group mvr
    negotiation neighbor netbios network nmsp no nsf ntp onep openflow operating ospfv3 otv output pagp peer
    physical-layer platform plim port port-channel power ppp pppoe pppoe-client priority priority-group
    priority-queue ptp pulse-time pvc qos queue-set random-detect rate-limit-snmp rcv-queue redundancy rmon
    router-arp rts sample scramble sdwan-port serial service session snapshot snmp source source-bridge
    spanning-tree speed squelch srr-queue ssid stackwise station-role storm-control stp subscriber switchport sync
    synchronous tag-switching tagging timeslots tm-params traffic-engineering transmit-interface transponder trunk
    trust tunnel tx-queue tx-ring-limit udld uni vlan vlan-id vlan-id-range voice vpdn vrrp vtp wavelength
    wrr-queue x25 xconnect
    """
)
INTERFACE_IP = _named(
    """
    accounting arp authentication bandwidth-percent bgp broadcast-address cef cgmp clear dampening-change
    dampening-interval ddns device dhcp directed-broadcast dns dvmrp eigrp flow gratuitous-arps hello-interval
    helper-address hold-time icmp igmp information-reply irdp isis load-sharing local-proxy-arp mask-reply mfib
    mobile mroute-cache mtu multicast nbar next-hop-self nhrp ospf pgm pim pop probe proxy-arp radius rarp-server
    rate-limit rawip redirects rgmp rip route-cache router rsvp rtp sap scp sdr security sla split split-horizon
    sticky-arp summary-address tcp telnet tos traffic-export trigger-authentication unnumbered unreachables verify
    virtual-reassembly virtual-reassembly-out vrf-receive wccp
    """
)
INTERFACE_IPV6 = _named(
    """
    authentication bandwidth-percent bgp cef dhcp dns eigrp enable flow hello-interval hold-time icmp isis
    load-interval mfib mld mtu multicast nd next-hop-self nhrp ospf ospfv3 pim redirects rip route-cache router
    rsvp snooping split-horizon summary-address tcp unnumbered unreachables verify virtual-reassembly
    """
)
# What the terminal printed around the configuration.
AROUND = (
    "Building configuration", "Current configuration", "Using ", "Startup configuration", "Last configuration change",
    "NVRAM config last updated", "Load for ", "Time source is",
)  # fmt: skip
