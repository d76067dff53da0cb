"""What a FortiOS configuration says that lets no packet through and stops none: tables and keys by their names.

What is named here is ignored. What is neither named here nor understood makes its rule, object or interface uncertain;
a table of which nobody knows anything makes every point unverifiable. Profiles (virus, web filter, intrusion) look at
what a connection carries: its first packet is judged by the policies alone.
"""

from __future__ import annotations


def _named(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def _lines(text: str) -> frozenset[str]:
    """The names of a text, parted by commas."""
    return frozenset(" ".join(name.split()) for name in text.split(","))


# Every table whose name begins with one of these words
GROUPS = _named(
    """
    alertemail antivirus application authentication automation casb certificate cifs credential-store
    diameter-filter dlp dnsfilter dpdk emailfilter endpoint-control ethernet-oam extender extender-controller
    extension-controller fec file-filter ftp-proxy gui gtp hardware icap imp2p ips log mgmt-data monitoring netscan
    nsx nsxt pfcp report rule sctp-filter spamfilter ssh-filter switch-controller telemetry-controller test user
    videofilter virtual-patch voip waf wanopt webfilter web-proxy wireless-controller ztna
    """
)
# Tables by their whole name, or by its beginning where a sign follows
TABLES = _lines(
    """
    firewall DoS-policy, firewall DoS-policy6, firewall address6-template, firewall auth-portal,
    firewall carrier-endpoint-bwl, firewall central-snat-map, firewall city, firewall country,
    firewall decrypted-traffic-mirror, firewall dnstranslation, firewall explicit-proxy-address,
    firewall explicit-proxy-addrgrp, firewall explicit-proxy-policy, firewall global, firewall identity-based-route,
    firewall interface-policy, firewall interface-policy6, firewall ip-translation, firewall ippool,
    firewall ippool6, firewall ldb-monitor, firewall mms-profile, firewall network-service-dynamic,
    firewall on-demand-sniffer, firewall policy-block, firewall profile, firewall profile-group,
    firewall profile-protocol-options, firewall proxy-address, firewall proxy-addrgrp, firewall proxy-policy,
    firewall region, firewall service category, firewall service explicit-web,
    firewall shaping-policy, firewall shaping-profile, firewall sniff-interface-policy,
    firewall sniff-interface-policy6, firewall sniffer, firewall traffic-class, firewall vendor-mac,
    firewall vendor-mac-summary, router access-list, router access-list6, router aspath-list, router auth-path,
    router bfd, router bfd6, router community-list, router extcommunity-list, router gwdetect, router info,
    router key-chain, router multicast, router multicast-flow, router multicast6, router prefix-list,
    router prefix-list6, router route-map, router setting, system accprofile, system acme, system admin,
    system affinity-interrupt, system affinity-packet-redistribution, system alarm, system alertemail, system alias,
    system amc, system amc-slot, system api-user, system arp-table, system auto-install, system auto-script,
    system bug-report, system bypass, system carrier-endpoint-translation, system central-management,
    system cloud-service, system cluster-sync, system console, system csf, system custom-language, system ddns,
    system dedicated-mgmt, system dns, system dns-database, system dns-server, system dns64,
    system dscp-based-priority, system elbc, system email-server, system evpn, system external-resource,
    system fabric-vpn, system federated-upgrade, system fips-cc, system fm, system fortiai, system fortianalyzer,
    system fortiguard, system fortiguard-log, system fortimanager, system fortindr, system fortisandbox,
    system fsso-polling, system ftm-push, system geneve, system geoip-country, system geoip-override, system gi-gk,
    system global, system gre-tunnel, system ha, system ha-monitor, system health-check-fortiguard, system icond,
    system ike, system ipam, system ipip-tunnel, system ips, system ips-urlfilter-dns, system ips-urlfilter-dns6,
    system ipsec-aggregate, system ipv6-neighbor-cache, system ipv6-tunnel, system isf-queue-profile,
    system link-monitor, system lte-modem, system mac-address-table, system management-tunnel, system mem-mgr,
    system mobile-tunnel, system nat64, system nd-proxy, system netflow, system network-visibility,
    system ngfw-settings, system np6xlite, system ntp, system object-tag, system object-tagging,
    system password-policy, system password-policy-guest-admin, system pcp-server, system physical-switch,
    system port-pair, system pppoe-interface, system probe-response, system proxy-arp, system ptp,
    system resource-limits, system saml, system sdn-connector, system sdn-proxy, system sdn-vpn,
    system session-helper, system session-sync, system session-ttl, system sflow, system sit-tunnel, system smc-ntp,
    system sms-server, system sov-sase, system speed-test-schedule, system speed-test-server,
    system speed-test-setting, system ssh-config, system standalone-cluster, system storage, system stp,
    system switch-interface, system timezone, system tos-based-priority, system tunnel, system vdom,
    system vdom-dns, system vdom-exception, system vdom-link, system vdom-netflow, system vdom-property,
    system vdom-radius-server, system vdom-sflow, system virtual-switch, system virtual-wire-pair,
    system vne-interface, system vne-tunnel, system vxlan, system wccp, system zone-list, vpn ipsec concentrator,
    vpn ipsec fec, vpn ipsec forticlient, vpn ipsec manualkey-interface, vpn ipsec phase2,
    vpn ipsec phase2-interface, vpn kmip-server, vpn l2tp, vpn ocvpn, vpn pptp, vpn qkd, vpn ssl client,
    vpn ssl monitor, vpn status
    """
)
BEGINNINGS = (
    "system replacemsg", "system autoupdate", "system snmp", "system lldp", "system modem", "system dhcp",
    "system dhcp6", "system security-rating", "system automation", "system 3g-modem", "system np6", "system npu",
    "system sso", "system wireless", "system device", "firewall internet-service",
    "firewall wildcard-fqdn", "firewall shaper", "firewall ssh", "firewall ssl", "firewall iprope",
    "firewall access-proxy", "firewall gtp", "vpn certificate", "vpn ssl web",
)  # fmt: skip
INTERFACE = _named(
    """
    ac-name aggregate aggregate-type algorithm alias ap-discover arpforward atm-protocol auth-cert auth-portal-addr
    auth-type auto-auth-extension-device autodetect bandwidth-measure-time bfd bfd-desired-min-tx bfd-detect-mult
    bfd-required-min-rx broadcast-forticlient-discovery broadcast-forward cli-conn-status client-options color
    default-purdue-level description detected-peer-mtu detection-interval detectprotocol detectserver device-access-
    list device-identification device-identification-active-scan device-netscan device-user-identification devindex
    dhcp-broadcast-flag dhcp-classless-route-addition dhcp-client-identifier dhcp-relay-agent-option dhcp-relay-
    allow-no-end-option dhcp-relay-circuit-id dhcp-relay-interface dhcp-relay-interface-select-method dhcp-relay-ip
    dhcp-relay-link-selection dhcp-relay-request-all-server dhcp-relay-service dhcp-relay-source-ip dhcp-relay-type
    dhcp-relay-vrf-select dhcp-renew-time dhcp-smart-relay dhcp-snooping-server-list disc-retry-timeout disconnect-
    threshold discovered-device-timeout distance dns-server-override dns-server-protocol drop-fragment eap-ca-cert
    eap-identity eap-method eap-password eap-supplicant eap-user-cert egress-cos egress-queues egress-shaping-
    profile endpoint-compliance estimated-downstream-bandwidth estimated-upstream-bandwidth exclude-signatures
    explicit-ftp-proxy explicit-web-proxy external fail-action-on-extender fail-alert-interfaces fail-alert-method
    fail-detect fail-detect-option fortiheartbeat fortilink fortilink-backup-link fortilink-neighbor-detect
    fortilink-split-interface fortilink-stacking forward-domain forward-error-correction fp-anomaly fp-disable
    generic-receive-offload gi-gk gwaddr gwdetect ha-monitor ha-priority icmp-accept-redirect icmp-redirect icmp-
    send-redirect ident-accept idle-timeout ike-saml-server inbandwidth ingress-cos ingress-shaping-profile ingress-
    spillover-threshold internal ip-managed-by-fortiipam ipunnumbered l2forward lacp-ha-secondary lacp-mode lacp-
    speed lcp-echo-interval lcp-max-echo-fails link-up-delay listen-forticlient-connection lldp-network-policy lldp-
    reception lldp-transmission log macaddr macaddr-alias managed-subnetwork-size management-ip measured-downstream-
    bandwidth measured-upstream-bandwidth mediatype min-links min-links-down monitor-bandwidth mrru mtu mtu-override
    multilink mux-type ndiscforward netbios-forward netflow-sample-rate netflow-sampler netflow-sampler-id np-qos-
    profile nst outbandwidth padt-retry-timeout password phy-mode phy-setting physical ping-serv-status poe polling-
    interval port-mirroring pppoe-egress-cos pppoe-unnumbered-negotiate pptp-auth-type pptp-client pptp-password
    pptp-server-ip pptp-timeout pptp-user preserve-session-route priority priority-override proxy-captive-portal
    reachable-time redundant-interface replacemsg-override-group ring-rx ring-tx role sample-direction sample-rate
    scan-botnet-connections secondary-ip security-8021x-dynamic-vlan-id security-8021x-master security-8021x-member-
    mode security-8021x-mode security-exempt-list security-external-logout security-external-web security-groups
    security-ip-auth-bypass security-mac-auth-bypass security-redirect-url service-name sflow-sampler sfp-dsl sfp-
    dsl-autodetect snmp-index span span-dest-port span-direction span-source-port speed spillover-threshold split-
    size src-check stpforward stpforward-mode subst substitute-dst-mac swc-first-create swc-vlan switch switch-
    controller-access-vlan switch-controller-arp-inspection switch-controller-dhcp-snooping switch-controller-dhcp-
    snooping-option82 switch-controller-dhcp-snooping-verify-mac switch-controller-dynamic switch-controller-feature
    switch-controller-igmp-snooping switch-controller-igmp-snooping-fast-leave switch-controller-igmp-snooping-proxy
    switch-controller-iot-scanning switch-controller-learning-limit switch-controller-mgmt-vlan switch-controller-
    nac switch-controller-netflow-collect switch-controller-offload switch-controller-offload-gw switch-controller-
    offload-ip switch-controller-rspan-mode switch-controller-source-ip switch-controller-traffic-policy system-id
    system-id-type tagging tcp-mss telemetry-discover trunk trust-ip-1 trust-ip-2 trust-ip-3 trust-ip6-1 trust-ip6-2
    trust-ip6-3 username vci vindex virtual-mac virtual-switch-vlan vlan-id vlan-protocol vlanforward vlanid vpi
    vrrp-virtual-mac wccp weight wifi-5g-threshold wifi-acl wifi-ap-band wifi-auth wifi-auto-connect wifi-auto-save
    wifi-broadcast_ssid wifi-encrypt wifi-fragment_threshold wifi-key wifi-keyindex wifi-mac-filter wifi-passphrase
    wifi-radius-server wifi-rts_threshold wifi-security wifi-ssid wifi-usergroup wins-ip
    """
)
INTERFACE6 = _named(
    """
    ip6-mode client-options nd-mode nd-cert nd-security-level nd-timestamp-delta nd-timestamp-fuzz nd-cga-modifier
    ip6-dns-server-override ip6-address ip6-extra-addr ip6-allowaccess ip6-send-adv icmp6-send-redirect
    ip6-manage-flag ip6-other-flag ip6-max-interval ip6-min-interval ip6-link-mtu ra-send-mtu ip6-reachable-time
    ip6-retrans-time ip6-default-life ip6-hop-limit ip6-adv-rio ip6-route-pref ip6-route-list autoconf
    unique-autoconf-addr interface-identifier ip6-prefix-mode ip6-delegated-prefix-iaid ip6-upstream-interface
    ip6-subnet ip6-prefix-list ip6-rdnss-list ip6-dnssl-list ip6-delegated-prefix-list dhcp6-relay-service
    dhcp6-relay-type dhcp6-relay-source-interface dhcp6-relay-ip dhcp6-relay-source-ip dhcp6-relay-interface-id
    dhcp6-client-options dhcp6-prefix-delegation dhcp6-information-request dhcp6-iapd-list dhcp6-prefix-hint
    dhcp6-prefix-hint-plt dhcp6-prefix-hint-vlt cli-conn6-status vrrp-virtual-mac6 vrip6_link_local vrrp6
    """
)
# Of an address, a group of them, or a VIP: also what only says how it looks
ADDRESS = _named(
    """
    name uuid subnet type route-tag sub-type clearpass-spt macaddr start-mac end-mac start-ip end-ip fqdn country
    wildcard-fqdn cache-ttl wildcard sdn fsso-group sso-attribute-value interface tenant organization epg-name
    subnet-name sdn-tag policy-group obj-tag obj-type tag-detection-level tag-type hw-vendor hw-model os sw-version
    comment associated-interface color filter sdn-addr-type node-ip-only obj-id list tagging allow-routing
    passive-fqdn-learning fabric-object visibility dirty global-object ip6 template subnet-segment host-type host
    member exclude exclude-member category display-type comments tags query-ip policyid
    """
)
SERVICE = _named(
    """
    name uuid proxy category protocol helper iprange fqdn protocol-number icmptype icmpcode tcp-portrange udp-portrange
    udplite-portrange sctp-portrange tcp-halfclose-timer tcp-halfopen-timer tcp-timewait-timer tcp-rst-timer
    udp-idle-timer session-ttl check-reset-range comment color app-service-type app-category application
    fabric-object visibility member explicit-proxy dirty global-object
    """
)
VIP = _named(
    """
    add-nat46-route add-nat64-route arp-reply client-cert color comment comments dns-mapping-ttl
    embedded-ipv4-address empty-cert-action extaddr extintf extip extport fabric-object global-object
    gratuitous-arp-interval gslb-domain-name gslb-hostname gslb-public-ips h2-support h3-support http-cookie-age
    http-cookie-domain http-cookie-domain-from-host http-cookie-generation http-cookie-path http-cookie-share
    http-ip-header http-ip-header-name http-multiplex http-multiplex-max-concurrent-request
    http-multiplex-max-request http-multiplex-ttl http-redirect http-supported-max-version https-cookie-secure id
    interface ipv4-mappedip ipv4-mappedport ipv6-mappedip ipv6-mappedport ldb-method mapped-addr mappedip mappedport
    max-embryonic-connections member monitor name nat-source-vip nat44 nat46 nat64 nat66 ndp-reply
    one-click-gslb-server outlook-web-access persistence portforward portmapping-type protocol quic realservers
    server-type service src-filter src-vip-filter srcintf-filter ssl-accept-ffdhe-groups ssl-algorithm
    ssl-certificate ssl-cipher-suites ssl-client-certificate ssl-client-fallback ssl-client-rekey-count
    ssl-client-renegotiation ssl-client-session-state-max ssl-client-session-state-timeout
    ssl-client-session-state-type ssl-dh-bits ssl-hpkp ssl-hpkp-age ssl-hpkp-backup ssl-hpkp-include-subdomains
    ssl-hpkp-primary ssl-hpkp-report-uri ssl-hsts ssl-hsts-age ssl-hsts-include-subdomains
    ssl-http-location-conversion ssl-http-match-host ssl-max-version ssl-min-version ssl-mode ssl-pfs
    ssl-send-empty-frags ssl-server-algorithm ssl-server-cipher-suites ssl-server-max-version ssl-server-min-version
    ssl-server-renegotiation ssl-server-session-state-max ssl-server-session-state-timeout
    ssl-server-session-state-type status type user-agent-detect uuid weblogic-server websphere-server
    """
)
# Of a policy: what says nothing about which connections begin
POLICY = _named(
    """
    anti-replay app-monitor application-charts application-list auth-cert auth-redirect-addr auto-asic-offload
    av-profile block-notification captive-portal-exempt capture-packet casb-profile casi-profile cifs-profile
    client-reputation client-reputation-mode custom-log-fields decrypted-traffic-mirror deep-inspection-options
    delay-tcp-npu-session device-detection-portal diameter-filter-profile diffserv-copy diffserv-forward
    diffserv-reverse diffservcode-forward diffservcode-rev dlp-profile dlp-sensor dnsfilter-profile dsri
    dynamic-profile dynamic-shaping emailfilter-profile end-port endpoint-compliance
    enforce-default-app-port fall-through-unauthenticated fec file-filter-profile firewall-session-dirty fixedport
    fsso-agent-for-ntlm geoip-anycast geoip-match global-label gtp-profile http-tunnel-auth icap-profile inbound
    inspection-mode internet-service-fortiguard internet-service-src-fortiguard internet-service6-fortiguard
    internet-service6-src-fortiguard ippool ips-sensor ips-voip-filter label learning-mode log log-http-transaction
    log-unmatched-traffic logtraffic logtraffic-app logtraffic-start max-session-per-user mirror mms-profile nat
    natinbound natip natoutbound np-accelation np-acceleration ntlm-enabled-browsers ntlm-guest outbound
    passive-wan-health-measurement pcp-outbound pcp-poolname per-ip-shaper permit-any-host
    permit-stun-host policy-expiry-date policy-expiry-date-utc poolname poolname6 port-preserve port-random profile
    profile-group profile-protocol-options profile-type q_origin_key redirect-url replacemsg-group
    replacemsg-override-group reputation-direction reputation-direction6 require-tfa rsso-log rtp-addr rtp-nat
    scan-botnet-connections schedule-timeout sctp-filter-profile session-clear session-ttl
    spamfilter-profile ssh-filter-profile ssl-mirror ssl-mirror-intf ssl-ssh-profile sslvpn-auth sslvpn-auth-client
    sslvpn-ccert sslvpn-cipher tcp-mss-receiver tcp-mss-sender tcp-reset tcp-session-without-syn
    telemetry-profile timeout-send-rst tos-mask tos-negate traffic-shaper traffic-shaper-reverse url-category-log
    utm-inspection-mode utm-status videofilter-profile virtual-patch virtual-patch-profile vlan-cos-fwd vlan-cos-rev
    voip-profile waf-profile wanopt wanopt-detection wanopt-passive-opt wanopt-peer wanopt-profile webcache
    webcache-https webfilter-profile webproxy-forward-server webproxy-profile wsso ztna-ems-tag-negate
    ztna-tags-match-logic
    """
)
