"""From a folder of dumps to verdicts, findings and proofs: the whole way, with real dumps and real jobs."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from compliance.actions import changes
from compliance.models import State
from evidence import jobs
from evidence.models import Finding, RuleChange, Snapshot, Source, Verification
from tests.evidence.site import APP, DATA, Site, allow_in, allow_out, begin, put, read, save
from tests.factories import agreed, asked, network

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.both
def test_done_as_authorised_is_implemented(site: Site) -> None:
    changes.implement(site.change, by=site.people.erin)
    assert [row.state for row in site.read()] == ["ok", "ok"]
    comparison = site.compare()
    assert site.verdict() == "implemented"
    assert comparison.counts["implemented"] == 1


def test_nothing_read_is_never_implemented(site: Site) -> None:
    comparison = site.compare()
    assert site.verdict() == "not_verifiable"
    assert "implemented" not in comparison.counts
    assert Finding.objects.standing().exists()


@pytest.mark.both
def test_a_wider_rule_is_a_finding_with_an_example_and_is_cured_by_evidence(site: Site) -> None:
    changes.implement(site.change, by=site.people.erin)
    put(site.data, allow_in(APP, "5432:5439"))
    site.read()
    site.compare()
    finding = Finding.objects.get(verdict="permits_more", state="open")
    assert finding.server == site.servers["pay-db-01"]
    assert finding.witness is not None
    assert finding.witness["src"] == APP
    assert 5433 <= int(finding.witness["dport"]) <= 5439
    assert finding.rule_line == 6
    assert "5432:5439" in finding.rule_text
    says, *typed = finding.proposal.splitlines()
    assert says == f"narrow the rule to {APP} → {DATA} tcp/5432"
    assert any(f"-s {APP}" in line and "--dport 5432 " in line and "ACCEPT" in line for line in typed), typed
    put(site.data, allow_in(APP, "5432"))
    site.read()
    site.compare()
    finding.refresh_from_db()
    assert finding.state == "cured"
    newest = Snapshot.objects.filter(server=finding.server).latest("observed_at")
    assert [each.pk for each in finding.cured_by.all()] == [newest.pk], "a cure names what it rests on"
    assert newest.digest[:12] in finding.cured_because


@pytest.mark.both
@pytest.mark.parametrize("hidden", ["gone", "old", "unread"])
def test_what_could_not_be_looked_at_is_not_cured(site: Site, hidden: str) -> None:
    """An outage, old evidence or a line nobody understood is no repair."""
    changes.implement(site.change, by=site.people.erin)
    put(site.data, allow_in(APP, "5432:5439"))
    site.read()
    site.compare()
    finding = Finding.objects.get(verdict="permits_more")
    if hidden == "gone":
        shutil.rmtree(site.data)
        assert read(site.sources[1], site.people).error_code == "unreachable"
    elif hidden == "old":
        Source.objects.filter(pk=site.sources[1].pk).update(last_seen_at=timezone.now() - timedelta(hours=100))
    else:
        put(site.data, allow_in(APP, "5432"), "%1 a line of tomorrow's tool")
        site.read()
    site.compare()
    finding.refresh_from_db()
    assert finding.state == "open"
    assert finding.unseen_since is not None
    assert finding.unseen_because
    put(site.data, allow_in(APP, "5432"))
    site.read()
    site.compare()
    finding.refresh_from_db()
    assert (finding.state, finding.unseen_since) == ("cured", None)


def test_an_accepted_risk_holds_only_for_what_was_accepted(site: Site) -> None:
    from compliance.actions import risks
    from compliance.models import System
    from evidence.actions import accepted

    changes.implement(site.change, by=site.people.erin)
    put(site.data, allow_in(APP, "5432:5439"))
    site.read()
    site.compare()
    finding = Finding.objects.get(verdict="permits_more")
    until = timezone.localdate() + timedelta(days=30)
    risk = accepted.ask(
        finding, ends_on=until, rating="low", reason="Until the move.", alternate_control="A monitor watches it.",
        by=site.people.erin,
    )  # fmt: skip
    System.objects.filter(pk=site.people.payroll.pk).update(authorising_officer=site.people.mina)
    risks.accept(risk, by=site.people.mina)
    site.compare()
    finding.refresh_from_db()
    assert finding.state == "accepted"
    put(site.data, allow_in(APP, "5432:5500"))
    site.read()
    site.compare()
    assert set(Finding.objects.filter(verdict="permits_more").values_list("state", flat=True)) <= {"open", "cured"}
    assert Finding.objects.filter(verdict="permits_more", state="open").exists()


def test_an_unchanged_source_gives_a_heartbeat_and_no_snapshot(site: Site) -> None:
    site.read()
    text = (site.data / "iptables-save.txt").read_text()
    (site.data / "iptables-save.txt").write_text(text.replace("02:00:00", "03:00:00").replace("[0:0]", "[7:99]"))
    assert [row.state for row in site.read()] == ["unchanged", "unchanged"]
    assert Snapshot.objects.count() == 2


def test_a_folder_nobody_writes_into_any_more_goes_stale_however_often_it_is_read(site: Site) -> None:
    changes.implement(site.change, by=site.people.erin)
    site.read()
    site.compare()
    assert site.verdict() == "implemented"
    weeks_ago = (timezone.now() - timedelta(days=21)).timestamp()
    os.utime(site.data / "ip6tables-save.txt", (weeks_ago, weeks_ago))
    row = read(site.sources[1], site.people)
    assert (row.state, "nothing newer has come" in row.what) == ("unchanged", True)
    site.compare()
    assert site.verdict() == "stale"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (save(allow_in(APP, "5432")).replace("COMMIT\n", ""), "truncated"),
        (save(allow_in(APP, "5432"))[:90], "truncated"),
        ("\x00\x01\x02" * 200, "parse"),
        ("! Cisco IOS\nhostname r1\ninterface Gi0/0\n" * 20, "parse"),
        ("", "parse"),
    ],
)
def test_a_broken_dump_is_refused_kept_and_changes_nothing(site: Site, content: str, code: str) -> None:
    changes.implement(site.change, by=site.people.erin)
    site.read()
    site.compare()
    good = Source.objects.get(server=site.servers["pay-db-01"]).last_good
    (site.data / "iptables-save.txt").write_text(content)
    row = read(site.sources[1], site.people)
    assert (row.state, bool(row.what), bool(row.next_step)) == ("failed", True, True)
    assert row.error_code in {code, "unexpected_shrink", "empty"}
    assert row.artefacts.count() == 2
    assert Source.objects.get(pk=site.sources[1].pk).last_good == good
    site.compare()
    assert not Finding.objects.standing().filter(verdict="changed_without_record").exists()


def test_a_folder_that_is_gone_is_unreachable_and_said(site: Site) -> None:
    changes.implement(site.change, by=site.people.erin)
    site.read()
    site.compare()
    shutil.rmtree(site.data)
    row = read(site.sources[1], site.people)
    assert row.error_code == "unreachable"
    site.compare()
    assert site.verdict() == "unreachable"


def test_old_evidence_is_stale(site: Site) -> None:
    changes.implement(site.change, by=site.people.erin)
    site.read()
    Source.objects.filter(pk=site.sources[0].pk).update(last_seen_at=timezone.now() - timedelta(hours=100))
    site.compare()
    assert site.verdict() == "stale"


def test_a_change_without_a_record_stays_a_finding_until_it_is_put_back(site: Site) -> None:
    changes.implement(site.change, by=site.people.erin)
    site.read()
    site.compare()
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "22"))
    site.read()
    for _ in range(3):
        site.compare()
    standing = Finding.objects.standing()
    assert standing.filter(verdict__in=["changed_without_record", "permits_more"]).exists()
    put(site.data, allow_in(APP, "5432"))
    site.read()
    site.compare()
    assert not standing.filter(verdict__in=["changed_without_record", "permits_more"]).exists()


def test_a_change_beside_a_file_that_nobody_touched_is_found(site: Site) -> None:
    """A folder speaks for the moment of its oldest file: older than the comparison that did not know the new one."""
    changes.implement(site.change, by=site.people.erin)
    site.read()
    site.compare()
    oldest = min(path.stat().st_mtime for path in site.data.iterdir())
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "22"))
    others = [path for path in site.data.iterdir() if path.name != "iptables-save.txt"]
    assert others
    for path in others:
        os.utime(path, (oldest, oldest))
    assert read(site.sources[1], site.people).state == "ok"
    site.compare()
    assert Finding.objects.standing().filter(verdict="changed_without_record", server__name="pay-db-01").exists()


@pytest.mark.both
def test_marking_as_done_reads_again_and_verifies(site: Site) -> None:
    site.read()
    changes.implement(site.change, by=site.people.erin)
    jobs.verify_change(begin("verify_change"))
    site.change.refresh_from_db()
    proof = Verification.objects.get()
    assert (site.change.state, proof.outcome) == (State.VERIFIED, "verified"), proof.because
    assert site.change.proof == proof.proof
    assert proof.snapshots.count() == 2


def test_done_wider_than_approved_is_disputed_with_an_example(site: Site) -> None:
    put(site.data)
    site.read()
    put(site.data, allow_in(APP, "1:65535"))
    changes.implement(site.change, by=site.people.erin)
    jobs.verify_change(begin("verify_change"))
    site.change.refresh_from_db()
    proof = Verification.objects.get()
    assert (site.change.state, proof.outcome) == (State.DISPUTED, "disputed")
    assert proof.witness is not None
    assert proof.witness["dport"] != "5432"


def test_marked_as_done_and_not_done_is_disputed(site: Site) -> None:
    put(site.data)
    changes.implement(site.change, by=site.people.erin)
    jobs.verify_change(begin("verify_change"))
    site.change.refresh_from_db()
    assert site.change.state == State.DISPUTED


def test_what_cannot_be_read_proves_nothing(site: Site) -> None:
    shutil.rmtree(site.data)
    changes.implement(site.change, by=site.people.erin)
    jobs.verify_change(begin("verify_change"))
    site.change.refresh_from_db()
    assert site.change.state == State.IMPLEMENTED
    assert Verification.objects.get().outcome == "undecided"


def test_a_removal_is_verified_only_when_all_of_it_is_stopped(site: Site) -> None:
    from compliance.actions import connections

    changes.implement(site.change, by=site.people.erin)
    site.read()
    jobs.verify_change(begin("verify_change"))
    removal = connections.retire(site.connection, because="The pay run has moved elsewhere.", by=site.people.rita)
    removal = agreed(site.people, removal)
    put(site.app, allow_out(DATA, "5432"))
    changes.implement(removal, by=site.people.erin)
    jobs.verify_change(begin("verify_change"))
    removal.refresh_from_db()
    assert removal.state == State.DISPUTED, removal.closing_note
    put(site.data)
    changes.implement(removal, by=site.people.erin)
    jobs.verify_change(begin("verify_change"))
    removal.refresh_from_db()
    assert removal.state == State.VERIFIED


def test_every_source_of_a_server_counts_and_each_that_ages_is_said(site: Site, tmp_path: Path) -> None:
    changes.implement(site.change, by=site.people.erin)
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    line = 'tcp   LISTEN 0      128          0.0.0.0:{port}      0.0.0.0:*    users:(("x",pid=1,fd=3))\n'
    (sockets / "ss.txt").write_text(line.format(port=5432) + line.format(port=8080))
    from evidence.actions import sources

    second = sources.add_source(
        server=site.servers["pay-db-01"],
        kind="directory",
        name="pay-db-01 sockets",
        config={"path": str(sockets)},
        by=site.people.alex,
    )
    site.read()
    read(second, site.people)
    site.compare()
    assert site.verdict() == "implemented"
    assert (
        Finding.objects.standing()
        .filter(verdict="listener_unauthorised", members__subject="pay-db-01 tcp/8080")
        .exists()
    )
    Source.objects.filter(pk=second.pk).update(last_seen_at=timezone.now() - timedelta(hours=100))
    site.compare()
    assert Finding.objects.standing().filter(verdict="stale", server=site.servers["pay-db-01"]).exists()


@pytest.mark.both
def test_a_state_forged_by_raw_sql_authorises_nothing_and_is_a_finding(site: Site) -> None:
    from django.db import connection as database

    from compliance.models import ConnectionVersion
    from compliance.standing import register_on

    pending = asked(site.people, network("pay-app-01", "pay-db-01", "tcp/22"), title="Let everything in")
    today = timezone.localdate()
    with database.cursor() as cursor:
        cursor.execute("UPDATE compliance_changerecord SET state = 'verified' WHERE id = %s", [pending.pk])
        cursor.execute(
            "INSERT INTO compliance_connectionversion (connection_id, change_id, material, material_hash, valid_from,"
            " recorded_at) SELECT connection_id, id, material, content_hash, %s, %s FROM compliance_changerecord"
            " WHERE id = %s",
            [today, timezone.now(), pending.pk],
        )
    assert ConnectionVersion.objects.filter(change=pending).exists()
    ids = {row["id"] for row in register_on(today)["connections"]}
    assert pending.connection.ref not in ids
    assert site.connection.ref in ids
    site.compare()
    found = Finding.objects.standing().filter(verdict="changed_without_record", point__startswith="register/")
    assert {pending.ref, pending.connection.ref} & set(found.values_list("subject", flat=True))


def test_raw_files_and_findings_are_for_the_people_of_their_system(site: Site) -> None:
    from django.test import Client

    put(site.data, allow_in(APP, "5432:5439"))
    changes.implement(site.change, by=site.people.erin)
    _, row = site.read()
    site.compare()
    finding = Finding.objects.get(verdict="permits_more")
    raw = f"/sources/{site.sources[1].pk}/raw/{row.artefacts.order_by('pk')[0].pk}/"
    paths = (raw, f"/sources/{site.sources[1].pk}/", f"/findings/{finding.ref}/")
    for person, status in ((site.people.erin, 200), (site.people.omar, 200), (site.people.sam, 404)):
        client = Client()
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        assert [client.get(path).status_code for path in paths] == [status] * 3, str(person)
    olga = Client()  # she owns another system
    olga.force_login(site.people.olga, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert [olga.get(path).status_code for path in paths] == [404] * 3


def test_counters_are_no_part_of_a_rule_s_text(site: Site) -> None:
    """`iptables-save -c` counts packets in front of each rule: findings and rule changes show the rule."""
    site.read()
    site.compare()
    opened = allow_in(APP, "8080")
    (site.data / "iptables-save.txt").write_text(save(f"[7:420] {allow_in(APP, '5432')}", f"[99:12345] {opened}"))
    site.read()
    site.compare()
    texts = {one.rule_text for one in Finding.objects.standing().exclude(rule_text="")}
    texts |= set(RuleChange.objects.values_list("rule_text", flat=True))
    assert opened in texts
    assert not [text for text in texts if text.startswith("[")]
    site.compare()
    assert RuleChange.objects.filter(direction="opened", outcome="unrecorded").exists()
