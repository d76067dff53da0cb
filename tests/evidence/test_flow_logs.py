"""Flow logs in the application: what comes is kept and counts once, whatever falls over on the way."""

from __future__ import annotations

import io
import shutil
import subprocess
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions.jobs import claim, run_job
from compliance.errors import Lost, NotAllowed, Refused
from compliance.models import Job, LedgerInbox
from compliance.run import Run
from evidence.actions import flow_aside as aside
from evidence.actions import flow_evidence, flow_files
from evidence.actions import flow_logs as verbs
from evidence.artefacts import place_of
from evidence.authorised import wanted_on
from evidence.flow_jobs import due_fetches
from evidence.models import FlowDay, FlowFile, FlowGap, FlowLog, FlowPull
from tests.evidence.flow_site import bring, lay, log_of, packed, work
from tests.flowlogs.logs import NOON, V2, aws, silent
from tests.people import People, everybody

WEB, DB = "10.0.0.1", "10.0.0.2"
DAY = 86_400


@pytest.fixture(name="people")
def _people(db: None) -> People:
    return everybody()


@pytest.fixture(name="log")
def _log(people: People) -> FlowLog:
    return log_of(people.payroll, people.erin)


def states(log: FlowLog) -> dict[str, str]:
    return {row.name: row.state for row in log.files.all()}


def counted() -> int:
    """Records that count."""
    return sum(FlowFile.objects.filter(state="read").values_list("records", flat=True))


def test_an_uploaded_file_is_kept_rolled_up_and_accounted_for(people: People, log: FlowLog) -> None:
    content = packed(
        aws(WEB, DB, 40000, 5432), aws(WEB, DB, 40000, 22, at=NOON + DAY), silent("NODATA"), "2 what is this"
    )
    pull = bring(log, people.erin, **{"a.log.gz": content})
    file = log.files.get()
    assert (pull.state, pull.what) == ("ok", "1 file came.")
    assert (file.state, file.format, file.records) == ("read", "aws-vpc", 3)
    assert (file.lines_total, file.lines_ignored, file.lines_unread) == (5, 1, 1)
    assert [(line["line"], line["text"]) for line in file.unread] == [(5, "2 what is this")]
    assert place_of(file.stored.sha256).read_bytes() == content
    days = list(file.days.all())
    assert [(day.day.isoformat(), day.hours) for day in days] == [("2026-10-01", 1 << 12), ("2026-10-02", 1 << 12)]
    assert all(flow_files.place_of_day(day).stat().st_size == day.size > 0 for day in days)
    assert set(FlowGap.objects.values_list("kind", flat=True)) == {"unread"}
    assert file.first_at is not None
    assert file.first_at.isoformat() == "2026-10-01T12:00:00+00:00"


def test_the_same_records_count_once_however_they_come(people: People, log: FlowLog) -> None:
    lines = [aws(WEB, DB, 40000, port) for port in (22, 80, 5432)]
    bring(log, people.erin, first=packed(*lines))
    again = bring(log, people.erin, renamed=packed(*lines))
    assert (again.state, again.what) == ("unchanged", "Nothing new came; one was here already.")
    other = log_of(people.payroll, people.erin, name="a copy of it")
    bring(other, people.erin, turned=packed(*reversed(lines)), same=packed(*lines))
    assert states(log) == {"first": "read"}
    assert states(other) == {"turned": "again", "same": "again"}
    assert counted() == 3
    held = {flow_files.place_of_day(day) for day in FlowDay.objects.all()}
    assert set(flow_files.days_folder().iterdir()) >= held
    turned = other.files.get(name="turned").stored.sha256
    assert not list(flow_files.days_folder().glob(f"*{turned[:32]}*"))


