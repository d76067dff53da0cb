"""Spreadsheets: what is tried is what happens, all rows or none, several values in a cell, names nobody knows."""

from __future__ import annotations

import io
from datetime import date

import pytest
from django.test import Client
from openpyxl import Workbook

from compliance.actions import changes as verbs
from compliance.actions import imports
from compliance.errors import Refused
from compliance.models import Address, ChangeRecord, Connection, ImportedTable, LedgerInbox, Server, State
from compliance.models.estate import day_of
from tests.factories import servers
from tests.people import People, everybody

TODAY = date.today()
SERVERS = """Hostname,Application,IP addresses,Zone,Env,Critical
hr-app-01,Payroll,10.20.20.41; 2001:db8:20::41,app,production,yes
hr-db-01,Payroll,"10.20.30.51
10.20.30.52",data,production,

pay-app-01,Payroll,10.20.20.31,app,test,no
"""
CONNECTIONS = """From,To,Port,Why
pay-app-01; log-01,pay-db-01,"tcp/5432, tcp/5433",Hours of all staff
old-fax-01,pay-db-01,tcp/1433,
pay-app-01,old-fax-01,tcp/25,
"""

pytestmark = pytest.mark.both


@pytest.fixture
def people(db: None) -> People:
    them = everybody()
    servers(them)
    return them


def brought(people: People, text: str, kind: str) -> tuple[ImportedTable, dict[str, str]]:
    table = imports.keep(f"{kind}.csv", text.encode(), kind=kind, by=people.omar)
    return table, imports.guess(table)


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Server, Address, Connection, ChangeRecord, LedgerInbox))


def test_servers_with_several_addresses(people: People) -> None:
    table, mapping = brought(people, SERVERS, "servers")
    assert mapping == {
        "name": "Hostname", "system": "Application", "addresses": "IP addresses", "zone": "Zone",
        "environment": "Env", "critical": "Critical",
    }  # fmt: skip
    before = counts()
    tried = imports.dry_run(table, mapping=mapping, by=people.omar)
    assert (tried.rows, tried.new, tried.changed, tried.same, tried.bad) == (3, 2, 1, 0, [])
    assert counts() == before
    done = imports.carry_out(table, mapping=mapping, by=people.omar)
    assert (done.new, done.changed) == (2, 1)
    new = Server.objects.get(name="hr-db-01")
    assert sorted(new.addresses.values_list("ip", flat=True)) == ["10.20.30.51", "10.20.30.52"]
    assert {str(one.zone) for one in new.addresses.all()} == {"data"}
    assert new.source_row["Hostname"] == "hr-db-01"
    again, _ = brought(people, SERVERS, "servers")
    assert imports.dry_run(again, mapping=mapping, by=people.omar).same == 3


def test_one_bad_row_and_nothing_is_imported(people: People) -> None:
    text = SERVERS + "hr-app-01,Payroll,,,,\nx-01,Parole,10.20.20.999,nowhere,,perhaps\n"
    text += "y-01,Payroll,10.20.20.31,,,\n,,,,,,7\n"
    table, mapping = brought(people, text, "servers")
    before = counts()
    tried = imports.dry_run(table, mapping=mapping, by=people.omar)
    assert [(bad.row, bad.column) for bad in tried.bad] == [
        (6, "name"), (7, "system"), (7, "zone"), (7, "addresses"), (7, "critical"), (8, ""),
        (9, "name"), (9, "system"), (9, ""),
    ]  # fmt: skip
    assert "row 2" in tried.bad[0].problem
    assert "pay-app-01 holds it" in tried.bad[5].problem
    with pytest.raises(Refused, match="Row 6"):
        imports.carry_out(table, mapping=mapping, by=people.omar)
    assert counts() == before
    table.refresh_from_db()
    assert table.imported_at is None


def test_of_ten_thousand_rows_every_bad_one_is_named_and_nothing_is_written(people: People) -> None:
    wrong = list(range(7, 9_997, 270))
    lines = [f"h-{row},{'Nowhere' if row in wrong else 'Payroll'}" for row in range(2, 10_002)]
    table, mapping = brought(people, "\n".join(["Hostname,Application", *lines]), "servers")
    before = counts()
    tried = imports.dry_run(table, mapping=mapping, by=people.omar)
    assert [(bad.row, bad.column) for bad in tried.bad] == [(row, "system") for row in wrong]
    assert (len(wrong), tried.new) == (37, 0)
    with pytest.raises(Refused, match="37 of 10000 rows"):
        imports.carry_out(table, mapping=mapping, by=people.omar)
    assert counts() == before


