"""Endpoints of a VPC and their policies: which requests pass is decided by names and actions, not by addresses.

A policy that allows everything stops nothing, one that allows nothing stops everything. Any other decides about
requests, which no packet shows: whether traffic to the endpoint comes to anything is then not known, and that is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from compliance.traffic.addresses import Range
from evidence.formats.aws_objects import Estate, Thing, text

NOTHING: Final = "nothing"
WHOLE: Final = ("*", ["*"], {"AWS": "*"}, {"AWS": ["*"]})
PARTS: Final = frozenset({"Sid", "Effect", "Principal", "Action", "Resource"})


def policy_of(endpoint: Thing) -> str:
    """Why it is not known what an endpoint lets through: "" where that is everything, NOTHING where it is nothing."""
    written = endpoint.value.get("PolicyDocument")
    if written in (None, ""):
        return (
            "" if text(endpoint.value, "VpcEndpointType") == "Interface" else f"{endpoint.id} came without its policy"
        )
    try:
        statements = json.loads(written)["Statement"] if isinstance(written, str) else written["Statement"]
        listed = [statements] if isinstance(statements, dict) else list(statements)
        effects = [one["Effect"] for one in listed]
    except (ValueError, TypeError, KeyError):
        return f"the policy of {endpoint.id} is not understood"
    if "Allow" not in effects:
        return NOTHING
    if "Deny" not in effects and any(_is_whole(one) for one in listed):
        return ""
    number = f"{len(listed)} statement{'s' if len(listed) != 1 else ''}"
    return f"the policy of {endpoint.id} ({number}) decides which requests pass, by names and not by addresses"


def _is_whole(statement: dict[str, Any]) -> bool:
    """Whether it allows everybody everything on everything, without a condition."""
    return set(statement) <= PARTS and all(statement.get(key) in WHOLE for key in ("Principal", "Action", "Resource"))


def guarded(estate: Estate) -> Iterator[tuple[str, str, tuple[Range, ...]]]:
    """The endpoints within subnets whose policy does not allow everything: id, why, the addresses they answer at."""
    for thing in estate.others.get("VpcEndpoints", {}).values():
        said = policy_of(thing)
        held = thing.value.get("NetworkInterfaceIds")
        if not said or text(thing.value, "VpcEndpointType") != "Interface" or not isinstance(held, list):
            continue
        mine = [estate.interfaces[one] for one in held if isinstance(one, str) and one in estate.interfaces]
        why = f"the policy of {thing.id} allows nothing" if said == NOTHING else said
        yield thing.id, why, tuple(one for each in mine for one in each.ranges)
