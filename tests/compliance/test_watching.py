"""What monitoring asks: alive, ready, and the numbers; and the alerts speak of numbers that exist."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from compliance.models import Job, LedgerInbox
from compliance.views import watching
from compliance.watching import exposition
from tests.api.programs import Program
from tests.evidence.site import Site
from tests.factories import asked, network, servers
from tests.people import everybody

pytestmark = pytest.mark.django_db(transaction=True)
RULES = Path(__file__).parents[2] / "deploy/prometheus/eastwest.rules.yml"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples() -> Samples:
    """Every number, by its name and labels, read by the client's own parser."""
    families = text_string_to_metric_families(exposition().decode())
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for each in families for one in each.samples}


def labelled(name: str, found: Samples) -> dict[str, float]:
    """A family with one label: its value → the number."""
    return {labels[0][1]: value for (one, labels), value in found.items() if one == f"eastwest_{name}"}


@pytest.mark.both
def test_the_numbers_are_those_of_the_pages(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.read()
    asked(site.people, network("pay-app-01", "pay-db-01", "tcp/7001"))
    site.compare()
    Job.objects.create(key="late", kind="pull", run_at=timezone.now() - timedelta(minutes=20))
    found = samples()
    assert labelled("connections_authorised", found) == {"justified": 1, "provisional": 0}
    assert labelled("changes", found)["submitted"] == 1
    assert labelled("sources", found) == {"fresh": 2, "stale": 0, "failed": 0, "paused": 0}
    assert labelled("verdicts", found)["implemented"] == 1
    assert found["eastwest_oldest_due_job_seconds", ()] >= 1200
    assert timezone.now().timestamp() - found["eastwest_last_comparison_timestamp_seconds", ()] < 60
    waiting = LedgerInbox.objects.filter(seq__isnull=True).count()
    assert found["eastwest_ledger_unsealed_entries", ()] == waiting
    assert ("eastwest_last_pack_timestamp_seconds", ()) not in found, "what never was has no number"


def test_no_number_tells_a_name(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.read()
    site.compare()
    text = exposition().decode()
    for word in ("pay-", "10.20.", "Payroll", "Omar", "example.org"):
        assert word not in text, word


def test_every_alert_speaks_of_a_number_that_exists(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.read()
    site.compare()
    known = {line.split()[2] for line in exposition().decode().splitlines() if line.startswith("# TYPE")}
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    for rule in rules:
        used = set(re.findall(r"eastwest_\w+", rule["expr"]))
        assert used <= known, rule["alert"]
        assert used or rule["expr"].startswith("up{"), rule["alert"]
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
    assert len(rules) == len({rule["alert"] for rule in rules}) >= 9


def test_numbers_are_for_programs_that_see_every_system() -> None:
    people = everybody()
    servers(people)
    assert Client().get("/metrics").status_code == 401
    signed = Client()
    signed.force_login(people.ada)
    assert signed.get("/metrics").status_code == 401, "a session is no token"
    assert Program(people, "auditor").client.get("/metrics").status_code == 200
    assert Program(people, "engineer").client.get("/metrics").status_code == 403
    assert Program(people, "auditor", systems=(people.payroll,)).client.get("/metrics").status_code == 403
    wrong = Client(headers={"authorization": "Bearer ewt_nothing"}).get("/metrics")
    assert (wrong.status_code, wrong["WWW-Authenticate"]) == (401, 'Bearer realm="Eastwest"')


def test_ready_is_when_all_it_needs_can_be_used(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client().get("/healthz").json() == {"ok": True}
    ready = Client().get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True), ready.json()

    def gone() -> bool:
        raise OSError("no such socket: /secret/place")

    monkeypatch.setitem(watching.PROBES, "broker", gone)
    down = Client().get("/readyz")
    assert (down.status_code, down.json()["checks"]["broker"]) == (503, "cannot be used")
    assert "secret" not in down.content.decode()


def test_a_database_behind_its_migrations_is_not_ready(broker_url: str) -> None:
    [(app, last)] = MigrationExecutor(connection).loader.graph.leaf_nodes("mfa")
    MigrationRecorder(connection).record_unapplied(app, last)
    try:
        assert Client().get("/readyz").json()["checks"]["tables"] == "cannot be used"
    finally:
        call_command("migrate", "mfa", fake=True, verbosity=0)
