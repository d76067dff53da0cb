"""One service on several servers is one finding with its members, and its removal is a decision that is recorded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from compliance.errors import NotAllowed, Refused
from compliance.models import LedgerInbox
from evidence.actions.removals import plan_removal
from evidence.models import Finding, Source, VerdictRow
from tests.evidence.site import Site

pytestmark = pytest.mark.django_db(transaction=True)

JAVA = 'tcp LISTEN 0 128 0.0.0.0:8080 0.0.0.0:* users:(("java",pid=1,fd=3))\n'
CUPS = 'tcp LISTEN 0 128 0.0.0.0:631 0.0.0.0:* users:(("cupsd",pid=2,fd=3))\n'


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def listen(site: Site, *, app: str = "", data: str = "") -> None:
    """What the two servers of Payroll listen on, read and compared."""
    (site.app / "ss.txt").write_text(app + 'tcp LISTEN 0 9 127.0.0.1:25 0.0.0.0:* users:(("master",pid=9,fd=1))\n')
    (site.data / "ss.txt").write_text(data + 'tcp LISTEN 0 9 127.0.0.1:25 0.0.0.0:* users:(("master",pid=9,fd=1))\n')
    site.read()
    site.compare()


def standing() -> list[Finding]:
    """The open findings about listeners."""
    return list(Finding.objects.standing().filter(verdict="listener_unauthorised").order_by("subject"))


@pytest.mark.both
def test_one_service_on_two_servers_is_one_finding(site: Site) -> None:
    listen(site, app=JAVA, data=JAVA + CUPS)
    cups, java = standing()
    assert (cups.subject, java.subject) == ("cupsd on tcp/631, Payroll", "java on tcp/8080, Payroll")
    assert (cups.server, java.server) == (site.servers["pay-db-01"], None)
    assert [one.subject for one in java.members.all()] == ["pay-app-01 tcp/8080", "pay-db-01 tcp/8080"]
    assert "2 servers of Payroll: pay-app-01, pay-db-01" in java.because
    assert len(java.extent) == 2
    assert VerdictRow.objects.filter(verdict="listener_unauthorised", headline=True).count() == 3
    assert "systemctl disable --now cups.socket cups.path cups.service" in cups.proposal
    assert java.proposal.count("# on ") == 2


@pytest.mark.both
def test_a_server_leaves_by_evidence_alone_and_the_rest_stays(site: Site) -> None:
    listen(site, app=JAVA, data=JAVA)
    (java,) = standing()
    listen(site, app=JAVA)
    java.refresh_from_db()
    gone, shown = java.members.order_by("-subject")
    assert (gone.subject, gone.gone_at is not None, shown.gone_at) == ("pay-db-01 tcp/8080", True, None)
    assert "does not show it any more" in gone.gone_because
    assert (java.state, java.server) == ("open", site.servers["pay-app-01"])
    listen(site)
    java.refresh_from_db()
    assert java.state == "cured"
    assert java.cured_by.exists()
    listen(site, app=JAVA)
    java.refresh_from_db()
    assert java.state == "open"
    assert java.members.standing().count() == 1


def test_a_server_that_could_not_be_looked_at_stays_a_member(site: Site) -> None:
    listen(site, app=JAVA, data=JAVA)
    Source.objects.filter(pk=site.sources[1].pk).update(last_seen_at=timezone.now() - timedelta(hours=100))
    site.compare()
    (java,) = standing()
    silent = java.members.get(subject="pay-db-01 tcp/8080")
    assert (silent.gone_at, silent.unseen_since is not None) == (None, True)
    assert "could not be looked at" in silent.unseen_because
    assert len(java.extent) == 2, "what was accepted is held to what it may still be"
    listen_app = (site.app / "ss.txt").read_text().replace(JAVA, "")
    (site.app / "ss.txt").write_text(listen_app)
    site.read()
    Source.objects.filter(pk=site.sources[1].pk).update(last_seen_at=timezone.now() - timedelta(hours=100))
    site.compare()
    java.refresh_from_db()
    assert java.state == "open"
    assert "1 server of 2 could not be looked at" in java.unseen_because


def test_a_line_nobody_understands_hides_nothing_though_the_rest_of_the_folder_is_old(site: Site) -> None:
    listen(site, data=JAVA)
    (java,) = standing()
    listen(site, data="java may listen somewhere\n")  # the folder is as old as its rules: older than the finding
    java.refresh_from_db()
    assert java.state == "open"
    assert "1 line that was not understood may be what it was found in" in java.unseen_because


def test_a_finding_of_one_server_goes_on_as_a_member(site: Site) -> None:
    listen(site, data=JAVA)
    (java,) = standing()
    old = Finding.objects.create(
        fingerprint="0" * 64, system=java.system, verdict=java.verdict, certainty="definite", server=java.server,
        subject="pay-db-01 tcp/8080", point="pay-db-01/listeners", because="As it was said before.",
        first_seen=java.first_seen, last_seen=java.last_seen,
    )  # fmt: skip
    site.compare()
    old.refresh_from_db()
    assert (old.state, old.cured_because) == (
        "cured", f"It goes on in {java.ref}, which holds all servers of one cause.",
    )  # fmt: skip


@pytest.mark.both
def test_its_removal_is_decided_recorded_and_never_carried_out_from_here(site: Site) -> None:
    listen(site, data=JAVA)
    (java,) = standing()
    people, day = site.people, timezone.localdate() + timedelta(days=7)
    for person in (people.rita, people.ada):
        with pytest.raises(NotAllowed):
            plan_removal(java, because="No.", due=day, by=person)
    with pytest.raises(Refused, match="day is over"):
        plan_removal(java, because="Old.", due=day - timedelta(days=20), by=people.erin)
    row = plan_removal(java, because="The old console.", due=day, by=people.erin)
    assert "ss -tlpnH 'sport = :8080'" in row.commands
    assert java.state == "acknowledged"
    assert LedgerInbox.objects.get(verb="plan_removal").data["because"] == "The old console."
    wider = Finding.objects.standing().exclude(verdict="listener_unauthorised").first()
    if wider is not None:
        with pytest.raises(Refused, match="no service"):
            plan_removal(wider, because="x", due=day, by=people.erin)
    site.compare()
    java.refresh_from_db()
    assert java.state == "acknowledged", "a decision cures nothing"
    listen(site)
    java.refresh_from_db()
    assert java.state == "cured"
    with pytest.raises(Refused, match="cured already"):
        plan_removal(java, because="x", due=day, by=people.erin)


def test_the_page_shows_members_commands_and_where_to_ask(site: Site) -> None:
    listen(site, app=JAVA, data=JAVA)
    (java,) = standing()
    client = Client()
    client.force_login(site.people.erin)
    page = client.get(f"/findings/{java.ref}/").content.decode()
    assert "Servers it stands for" in page
    assert "To switch it off" in page
    assert "/requests/new/?destination=pay-db-01&amp;services=tcp%2F8080" in page
    form = client.get("/requests/new/?destination=pay-db-01&services=tcp%2F8080").content.decode()
    assert 'value="tcp/8080"' in form
    assert "stands for 2" in client.get("/findings/").content.decode()
    assert java.ref in client.get("/servers/pay-db-01/").content.decode()
    assert java.ref in client.get("/findings/?q=pay-db-01").content.decode()
    client.post(f"/findings/{java.ref}/removal/", {"due": timezone.localdate().isoformat(), "because": "Old <b>."})
    page = client.get(f"/findings/{java.ref}/").content.decode()
    assert "To be switched off by" in page
    assert "Old &lt;b&gt;." in page


def test_a_name_that_is_no_plain_word_reaches_no_command(site: Site) -> None:
    evil = 'tcp LISTEN 0 128 0.0.0.0:8081 0.0.0.0:* users:(("x;reboot $(id)",pid=1,fd=3))\n'
    listen(site, data=evil)
    (found,) = standing()
    typed = found.proposal.partition("\n")[2]
    assert "reboot" not in typed
    assert "$(id)" not in typed
    assert "ss -tlpnH 'sport = :8081'" in typed


def test_the_page_of_a_server_says_what_is_taken_for_a_client_and_why(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = 'udp UNCONN 0 0 0.0.0.0:{} 0.0.0.0:* users:(("unbound<i>",pid=7,fd=9))\n'
    client = Client()
    client.force_login(site.people.erin)
    listen(site, data=JAVA + asks.format(41000))
    page = client.get("/servers/pay-db-01/").content.decode()
    assert "client or service: no reading of another moment" in page
    assert len(standing()) == 2
    listen(site, data=JAVA + asks.format(52000))
    page = client.get("/servers/pay-db-01/").content.decode()
    assert "client, not counted: the reading before does not show the port" in page
    assert "unbound&lt;i&gt; at every IPv4 address" in page
    (java,) = standing()
    assert f"/findings/{java.ref}/" in page
    assert "tcp/25" not in page, "what only the server itself reaches is nobody's service"
    from evidence.views import sockets

    monkeypatch.setattr(sockets, "LARGEST", 10)
    assert "too large to be shown here" in client.get("/servers/pay-db-01/").content.decode()
    monkeypatch.undo()
    listen(site, data=JAVA + "nonsense\n")
    assert "1 line could not be read" in client.get("/servers/pay-db-01/").content.decode()