def test_connections_become_requests_that_authorise_nothing(people: People) -> None:
    table, mapping = brought(people, CONNECTIONS, "connections")
    tried = imports.dry_run(table, mapping=mapping, by=people.omar)
    assert tried.bad == []
    assert [(one.name, one.rows) for one in tried.placeholders] == [("old-fax-01", "3, 4")]
    assert not Server.objects.filter(name="old-fax-01").exists()
    imports.carry_out(table, mapping=mapping, by=people.omar)
    changes = list(ChangeRecord.objects.order_by("pk"))
    assert [change.title for change in changes] == [
        "pay-app-01 → pay-db-01", "log-01 → pay-db-01", "old-fax-01 → pay-db-01", "pay-app-01 → old-fax-01",
    ]  # fmt: skip
    assert {change.state for change in changes} == {State.SUBMITTED}
    assert {change.material["basis"] for change in changes} == {"provisional"}
    assert changes[0].material["services"] == ["tcp/5432", "tcp/5433"]
    assert changes[0].justification.business_need == "Hours of all staff"
    assert "row 3" in changes[2].justification.business_need
    assert changes[0].connection.source_row["row"] == 2
    assert Server.objects.get(name="old-fax-01").status == Server.Status.PLACEHOLDER
    today = day_of(table.brought_at)
    assert not Connection.objects.authorised_at(today).exists()
    for person in (people.dan, people.mina):
        verbs.approve(changes[0], by=person)
    assert changes[0].state == State.APPROVED
    assert Connection.objects.authorised_at(today).count() == 1
    again, _ = brought(people, CONNECTIONS, "connections")
    assert imports.dry_run(again, mapping=mapping, by=people.omar).same == 3


def test_bad_rows_of_connections_are_named(people: People) -> None:
    text = "From,To,Services,Use,Ends on\nnobody-1,nobody-2,tcp/1,,\npay-app-01,pay-db-01,tcp/70000,,\n"
    text += "pay-app-01,pay-db-01,tcp/1,sometimes,31.12.2027\npay-app-01,pay-app-01,tcp/1,,\n"
    table, mapping = brought(people, text, "connections")
    tried = imports.dry_run(table, mapping=mapping, by=people.omar)
    assert [(bad.row, bad.column) for bad in tried.bad] == [
        (2, "system"), (3, "services"), (4, "expected_use"), (4, "ends_on"), (5, ""),
    ]  # fmt: skip
    assert not Server.objects.filter(name__startswith="nobody").exists()


SHARES = """File server,Share,Mounted by,Type,Rights,Sec,Valid users
file-01,/export/pay,pay-app-01; log-01,NFS,read/write,krb5p,
file-01,/export/old,"pay-app-01
fax-01",,,,
nas-09,hr,pay-app-01,CIFS,ro,encrypt,"ana, ben"
"""


def test_shares_become_requests_with_all_their_clients(people: People) -> None:
    table, mapping = brought(people, SHARES, "shares")
    assert mapping == {
        "server": "File server", "path": "Share", "clients": "Mounted by", "protocol": "Type", "access": "Rights",
        "security": "Sec", "users": "Valid users",
    }  # fmt: skip
    before = counts()
    tried = imports.dry_run(table, mapping=mapping, by=people.omar)
    assert (tried.bad, tried.new, counts()) == ([], 3, before)
    assert [(one.name, one.rows) for one in tried.placeholders] == [("fax-01", "3"), ("nas-09", "4")]
    assert tried.preview[0].text == "pay-app-01, log-01 → file-01: nfs /export/pay rw"
    imports.carry_out(table, mapping=mapping, by=people.omar)
    first, second, third = (change.material for change in ChangeRecord.objects.order_by("pk"))
    assert (first["clients"], first["access"], first["squash"]) == (["pay-app-01", "log-01"], "rw", "root")
    assert (second["protocol"], second["access"], second["clients"]) == ("nfs", "ro", ["pay-app-01", "fax-01"])
    assert (third["protocol"], third["server"], third["users"]) == ("smb", "nas-09", ["ana", "ben"])
    asked = Connection.objects.order_by("pk")
    assert [one.kind for one in asked] == ["share"] * 3
    assert asked[2].source_row["Share"] == "hr"
    assert asked[2].source_row["row"] == 4
    assert {change.state for change in ChangeRecord.objects.all()} == {State.SUBMITTED}
    assert not Connection.objects.authorised_at(day_of(table.brought_at)).exists()
    again, remembered = brought(people, SHARES, "shares")
    assert remembered == mapping
    assert imports.dry_run(again, mapping=mapping, by=people.omar).same == 3
    wider, _ = brought(people, SHARES.replace(",ro,encrypt", ",rw,encrypt"), "shares")
    assert imports.dry_run(wider, mapping=mapping, by=people.omar).new == 1  # another access is another thing


