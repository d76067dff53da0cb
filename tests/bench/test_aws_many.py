"""What judging an account costs for each of its interfaces does not grow with how many there are."""

from __future__ import annotations

from datetime import date
from typing import Any

from compliance.register import Wanted, wanted
from evidence.rules import Reading
from evidence.verdicts import judge
from tests.bench.aws_account import account, acl, group, interface, permission, reading, subnet, table
from tests.steps import steps

MEMBERS = 5  # interfaces in each group


def many(count: int) -> tuple[Reading, Wanted]:
    """An account of so many servers in groups of five, each group asking the next one, and the register of it."""
    groups = count // MEMBERS
    near = [subnet(f"subnet-{number}", f"10.0.{number}.0/24") for number in range(count // 100 + 1)]
    names = [f"sg-{number}" for number in range(groups)]
    made: dict[str, Any] = {
        "Subnets": near,
        "SecurityGroups": [
            group(name, permission("tcp", 443, groups=[names[number - 1]]),
                  out=[permission("tcp", 443, groups=[names[(number + 1) % groups]])])
            for number, name in enumerate(names)
        ],
        "NetworkInterfaces": [
            interface(f"eni-{number}", _address(number), f"subnet-{number // 100}", names[number % groups])
            for number in range(count)
        ],
        "NetworkAcls": [acl("acl-all", [one["SubnetId"] for one in near])],
        "RouteTables": [table("rtb-main", [("10.0.0.0/16", "local")], main=True)],
    }  # fmt: skip
    servers = [{"name": f"s-{number}", "addresses": [_address(number)], "role": "app"} for number in range(count)]
    asked = [
        {"id": f"CON-{number + 1}", "source": f"s-{number}", "destination": f"s-{(number + 1) % groups}",
         "services": ["tcp/443"]}
        for number in range(count)
    ]  # fmt: skip
    return reading(account(**made)), wanted({"servers": servers, "connections": asked})


def _address(number: int) -> str:
    return f"10.0.{number // 100}.{10 + number % 100}"


def test_an_interface_costs_the_same_among_many() -> None:
    """Counted by calls of functions; each scan of all interfaces for each of them was half as much again at 600."""

    def each(count: int) -> float:
        read, register = many(count)
        return steps(lambda: judge(register, {"cloud": read}, before=None, flows=None, at=date(2026, 11, 22))) / count

    few, several = each(50), each(300)
    assert several < 1.1 * few, (few, several)
