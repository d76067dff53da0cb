"""What a configuration of Junos says that lets no packet through and stops none: statements by their first word.

What is not named here, and not understood by junos.py, is unread. All that stands below a named statement is ignored
with it.
"""

from __future__ import annotations


def _named(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# At the margin
TOP = _named(
    """
    access access-profile accounting-options app-engine bbe-smg chassis class-of-service diameter
    diameter-instance dot1x ephemeral ethernet-switching-options event-options event-policy extensible-subscriber
    extension-service fabric groups host-fast-reroute iapps interactive-commands interface-broadcast-domain jsrc
    jsrc-partition layer2-control license location multi-chassis multicast multicast-snooping-options
    openconfig-interfaces openflow opto-layer2 partition poe pppoe protocols rcsid redundant-power-system
    rib-sharding satellite-management security-profile session-limit-group smtp snmp switch-options system
    topology unified-edge version version-str virtual-chassis virtualization-options vmhost wireless-wan wlan
    """
)
SECURITY = _named(
    """
    advanced-anti-malware alarms alg analysis anti-spam anti-virus application-firewall application-tracking
    authentication-key-chains authorization certificates cloud content-security datapath-debug dns-cache
    dynamic-address dynamic-application dynamic-vpn firewall-authentication flow forwarding-process gprs group-vpn
    gtp idp ike intelligent-log ipsec ipsec-policy ipsec-vpn isolation key-protect l3vpn log macsec ngfw ngm
    packet-profile pki remote-access resource-manager respond-bad-spi sandbox screen secintel secure-wire sky-atp
    softwires ssh-known-hosts tcp-encap traceoptions trusted-platform-module tunnel-inspection user-firewall
    user-identification utm web-authentication zscaler
    """
)
POLICIES = _named("policy-rematch policy-stats stateful-firewall-log traceoptions unified-policy pre-id-default-policy")
ZONE = _named(
    """
    advance-policy-based-routing-profile application-tracking description enable-reverse-reroute screen
    source-identity source-identity-log tcp-rst unidirectional-session-refreshing
    """
)
FIREWALL = _named(
    """
    atm-policer flexible-match hierarchical-policer interface-set interface-shared load-balance-group policer
    policer-counter prefix-action service-filter simple-filter three-color-policer traceoptions tunnel-end-point
    """
)
FILTER = _named(
    """
    accounting-profile description egress-to-ingress enhanced-mode enhanced-mode-override fast-filter-lookup
    filter-list-template instance-shared interface-shared interface-specific physical-interface-filter profile
    promote scale-optimized
    """
)
POLICY_OPTIONS = _named(
    """
    application-maps as-list as-list-group as-path as-path-group aspath-origin community condition damping
    defaults mac-list mvpn-import-map policy-statement protect-core redundancy-policy route-distinguisher
    route-filter-list rtf-prefix-list source-address-filter-list tunnel-attribute vrf-target-list
    """
)
NAT = _named(
    """
    address-persistent allow-overlapping-pools interface interface-utilization-alarm natv6v4 pool
    pool-default-port-range pool-default-twin-port-range pool-utilization-alarm port-randomization proxy-arp
    proxy-ndp rule-session-count-alarm session-drop-hold-down session-persistence-scan traceoptions
    """
)
FORWARDING = _named(
    """
    access-security accounting analyzer chained-composite-next-hop cut-through dhcp-relay dhcp-security
    enhanced-hash-key evpn-vxlan fast-reroute forwarding-sandbox hash-key helpers hyper-mode ip-option-protocol
    ip-options-protocol-queue link-layer-broadcast-inet-check load-balance local-bias monitoring mpls
    mpls-tunneled-bgp multi-path multicast next-hop next-hop-group no-hierarchical-ecmp no-load-balance-label
    packet-capture pfe-resolve port-mirroring profile-selection rpf-loose-mode-discard sampling satellite sflow
    speed storm-control storm-control-profiles traceoptions tunnel tunnel-termination vpls-hash
    vxlan-disable-copy-tos-decap vxlan-disable-copy-tos-encap vxlan-routing
    """
)
ROUTING = _named(
    """
    aggregate as-override auto-bandwidth auto-export autonomous-system backup-selection bgp-orf-cisco-mode bmp
    chained-composite-next-hop confederation dynamic-tunnels enable-sensors export fast-reroute fate-sharing flow
    forwarding-cache forwarding-table generate graceful-restart hold-down indirect-next-hop inet6-backup-router
    instance-export instance-import interface-routes l3vpn-composite-nexthop label localize localized-fib
    lsp-telemetry martians max-interface-supported maximum-paths maximum-prefixes med-igp-update-interval mpls
    multi-chassis-protection multicast multipath next-hop-resolution no-bfd-triggered-local-repair nonstop-routing
    nonstop-routing-options options ppm protect publish resolution resolve-vpls rib-group rib-groups
    route-distinguisher-id route-record router-id sensor-name source-routing srlg srlg-cost static ted-export
    traceoptions transport-class tunnel validation warm-standby
    """
)
INSTANCE = _named(
    """
    access access-profile apply-groups auto-export bridge-domains bridge-options connector-id-advertise
    description egress-options egress-protection evpn forwarding-context igmp-snooping-options instance-role
    instance-type interface l2vpn-id layer3-domain-identifier multicast-snooping-options no-irb-layer-2-copy
    no-local-switching no-normalization no-vrf-advertise no-vrf-propagate-ttl pbb-options protocols
    provider-tunnel remote-vtep-list route-distinguisher route-target service-groups services switch-options
    system tunnel-attribute vlan-id vlan-model vlan-name vlans vrf-advertise-selective vrf-export vrf-import
    vrf-propagate-ttl vrf-table-label vrf-target vtep-source-interface vxlan
    """
)
# Protocols that learn no routes
LEARN_NOTHING = _named(
    """
    dcbx dot1x dot1xd esis ethernet-ring igmp igmp-host igmp-snooping l2-learning lacp layer2-control
    link-management lldp lldp-med loop-detect mac-rewrite mld mld-host mld-snooping mstp mvrp ndp
    neighbor-discovery oam pim ppp protection-group router-advertisement router-discovery rstp rsvp sap sflow stp
    uplink-failure-detection vrrp vstp xstp
    """
)
INTERFACE = _named(
    """
    accounting-profile aggregated-ether-options aggregated-inline-services-options aggregated-sonet-options
    anchor-point arp-l2-validate atm-options auto-configure cascade-port ce1-options cellular-options clock-mode
    clocking container-options ct1-options ct3-options data-input dce deactivate-loop description dialer-options
    disable ds0-options dsl-options dsl-sfp-options e1-options e3-options encapsulation es-options esi
    ether-options external-interface fabric-options fastether-options fec fibrechannel-options
    flexible-vlan-tagging forwarding-class-accounting framing gigether-options gratuitous-arp-reply
    hierarchical-scheduler hold-time ignore-l3-incompletes input-native-vlan-push interface-mib
    interface-transmit-statistics interior-switch isdn-options keepalives l2tp-maximum-session layer2-policer
    link-degrade-monitor link-mode lmi load-balancing-options logical-interface-fpc-redundancy
    logical-tunnel-options loopback lsq-failure-options mac maximum-links media-type metadata
    mlfr-uni-nni-bundle-options modem-options mtu multi-chassis-protection multicast-router-interface
    multicast-statistics multiservice-options native-vlan-id no-bypass-queueing no-gratuitous-arp-reply
    no-gratuitous-arp-request no-interface-mib no-keepalives no-native-vlan-insert no-no-gratuitous-arp-request
    no-partition no-per-unit-scheduler no-traps number-of-sub-ports optics-options otn-options oversubscribed
    partition passive-monitor-mode per-unit-scheduler port-mirror port-mirror-instance ppp-options
    promiscuous-mode proxy-macip-advertisement ptp radio-router receive-bucket redundancy-options
    redundant-ether-options redundant-pseudowire-options satop-options schedulers serial-options services-options
    shared-interface shared-scheduler shdsl-options sonet-options speed stacked-vlan-tagging stp-root
    switch-options t1-options t3-options tdm-options traceoptions traffic-control-profiles transmit-bucket traps
    tunnel-options unidirectional unused use-outer-vid vdsl-options vlan-offload vlan-tagging vlan-vci-tagging
    voip wavelength wpan wwan-options
    """
)
UNIT = _named(
    """
    accept-source-mac accounting-profile advisory-options alias allow-any-vci arp arp-resp atm-scheduler-map
    auto-configure backup-options bandwidth bearer-bandwidth-limit cell-bundle-size cell-bundle-timeout
    clear-dont-fragment-bit compression compression-device connection-speed copy-tos-to-outer-ip-header
    counter-collection csi demux demux-destination demux-options demux-source description dial-options
    dialer-options disable disable-mlppp-inner-ppp-pfc dlci do-not-fragment down-count drop-timeout
    dynamic-call-admission-control encapsulation epd-threshold esi etree-ac-role force-vlan-tag
    forward-and-send-to-re forward-only forwarding-class-accounting fragment-threshold host-prefix-only
    inner-vlan-id-range input-vlan-map interface-shared-with interleave-fragments inverse-arp ip-address-list
    keepalives l2tp-interface-id layer2-policer line-rate link-layer-overhead load-balancing-options
    loss-priority-maps mac minimum-links mrru mtu multicast-dlci multicast-vci multipoint native-inner-vlan-id
    no-keepalives no-traps oam-liveness oam-period output-vlan-map passive-monitor-mode peer-interface peer-psd
    peer-unit plp-to-clp point-to-point ppp-options pppoe-options pppoe-underlying-options proxy-arp
    proxy-macip-advertisement radio-router reassemble-packets receive-lsp redial-delay restrict rpm service-domain
    shaping short-sequence snmp-traps statistics swap-by-poppush targeted-distribution targeted-options telephony
    three-color-policer transmit-lsp transmit-weight traps trunk-bandwidth trunk-id tunnel twamp-server
    underlying-interface unnumbered up-count vci vci-range virtual-gateway-accept-data virtual-gateway-esi
    virtual-gateway-v4-mac virtual-gateway-v6-mac vlan-aware-bundle vlan-id vlan-id-list vlan-id-range vlan-tags
    vpi
    """
)
FAMILY = _named(
    """
    accounting ad-hoc address-assign allow-filter-on-re apply-groups arp-max-cache arp-new-hold-limit arp-resp
    broadcast bundle core-facing dad-disable demux-destination demux-source description destination-class-usage
    destination-udp-port dhcp-relay dont-fragment-accept duplicate-address-detection fabric-options ipsec-sa
    keep-address-and-control location-pool-address mac-validate max-sessions maximum-labels mru mtu multicast-only
    multipath-protection nd6-max-cache nd6-new-hold-limit nd6-stale-time ndp-proxy negotiate no-dad
    no-icmp-redirects no-nd6 no-neighbor-learn no-redirects policer primary protocol-down receive-options-packets
    receive-ttl-exceeded redirect remote-side route-cache rpf-check sampling scheduler secondary
    short-cycle-protection source-class-usage subscriber-policer targeted-broadcast tcp-mss
    translate-discard-eligible translate-fecn-and-becn translate-plp-control-word-de tunnel-tag
    unconditional-src-learn unnumbered virtual-router-redundancy wpan
    """
)
LAYER2 = _named("bridge ccc ethernet-switching fibre-channel iso mlfr-end-to-end mlfr-uni-nni mlppp mpls tcc tnp vpls "
                "wpan any evpn")  # fmt: skip
