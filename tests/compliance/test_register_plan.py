"""The register as code: a plan is what would happen, applying asks for exactly that, and the policy has its say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from compliance.actions import register_plan as verbs
from compliance.errors import NotAllowed, Refused
from compliance.models import ChangeRecord, Connection, ConnectionVersion, LedgerInbox, State, User
from compliance.models.estate import day_of
from compliance.register_file import write_text
from compliance.standing import register_on, with_systems
from tests.api.programs import Program
from tests.factories import authorised, network, servers, share
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]
LAST = "2027-05-31"


@pytest.fixture
def people() -> People:
    """Two connections and a share that stand."""
    them = everybody()
    servers(them)
    authorised(them)
    authorised(them, network("pay-app-01", "file-01", "tcp/8443"))
    authorised(them, share())
    return them


def file_of(**changed: Any) -> dict[str, Any]:
    """The register as it stands, as a file."""
    return with_systems(register_on(day_of(timezone.now()))) | changed


def text(register: dict[str, Any]) -> bytes:
    """Its bytes."""
    return write_text(register).encode()


def edited(people: People) -> dict[str, Any]:
    """One connection wider, one new, one gone."""
    register = file_of()
    first, second = register["connections"]
    wider = first | {"services": ["tcp/5432", "tcp/5433"]}
    new = {"id": "a-new-one", "source": "pay-app-01", "destination": "log-01", "services": ["tcp/6514"],
           "justification": "The pay run sends its log to the collector every minute, over TLS.",
           "security_implications": "One direction, one service, encrypted."}  # fmt: skip
    assert second["destination"] == "file-01"
    return register | {"connections": [wider, new]}


def counts() -> tuple[int, int, int]:
    """Changes, connections, entries of the ledger."""
    return ChangeRecord.objects.count(), Connection.objects.count(), LedgerInbox.objects.count()


def test_what_stands_is_no_plan(people: People) -> None:
    found = verbs.plan("r.yaml", text(file_of()), by=people.erin, remove=True)
    assert (found.steps, found.bad) == ((), ())
    assert found.same == 4 + 2 + 3, "servers, zones, and what stands"


def test_a_plan_is_what_would_happen_and_writes_nothing(people: People) -> None:
    before = counts()
    found = verbs.plan("r.yaml", text(edited(people)), by=people.erin, remove=True)
    assert counts() == before
    wider, new, gone = found.steps
    assert (wider.what, wider.differs) == ("change", {"services": (["tcp/5432"], ["tcp/5432", "tcp/5433"])})
    assert (new.what, new.text, new.stopped) == ("new", "pay-app-01 → log-01 tcp/6514", "")
    assert new.needs == ("system owner of Platform", "manager of Platform", "owner of the other end of Payroll")
    assert (gone.what, gone.ref) == ("remove", Connection.objects.get(destination__name="file-01", kind="network").ref)
    assert wider.needs == ("system owner of Payroll", "manager of Payroll")
    kept = verbs.plan("r.yaml", text(edited(people)), by=people.erin)
    assert [one.what for one in kept.steps] == ["change", "new"], "nothing goes unless that is asked for"


def test_applying_asks_for_exactly_that_and_authorises_nothing(people: People) -> None:
    content = text(edited(people))
    found = verbs.plan("r.yaml", content, by=people.erin, remove=True)
    stood = ConnectionVersion.objects.authorised_at(day_of(timezone.now())).count()
    done = verbs.apply("r.yaml", content, digest=found.digest, by=people.erin, remove=True)
    assert [one.what for one in done.steps] == ["change", "new", "remove"]
    refs = [one.change for one in done.steps]
    changes = {change.ref: change for change in ChangeRecord.objects.all()}
    assert [changes[ref].kind for ref in refs] == ["amend", "new", "retire"]
    assert {changes[ref].state for ref in refs} == {State.SUBMITTED}
    assert ConnectionVersion.objects.authorised_at(day_of(timezone.now())).count() == stood
    assert LedgerInbox.objects.filter(data__verb="apply_register").count() == 1
    again = verbs.plan("r.yaml", content, by=people.erin, remove=True)
    assert (again.steps, again.bad) == ((), ()), "it waits for its decisions, and is not asked for twice"
    with pytest.raises(Refused, match="not what was planned"):
        verbs.apply("r.yaml", content, digest=found.digest, by=people.erin, remove=True)
    other = file_of()
    other["connections"][0]["services"] = ["tcp/1"]
    assert "has a request open already" in verbs.plan("r.yaml", text(other), by=people.erin).bad[0].problem


def test_a_plan_that_is_old_is_not_applied(people: People) -> None:
    content = text(edited(people))
    found = verbs.plan("r.yaml", content, by=people.erin)
    authorised(people, network("pay-app-01", "log-01", "tcp/6514"))
    before = counts()
    with pytest.raises(Refused, match="not what was planned"):
        verbs.apply("r.yaml", content, digest=found.digest, by=people.erin)
    assert counts() == before


def test_the_policy_keeps_a_step_as_a_draft_and_a_fault_keeps_all(people: People) -> None:
    register = file_of()
    wide = register["connections"][0] | {"services": ["any"]}
    content = text(register | {"connections": [wide, *register["connections"][1:]]})
    found = verbs.plan("r.yaml", content, by=people.erin)
    assert found.steps[0].stopped.startswith("any is every protocol")
    done = verbs.apply("r.yaml", content, digest=found.digest, by=people.erin)
    assert ChangeRecord.objects.get(pk=int(done.steps[0].change[4:])).state == State.DRAFT
    bad = register | {"connections": [wide | {"destination": "nobody-knows"}]}
    before = counts()
    found = verbs.plan("r.yaml", text(bad), by=people.erin)
    assert "nobody-knows" in found.bad[0].problem
    with pytest.raises(Refused, match="Nothing was asked for"):
        verbs.apply("r.yaml", text(bad), digest=found.digest, by=people.erin)
    assert counts() == before
    with pytest.raises(Refused, match="no register file"):
        verbs.plan("r.yaml", b"a: [", by=people.erin)
    with pytest.raises(NotAllowed):
        verbs.plan("r.yaml", content, by=people.ada)


def signed(person: User) -> Client:
    """A browser of that person."""
    client = Client()
    client.force_login(person)
    return client


def test_from_the_page(people: People) -> None:
    erin = signed(people.erin)
    upload = SimpleUploadedFile("ours.yaml", text(edited(people)))
    answer = erin.post("/register/plan/", {"file": upload, "remove": "on"})
    assert answer.status_code == 302, answer.content
    page = erin.get(answer["Location"]).content.decode()
    assert "3 steps" in page
    assert "<del>tcp/5432</del>" in page
    digest = page.partition('name="digest" value="')[2].partition('"')[0]
    assert "ours.yaml" not in signed(people.omar).get(answer["Location"]).content.decode()
    done = erin.post(answer["Location"], {"digest": "0" * 64})
    assert (done.status_code, "not what was planned" in done.content.decode()) == (409, True)
    done = erin.post(answer["Location"], {"digest": digest})
    assert "3 steps of ours.yaml asked for" in done.content.decode()
    assert ChangeRecord.objects.filter(state=State.SUBMITTED).count() == 3


def test_through_the_api(people: People) -> None:
    program = Program(people, "engineer")
    said = {"register": text(edited(people)).decode(), "remove": True}
    plan = program.post("register/plan/", said)
    assert plan.status_code == 200, plan.content
    assert [one["what"] for one in plan.json()["steps"]] == ["change", "new", "remove"]
    assert {one["change"] for one in plan.json()["steps"]} == {None}
    assert program.post("register/apply/", said | {"digest": "f" * 64}).status_code == 409
    done = program.post("register/apply/", said | {"digest": plan.json()["digest"]})
    assert done.status_code == 201, done.content
    assert all(one["change"].startswith("CHG-") for one in done.json()["steps"])


@pytest.fixture
def eastwest(live_server: Any, people: People, tmp_path: Path) -> Any:
    """The command, as a pipeline runs it: the token in the environment, the server by its address."""
    token = Program(people, "engineer").token

    def call(verb: str, register: dict[str, Any], *more: str, as_: str = token) -> tuple[int, str, str]:
        path = tmp_path / "ours.yaml"
        path.write_bytes(text(register))
        command = [sys.executable, "-m", "evidence.cli", verb, str(path), "--server", str(live_server), *more]
        done = subprocess.run(command, env=os.environ | {"EASTWEST_TOKEN": as_}, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    return call


def test_as_a_pipeline_runs_it(eastwest: Any, people: People) -> None:
    assert eastwest("plan", file_of())[0] == 0
    status, out, _ = eastwest("plan", edited(people))
    assert status == 1
    assert "~ CON-" in out
    assert "    services: ['tcp/5432'] -> ['tcp/5432', 'tcp/5433']" in out
    status, out, err = eastwest("apply", edited(people), "--digest", "0" * 64)
    assert (status, out) == (2, "")
    assert "this is not the plan" in err
    status, out, _ = eastwest("apply", edited(people), "--json")
    found = json.loads(out)
    assert (status, len(found["steps"])) == (0, 2)
    assert ChangeRecord.objects.filter(state=State.SUBMITTED).count() == 2
    assert eastwest("apply", edited(people))[0] == 0, "nothing more to ask for"
    assert eastwest("plan", file_of(), as_="ewt_wrong")[0] == 2
    status, _, err = eastwest("plan", yaml.safe_load("connections: [{id: X}]"))
    assert status == 2
    assert "line" in err
