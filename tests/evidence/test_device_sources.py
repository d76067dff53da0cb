"""A router through a source: what its pages show, what is a change and of what it comes, and what is taken out."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from compliance.actions import estate
from compliance.errors import NotAllowed
from compliance.models import Zone
from evidence.actions import paths, sources
from evidence.actions.compare import compare
from evidence.artefacts import read_back
from evidence.models import DevicePath, Finding, RuleChange, Source, VerdictRow
from evidence.paths import ANYWHERE, Said
from tests.evidence.device_site import PAY, router
from tests.evidence.repositories import Repository
from tests.evidence.site import read
from tests.factories import authorised, servers
from tests.people import LONG_AGO, People, everybody

pytestmark = pytest.mark.django_db(transaction=True)
TWO = PAY + PAY.replace("5432", "5433")
NAME = "core-01"  # as Oxidized names its files: by device, no ending


class Device:
    """A repository that an Oxidized commits to, and the source that reads the router's file of it."""

    def __init__(self, place: Path) -> None:
        self.people: People = everybody()
        servers(self.people)
        self.server = estate.add_server(
            NAME, system=self.people.platform, role="router", addresses=["10.20.20.1"], by=self.people.alex,
            at=LONG_AGO,
        )  # fmt: skip
        self.repository = Repository(place / "configs.git")
        self.repository.commit({NAME: router(app_in=TWO), "edge-02": router(apps=["10.9.9.9"])})
        config = {"url": str(self.repository.place), "path": NAME}
        self.source: Source = sources.add_source(
            server=self.server, kind="git", name="core-01 git", config=config, by=self.people.alex
        )

    def commit(self, text: str, *, at: datetime | None = None) -> str:
        """The router as it is now, or was committed `at`, read; gives the state of the reading."""
        self.repository.commit({NAME: text}, at=at)
        return read(self.source, self.people).state


@pytest.fixture
def device(tmp_path: Path, settings: Any) -> Device:
    settings.VAR = tmp_path / "var"
    made = Device(tmp_path)
    assert read(made.source, made.people).state == "ok"
    compare()
    return made


def test_its_pages_show_interfaces_with_their_zones_lists_and_every_rule(device: Device, client: Client) -> None:
    client.force_login(device.people.erin)
    page = client.get(f"/sources/{device.source.pk}/").content.decode()
    said = [part.split("</tr>")[0] for part in page.split('<th scope="row" class="mono">')[1:4]]
    assert [("app" in one, "list APP-IN" in one, "list DATA-IN" in one) for one in said] == [
        (True, True, False), (False, False, True), (False, False, False),
    ]  # fmt: skip
    assert "none registered" in said[2]
    assert "no list of its own" in said[2]
    rows = client.get(f"/sources/{device.source.pk}/rules/?format=csv&chain=ios:acl/APP-IN").content.decode()
    assert "permit tcp object-group PAY-APPS host 10.20.30.31 eq 5432" in rows
    assert "coming in at GigabitEthernet0/1" in rows
    assert "from PAY-APPS" not in rows
    assert "PAY-APPS" in rows
    assert "DATA-IN" not in rows


def test_a_stranger_finds_no_rules(device: Device, client: Client) -> None:
    client.force_login(device.people.sam)
    assert client.get(f"/sources/{device.source.pk}/rules/").status_code == 404


def test_secrets_are_taken_out_and_what_moves_by_itself_is_no_change(device: Device) -> None:
    good = device.source.last_good
    assert good is not None
    kept = b"".join(read_back(each.stored) for each in good.pull.artefacts.all())
    assert b"hostname core-01" in kept
    assert not [word for word in (b"pr1vate", b"gW3kHn1Tz") if word in kept]
    assert device.commit(router(app_in=TWO, changed="04:00:00", clock=17180000)) == "unchanged"