def test_a_file_that_grows_counts_once_whichever_version_is_read_first(people: People, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    early = [V2, *(aws(WEB, DB, 40000 + at, 5432, at=NOON + at * 60) for at in range(3))]
    late = [*early, aws(WEB, DB, 40000, 22, at=NOON + 7200), aws(WEB, DB, 41000, 5432, at=NOON + 600)]
    short, long = ("".join(f"{line}\n" for line in lines).encode() for lines in (early, late))
    lay(folder, "2026/flow.log", short)
    log = log_of(people.payroll, people.erin, name="edge", kind="directory", config={"path": str(folder)})
    work()
    assert counted() == 3
    lay(folder, "2026/flow.log", long)
    verbs.read_now(log, by=people.erin)
    work()
    assert sorted(log.files.values_list("state", "records")) == [("read", 5), ("replaced", 3)]
    # rotated: the same bytes under another name, and a new file in their place
    (folder / "2026/flow.log").rename(folder / "2026/flow.log.1")
    lay(folder, "2026/flow.log", f"{V2}\n{aws(DB, WEB, 40000, 443, at=NOON + DAY)}\n".encode())
    verbs.read_now(log, by=people.erin)
    work()
    assert counted() == 6
    # another flow log fetches the versions the other way round
    upside = log_of(people.platform, people.alex, name="upside")
    FlowFile.objects.filter(log=log).update(state="refused")
    bring(upside, people.alex, flow=long)
    bring(upside, people.alex, flow=short)
    assert sorted(upside.files.values_list("state", "records")) == [("read", 5), ("replaced", 3)]


def test_a_bad_file_is_named_and_takes_nothing_away(people: People, log: FlowLog, client: Client) -> None:
    whole = packed(aws(WEB, DB, 40000, 5432), aws(WEB, DB, 40000, 22))
    bring(log, people.erin, good=whole, cut=packed(*(aws(WEB, DB, at, 9000) for at in range(40000, 40300)))[:-200],
          odd=b"this is no flow log\n", bomb=b"PK\x03\x04 packed otherwise")  # fmt: skip
    assert states(log) == {"good": "read", "cut": "read", "odd": "refused", "bomb": "refused"}
    assert FlowGap.objects.get(kind="cut").because.startswith("cut is cut short")
    client.force_login(people.erin)
    page = client.get(f"/flows/{log.pk}/").content.decode()
    for sentence in (
        "odd is not read: It is like none of the flow logs known",
        "bomb is a ZIP file",
        "cut is cut short",
    ):
        assert sentence in page
    assert client.get(f"/flows/{log.pk}/raw/{log.files.get(name='odd').pk}/").content == b"this is no flow log\n"
    again = client.post(f"/flows/{log.pk}/again/{log.files.get(name='odd').pk}/")
    assert again.status_code == 302
    work()
    assert states(log)["odd"] == "refused"
    altered = place_of(log.files.get(name="odd").stored.sha256)
    altered.write_bytes(whole)
    client.post(f"/flows/{log.pk}/again/{log.files.get(name='odd').pk}/")
    work()
    row = log.files.get(name="odd")
    assert (row.state, "were altered" in row.what) == ("failed", True)
    altered.unlink()


def test_a_file_nobody_can_read_blinds_its_log_until_its_days_are_said(
    people: People, log: FlowLog, client: Client
) -> None:
    now = int(timezone.now().timestamp()) // 3600
    every = [aws(WEB, f"10.0.0.{2 + at % 2}", 40000, 5432, at=(now - at) * 3600, eni=f"eni-{WEB}") for at in range(960)]
    days = {f"days-{at}": packed(*every[at : at + 240]) for at in range(0, 960, 240)}
    bring(log, people.erin, odd=b"this is no flow log\n", **days)
    odd = log.files.get(name="odd")
    assert 0 < watched() < 10 * 24
    client.force_login(people.erin)
    assert f"/flows/{log.pk}/aside/{odd.pk}/" in client.get(f"/flows/{log.pk}/").content.decode()
    today = timezone.now().astimezone(UTC).date()
    day = today - timedelta(days=5)
    week = timedelta(days=7)
    for since, until, because in (
        (day, day, " "),
        (today, day, "x"),
        (day, today + week, "x"),
        (day - 60 * week, day, "x"),
    ):
        with pytest.raises(Refused):
            aside.set_aside(odd, since=since, until=until, because=because, by=people.erin)
    with pytest.raises(NotAllowed):
        aside.set_aside(odd, since=day, until=day, because="Not mine.", by=people.olga)
    said = {"since": f"{day}", "until": f"{day}", "because": "The exporter wrote an error page."}
    assert client.post(f"/flows/{log.pk}/aside/{odd.pk}/", said).status_code == 302
    # that day, by its own clock and by ours, and nothing else stays not known, and the pages name it
    first, last = aside.hours_of(day, day)
    assert watched() == 960 - (last - first + 1)
    midnights = [datetime.combine(day, time(), clock) for clock in (UTC, timezone.get_current_timezone())]
    assert [first, last] == [
        int(min(midnights).timestamp()) // 3600, int(max(midnights).timestamp()) // 3600 + 23
    ]  # fmt: skip
    gap = FlowGap.objects.get(kind="aside")
    assert gap.because.endswith("so what it held is not known: The exporter wrote an error page.")
    assert LedgerInbox.objects.filter(verb="set_aside").count() == 1
    assert gap.because in client.get(f"/flows/{log.pk}/").content.decode().replace("&#x27;", "'")
    assert "1 of its files was set aside: what it held is not known." in client.get("/flows/").content.decode()
    with pytest.raises(Refused):
        aside.set_aside(odd, since=day, until=day, because="Again.", by=people.erin)
    # it can be taken back, and then blinds as before
    verbs.read_again(log.files.get(name="odd"), by=people.erin)
    work()
    assert states(log)["odd"] == "refused"
    assert 0 < watched() < 10 * 24
    assert aside.blinds(log.files.get(name="odd")).since == min(aside.days_at(odd.received_at - timedelta(days=31)))


def watched() -> int:
    """Hours in which the address of WEB was watched."""
    found = flow_evidence.gathered(wanted_on(timezone.localdate()), timezone.now(), str)
    assert found is not None
    value = int(ip_address(WEB))
    return found.flows.coverage.of_range(4, value, value).bit_count()


def test_a_worker_that_is_lost_doubles_nothing_and_loses_nothing(people: People, log: FlowLog) -> None:
    verbs.upload(log, [("a", _open(packed(aws(WEB, DB, 40000, 5432))))], by=people.erin)
    file = log.files.get()
    assert file.job is not None
    first = claim(file.job.run_at, only=file.job.pk)
    assert first is not None
    stale = Run(first)
    # its lease ends while it reads; another worker does it all, and the first comes back too late
    Job.objects.filter(pk=first.pk).update(state=Job.State.QUEUED, token=None, lease_until=None)
    assert run_job(first.pk)
    with pytest.raises(Lost):
        flow_files.roll_up(file, run=stale)
    assert (counted(), FlowDay.objects.count(), log.files.count()) == (1, 1, 1)
    # a job that is given up leaves the bytes, says so, and can be asked for again
    file.refresh_from_db()
    FlowFile.objects.filter(pk=file.pk).update(state="waiting", job=first)
    flow_files.abandoned(Job.objects.get(pk=first.pk))
    assert states(log) == {"a": "failed"}
    verbs.read_again(log.files.get(), by=people.erin)
    work()
    assert (states(log), counted(), FlowDay.objects.count()) == ({"a": "read"}, 1, 1)


def test_a_folder_is_fetched_on_schedule_and_a_failure_changes_nothing(people: People, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    lay(folder, "AWSLogs/1/a.log.gz", packed(aws(WEB, DB, 40000, 5432)))
    log = log_of(people.payroll, people.erin, name="bucket", kind="directory", config={"path": str(folder)})
    work()
    log.refresh_from_db()
    assert (log.last_pull.state if log.last_pull else "", counted()) == ("ok", 1)
    assert log.next_at is not None
    before = log.next_at
    lay(folder, "AWSLogs/1/b.log.gz", packed(aws(WEB, DB, 40000, 22)))
    for _ in range(2):
        due_fetches(before)
    assert Job.objects.filter(kind="fetch_flows", state="queued").count() == 1
    work()
    assert counted() == 2
    (folder / "AWSLogs/1/link").symlink_to("/etc/hostname")
    verbs.read_now(log, by=people.erin)
    work()
    log.refresh_from_db()
    assert log.last_pull is not None
    assert (log.last_pull.state, "is a link or no plain file" in log.last_pull.what) == ("partial", True)
    shutil.move(folder, tmp_path / "gone")
    verbs.read_now(log, by=people.erin)
    work()
    log.refresh_from_db()
    assert log.last_pull is not None
    assert (log.last_pull.state, log.last_pull.error_code, log.failures) == ("failed", "unreachable", 1)
    assert (counted(), set(states(log).values())) == (2, {"read"})
    with pytest.raises(Refused):
        verbs.upload(log, [("c", _open(b"x"))], by=people.erin)


def test_a_repository_is_fetched_and_its_files_count_once(people: People, tmp_path: Path) -> None:
    place = tmp_path / "flows"
    place.mkdir()

    def git(*words: str) -> None:
        settings = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(place))
        subprocess.run(["git", *settings, *words], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    lay(place, "edge/one.log", packed(aws(WEB, DB, 40000, 5432)))
    lay(place, "edge/notes.txt", b"not a log\n")
    git("add", "-A")
    git("commit", "-q", "-m", "an hour")
    config = {"url": str(place), "path": "edge", "pattern": "*.log"}
    log = log_of(people.payroll, people.erin, name="edge", kind="git", config=config)
    work()
    assert states(log) == {"edge/one.log": "read"}
    lay(place, "edge/two.log", packed(aws(WEB, DB, 40000, 22, at=NOON + 3600)))
    git("add", "-A")
    git("commit", "-q", "-m", "another")
    for _ in range(2):
        verbs.read_now(log, by=people.erin)
        work()
    assert (counted(), log.files.count()) == (2, 2)
    assert list(log.pulls.values_list("state", flat=True)) == ["unchanged", "ok", "ok"]


def test_it_is_added_and_brought_on_its_pages_by_who_may(people: People, client: Client) -> None:
    client.force_login(people.erin)
    assert "Files uploaded by a person" in client.get("/flows/new/").content.decode()
    said = {"kind": "upload", "system": people.payroll.pk, "name": "VPC", "fresh_hours": 48, "watches": "10.0.0.0/33"}
    assert client.post("/flows/new/", said).status_code == 422
    assert client.post("/flows/new/", said | {"watches": "10.0.0.0/24"}).status_code == 302
    log = FlowLog.objects.get(name="VPC")
    content = _open(packed(aws(WEB, DB, 40000, 5432)))
    content.name = "vpc.log.gz"
    assert client.post(f"/flows/{log.pk}/upload/", {"logs": [content]}).status_code == 302
    work()
    assert "vpc.log.gz" in client.get(f"/flows/{log.pk}/files/").content.decode()
    assert "vpc.log.gz,read" in client.get(f"/flows/{log.pk}/files/?format=csv").content.decode()
    assert client.post(f"/flows/{log.pk}/watches/", {"watches": "", "because": "it is a tap"}).status_code == 302
    assert client.post(f"/flows/{log.pk}/pause/", {"because": "no more"}).status_code == 302
    log.refresh_from_db()
    assert (log.watches, log.enabled) == ([], False)
    client.force_login(people.olga)
    assert client.get(f"/flows/{log.pk}/").status_code == 404
    assert "VPC" not in client.get("/flows/").content.decode()
    with pytest.raises(NotAllowed):
        verbs.upload(log, [("x", _open(b"x"))], by=people.olga)
    assert FlowPull.objects.for_user(people.olga).count() == 0


def _open(content: bytes) -> _Named:
    return _Named(content)


class _Named(io.BytesIO):
    name = "file"
