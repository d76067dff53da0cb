"""Who stands in a group, carries a tag or was started by an autoscaling group: as the answers show it, or not known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.observed import GROUP, KINDS, SCALING, TAG, Observed, made, parse
from evidence import reading_json
from evidence.formats.aws_members import POINT, lacking, members
from evidence.host import read_host
from evidence.rules import Artefact, Reading

HERE, REGION = "123456789012", "ap-southeast-2"


def eni(number: int, *groups: str, instance: str = "", **more: Any) -> dict[str, Any]:
    """An interface with the address 10.0.0.NUMBER."""
    return {
        "NetworkInterfaceId": f"eni-{number:08x}", "SubnetId": "subnet-00000001", "VpcId": "vpc-00000001",
        "OwnerId": HERE, "PrivateIpAddresses": [{"PrivateIpAddress": f"10.0.0.{number}", "Primary": True}],
        "Groups": [{"GroupId": one, "GroupName": one} for one in groups],
        **({"Attachment": {"InstanceId": instance}} if instance else {}), **more,
    }  # fmt: skip


def tagged(**said: str) -> list[dict[str, str]]:
    """Tags as EC2 writes them."""
    return [{"Key": key, "Value": value} for key, value in said.items()]


ANSWERS: dict[str, list[dict[str, Any]]] = {
    "NetworkInterfaces": [
        eni(1, "sg-0000000a", instance="i-1"), eni(2, "sg-0000000a", "sg-0000000b", instance="i-2"),
        eni(3, "sg-0000000b", TagSet=tagged(role="web")), eni(4, "sg-0000000a", OwnerId="999999999999"),
    ],
    "Reservations": [
        {"ReservationId": "r-1", "Instances": [
            {"InstanceId": "i-1", "Tags": tagged(role="web", tier="a=b"), "NetworkInterfaces": []},
            {"InstanceId": "i-2", "Tags": [{"Key": "role=web", "Value": "x"}, *tagged(role="db")]},
        ]},
        {"ReservationId": "r-2", "Instances": [{"InstanceId": "i-3", "Tags": tagged(role="web")}]},
    ],
    "AutoScalingGroups": [
        {"AutoScalingGroupName": "web", "Instances": [{"InstanceId": "i-2"}, {"InstanceId": "i-9"}]},
        {"AutoScalingGroupName": "none", "Instances": []},
    ],
}  # fmt: skip


def read(answers: dict[str, list[dict[str, Any]]], more: dict[str, dict[str, str]] | None = None) -> Reading:
    """A reading of these answers, each a file; through JSON, as it is kept. `more`: what else stands in some."""
    whose = {"OwnerId": HERE, "Region": REGION}
    files = [
        Artefact(f"{key}.json", json.dumps({**whose, **(more or {}).get(key, {}), key: rows}).encode(), "", None)
        for key, rows in answers.items()
    ]
    return reading_json.load(reading_json.dump(read_host(files)))


def asked(kind: str, name: str, account: str = HERE, region: str = REGION) -> Observed:
    """A statement about this account and region unless told otherwise."""
    return Observed(kind, account, region, name)


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        (GROUP, "sg-0000000a", {(1, "i-1"), (2, "i-2")}),  # the fourth is another account's
        (GROUP, "sg-0000000c", set()),
        (TAG, "role=web", {(1, "i-1"), (3, ""), (0, "i-3")}),  # of the instance, of the interface, of one without any
        (TAG, "tier=a=b", {(1, "i-1")}),
        (TAG, "role=web=x", set()),  # could be told in two ways: it names nobody
        (SCALING, "web", {(2, "i-2"), (0, "i-9")}),
        (SCALING, "none", set()),
    ],
)
def test_members_are_told_by_what_the_answers_say(kind: str, name: str, expected: set[tuple[int, str]]) -> None:
    reading = read(ANSWERS)
    assert reading.unread == ()
    assert lacking(reading, asked(kind, name)) == ""
    found = {
        (one.addresses[0][1] & 255 if one.addresses else 0, one.instance) for one in members(reading, asked(kind, name))
    }
    assert found == expected


def test_the_same_name_elsewhere_is_another_one() -> None:
    reading = read(ANSWERS)
    for elsewhere in (asked(TAG, "role=web", region="us-east-1"), asked(TAG, "role=web", account="1" * 12)):
        assert members(reading, elsewhere) == []
        assert "were not read" in lacking(reading, elsewhere)


@pytest.mark.parametrize(
    ("kind", "without", "why"),
    [
        (TAG, "Reservations", "its instances were not read"),
        (SCALING, "AutoScalingGroups", "its autoscaling groups were not read"),
        (GROUP, "NetworkInterfaces", "its interfaces were not read"),
    ],
)
def test_a_list_that_was_not_given_is_not_an_empty_one(kind: str, without: str, why: str) -> None:
    reading = read({key: rows for key, rows in ANSWERS.items() if key != without})
    assert lacking(reading, asked(kind, "x")) == why


def test_whose_an_answer_is_must_be_said_beside_it() -> None:
    files = [Artefact(f"{key}.json", json.dumps({key: rows}).encode(), "", None) for key, rows in ANSWERS.items()]
    assert "were not read" in lacking(read_host(files), asked(TAG, "role=web"))


@pytest.mark.parametrize("damaged", ["tags", "page", "no name"])
def test_what_was_not_understood_may_be_about_a_member_and_about_no_packet(damaged: str) -> None:
    answers = json.loads(json.dumps(ANSWERS))
    more: dict[str, Any] = {}
    if damaged == "tags":
        answers["Reservations"][0]["Instances"][0]["Tags"] = "role=web"
    elif damaged == "no name":
        del answers["AutoScalingGroups"][0]["AutoScalingGroupName"]
    else:
        more["AutoScalingGroups"] = {"NextToken": "more"}
    reading = read(answers, more)
    assert {one.point for one in reading.unread} == {POINT}
    assert "was not understood" in lacking(reading, asked(SCALING, "web"))
    assert all(point.unread == 0 for point in reading.points if point.name != POINT)


@given(
    st.sampled_from(sorted(KINDS)), st.from_regex(r"\d{12}", fullmatch=True),
    st.sampled_from(["eu-west-1", "us-gov-east-1"]), st.text(min_size=1, max_size=40),
)  # fmt: skip
def test_a_statement_is_kept_as_it_was_made_or_refused(kind: str, account: str, region: str, name: str) -> None:
    try:
        one = made(kind, account, region, name)
    except ValueError:
        return
    assert parse(one.text) == one
    assert one.name.isprintable()
