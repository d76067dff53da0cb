"""A month of flow logs with planted faults, through pages and jobs: each is found, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from compliance.actions import connections, estate
from compliance.models import Server, System
from evidence.actions.compare import compare
from evidence.actions.flow_files import days_folder
from evidence.artefacts import place_of
from evidence.models import AdminPathRow, BaselineGroup, Finding, FlowLog, FlowUse, LogExamination, Unlearned
from evidence.packs.section import Scope
from evidence.packs.sections import flows as section
from evidence.rules import Verdict
from evidence.views.talkers import ALL_THE_SAME
from tests.evidence.flow_site import work
from tests.factories import WHY, agreed, asked, authorised, network, servers
from tests.flowlogs.logs import V2, aws, silent
from tests.people import People, everybody

APP, DB, LOG, ALIEN = "10.20.20.31", "10.20.30.31", "10.20.40.30", "10.20.20.99"
DAYS, HOUR = 35, 3600


def day_of_logs(begin: int, day: int) -> Iterator[str]:
    """One day: the ordinary, what is planted, and a line of NODATA each hour from each interface but in the gap."""
    for at in range(24):
        moment = begin + (day * 24 + at) * HOUR + 60
        gap = day == 20 and 3 <= at < 6
        yield from (
            silent("NODATA", at=moment, eni=f"eni-{one}") for one in (APP, DB, ALIEN) if not (gap and one == APP)
        )
        if at == 10:
            yield from both(APP, DB, 5432, moment)
        if at == 12 and day == 30:
            yield from both(APP, DB, 22, moment)  # planted: nobody authorised it
            yield from both(APP, DB, 3306, moment, action="REJECT")  # planted: tried
            yield from both(ALIEN, DB, 5432, moment)  # planted: nobody registered that address


def both(src: str, dst: str, port: int, at: int, *, action: str = "ACCEPT") -> Iterator[str]:
    """A conversation as the interfaces of both ends write it."""
    for eni in (f"eni-{src}", f"eni-{dst}"):
        yield aws(src, dst, 40000, port, at=at, eni=eni, action=action)
        if action == "ACCEPT":
            yield aws(dst, src, port, 40000, at=at, eni=eni)


def weeks() -> list[tuple[str, bytes]]:
    """A file a week, up to yesterday."""
    begin = (int(timezone.now().timestamp()) // 86_400 - DAYS) * 86_400
    found = []
    for first in range(0, DAYS, 7):
        lines = [V2, *(line for day in range(first, first + 7) for line in day_of_logs(begin, day))]
        found.append((f"week-{first:02d}.log", "".join(f"{line}\n" for line in lines).encode()))
    return found


def by_flows() -> dict[tuple[str, str], Finding]:
    rows = Finding.objects.standing().filter(Q(point="flows") | Q(verdict="unknown_server"))
    return {(row.verdict, row.subject): row for row in rows}


def brought(client: Client, log: FlowLog) -> str:
    """The month brought on the page of its flow log, and read; what the page says of it."""
    files = []
    for name, content in weeks():
        file = io.BytesIO(content)
        file.name = name
        files.append(file)
    assert client.post(f"/flows/{log.pk}/upload/", {"logs": files}).status_code == 302
    work()
    return client.get(f"/flows/{log.pk}/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_month_of_flows_from_its_files_to_the_pack(client: Client) -> None:
    people: People = everybody()
    servers(people)
    long_ago = timezone.now() - timedelta(days=60)
    used = authorised(people, network(), at=long_ago)
    never = authorised(people, network() | {"services": ["tcp/9000"], "expected_use": "weekly"}, at=long_ago)
    duty = connections.request(
        system=people.payroll, title="Logs", by=people.rita, justification=WHY, at=long_ago, standard_service=True,
        material=network("pay-db-01", "log-01", "tcp/6514"),
    )  # fmt: skip
    logs = agreed(people, duty, at=long_ago).connection
    client.force_login(people.erin)
    said = {"kind": "upload", "system": people.payroll.pk, "name": "payments VPC", "fresh_hours": 48, "watches": ""}
    assert client.post("/flows/new/", said).status_code == 302
    log = FlowLog.objects.get()
    assert "5 files came" in brought(client, log)
    compare()
    found = by_flows()
    assert set(found) == {
        (Verdict.used_outside, f"{APP} → {DB} tcp/22"),
        (Verdict.used_outside, f"{ALIEN} → {DB} tcp/5432"),
        (Verdict.attempted, f"{APP} → {DB} tcp/3306"),
        (Verdict.unused, never.ref),
        (Verdict.unused, logs.ref),
        (Verdict.silent_baseline, "pay-db-01 log-01"),
        (Verdict.unknown_server, "unregistered in zone app"),
    }
    outside = found[Verdict.used_outside, f"{APP} → {DB} tcp/22"]
    assert outside.witness is not None
    assert (outside.system, str(outside.server), outside.witness["dport"]) == (people.payroll, "pay-db-01", 22)
    # what got through is proposed to be learned, with what was seen of it; whose address nobody knows is not
    (group,) = BaselineGroup.objects.current()
    (row,) = group.rows
    seen = row["seen"]["tcp/22"]
    assert (row["source"], row["destination"], row["rules"]) == ("pay-app-01", "pay-db-01", [])
    assert (seen["days"], seen["flows"], seen["sure"], seen["last"] - seen["first"]) == (1, 2, False, 30)
    left = Unlearned.objects.current().get(point="pay-db-01/flows")
    assert (left.rule, left.because) == (f"{ALIEN} → {DB} tcp/5432", f"nobody registered {ALIEN}")
    page = client.get(f"/learn/{group.key}/1/").content.decode()
    assert "who began is taken from the ports" in page
    assert "which rule is not known" in page
    assert left.because in client.get("/learn/left/").content.decode()
    # who came in by SSH is said of the server, whatever its rules say, and how much of the time was watched
    way = AdminPathRow.objects.get(server__name="pay-db-01")
    assert (way.seen_from, [one["from"] for one in way.seen["others"]]) == ("others", ["pay-app-01"])
    assert (way.seen["watched"] > 0, way.seen["hours"]) == (True, 31 * 24)
    assert AdminPathRow.objects.get(server__name="log-01").seen_from == "unknown"
    assert "Others than bastions" in client.get("/admin-paths/?seen_from=others").content.decode()
    used.refresh_from_db()
    assert used.last_seen_at is not None
    assert timezone.now() - used.last_seen_at < timedelta(days=2)
    before = sorted(FlowUse.objects.values_list("connection", "last_at", "days", "flows", "watched"))
    assert [row[2] for row in before if row[0] == used.pk] == [DAYS]

    # the same files again change nothing
    assert "Nothing new came; 5 were here already." in brought(client, log)
    compare()
    assert {key: row.pk for key, row in by_flows().items()} == {key: row.pk for key, row in found.items()}
    now = sorted(FlowUse.objects.values_list("connection", "last_at", "days", "flows", "watched"))
    assert [row[1:] for row in now] == [row[1:] for row in before]

    # what is derived is made again from the bytes that are kept
    for path in days_folder().iterdir():
        path.unlink()
    compare()
    anew = sorted(FlowUse.objects.values_list("connection", "last_at", "days", "flows", "watched"))
    assert [row[1:] for row in anew] == [row[1:] for row in before]

    page = client.get("/flows/").content.decode()
    assert "payments VPC: eni-10.20.20.31 wrote nothing for 3 hours" in page
    assert "3 new against 5 days that were read of the three months before" in page
    assert "source=pay-app-01&amp;destination=pay-db-01&amp;services=tcp%2F22" in page
    assert f"{DAYS} days" in client.get(f"/connections/{used.ref}/").content.decode()
    assert "no use was seen" in client.get(f"/connections/{never.ref}/").content.decode()
    assert client.get("/servers/pay-db-01/").content.decode().count("usage unknown") == 2  # of three connections
    server = " ".join(client.get("/servers/pay-db-01/").content.decode().split("Seen in flow logs")[1].split())
    assert f"of {31 * 24} hours watched" in server
    assert server.index("pay-app-01 → pay-db-01") < server.index(used.ref), "what nobody authorised comes first"
    assert f'href="/findings/{found[Verdict.used_outside, f"{APP} → {DB} tcp/22"].ref}/"' in server
    assert (ALIEN in server, "tcp/3306" in server) == (True, True)
    lonely = client.get("/servers/file-01/").content.decode()
    assert "No hour of its addresses was watched whole" in lonely
    assert "1 flow log of" in client.get("/evidence/").content.decode()

    # and so do the pages of places, by the prefixes or the members they have today
    def talked(path: str) -> str:
        return " ".join(client.get(path).content.decode().split("Seen in flow logs")[1].split())

    data, app = talked("/zones/data/"), talked("/zones/app/")
    assert ("pay-app-01 → pay-db-01" in data, used.ref in data, "tcp/3306" in data) == (True, True, True)
    assert "Hours watched of the 2 servers in it: some of 1, none of 1" in data
    assert (f"{ALIEN} → pay-db-01" in app, "Hours watched of the 1 server in it: none of 1" in app) == (True, True)
    members = [Server.objects.get(name="pay-app-01"), Server.objects.get(name="file-01")]
    estate.add_group("pay-apps", system=people.payroll, members=members, by=people.alex)
    estate.add_group("empty", system=people.payroll, by=people.alex)
    group = talked("/groups/pay-apps/")
    assert (f"{APP} → {DB}" in group, ALIEN in group, "none of 2" in group) == (True, False, True)
    assert (DB in talked("/groups/empty/"), ALL_THE_SAME in talked("/groups/empty/")) == (False, True)
    estate.add_party("internet", prefixes=["0.0.0.0/0"], by=people.alex)
    client.force_login(people.alex)
    assert ("It lies outside" in talked("/parties/internet/"), DB in talked("/parties/internet/")) == (True, False)
    client.force_login(people.erin)

    # who examined them stands in the pack; another system sees nothing of it
    client.force_login(people.ada)
    noted = {"noted": "tcp/22 was a test of Erin's; she asks for it."}
    assert client.post(f"/flows/examine/{people.payroll.pk}/", noted).status_code == 302
    assert LogExamination.objects.get().seen["pairs"] == 3
    today = timezone.localdate()
    scope = Scope(("Payroll",), today - timedelta(days=29), today, timezone.now())
    made = section.build(scope)
    assert (made.state, made.data.pairs_total) == ("partial", 3)  # type: ignore[attr-defined]
    assert [one.person for one in made.data.examined] == ["Ada Byrne"]  # type: ignore[attr-defined]
    assert {table.name for table in made.tables} == {
        "flow-hours", "flow-gaps", "flow-pairs", "flow-talkers", "flow-files", "admin-flows"
    }  # fmt: skip
    # who came in to administer is said with what it rests on; of a server nobody watched nothing is
    (line,) = made.data.came  # type: ignore[attr-defined]
    assert (line.server, line.source, line.service) == ("pay-db-01", "pay-app-01", "tcp/22")
    assert (line.rests, line.watched) == (f"{outside.ref}: nothing yet", way.seen["watched"])
    assert "others than bastions came in to 1 server" in made.data.came_said  # type: ignore[attr-defined]
    (ways,) = [table for table in made.tables if table.name == "admin-flows"]
    rows = [dict(zip(ways.columns, row, strict=True)) for row in ways.rows]
    assert [row["finding"] for row in rows if row["from"]] == [outside.ref]
    assert {row["server"]: row["seen"] for row in rows}["file-01"] == "Not watched"
    assert section.build(Scope(("Platform",), scope.since, scope.until, scope.as_of)).state == "missing"
    client.force_login(people.olga)
    assert "payments VPC" not in client.get("/flows/").content.decode()
    assert System.objects.for_user(people.olga).count() == 1

    # what is asked for and approved is not outside any more
    agreed(people, asked(people, network() | {"services": ["tcp/22"]}))
    compare()
    outside.refresh_from_db()
    assert (outside.state, outside.cured_because) == ("cured", "It is authorised now.")
    # what was rolled up is lost, or cut short, in part: it is made again from the bytes that came
    half = FlowLog.objects.get().files.exclude(name="week-00.log").earliest("pk")
    first, second, *_ = sorted(days_folder().glob(f"[0-9]*{half.stored.sha256[:32]}*"))
    whole = (first.read_bytes(), second.read_bytes())
    first.unlink()
    second.write_bytes(whole[1][:-40])
    compare()
    assert (first.read_bytes()[-4:], second.read_bytes()[-4:]) == (b"PAR1", b"PAR1")
    assert FlowUse.objects.get(connection=used).days == DAYS
    # nothing is left of a file: it does not count, which is said, and the comparison goes on
    lost = FlowLog.objects.get().files.get(name="week-00.log")
    place_of(lost.stored.sha256).unlink()
    for path in days_folder().glob(f"*{lost.stored.sha256[:32]}*"):
        path.unlink()
    compare()
    assert FlowUse.objects.get(connection=used).days == DAYS - 7
    lost.refresh_from_db()
    assert (lost.state, "is lost" in lost.what) == ("failed", True)
    FlowLog.objects.get().files.update(state="failed")
    compare()
    tried = found[Verdict.attempted, f"{APP} → {DB} tcp/3306"]
    tried.refresh_from_db()
    assert (tried.state, tried.unseen_because) == ("open", "No flow log is read any more that would show it.")
