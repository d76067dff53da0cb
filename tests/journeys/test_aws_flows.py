"""Flow logs of an account over HTTP: a bucket and a log group, late and twice, refused and asked too often."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from compliance.actions import estate
from evidence.actions import access, sources
from evidence.actions import flow_logs as verbs
from evidence.actions.access import Given
from evidence.collectors import flow_aws
from evidence.models import FlowFile, FlowLog, FlowPull, Source, SourceSecret
from tests.evidence.aws_emulator import KEY, REGION, ROLE, by_hand, client, running
from tests.evidence.flow_site import work
from tests.evidence.test_aws_collector import failing
from tests.evidence.test_knowing import browser
from tests.flowlogs.logs import V2, aws
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db(transaction=True)]
WEB, DB = "10.0.0.1", "10.0.0.2"
BUCKET, TOP = "flows-of-payroll", "AWSLogs/123456789012/vpcflowlogs/ap-southeast-2/"


@pytest.fixture(name="emulator")
def _emulator(settings: Any) -> Iterator[str]:
    with running(settings) as address:
        by_hand(address)
        yield address


@pytest.fixture(name="people")
def _people() -> People:
    return everybody()


def account(emulator: str, people: People) -> Source:
    """The account as a source of rules, with its role and its key."""
    holder = estate.add_server("aws-payroll", system=people.payroll, role="cloud account", by=people.alex)
    config = {"regions": REGION, "role": ROLE, "external_id": "of-payroll", "endpoint_url": emulator}
    source = sources.add_source(server=holder, kind="aws", name="payroll account", config=config, by=people.erin)
    access.set_secret(source, Given(SourceSecret.Use.PASSWORD, value=KEY), by=people.erin)
    return source


def log_of(emulator: str, people: People, kind: str, **config: str) -> FlowLog:
    """A flow log of the account."""
    given = {"system": people.payroll, "name": kind, "kind": kind, "config": config, "by": people.erin}
    return verbs.add_flow_log(through=account(emulator, people), **given)  # type: ignore[arg-type]


def fetch(log: FlowLog, people: People, *, ask: bool = True) -> FlowPull:
    """It is fetched, and what came is read."""
    row = verbs.read_now(log, by=people.erin) if ask else log.pulls.get()
    work()
    log.refresh_from_db()
    row.refresh_from_db()
    return row


def states(log: FlowLog) -> dict[str, str]:
    """Object -> its state."""
    return {row.name.rpartition("/")[2]: row.state for row in log.files.all()}


def counted() -> int:
    """Records that count."""
    return sum(FlowFile.objects.filter(state="read").values_list("records", flat=True))


def text(*lines: str, header: str = V2) -> bytes:
    """An object as S3 gets it."""
    return gzip.compress("".join(f"{line}\n" for line in (header, *lines)).encode(), mtime=0)


def parquet(place: Path, *lines: str) -> bytes:
    """The same records as Parquet, with underscores for hyphens."""
    path = place / "flows.parquet"
    names = [name.replace("-", "_") for name in V2.split()]
    with duckdb.connect() as base:
        columns = ", ".join(f'"{name}" VARCHAR' for name in names)
        base.execute(f"CREATE TABLE f ({columns})")
        marks = ", ".join("?" * len(names))
        base.executemany(f"INSERT INTO f VALUES ({marks})", [line.split() for line in lines])
        base.execute(f"COPY f TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def test_a_bucket_is_fetched_once_late_objects_too(emulator: str, people: People, tmp_path: Path) -> None:
    s3 = client(emulator, "s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    lines = [aws(WEB, DB, 40000, port) for port in (22, 80, 443, 5432)]

    today = f"{TOP}{datetime.now(UTC):%Y/%m/%d}/"

    def put(name: str, content: bytes) -> None:
        s3.put_object(Bucket=BUCKET, Key=f"{today}{name}", Body=content)

    put("a.log.gz", text(*lines[:2]))
    put("b.parquet", parquet(tmp_path, lines[2]))
    log = log_of(emulator, people, "s3", bucket=BUCKET, prefix="AWSLogs/")
    first = fetch(log, people, ask=False)
    assert (first.state, first.what) == ("ok", "2 files came.")
    assert states(log) == {"a.log.gz": "read", "b.parquet": "read"}
    assert counted() == 3
    assert log.cursor
    page = browser(people.erin).get(f"/flows/{log.pk}/").content.decode()
    assert all(words in page for words in (BUCKET, "AWSLogs/", "payroll account"))
    again = fetch(log, people)
    assert (again.state, again.what) == ("unchanged", "Nothing new came; 2 were here already.")

    put("0-late.log.gz", text(lines[3]))  # sorts before all that was fetched
    put("c.log.gz", text(*reversed(lines[:2])))  # delivered twice, in another order
    put("a.log.gz", text(*lines[:2]))  # written anew with the same bytes
    assert fetch(log, people).state == "ok"
    assert states(log) == {"a.log.gz": "read", "b.parquet": "read", "0-late.log.gz": "read", "c.log.gz": "again"}
    assert counted() == 4


def test_old_days_are_passed_over_and_looked_at_every_week(emulator: str) -> None:
    s3 = client(emulator, "s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    today = datetime.now(UTC)
    days = ("2020/01/02/old.log.gz", "year=2020/month=01/day=03/old.log.gz", f"{today:%Y/%m/%d}/new.gz")
    for key in (*days, "beside.gz"):
        s3.put_object(Bucket=BUCKET, Key=f"{TOP}{key}", Body=b"x")
    config = {"regions": REGION, "endpoint_url": emulator, "bucket": BUCKET}

    def listed(cursor: str) -> tuple[set[str], str]:
        found = list(flow_aws.objects(config, secret=KEY, cursor=cursor, deadline=1e12))
        assert [one.cursor for one in found[:-1]] == [""] * (len(found) - 1)
        return {one.name.rpartition("/")[2] for one in found}, found[-1].cursor

    names, cursor = listed("")
    assert (names, len(list(flow_aws.objects(config, secret=KEY, cursor="", deadline=1e12)))) == (
        {"old.log.gz", "new.gz", "beside.gz"}, 4,
    )  # fmt: skip
    assert listed(cursor)[0] == {"new.gz", "beside.gz"}
    assert listed(cursor)[1].split()[1] == cursor.split()[1]  # when all of it was looked at stays
    long_ago = (today - timedelta(days=8)).isoformat()
    assert listed(f"{cursor.split()[0]} {long_ago}")[0] == {"old.log.gz", "new.gz", "beside.gz"}


def test_a_group_grows_and_counts_once(emulator: str, people: People) -> None:
    logs = client(emulator, "logs")
    logs.create_log_group(logGroupName="/vpc/flows")
    logs.create_log_stream(logGroupName="/vpc/flows", logStreamName="eni-1")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    at = int(hour.timestamp())

    def put(*lines: str) -> None:
        each = [{"timestamp": (at + number) * 1000, "message": line} for number, line in enumerate(lines)]
        logs.put_log_events(logGroupName="/vpc/flows", logStreamName="eni-1", logEvents=each)

    put(aws(WEB, DB, 40000, 22, at=at), aws(WEB, DB, 40000, 80, at=at))
    log = log_of(emulator, people, "cloudwatch", group="/vpc/flows")
    assert fetch(log, people, ask=False).state == "ok"
    assert (set(states(log).values()), counted()) == ({"read"}, 2)
    assert fetch(log, people).state == "unchanged"

    put(aws(WEB, DB, 40000, 5432, at=at))
    assert fetch(log, people).state == "ok"
    assert sorted(log.files.values_list("state", flat=True)) == ["read", "replaced"]
    assert counted() == 3
    assert datetime.fromisoformat(log.cursor) >= hour


def test_nobody_is_let_in_without_an_account(people: People) -> None:
    form = {"kind": "s3", "system": people.payroll.pk, "name": "vpc", "bucket": BUCKET, "fresh_hours": 48}
    answer = browser(people.erin).post("/flows/new/?kind=s3", form)
    assert answer.status_code == 422
    assert b"Say as which source it is fetched" in answer.content
    assert not FlowLog.objects.exists()


def test_what_aws_refuses_is_said_and_changes_nothing(
    emulator: str, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of(emulator, people, "s3", bucket=BUCKET)
    missing = fetch(log, people, ask=False)
    assert (missing.state, missing.error_code) == ("failed", "config")
    assert missing.what == f"{BUCKET} is not there (NoSuchBucket)."
    s3 = client(emulator, "s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="a.log.gz", Body=text(aws(WEB, DB, 40000, 22)))
    assert fetch(log, people).state == "ok"
    cursor = log.cursor

    class Refusing:
        """A client that answers everything with one error."""

        def __init__(self, code: str, status: int) -> None:
            self._error = failing(code, status)

        def __getattr__(self, name: str) -> Any:
            def refuse(**asked: Any) -> Any:
                raise self._error

            return refuse

    for code, status, state, words in (
        ("SlowDown", 503, "rate_limited", "AWS was asked too often"), ("ExpiredToken", 400, "auth", "have expired"),
    ):  # fmt: skip
        monkeypatch.setattr(flow_aws, "_client", lambda *_, c=code, s=status: Refusing(c, s))
        row = fetch(log, people)
        assert (row.state, row.error_code) == ("failed", state)
        assert words in row.what
        assert (log.cursor, counted()) == (cursor, 1)