def test_an_edited_group_is_a_change_of_each_rule_that_uses_it_and_one_finding(device: Device, client: Client) -> None:
    assert device.commit(router(app_in=TWO, apps=["10.20.20.31", "10.20.20.77"])) == "ok"
    compare()
    edit = "PAY-APPS was edited: now with host 10.20.20.77"
    rows = RuleChange.objects.exclude(cause="")
    assert sorted((row.rule, row.cause) for row in rows) == [
        ("ios:acl/APP-IN#10", edit), ("ios:acl/APP-IN#20", edit),
    ]  # fmt: skip
    found = Finding.objects.get(verdict="changed_without_record", subject__contains="PAY-APPS")
    assert (found.server, found.members.count()) == (device.server, 2)
    assert "this changed 2 rules and connections" in found.because
    client.force_login(device.people.erin)
    assert edit in client.get("/rule-changes/").content.decode()


def test_a_commit_older_than_the_comparison_that_did_not_know_it_is_found_by_the_next(device: Device) -> None:
    committed, last = timezone.now(), compare()
    assert committed < last.at
    assert device.commit(router(app_in=TWO, apps=["10.20.20.31", "10.20.20.77"]), at=committed) == "ok"
    compare()
    assert Finding.objects.filter(verdict="changed_without_record", subject__contains="PAY-APPS").exists()


def test_a_group_that_shrinks_is_the_cause_where_another_rule_decides_now(device: Device) -> None:
    open_after = " deny ip object-group PAY-APPS any\n permit ip any any\n"
    device.commit(router(app_in=open_after, apps=["10.20.20.31", "10.20.20.77"]))
    compare()
    device.commit(router(app_in=open_after))
    compare()
    opened = RuleChange.objects.get(cause__contains="without", point="FORWARD")
    assert opened.cause == "PAY-APPS was edited: now without host 10.20.20.77"
    assert opened.rule == "ios:acl/APP-IN#20"


def test_a_cut_configuration_changes_nothing(device: Device) -> None:
    before = device.source.last_good_id
    assert device.commit(router().rpartition("ip access-list extended DATA-IN")[0]) == "failed"
    assert device.source.last_good_id == before


def test_a_device_is_said_by_one_person_and_counts_when_another_confirms(device: Device, client: Client) -> None:
    zones = {zone.name: zone for zone in Zone.objects.all()}
    erin, olga = device.people.erin, device.people.olga
    client.force_login(erin)
    page = client.get("/paths/").content.decode()
    assert "stands between them" in page  # app and data, by the interfaces of the router
    said = {"device": device.server.pk, "source": zones["app"].pk, "target": "", "because": "Sheet 3."}
    assert client.post("/paths/", said).status_code == 302
    path = DevicePath.objects.get()
    assert paths.said(timezone.now()) == []
    with pytest.raises(NotAllowed):
        paths.confirm(path, because="I know.", by=erin)
    with pytest.raises(IntegrityError), transaction.atomic():
        DevicePath.objects.update(confirmed_by=erin, confirmed_at=timezone.now())
    with pytest.raises(NotAllowed):
        paths.propose(device.server, source=zones["app"], target=None, because="Mine.", by=device.people.rita)
    client.force_login(olga)
    assert client.post(f"/paths/{path.pk}/confirm/", {"because": "Looked at the rack."}).status_code == 302
    assert paths.said(timezone.now()) == [Said("app", ANYWHERE, ("core-01",))]
    assert client.post(f"/paths/{path.pk}/end/", {"because": "Moved."}).status_code == 302
    assert paths.said(timezone.now()) == []


def test_a_connection_is_stopped_at_the_router_and_stale_when_the_router_falls_silent(device: Device) -> None:
    connection = authorised(device.people)
    compare()
    rows = {row.point: row.verdict for row in VerdictRow.objects.filter(subject=connection.ref, family=4)}
    assert (rows["core-01/FORWARD"], rows["core-01/RETURN"]) == ("implemented", "implemented")
    assert device.commit(router(app_in=" deny tcp any any\n permit ip any any\n")) == "ok"
    mine = VerdictRow.objects.filter(subject=connection.ref, point="core-01/FORWARD")
    now = mine.filter(comparison=compare()).values_list("verdict", "rule")
    assert ("approved_not_done", "ios:acl/APP-IN#10") in now
    later = mine.filter(comparison=compare(at=timezone.now() + timedelta(days=30)))
    assert [row.verdict for row in later] == ["stale"]