def test_bad_rows_of_shares_are_named_and_nothing_is_imported(people: People) -> None:
    text = SHARES + r"file-01,\\file-01\hr,pay-app-01,AFP,some,," + "\nfile-01,hr,pay-app-01,nfs,ro,,\n,/x,,,,,\n"
    text += "app,/x,pay-app-01,nfs,ro,,\nnobody-1,/x,nobody-2,nfs,ro,,\n"
    table, mapping = brought(people, text, "shares")
    before = counts()
    tried = imports.dry_run(table, mapping=mapping, by=people.omar)
    assert [(bad.row, bad.column) for bad in tried.bad] == [
        (5, "protocol"), (5, "access"), (5, "path"), (6, ""), (7, "server"), (7, "clients"), (8, ""), (9, "system"),
    ]  # fmt: skip
    assert "slash" in tried.bad[3].problem
    assert "held by one server" in tried.bad[6].problem
    with pytest.raises(Refused, match="Nothing was imported"):
        imports.carry_out(table, mapping=mapping, by=people.omar)
    assert counts() == before


def test_shares_come_in_through_the_pages(people: People) -> None:
    browser = Client()
    browser.force_login(people.omar, backend="allauth.account.auth_backends.AuthenticationBackend")
    file = io.BytesIO(SHARES.encode())
    file.name = "shares.csv"
    brought = browser.post("/setup/import/", {"step": "mapping", "kind": "shares", "file": file})
    said = {one["name"]: one["value"] for one in brought.context["carried"]}
    assert said["column_path"] == "Share", "the header says which column is which, and nobody is asked"
    tried = browser.post("/setup/import/", said | {"step": "dry_run"})
    assert "fax-01" in tried.content.decode()
    assert not Connection.objects.exists()
    carried = {one["name"]: one["value"] for one in tried.context["carried"]}
    done = browser.post("/setup/import/", carried | {"step": "import"})
    assert "an import authorises nothing" in done.content.decode()
    assert Connection.objects.filter(kind="share").count() == 3


def test_the_matching_of_columns_is_remembered(people: People) -> None:
    text = "A,B,C\npay-app-01,pay-db-01,tcp/1\n"
    table, guess = brought(people, text, "connections")
    assert guess == {}
    with pytest.raises(Refused, match="must be"):
        imports.dry_run(table, mapping={}, by=people.omar)
    chosen = {"source": "A", "destination": "B", "services": "C"}
    imports.carry_out(table, mapping=chosen, by=people.omar)
    with pytest.raises(Refused, match="already"):
        imports.carry_out(table, mapping=chosen, by=people.omar)
    assert imports.guess(brought(people, text, "connections")[0]) == chosen


def test_a_spreadsheet_says_the_same_as_a_csv(people: People) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["From", "To", "Services", "Ends on"], ["pay-app-01", "pay-db-01", "tcp/1", TODAY]):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    table = imports.keep("c.xlsx", file.getvalue(), kind="connections", by=people.omar)
    assert table.rows == [[2, ["pay-app-01", "pay-db-01", "tcp/1", TODAY.isoformat()]]]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\x01\x02\x03", b"PK\x03\x04 not a zip", b"one,two\n", b"a,a\n1,2\n", b'a,b\n"1,2\n'],
    ids=["empty", "binary", "broken zip", "header only", "same column twice", "open quotation"],
)
def test_what_is_no_table_is_refused_in_a_sentence(people: People, content: bytes) -> None:
    with pytest.raises(Refused) as refused:
        imports.keep("t.csv", content, kind="servers", by=people.omar)
    assert refused.value.next_step
    assert not ImportedTable.objects.exists()


def test_who_may_not_import_does_not_and_files_are_ones_own(people: People) -> None:
    with pytest.raises(Refused):
        imports.keep("t.csv", SERVERS.encode(), kind="servers", by=people.rita)
    table, _ = brought(people, SERVERS, "servers")
    with pytest.raises(Refused):
        imports.kept(table.pk, by=people.erin)
