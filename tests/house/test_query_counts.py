"""What each list and each page of one record costs in SQL, with few rows and with many: tests/query_counts.json.

A page must not ask more the more rows it has. Few are three, not none: an empty list asks less than any other.

After a change that is meant, record anew: `RECORD_QUERY_COUNTS=1 ./run test tests/house/test_query_counts.py`.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compliance.actions import changes, connections, questions
from compliance.models import ChangeRecord
from evidence.models import (
    BaselineGroup,
    Comparison,
    Finding,
    FindingMember,
    FlowFile,
    FlowGap,
    FlowLog,
    FlowPicture,
    FlowPull,
    Pull,
    ServedShare,
    Sheet,
    SheetResult,
    StoredArtefact,
    Unlearned,
)  # fmt: skip
from reviews import actions as reviews
from reviews.actions import campaigns
from tests.evidence.site import Site
from tests.factories import WHY, asked, network

pytestmark = pytest.mark.django_db(transaction=True)
RECORD: Final = Path(__file__).parents[1] / "query_counts.json"
PAGES: Final = (
    "/inbox/", "/notices/", "/changes/", "/connections/", "/connections/?view=graph", "/shares/", "/shares/served/",
    "/admin-paths/", "/learn/", "/learn/left/", "/search/?q=pay",
    "/connections/recertify/", "/servers/", "/attestations/", "/campaigns/", "/controls/", "/controls/ism-1479/",
    "/zones/", "/groups/", "/parties/", "/evidence/", "/findings/", "/audit/",
    "/rule-changes/", "/inventory/", "/inventory/?list=never", "/sources/", "/coverage/", "/packs/", "/reviews/",
    "/setup/", "/tests/", "/samples/", "/flows/",
)  # fmt: skip
# Pages of one record, with more and more of what they show: connection, change, finding, server, source
DETAILS: Final = (
    "/connections/{connection}/", "/changes/{change}/", "/findings/{finding}/", "/servers/{server}/",
    "/sources/{source}/", "/flows/{flow}/", "/flows/{flow}/files/",
)  # fmt: skip
PAIR: Final = {
    "row": 1, "expected": "open", "connection": "", "from": "pay-db-01", "to": "pay-app-01", "source": "10.20.30.11",
    "target": "10.20.20.11", "port": 22, "said": "not found open",
}  # fmt: skip
FEW: Final = 3
MORE: Final = 24


def counts(site: Site) -> dict[str, int]:
    """Page → the queries it asks, for Omar, who owns the system. The second visit counts: the first fills caches."""
    client = Client()
    client.force_login(site.people.omar, backend="allauth.account.auth_backends.AuthenticationBackend")
    found = {}
    for page in (*PAGES, *DETAILS):
        path = address(site, page)
        client.get(path)
        with CaptureQueriesContext(
            connection,
        ) as asked_of_it:
            assert client.get(path).status_code == 200, path
        found[page] = len(asked_of_it)
    return found


def address(site: Site, page: str) -> str:
    """Where a page is; a page of one record is about the oldest of its kind."""
    oldest = Finding.objects.order_by("pk")[0]
    return page.format(
        connection=site.connection.ref, change=site.change.ref, finding=oldest.ref, server="pay-db-01",
        source=site.sources[0].pk, flow=FlowLog.objects.order_by("pk")[0].pk,
    )  # fmt: skip


def more_of_one(site: Site, numbers: range) -> None:
    """More of what the page of one connection, change, finding, server or source shows."""
    finding, pull = Finding.objects.order_by("pk")[0], Pull.objects.filter(source=site.sources[1]).latest("pk")
    now = timezone.now()
    for number in numbers:
        questions.ask(site.change, text=f"Why, for the time {number}?", by=site.people.erin)
        material = network("pay-app-01", "pay-db-01", "tcp/5432") | {"review_by": f"2027-03-{number + 1:02d}"}
        connections.amend(site.connection, by=site.people.rita, material=material, justification=WHY, title="Longer")
        changes.withdraw(ChangeRecord.objects.latest("pk"), because="Not needed.", by=site.people.rita)
        FindingMember.objects.create(
            finding=finding, server=site.servers["pay-db-01"], subject=f"a rule {number}", point="pay-db-01/INPUT",
            certainty="definite", because="It lets through too much.", first_seen=now, last_seen=now,
        )  # fmt: skip
        pull.pk = None
        pull.save(force_insert=True)


def flow(system: int, number: int) -> dict[str, object]:
    """A pair that a comparison saw in flow logs."""
    return {
        "src": "10.20.20.11", "dst": "10.20.30.11", "from": "pay-app-01", "to": "pay-db-01", "service": f"tcp/{number}",
        "systems": [system], "bytes": 9, "flows": 1, "days": 1, "first": 20000 * 86_400, "last": 20001 * 86_400,
        "passed": True, "sure": True, "new": True, "subject": f"10.20.20.11 → 10.20.30.11 tcp/{number}",
    }  # fmt: skip


def grow(site: Site, numbers: range) -> None:
    """More of everything that a list shows."""
    for number in numbers:
        asked(site.people, network("pay-app-01", "pay-db-01", f"tcp/{7000 + number}"), title=f"Request {number}")
        reviews.add_review(site.people.payroll, due_at=timezone.now(), chair=site.people.mina, by=site.people.mina)
        campaigns.start(title=f"Campaign {number}", systems=[site.people.payroll], which="all", by=site.people.mina,
                        due=timezone.localdate() + timedelta(days=9))  # fmt: skip
    source = site.sources[0]
    for number in numbers:
        source.pk, source.name = None, f"source {number}"
        source.save(force_insert=True)
    share = ServedShare(comparison=Comparison.objects.all()[0], system=site.people.payroll, refs=[])
    share.verdict, share.certainty, share.access = "share_wider", "definite", "rw"
    share.server, share.protocol, share.path, share.through = site.servers["pay-db-01"], "nfs", "/export", "closed"
    for number in numbers:
        share.pk, share.key, share.name = None, f"{number:016x}", f"/export/{number}"
        share.save(force_insert=True)
    group = BaselineGroup(comparison=Comparison.objects.all()[0], system=site.people.payroll, severity="low")
    group.services, group.rows = ["tcp/9"], [{"source": "pay-app-01", "destination": "pay-db-01", "rules": []}]
    server = site.servers["pay-db-01"]
    for number in numbers:
        group.pk, group.key = None, f"{number:064x}"
        group.save(force_insert=True)
        Unlearned.objects.create(comparison=group.comparison, system=group.system, server=server,
                                 point="pay-db-01/INPUT", rule=f"#{number}", wholly=True)  # fmt: skip
    stored = StoredArtefact.objects.all()[0]
    for number in numbers:
        sheet = Sheet.objects.create(
            system=site.people.payroll, seed=f"seed {number}", pairs=[PAIR], sha256="0" * 64, because="To see.",
            window_from=timezone.now(), window_to=timezone.now(), asked_by=site.people.erin, state="approved",
            decided_by=site.people.mina, decided_at=timezone.now(),
        )  # fmt: skip
        SheetResult.objects.create(
            sheet=sheet, server=server, began_at=timezone.now(), outcomes={"1": "open"}, whole=True, stored=stored,
            sha256="0" * 64, brought_by=site.people.erin,
        )  # fmt: skip
    for number in numbers:
        log = FlowLog.objects.create(system=site.people.payroll, name=f"log {number}", kind="upload")
        pull = FlowPull.objects.create(log=log, state="ok", finished_at=timezone.now(), what="1 file came.")
        file = FlowFile.objects.create(
            log=FlowLog.objects.order_by("pk")[0], pull=pull, name=f"file {number}", head="", state="read",
            received_at=timezone.now(), stored=StoredArtefact.objects.create(sha256=f"{number:064x}", size=1),
            first_at=timezone.now(), last_at=timezone.now(), lines_unread=1, unread=[{"line": 1, "text": "x"}],
        )  # fmt: skip
        FlowGap.objects.create(file=file, kind="cut", first_hour=490000, last_hour=490001, because="It is cut short.")
    pairs = [flow(site.people.payroll.pk, number) for number in range(numbers.stop)]
    said = {"first_day": 20000, "last_day": 20001, "logs": [], "pairs": pairs, "pairs_more": 0, "before": 0}
    said["talkers"] = [one | {"ref": "CON-1"} for one in pairs]
    FlowPicture.objects.update_or_create(comparison=Comparison.objects.all()[0], defaults={"data": said})
    one = Finding.objects.all()[0]
    for number in numbers:
        one.pk, one.fingerprint, one.subject = None, f"{number:064x}", f"a rule {number}"
        one.save(force_insert=True)


def test_the_lists_ask_as_many_queries_as_recorded_however_many_rows(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.read()
    site.compare()
    grow(site, range(FEW))
    more_of_one(site, range(FEW))
    few = counts(site)
    grow(site, range(FEW, FEW + MORE))
    more_of_one(site, range(FEW, FEW + MORE))
    many = counts(site)
    both = {page: [few[page], many[page]] for page in (*PAGES, *DETAILS)}
    if os.environ.get("RECORD_QUERY_COUNTS"):
        RECORD.write_text(json.dumps(both, indent=2) + "\n")
    assert [page for page in both if many[page] > few[page]] == [], "a page asks more queries the more rows it has"
    assert both == json.loads(RECORD.read_text())
