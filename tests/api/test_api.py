"""The API as a program uses it: asking, carrying out, reading; never deciding, and nothing beyond its scope."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from compliance.actions import changes, tokens
from compliance.models import ChangeRecord, LedgerInbox
from tests.api.programs import Program
from tests.factories import WHY, agreed, asked, authorised, network, servers, share
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def people(db: None) -> People:
    made = everybody()
    servers(made)
    return made


def wish(people: People, **changed: Any) -> dict[str, Any]:
    """The body of a request."""
    return {
        "system": people.payroll.name, "title": "The pay run reads the hours", "material": network(),
        "justification": WHY, **changed,
    }  # fmt: skip


def test_from_the_request_to_the_engineer_s_word(people: People) -> None:
    program = Program(people, "requester", "engineer", systems=(people.payroll,))
    made = program.post("changes/", wish(people, ticket="INC0012345"))
    assert made.status_code == 201, made.content
    change = ChangeRecord.objects.get()
    said = made.json()
    assert (said["ref"], said["state"], said["ticket"]) == (change.ref, "submitted", "INC0012345")
    assert [need["approver"] for need in said["needs"]] == [None, None]
    agreed(people, change)
    done = program.post(f"changes/{change.ref}/implement/", {"because": "Done in the maintenance window."})
    assert (done.status_code, done.json()["state"]) == (200, "implemented")
    [row] = program.get("connections/", q="pay-db-01").json()["results"]
    assert (row["state"], row["services"], row["authorised_by"]) == ("authorised", "tcp/5432", change.ref)
    entry = LedgerInbox.objects.filter(data__verb="implement").get()
    assert entry.data["actor"]["id"] == program.row.person_id


def test_a_program_never_decides(people: People) -> None:
    change = asked(people)
    for roles in (("requester",), ("engineer",), ("auditor",), ("requester", "engineer", "auditor")):
        program = Program(people, *roles)
        for step, said in (("approve", {}), ("reject", {"because": "No."})):
            answer = program.post(f"changes/{change.ref}/{step}/", said)
            assert answer.status_code == 403, (roles, step)
            assert answer.json()["errors"][0]["code"] == "permission_denied"
    change.refresh_from_db()
    assert change.state == "submitted"


def test_foreign_records_do_not_exist(people: People) -> None:
    change, connection = asked(people), authorised(people, network("pay-app-01", "pay-db-01", "tcp/22"))
    stranger = Program(people, "requester", "engineer", "auditor", systems=(people.platform,))
    for path in (f"changes/{change.ref}/", f"connections/{connection.ref}/", "servers/pay-db-01/"):
        assert stranger.get(path).status_code == 404
    for step in ("submit", "approve", "withdraw", "implement", "questions"):
        assert stranger.post(f"changes/{change.ref}/{step}/", {"because": "x"}).status_code == 404
    for path in ("changes/", "connections/", "findings/", "rule-changes/"):
        assert stranger.get(path).json()["count"] == 0
    assert stranger.post("changes/", wish(people)).json()["errors"][0]["attr"] == "system"


@pytest.mark.parametrize("header", [None, "Bearer ewt_nothing", "Bearer", "Basic eDp5", "Token x"])
def test_without_a_token_there_is_nothing_not_even_with_a_session(people: People, header: str | None) -> None:
    client = Client(headers={"authorization": header} if header else None)
    client.force_login(people.omar, backend="allauth.account.auth_backends.AuthenticationBackend")
    for path in ("changes/", "schema/"):
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["code"] in ("not_authenticated", "authentication_failed")


def test_a_revoked_token_opens_nothing(people: People) -> None:
    program = Program(people, "auditor")
    assert program.get("connections/").status_code == 200
    tokens.revoke_token(program.row, by=people.alex)
    assert program.get("connections/").status_code == 401


def test_what_is_wrong_is_named_by_field_all_at_once(people: People) -> None:
    program = Program(people, "requester")
    answer = program.post("changes/", wish(people, material=network("pay-app-01", "nobody", "tcp/99999"), title=""))
    named = {error["attr"] for error in answer.json()["errors"]}
    assert answer.status_code == 400
    assert "title" in named
    answer = program.post("changes/", wish(people, material=network("pay-app-01", "nobody", "tcp/99999")))
    named = {error["attr"] for error in answer.json()["errors"]}
    assert {name.split(".")[1] for name in named} >= {"destination", "services"}
    assert not ChangeRecord.objects.exists()


def test_what_is_wrong_within_a_material_is_named_as_the_document_names_it(people: People) -> None:
    program = Program(people, "requester")
    parts = program.get("schema/").json()["components"]["schemas"]["ChangesRequestError"]["discriminator"]["mapping"]
    for wrong in ({"kind": "tunnel"}, {**network(), "colour": "red"}, {**network(), "services": ["tcp/x"]}):
        errors = program.post("changes/", wish(people, material=wrong)).json()["errors"]
        assert errors
        assert {one["attr"] for one in errors} <= set(parts), errors


def test_a_step_that_is_not_possible_is_a_conflict_and_a_stale_version_changes_nothing(people: People) -> None:
    program = Program(people, "requester", "engineer")
    draft = program.post("changes/", wish(people, submit=False)).json()
    assert draft["state"] == "draft"
    stale = program.post(f"changes/{draft['ref']}/submit/", {"seen_version": draft["version"] + 1})
    assert stale.status_code == 409
    sent = program.post(f"changes/{draft['ref']}/submit/", {"seen_version": draft["version"]})
    assert sent.json()["state"] == "submitted"
    assert program.post(f"changes/{draft['ref']}/implement/").status_code == 409
    again = program.post(f"changes/{draft['ref']}/submit/")
    assert again.status_code == 409
    assert "cannot be submitted" in again.json()["errors"][0]["detail"]


def test_a_connection_is_amended_and_removed_by_request_only(people: People) -> None:
    connection = authorised(people)
    program = Program(people, "requester")
    body = {
        key: value for key, value in wish(people, material=network(services=["tcp/6432"])).items() if key != "system"
    }
    amended = program.post(f"connections/{connection.ref}/amend/", body)
    assert amended.status_code == 201, amended.content
    assert program.post(f"connections/{connection.ref}/retire/", {"because": "Gone."}).status_code == 409
    changes.withdraw(ChangeRecord.objects.latest("pk"), by=people.omar, because="Not needed.")
    assert program.post(f"connections/{connection.ref}/retire/", {"because": "Gone."}).status_code == 201
    assert program.get(f"connections/{connection.ref}/").json()["services"] == "tcp/5432"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'"x"', "application/json"),
        (b'{"title": "a\\u0000b"}', "application/json"),
        (b'{"title": "\\ud800"}', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json"),
        (b'{"due": 1e999}', "application/json"),
        (b"{}" + b" " * 2**20, "application/json"),
        (b"title=x", "application/x-www-form-urlencoded"),
        (b"<a/>", "application/xml"),
    ],
)
def test_a_body_that_is_none_is_refused_in_the_one_shape(people: People, raw: bytes, kind: str) -> None:
    program = Program(people, "requester")
    answer = program.client.post("/api/v1/changes/", raw, content_type=kind)
    assert answer.status_code in (400, 415), answer.content
    assert set(answer.json()) == {"type", "errors"}


@pytest.mark.parametrize("path", ["nothing/", "changes/CHG-0/", "changes/CON-1/", "changes/CHG-99999999999999999999/"])
def test_what_is_not_there_is_said_as_json(people: People, path: str) -> None:
    answer = Program(people, "auditor").get(path)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found"


@pytest.mark.parametrize("query", ["?state=%00", "?page=1&q=a%00b"])
def test_a_query_that_is_no_text_is_refused_in_the_one_shape(people: People, query: str) -> None:
    for path in ("changes", "connections", "servers", "findings", "rule-changes"):
        for client in (Client(), Program(people, "auditor").client):
            answer = client.get(f"/api/v1/{path}/{query}")
            assert (answer.status_code, answer["Content-Type"]) == (400, "application/json"), path
            [said] = answer.json()["errors"]
            assert (answer.json()["type"], said["code"], said["attr"]) == ("client_error", "parse_error", None)
            assert "a character that no text has" in said["detail"]


def test_pages_and_filters_are_those_of_the_lists(people: People) -> None:
    for port in range(7000, 7005):
        asked(people, network("pay-app-01", "pay-db-01", f"tcp/{port}"), title=f"Request {port}")
    asked(people, share(), title="A share")
    program = Program(people, "auditor")
    first = program.get("changes/", page_size=4).json()
    assert (first["count"], len(first["results"])) == (6, 4)
    assert len(program.client.get(first["next"]).json()["results"]) == 2
    assert program.get("changes/", q="7003").json()["count"] == 1
    assert program.get("changes/", state="approved").json()["count"] == 0
    assert program.get("connections/", kind="share").json()["count"] == 1
    assert program.get("servers/", q="10.20.30.31").json()["results"][0]["name"] == "pay-db-01"
    assert program.get("changes/", page=99).status_code == 404
