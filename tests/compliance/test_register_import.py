"""A register goes out as YAML and comes in again: the same register, and nothing authorised before two people agree."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from compliance.actions import changes as verbs
from compliance.actions import estate, imports
from compliance.actions.people import grant
from compliance.errors import Refused
from compliance.models import (
    ChangeRecord,
    Connection,
    Endpoint,
    Group,
    ImportedTable,
    LedgerInbox,
    Role,
    Server,
    State,
    Zone,
)
from compliance.register import wanted
from compliance.register_file import read_text, write_text
from compliance.standing import register_on
from tests.factories import agreed, asked, authorised, network, servers, share
from tests.people import LONG_AGO, People, everybody

pytestmark = pytest.mark.both
REGISTER = """
zones:
  - {name: app, prefixes: [10.20.20.0/24, "2001:db8:20::/64"], system: Payroll}
  - {name: lan, prefixes: [10.20.40.1-10.20.40.6], system: Payroll}
servers:
  - {name: web-01, addresses: [10.20.20.31, "2001:db8:20::31"], zone: app, role: web, critical: true}
  - {name: web-02, addresses: [{ip: 10.20.20.32, interface: eth1, zone: app}], environment: test}
  - {name: db-01, addresses: [10.20.30.31]}
  - {name: proxy-01, addresses: [10.20.30.9]}
groups:
  - {name: web, members: [web-01, web-02]}
  - {name: everything, members: [web, db-01]}
  - {name: vendor, members: [203.0.113.0/24, 198.51.100.7]}
connections:
  - {id: CON-9, source: web, destination: db-01, services: [tcp/5432, icmp/8], via: [proxy-01], review_by: 2027-05-31,
     expected_use: daily, basis: justified, justification: Reads the orders, ends_on: 2027-06-30, change: OPS-7}
  - {id: CON-2, source: [web-01, 192.0.2.0/28], destination: [db-01], services: tcp/22}
  - {id: CON-3, source: vendor, destination: everything, services: [tcp/8000-8010]}
shares:
  - {id: CON-5, server: db-01, path: /export/hr, protocol: nfs, access: ro, clients: [web-01], security: krb5p}
