"""Which instances an AWS account runs, with their tags and interfaces, and which an autoscaling group started.

It is beside the rules: a role that may not list them reads the account all the same, and the reading says what is
missing. Dynamic groups whose members are known by them then stay as they were last observed. Whose account and which
region an answer is of stands beside its list: a tag of the same name elsewhere is another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from evidence.collectors.aws_calls import Call, in_order, pages, written
from evidence.collectors.aws_refusals import explained
from evidence.collectors.collected import PullError
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact

INTERFACES: Final = "NetworkInterfaces"
INSTANCES: Final = Call("describe_instances", "Reservations", "ReservationId")
SCALING: Final = Call("describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName")
SCALING_KEYS: Final = ("AutoScalingGroupName", "AutoScalingGroupARN", "MinSize", "MaxSize", "DesiredCapacity")
STARTED_KEYS: Final = ("InstanceId", "LifecycleState", "AvailabilityZone")


def reservation(one: Mapping[str, Any]) -> dict[str, Any]:
    """Of each instance who it is, its tags and interfaces: what it runs, and how it feels today, decides nothing."""
    machines = [
        {
            "InstanceId": each["InstanceId"],
            "Tags": in_order(each.get("Tags", ()), "Key"),
            INTERFACES: in_order(
                ({"NetworkInterfaceId": held["NetworkInterfaceId"]} for held in each.get(INTERFACES, ())),
                "NetworkInterfaceId",
            ),
        }
        for each in one["Instances"]
    ]
    return {"ReservationId": one["ReservationId"], "Instances": in_order(machines, "InstanceId")}


def scaling(one: Mapping[str, Any]) -> dict[str, Any]:
    """Of an autoscaling group how many it may start, and which it did."""
    started = [{key: each[key] for key in STARTED_KEYS if key in each} for each in one["Instances"]]
    return {key: one[key] for key in SCALING_KEYS if key in one} | {"Instances": in_order(started, "InstanceId")}


# (service, call, what is kept of an object, what it is called where it is missing)
ASKED: Final[tuple[tuple[str, Call, Callable[[Mapping[str, Any]], dict[str, Any]], str], ...]] = (
    ("ec2", INSTANCES, reservation, "Instances"),
    ("autoscaling", SCALING, scaling, "Autoscaling groups"),
)


def members(
    session: Callable[[str, str], Any], region: str, account: str, deadline: float
) -> tuple[list[Artefact], list[str]]:
    """Both lists of a region, and of those that we may not ask for, why they are missing.

    Raises PullError for every other failure.
    """
    came: list[Artefact] = []
    missing: list[str] = []
    for service, call, kept, called in ASKED:
        try:
            with explained(deadline):
                found = in_order(pages(session(service, region), call, {}, deadline), call.sorted_by)
                rows = [kept(one) for one in found]
        except PullError as error:
            if error.code != ErrorCode.PERMISSION:
                raise
            missing.append(f"{called} of {region}: {error.what}")
            continue
        made = written(region, call.command, call.key, rows, OwnerId=account, Region=region)
        came.append(replace(made, command=f"aws {service} {call.command} --region {region}"))
    return came, missing
