"""What is left of a connection that was retired: only what a packet certainly passes can stop it."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.register import wanted
from evidence.case import Case
from evidence.removed import Rest, rest_of
from evidence.rules import Reading
from tests.bench.aws_account import APP, DB, WEB, group, permission, reading
from tests.bench.estate import host

SERVERS = [
    {"name": "web-01", "addresses": [WEB], "zone": "dmz"},
    {"name": "app-01", "addresses": [APP], "zone": "app"},
    {"name": "db-01", "addresses": [DB], "zone": "app"},
]
ZONES = [{"name": "dmz", "prefixes": ["10.0.1.0/24"]}, {"name": "app", "prefixes": ["10.0.2.0/24"]}]
BACK = {"name": "back", "members": ["app-01", "db-01"]}
FILTER = "*filter\n:INPUT {0} [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT {1} [0:0]\nCOMMIT\n"
SHUT, OPEN = (host(v4=FILTER.format(*both)) for both in (("DROP", "ACCEPT"), ("ACCEPT", "ACCEPT")))


def rest(readings: dict[str, Reading], **said: Any) -> Rest:
    """What is left of one connection to both back ends."""
    row = {"id": "CON-1", "source": "web-01", "destination": "back", "services": ["tcp/8080"], **said}
    asked = wanted({"servers": SERVERS, "zones": ZONES, "groups": [BACK], "connections": [row]})
    case = Case(asked, readings, None, {})
    (entry,) = case.wanted.entries
    return rest_of(case, entry, out=said.get("without", ""))


def test_one_server_of_a_group_stops_its_own_part_alone() -> None:
    left = rest({"web-01": OPEN, "app-01": SHUT, "db-01": OPEN})
    assert left.through
    assert {box[2] & 0xFF for box in left.boxes} == {20}  # the way to db-01
    assert rest({"web-01": OPEN, "app-01": SHUT, "db-01": SHUT}).boxes == ()
    assert not rest({"web-01": OPEN, "app-01": SHUT}).through  # nobody read db-01: not decided


@pytest.mark.parametrize(("to_db", "stopped"), [([], True), ([permission("tcp", 8080, groups=["sg-web"])], False)])
def test_an_account_stops_what_its_interfaces_or_its_path_stop(to_db: list[Any], stopped: bool) -> None:
    account = reading(SecurityGroups=[group("sg-web"), group("sg-app"), group("sg-db", *to_db)])
    assert (rest({"cloud": account}).boxes == ()) is stopped
    assert (rest({"cloud": account, "db-01": SHUT}).boxes == ()) is True


def test_whoever_is_not_registered_sends_as_well() -> None:
    closed = host(v4=FILTER.format("ACCEPT", "DROP"))
    assert rest({"web-01": closed, "app-01": OPEN, "db-01": OPEN}).boxes == ()
    assert rest({"web-01": closed, "app-01": OPEN, "db-01": OPEN}, source="dmz").boxes != ()
    assert rest({"app-01": SHUT, "db-01": SHUT}, source="dmz").boxes == ()
