"""What a PAN-OS configuration says that lets no first packet through and stops none: sections by their name.

What is not named here, and not understood by panos_sections.py, is unread. What stands below a named section is ignored
with it. Of sections that could stop something by what is in the packet (profiles), docs/sources/palo-alto.md says so.
"""

from __future__ import annotations


def _named(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Directly below the configuration, or below its device
ROOT = _named(
    """
    cli configd device-telemetry dynamic-content log-collector log-collector-group log-settings mgt-config
    plugins platform predefined scheduled-config-push secrets serial sw-version wildfire-appliance
    wildfire-appliance-cluster global-protect-portals wildfire cloud-services cms hub operational-mode
    """
)
# Below shared, a virtual system, a device group, or what Panorama has pushed
SECTIONS = _named(
    """
    admin-role admin-roles alg-override application-status application-tag application-type application-version
    authentication-object authentication-profile authentication-sequence authorization-code botnet captive-portal
    certificate certificate-profile certificates client-certificate cloud-identity-engine collector-group
    content-preview csc custom-tags data-objects default-dg-tag description device-object display-name dns-proxy
    dns-security dynamic-user-group email-scheduler email-server external-dynamic-list-status global-protect
    group-mapping hip-notification id iot ip-user-mapping kerberos ldap-servers local-user-database log-collector
    log-settings master-device mfa-server-profile multi-factor-auth network-packet-broker-profiles ocsp-responder
    override password-profile pdf-summary-report plugins profile-group profiles proxy redistribution-agent
    redistribution-collector reference-templates regions-status report-group reports response-page saas-app-list
    saas-tenant-list saas-user-list saml-idp scep sctp-log-settings sdwan-interface-profile sdwan-profiles
    sdwan-saas-quality-profile server-profile setting ssh-profile ssl-decrypt ssl-exclude-cert ssl-tls-service-profile
    stats-collector syslog-parse-profile target-templates threats to-sw-version ts-agent url-admin-override
    url-content-types user-context user-group user-id-agent user-id-agent-sequence user-id-collector user-id-hub
    user-id-ssl-auth vm-info-source wildfire-analysis zone-protection
    """
)
# Below network; interfaces and routers are read
NETWORK = _named(
    """
    bonjour dhcp dns-proxy ecmp gre ike lldp monitor-profile multicast nd-proxy pim profiles proxy qos routing-profile
    sdwan sdwan-interface-profile secure-web-gateway ssl-vpn tunnel underlay-net virtual-wire vlan
    """
)
# Rulebases that choose what is looked into, marked or measured; a first packet passes
RULEBASES = _named("application-override decryption network-packet-broker qos sdwan tunnel-inspect")
# Rulebases that may stop a first packet, or send it elsewhere
DOUBTFUL = {
    "pbf": "a rule of policy based forwarding may send it elsewhere",
    "dos": "a rule against denial of service may stop it",
    "authentication": "an authentication rule may ask who it is",
    "captive-portal": "an authentication rule may ask who it is",
}
# Of a rule: what says nothing about whether it matches
RULE = _named(
    """
    id uuid description tag group-tag log-start log-end log-setting profile-setting qos option icmp-unreachable
    disable-inspect disable-server-response-inspection
    """
)
# Of a rule: what it is about beside addresses, zones and services; these words leave it open
CONDITIONS = _named(
    """
    source-user category hip-profiles source-hip destination-hip source-device destination-device source-imsi
    source-imei source-nw-slice saas-user-list saas-tenant-list schedule
    """
)
OPEN = frozenset({"any", "none", "no-hip", ""})
# Of an object: what says nothing about what it holds
OBJECT = _named("description tag disable-override color comments override-admin list-id")
# Of a zone
ZONE = _named(
    """
    device-acl enable-device-identification enable-user-identification log-setting network-slice
    prenat-identification user-acl
    """
)
ZONE_KINDS = _named("layer3 layer2 virtual-wire tap tunnel external")
ZONE_NETWORK = _named(
    """
    enable-packet-buffer-protection log-setting net-inspection zone-protection-profile enable-zone-protection
    """
)
OBJECTS = _named(
    """
    address address-group service service-group application application-group application-filter external-list region
    schedule tag
    """
)
