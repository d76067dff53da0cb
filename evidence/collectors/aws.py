"""An AWS account, by the describe calls of EC2 in each of its regions: all pages of all of them, or nothing.

Signed in with an access key of the source, or with what the machine itself has (environment, profile, instance role);
where a role is named, by assuming it with its external id. Needs the optional package boto3 (extra `aws`). What came is
written as the answers are documented, sorted, one file for each region and call. CloudTrail is asked who changed them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from evidence.collectors.addresses import resolve
from evidence.collectors.aws_calls import Call, in_order, pages, written
from evidence.collectors.aws_instances import INTERFACES, members
from evidence.collectors.aws_refusals import DENIED, code_of, explained
from evidence.collectors.collected import Collected, PullError, Step
from evidence.formats.aws_config import COMPARED, WORDS
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact

REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}")
ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,500}")
EXTERNAL: Final = re.compile(r"[\w+=,.@:/-]{2,1224}")
KEY_ID: Final = re.compile(r"[A-Z0-9]{16,128}")
SESSION: Final = "eastwest"  # how CloudTrail names what we do
CONNECT_S, READ_S, ATTEMPTS = 10, 60, 3

CALLS: Final = (
    Call("describe_vpcs", "Vpcs", "VpcId"),
    Call("describe_subnets", "Subnets", "SubnetId"),
    Call("describe_security_groups", "SecurityGroups", "GroupId"),
    Call("describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId"),
    Call("describe_network_acls", "NetworkAcls", "NetworkAclId"),
    Call("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    Call("describe_route_tables", "RouteTables", "RouteTableId"),
    Call("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    Call("describe_egress_only_internet_gateways", "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId"),
    Call("describe_nat_gateways", "NatGateways", "NatGatewayId"),
    Call("describe_vpc_peering_connections", "VpcPeeringConnections", "VpcPeeringConnectionId"),
    Call("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    Call("describe_transit_gateway_attachments", "TransitGatewayAttachments", "TransitGatewayAttachmentId"),
    Call("describe_vpn_gateways", "VpnGateways", "VpnGatewayId"),
    Call("describe_managed_prefix_lists", "PrefixLists", "PrefixListId"),
)
# Without these a path beyond a transit gateway or a VPN is not known, and the reading says why: a role of an earlier
# version does not name them
BEYOND: Final = (
    Call("describe_vpn_connections", "VpnConnections", "VpnConnectionId"),
    Call("describe_transit_gateway_vpc_attachments", "TransitGatewayVpcAttachments", "TransitGatewayAttachmentId"),
    Call("describe_transit_gateway_route_tables", "TransitGatewayRouteTables", "TransitGatewayRouteTableId"),
)
VPN_KEYS: Final = (  # of a VPN connection; the rest is its keys (they are secrets), and how its tunnels feel today
    "VpnConnectionId", "State", "Type", "Category", "VpnGatewayId", "TransitGatewayId", "CustomerGatewayId",
)  # fmt: skip
CONFIG_RULES: Final = Call("describe_config_rules", "ConfigRules", "ConfigRuleName")
RESULTS: Final = Call("get_compliance_details_by_config_rule", "EvaluationResults", "")
RULE_KEYS: Final = ("ConfigRuleName", "Source", "InputParameters")
JUDGED: Final = [word for word, said in WORDS.items() if said]
LOOK_BACK: Final = timedelta(days=7)
EVENTS: Final = (  # what CloudTrail is asked for: the calls that open, close or lead elsewhere
    "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupIngress",
    "RevokeSecurityGroupEgress", "ModifySecurityGroupRules", "ModifyNetworkInterfaceAttribute",
    "ModifyInstanceAttribute",
    "CreateNetworkAclEntry", "ReplaceNetworkAclEntry", "DeleteNetworkAclEntry", "ReplaceNetworkAclAssociation",
    "CreateRoute", "ReplaceRoute", "DeleteRoute", "AssociateRouteTable", "ReplaceRouteTableAssociation",
    "AttachInternetGateway", "AssociateAddress", "ModifyManagedPrefixList",
)  # fmt: skip
EVENT_KEYS: Final = ("EventId", "EventName", "EventTime", "Username", "Resources", "CloudTrailEvent")


def collect(config: Mapping[str, Any], *, secret: bytes | None, since: str | None, deadline: float) -> Collected:
    """Every answer of every region of `config["regions"]`, or none: a page that fails fails the whole reading.

    `role` and `external_id`: what is assumed; `endpoint_url`: instead of Amazon's own addresses. `secret`: the access
    key as `ID:SECRET`, without which the machine's own credentials count. Raises PullError.
    """
    regions = regions_of(config)
    came: list[Artefact] = []
    missing: list[str] = []
    with explained(deadline):
        session, account = signed_in(config, secret, deadline, regions[0])
        for region in regions:
            client = session("ec2", region)
            for call in CALLS:
                rows = in_order(pages(client, call, {}, deadline), call.sorted_by)
                whose = {"OwnerId": account, "Region": region} if call.key == INTERFACES else {}
                came.append(written(region, call.command, call.key, rows, **whose))
                if call.key == "PrefixLists":
                    came += (entries(client, region, str(one["PrefixListId"]), deadline) for one in rows)
            beyond, why = ways_beyond(client, region, deadline)
            came += beyond
            missing += [f"Ways beyond the VPCs of {region}: {why}"] if why else []
            machines, why_not = members(session, region, account, deadline)
            came += machines
            missing += why_not
            events, why = acts(session("cloudtrail", region), region, deadline)
            came.append(events)
            missing += [f"CloudTrail of {region}: {why}"] if why else []
            opinions, why = config_results(session("config", region), region, deadline)
            came += opinions
            missing += [f"AWS Config of {region}: {why}"] if why else []
    return Collected(
        tuple(came), cursor="", complete=True, missing=tuple(missing), whole=True, device={"account": account}
    )  # fmt: skip


def probe(config: Mapping[str, Any], *, secret: bytes | None, deadline: float) -> tuple[Step, ...]:
    """Whether we are let in, and whether the first call of each region is answered."""
    said: list[Step] = []
    sign, ask = "Sign in", "Ask each region for its VPCs"
    try:
        regions = regions_of(config)
        with explained(deadline):
            session, account = signed_in(config, secret, deadline, regions[0])
        said.append(Step(sign, "ok", f"It is account {account}."))
        with explained(deadline):
            counts = [f"{region}: {len(pages(session('ec2', region), CALLS[0], {}, deadline))}" for region in regions]
        said.append(Step(ask, "ok", f"VPCs by region: {', '.join(counts)}."))
    except PullError as error:
        said.append(Step(ask if said else sign, "failed", error.what, error.next_step))
        said += [Step(ask, "skipped")] if len(said) == 1 else []
    return tuple(said)


def regions_of(config: Mapping[str, Any]) -> list[str]:
    """The regions that are asked. Raises PullError for what is none."""
    given = str(config.get("regions", ""))
    found = list(dict.fromkeys(given.replace(",", " ").split()))
    wrong = next((one for one in found if not REGION.fullmatch(one)), "")
    if wrong or not found:
        what = f"{wrong[:40]!r} is no region." if wrong else "No region is named."
        raise PullError(ErrorCode.CONFIG, what, "Name the regions, such as ap-southeast-2, with commas between them.")
    return found


def signed_in(
    config: Mapping[str, Any], secret: bytes | None, deadline: float, region: str
) -> tuple[Callable[[str, str], Any], str]:
    """((service, region) -> its client, the account we are in). Raises PullError, and what boto3 raises."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        what = "The program for AWS is not installed (boto3)."
        next_step = "Run: .venv/bin/python -m pip install --require-hashes -r requirements/aws.txt"
        raise PullError(ErrorCode.DEPENDENCY, what, next_step) from error
    options = {"config": Config(
        connect_timeout=CONNECT_S, read_timeout=min(READ_S, max(1, int(deadline - time.monotonic()))),
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS}, user_agent_extra="eastwest",
    )}  # fmt: skip
    endpoint = endpoint_of(config)
    if endpoint:
        options["endpoint_url"] = endpoint
    session = boto3.Session(**keys(secret), region_name=region)
    role = role_of(config)
    if role:
        session = boto3.Session(**assumed(session.client("sts", **options), role, config), region_name=region)
    account = str(session.client("sts", **options).get_caller_identity()["Account"])

    def client(service: str, name: str) -> Any:
        return session.client(service, region_name=name, **options)

    return client, account