"""


@pytest.fixture
def people(db: None) -> People:
    return those_who_may()


def those_who_may() -> People:
    """Erin brings the file: as an administrator she makes zones, as an engineer she asks."""
    them = everybody()
    grant(them.erin, Role.ADMINISTRATOR, by=them.alex, at=LONG_AGO)
    return them


def brought(people: People, text: str) -> ImportedTable:
    return imports.keep("register.yaml", text.encode(), kind="register", by=people.erin)


def tried(people: People, text: str, system: str = "Payroll") -> imports.Result:
    return imports.dry_run(brought(people, text), mapping={"system": system}, by=people.erin)


def carried(people: People, text: str) -> imports.Result:
    return imports.carry_out(brought(people, text), mapping={"system": "Payroll"}, by=people.erin)


def counts() -> tuple[int, ...]:
    return tuple(one.objects.count() for one in (Zone, Server, Group, Endpoint, Connection, ChangeRecord, LedgerInbox))


def approve_all(people: People) -> None:
    for change in ChangeRecord.objects.filter(state=State.SUBMITTED).order_by("pk"):
        agreed(people, change)


def written(people: People) -> str:
    """An estate with everything a register says, authorised, as its file."""
    servers(people)
    made = {one.name: one for one in Server.objects.all()}
    estate.add_address(made["log-01"], "2001:db8:40::30", by=people.alex)
    estate.add_group("hosts", system=people.payroll, members=[made["pay-app-01"], made["log-01"]], by=people.alex)
    estate.add_party("vendor", prefixes=["203.0.113.0/24", "2001:db8:ffff::/48"], by=people.alex)
    authorised(people, network("hosts", "pay-db-01", "tcp/5432", "udp/53", via=["file-01"]))
    authorised(people, share(clients=["hosts", "pay-db-01"], users=["ana"], access="rw", ends_on="2099-12-31"))
    authorised(
        people, network("vendor", "data", "tcp/8000-8010", "icmp/8", basis="provisional", review_by="2027-01-31")
    )
    return write_text(register_on(timezone.localdate()))


def test_what_went_out_comes_in_again_as_the_same_register(
    people: People, django_db_blocker: Any, transactional_db: None
) -> None:
    file = written(people)
    call_command("flush", verbosity=0, interactive=False)
    people = those_who_may()
    assert not Endpoint.objects.exists()
    done = carried(people, file)
    assert (done.bad, done.changed, done.same) == ([], 0, 0)
    today = timezone.localdate()
    assert not Connection.objects.authorised_at(today).exists()
    assert {change.state for change in ChangeRecord.objects.all()} == {State.SUBMITTED}
    assert register_on(today)["connections"] == []
    approve_all(people)
    back = read_text(write_text(register_on(today)))
    assert ids_by_order(back) == ids_by_order(read_text(file))
    assert carried(people, file).same == done.new
    assert not ChangeRecord.objects.filter(state=State.SUBMITTED).exists()


def ids_by_order(register: dict[str, Any]) -> dict[str, Any]:
    """The register with its ids counted from 1: a database that gave out others before goes on counting."""
    rows = [*register["connections"], *register["shares"]]
    order = sorted((row["id"] for row in rows), key=lambda ref: int(ref.partition("-")[2]))
    for row in rows:
        row["id"] = order.index(row["id"])
    return register


def test_a_written_register_is_tried_and_then_asked_for(people: People) -> None:
    before = counts()
    told = tried(people, REGISTER)
    assert (told.bad, told.rows, told.new, counts()) == ([], 13, 13, before)
    carried(people, REGISTER)
    assert {str(one.zone) for one in Server.objects.get(name="web-02").addresses.all()} == {"app"}
    assert Server.objects.get(name="web-01").critical
    assert sorted(Group.objects.get(name="everything").memberships.values_list("server__name", flat=True)) == [
        "db-01", "web-01", "web-02",
    ]  # fmt: skip
    said = [change.material for change in ChangeRecord.objects.order_by("pk")]
    assert [(one["source"], one["destination"]) for one in said if one["kind"] == "network"] == [
        ("web-01", "db-01"), ("network 192.0.2.0/28", "db-01"), ("vendor", "everything"), ("web", "db-01"),
    ]  # fmt: skip
    nine = ChangeRecord.objects.order_by("pk").last()
    assert nine is not None
    assert nine.material == {
        "kind": "network", "source": "web", "destination": "db-01", "services": ["tcp/5432", "icmp/8"],
        "via": ["proxy-01"], "expected_use": "daily", "basis": "justified", "review_by": "2027-05-31",
        "ends_on": "2027-06-30",
    }  # fmt: skip
    assert (nine.ticket, nine.justification.business_need) == ("OPS-7", "Reads the orders")
    assert "CON-9" in nine.justification.security_implications
    with pytest.raises(Refused):
        verbs.approve(nine, by=people.erin)
    approve_all(people)
    today = timezone.localdate()
    mine, theirs = (wanted(one, at=today) for one in (register_on(today), read_text(REGISTER)))
    assert mine.servers == theirs.servers
    assert sorted(box for one in mine.entries for box in one.boxes) == sorted(
        {box for one in theirs.entries for box in one.boxes}
    )
    assert tried(people, REGISTER).same == 13


def test_what_is_there_is_skipped_and_what_widens_is_asked_for(people: People) -> None:
    carried(people, REGISTER)
    approve_all(people)
    wider = REGISTER.replace("members: [web-01, web-02]", "members: [web-01, web-02, proxy-01]")
    wider = wider.replace("[10.20.30.31]", "[10.20.30.31, 10.20.30.32]").replace("2027-05-31", "2027-04-30")
    told = tried(people, wider)
    assert (told.bad, told.new, told.changed, told.same) == ([], 0, 3, 10)
    assert [line.what for line in told.preview] == ["changed", "changed", "changed", "kept"]
    before = register_on(timezone.localdate())
    carried(people, wider)
    assert register_on(timezone.localdate()) == before
    assert ChangeRecord.objects.filter(kind="widen", state=State.SUBMITTED).count() == 3


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("tcp/8000-8010", "tcp/80000", 18, "CON-3"),
        ("source: vendor", "source: vendro", 18, "vendro"),
        ("ends_on: 2027-06-30", "end_on: 2027-06-30", 15, "did you mean ends_on"),
        ("ends_on: 2027-06-30", "ends_on: 30.6.2027", 15, "is not a date"),
        ("[10.20.30.9]", "[10.20.30.31]", 9, "held by db-01"),
        ("members: [web, db-01]", "members: [web, everything]", 12, "holds itself"),
        ("members: [web, db-01]", "members: [web, 10.0.0.0/8]", 12, "mixes servers and addresses"),
        ("addresses: [10.20.30.9]", "addresses: [10.20.30.9], system: Nobody", 9, "no system Nobody"),
        ("zones:", "space: other\nzones:", 0, "address space"),
        ("id: CON-2", "id: CON-9", 17, "used twice"),
        ("path: /export/hr", "path: export/hr", 20, "slash"),
    ],
)
def test_a_bad_file_is_named_with_its_line_and_nothing_comes_in(
    people: People, old: str, new: str, line: int, problem: str
) -> None:
    before = counts()
    text = REGISTER.replace(old, new, 1)
    assert text != REGISTER
    told = tried(people, text)
    assert any(line == bad.row and problem in f"{bad.problem} {bad.fix}" for bad in told.bad), told.bad
    with pytest.raises(Refused, match="Nothing was imported"):
        carried(people, text)
    assert counts() == before


@pytest.mark.parametrize(
    "text", ["", "a, b\n1, 2\n", "servers: [{name: a}", "a: &x [1]\nb: *x\n", "servers: []\nservers: []\n", "\x00"]
)
def test_what_is_no_register_is_refused_in_a_sentence(people: People, text: str) -> None:
    with pytest.raises(Refused, match="no register file") as refused:
        brought(people, text)
    assert refused.value.why


def test_an_address_somebody_else_holds_is_refused_by_its_line(people: People) -> None:
    servers(people)
    told = tried(people, "servers:\n  - {name: new-01, addresses: [10.20.20.31]}\n")
    assert [(bad.row, "pay-app-01 holds it" in bad.problem) for bad in told.bad] == [(2, True)]


def test_names_of_the_database_may_be_used(people: People) -> None:
    servers(people)
    told = tried(people, "connections: [{id: A, source: pay-app-01, destination: data, services: tcp/1}]\n", system="")
    assert (told.bad, told.new) == ([], 1)
    nobody = tried(people, "servers: [{name: a-1, addresses: [10.9.9.9]}]\n", system="")
    assert "whose it is" in nobody.bad[0].problem


def test_it_comes_in_through_the_pages(people: People) -> None:
    browser = Client()
    browser.force_login(people.erin, backend="allauth.account.auth_backends.AuthenticationBackend")
    file = io.BytesIO(REGISTER.replace("tcp/22", "tcp/99999").encode())
    file.name = "register.yaml"
    matched = browser.post("/setup/import/", {"step": "mapping", "kind": "register", "file": file})
    assert list(matched.context["form"].fields) == ["column_system"]
    bad = browser.post("/setup/import/", {"step": "dry_run", "column_system": "Payroll"}).content.decode()
    assert "99999" in bad
    assert "Line" in bad
    file = io.BytesIO(REGISTER.encode())
    file.name = "register.yaml"
    browser.post("/setup/import/", {"step": "mapping", "kind": "register", "file": file})
    page = browser.post("/setup/import/", {"step": "dry_run", "column_system": "Payroll"})
    assert not Connection.objects.exists()
    posted = {one["name"]: one["value"] for one in page.context["carried"]} | {"step": "import"}
    done = browser.post("/setup/import/", posted).content.decode()
    assert "an import authorises nothing" in done
    assert Connection.objects.count() == 5


def test_the_command_tries_first_and_imports_or_says_why_not(people: People, tmp_path: Any) -> None:
    file = tmp_path / "register.yaml"
    file.write_text(REGISTER)
    said = io.StringIO()
    options = {"import_file": str(file), "by": "erin@example.org", "system": "Payroll", "stdout": said}
    call_command("register", dry_run=True, **options)
    assert "13 new" in said.getvalue()
    assert not Connection.objects.exists()
    call_command("register", **options)
    assert Connection.objects.count() == 5
    file.write_text(REGISTER.replace("tcp/22", "tcp/99999"))
    with pytest.raises(CommandError, match="line 17"):
        call_command("register", **options)
    with pytest.raises(CommandError, match="nobody@example"):
        call_command("register", **(options | {"by": "nobody@example.org"}))


def test_what_ended_or_was_left_out_stays_registered(people: People) -> None:
    carried(people, REGISTER)
    asked(people, network("web-01", "db-01", "tcp/9"), at=timezone.now() + timedelta(seconds=1))
    only = "connections: [{id: A, source: web-01, destination: db-01, services: tcp/9}]\n"
    assert tried(people, only).same == 1
    assert Server.objects.count() == 4
