"""What each list costs in SQL with few rows and with many: recorded in tests/query_counts.json.

A list must not ask more the more rows it has. Few are three, not none: an empty list asks less than any other.

After a change that is meant, record anew: `RECORD_QUERY_COUNTS=1 ./run test tests/house/test_query_counts.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evidence.models import BaselineGroup, Comparison, Finding, ServedShare, Unlearned
from reviews import actions as reviews
from tests.evidence.site import Site
from tests.factories import asked, network

pytestmark = pytest.mark.django_db(transaction=True)
RECORD: Final = Path(__file__).parents[1] / "query_counts.json"
PAGES: Final = (
    "/inbox/", "/notices/", "/changes/", "/connections/", "/connections/?view=graph", "/shares/", "/shares/served/",
    "/admin-paths/", "/learn/", "/learn/left/", "/search/?q=pay",
    "/connections/recertify/", "/servers/",
    "/zones/", "/groups/", "/parties/", "/evidence/", "/findings/", "/audit/",
    "/rule-changes/", "/inventory/", "/inventory/?list=never", "/sources/", "/coverage/", "/packs/", "/reviews/",
    "/setup/",
)  # fmt: skip
FEW: Final = 3
MORE: Final = 24


def counts(site: Site) -> dict[str, int]:
    """Page → the queries it asks, for Omar, who owns the system. The second visit counts: the first fills caches."""
    client = Client()
    client.force_login(site.people.omar, backend="allauth.account.auth_backends.AuthenticationBackend")
    found = {}
    for page in PAGES:
        client.get(page)
        with CaptureQueriesContext(
            connection,
        ) as asked_of_it:
            assert client.get(page).status_code == 200
        found[page] = len(asked_of_it)
    return found


def grow(site: Site, numbers: range) -> None:
    """More of everything that a list shows."""
    for number in numbers:
        asked(site.people, network("pay-app-01", "pay-db-01", f"tcp/{7000 + number}"), title=f"Request {number}")
        reviews.add_review(site.people.payroll, due_at=timezone.now(), chair=site.people.mina, by=site.people.mina)
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
    one = Finding.objects.all()[0]
    for number in numbers:
        one.pk, one.fingerprint, one.subject = None, f"{number:064x}", f"a rule {number}"
        one.save(force_insert=True)


def test_the_lists_ask_as_many_queries_as_recorded_however_many_rows(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.read()
    site.compare()
    grow(site, range(FEW))
    few = counts(site)
    grow(site, range(FEW, FEW + MORE))
    many = counts(site)
    both = {page: [few[page], many[page]] for page in PAGES}
    if os.environ.get("RECORD_QUERY_COUNTS"):
        RECORD.write_text(json.dumps(both, indent=2) + "\n")
    assert [page for page in PAGES if many[page] > few[page]] == [], "a list asks more queries the more rows it has"
    assert both == json.loads(RECORD.read_text())