def endpoint_of(config: Mapping[str, Any]) -> str:
    """The address given instead of Amazon's own; judged like every address that a source names. Raises PullError."""
    given = str(config.get("endpoint_url") or "").strip()
    if not given:
        return ""
    parts = urlsplit(given)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username or parts.password:
        what = "The endpoint is no address such as https://ec2.example.net."
        raise PullError(ErrorCode.CONFIG, what, "Leave it empty for Amazon's own, or write the address alone.")
    resolve(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    return given


def keys(secret: bytes | None) -> dict[str, str]:
    """The access key of the source; {} where the machine's own credentials count. Raises PullError."""
    if secret is None:
        return {}
    uid, _, value = secret.decode("utf-8", "replace").strip().partition(":")
    if not KEY_ID.fullmatch(uid) or not value:
        what = "The secret is no access key: it is not of the form ID:SECRET."
        raise PullError(ErrorCode.AUTH, what, "Set it again: the key's id, a colon, and the secret access key.")
    return {"aws_access_key_id": uid, "aws_secret_access_key": value}


def role_of(config: Mapping[str, Any]) -> str:
    """The role that is assumed, "" for none. Raises PullError where it or its external id is none."""
    role, external = (str(config.get(name) or "").strip() for name in ("role", "external_id"))
    if role and not ROLE.fullmatch(role):
        raise PullError(ErrorCode.CONFIG, f"{role[:80]!r} is no role.", "Write its ARN: arn:aws:iam::…:role/….")
    if external and not EXTERNAL.fullmatch(external):
        raise PullError(
            ErrorCode.CONFIG, "The external id holds signs that none has.", "Copy it from the trust policy."
        )
    if external and not role:
        raise PullError(
            ErrorCode.CONFIG, "An external id without a role does nothing.", "Name the role, or leave both."
        )
    return role


def assumed(sts: Any, role: str, config: Mapping[str, Any]) -> dict[str, str]:
    """The credentials of a role, with the external id that its trust policy asks for. Raises PullError."""
    external = str(config.get("external_id") or "").strip()
    given = {"ExternalId": external} if external else {}
    try:
        found = sts.assume_role(RoleArn=role, RoleSessionName=SESSION, **given)["Credentials"]
    except sts.exceptions.ClientError as error:
        if code_of(error) not in DENIED:
            raise
        what = f"{role} does not let us in."
        next_step = "Look at its trust policy: it must name who Eastwest signs in as, and the same external id."
        raise PullError(ErrorCode.AUTH, what, next_step) from None
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


LOOKUP: Final = Call("lookup_events", "Events", "EventId")
ENTRIES: Final = Call("get_managed_prefix_list_entries", "Entries", "Cidr")


def entries(client: Any, region: str, uid: str, deadline: float) -> Artefact:
    """The entries of a prefix list, with its id beside them."""
    rows = in_order(pages(client, ENTRIES, {"PrefixListId": uid}, deadline), ENTRIES.sorted_by)
    return written(region, f"get-managed-prefix-list-entries --prefix-list-id {uid}", "Entries", rows, PrefixListId=uid)


def ways_beyond(client: Any, region: str, deadline: float) -> tuple[list[Artefact], str]:
    """VPNs, and the tables of transit gateways with their routes; why some are not known ("" = all are).

    An account that may not list them is read all the same. Raises PullError for everything else.
    """
    came: list[Artefact] = []
    try:
        with explained(deadline):
            for call in BEYOND:
                rows = in_order(pages(client, call, {}, deadline), call.sorted_by)
                if call.key == "VpnConnections":
                    rows = [{key: one[key] for key in VPN_KEYS if key in one} for one in rows]
                came.append(written(region, call.command, call.key, rows))
            came += [routes(client, region, str(one["TransitGatewayRouteTableId"])) for one in rows]
    except PullError as error:
        if error.code != ErrorCode.PERMISSION:
            raise
        return came, error.what
    return came, ""


def routes(client: Any, region: str, uid: str) -> Artefact:
    """The routes of one table of a transit gateway, and whether there are more than EC2 shows."""
    asked = [{"Name": "state", "Values": ["active", "blackhole"]}]
    answer = client.search_transit_gateway_routes(TransitGatewayRouteTableId=uid, Filters=asked)  # a thousand at most
    rows = in_order(answer["Routes"], "DestinationCidrBlock")
    command = f"search-transit-gateway-routes --transit-gateway-route-table-id {uid}"
    more = bool(answer["AdditionalRoutesAvailable"])
    return written(
        region, command, "Routes", rows, TransitGatewayRouteTableId=uid, AdditionalRoutesAvailable=more
    )  # fmt: skip


def acts(client: Any, region: str, deadline: float) -> tuple[Artefact, str]:
    """Who changed lists, routes and interfaces in the last days, and why that is not known ("" = it is).

    It is beside the rules: an account whose log may not be read is read all the same, and the reading says so.
    """
    rows: list[dict[str, Any]] = []
    why = ""
    try:
        with explained(deadline):
            for name in EVENTS:
                asked = {
                    "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}],
                    "StartTime": datetime.now(UTC) - LOOK_BACK,
                }
                rows += pages(client, LOOKUP, asked, deadline)
    except PullError as error:
        if error.code == ErrorCode.TIMEOUT:
            raise
        rows, why = [], error.what
    kept: list[dict[str, Any]] = [{key: one[key] for key in EVENT_KEYS if key in one} for one in rows]
    for one in kept:
        one["EventTime"] = str(getattr(one.get("EventTime"), "isoformat", str)())
    kept.sort(key=lambda one: (one["EventTime"], str(one.get("EventId"))))
    made = written(region, "", "Events", kept)
    command = f"aws cloudtrail lookup-events --region {region}"
    return replace(made, name=f"{region}-CloudTrail.json", command=command), why


def config_results(client: Any, region: str, deadline: float) -> tuple[list[Artefact], str]:
    """What AWS Config found by the rules that are compared with what was read, and why that is not known ("" = it is).

    It is beside the rules, as CloudTrail is.
    """
    came: list[Artefact] = []
    try:
        with explained(deadline):
            listed = in_order(pages(client, CONFIG_RULES, {}, deadline), "ConfigRuleName")
            mine = [one for one in listed if one.get("Source", {}).get("SourceIdentifier") in COMPARED]
            kept: list[dict[str, Any]] = [{key: one[key] for key in RULE_KEYS if key in one} for one in mine]
            came.append(of_config(region, CONFIG_RULES, "", kept))
            for one in mine:
                name = str(one["ConfigRuleName"])
                found = pages(client, RESULTS, {"ConfigRuleName": name, "ComplianceTypes": JUDGED}, deadline)
                found.sort(key=lambda row: str(row.get("EvaluationResultIdentifier")))
                came.append(of_config(region, RESULTS, name, found))
    except PullError as error:
        if error.code == ErrorCode.TIMEOUT:
            raise
        return [], error.what
    return came, ""


def of_config(region: str, call: Call, rule: str, rows: Iterable[Mapping[str, Any]]) -> Artefact:
    """An answer of AWS Config as a file."""
    made = written(region, "", call.key, rows)
    name = f"{region}-{call.key}{f'-{rule}' if rule else ''}.json"
    asked = f" --config-rule-name {rule}" if rule else ""
    return replace(made, name=name, command=f"aws configservice {call.command}{asked} --region {region}")
