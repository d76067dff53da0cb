"""Flow logs of an AWS account: objects of an S3 bucket, and a group of CloudWatch Logs by the hour.

Both are fetched through a source of kind `aws`: its key, its role with the external id, its endpoint. Needs boto3.

A bucket is walked folder by folder. Folders of days that were gone through long ago are passed over, all of them are
looked at again every week, and an object that is known by its key and ETag is not fetched again. Of a group, each hour
is one file; an hour is fetched again while records of it may still come, and the later version takes the place of the
earlier one (evidence/flowlogs/grown.py).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from evidence.collectors.arrivals import LARGEST, Arrival
from evidence.collectors.aws import regions_of, signed_in
from evidence.collectors.aws_refusals import code_of, explained
from evidence.collectors.collected import PullError
from evidence.models.sources import ErrorCode

BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
GROUP: Final = re.compile(r"[\w./#-]{1,512}")
DAY: Final = re.compile(r"(?:^|/)(?:year=)?(\d{4})/(?:month=)?(\d\d)/(?:day=)?(\d\d)/$")
CHUNK: Final = 2**20
BEHIND: Final = timedelta(days=7)  # objects of a day still come so long after it, and everything is looked at as often
LATE: Final = timedelta(hours=6)  # records of an hour still come so long after it
HOUR: Final = timedelta(hours=1)
FIRST: Final = timedelta(days=30)  # how far back a group is fetched when it is fetched for the first time
MOST_PAGES: Final = 10_000
NOT_THERE: Final = frozenset({"NoSuchBucket", "ResourceNotFoundException"})
ELSEWHERE: Final = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)
GONE: Final = frozenset({"NoSuchKey", "404", "PreconditionFailed", "412"})
ARCHIVED: Final = frozenset({"InvalidObjectState"})


def objects(config: Mapping[str, Any], *, secret: bytes | None, cursor: str, deadline: float) -> Iterator[Arrival]:
    """The objects of `config["bucket"]` below `prefix`, with `pattern` those so named. Raises PullError.

    The cursor stands at the last object alone: it is the moment at which a listing that came to its end began.
    """
    bucket = str(config.get("bucket", "")).strip()
    if not BUCKET.fullmatch(bucket):
        raise PullError(ErrorCode.CONFIG, f"{bucket[:70]!r} is no bucket.", "Write its name alone, without s3://.")
    client = _client(config, "s3", secret, deadline)
    began, (seen, whole) = datetime.now(UTC), _looked(cursor)
    everything = whole is None or began - whole > BEHIND
    since = date.min if everything or seen is None else (seen - BEHIND).date()
    pattern, last = config.get("pattern") or "*", None
    for found in _below(client, bucket, str(config.get("prefix") or "").lstrip("/"), since, deadline):
        if fnmatchcase(str(found["Key"]).rpartition("/")[2], pattern):
            if last is not None:
                yield _object(client, bucket, last, "")
            last = found
    if last is not None:
        mark = f"{began.isoformat()} {(began if everything else whole or began).isoformat()}"
        yield _object(client, bucket, last, mark)


def _looked(cursor: str) -> tuple[datetime | None, datetime | None]:
    """(when it was last gone through, when all of it was), None for never."""
    try:
        seen, whole = map(datetime.fromisoformat, cursor.split())
    except ValueError:
        return None, None
    return seen, whole


def _below(client: Any, bucket: str, prefix: str, since: date, deadline: float) -> Iterator[Mapping[str, Any]]:
    """Every object with bytes, folder by folder, without the folders of days before one."""
    folders: list[str] = []
    token: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        if time.monotonic() > deadline:
            what, next_step = f"Listing {bucket} took too long.", "Name a prefix, or raise EASTWEST_PULL_LIMIT_S."
            raise PullError(ErrorCode.TIMEOUT, what, next_step)
        with _said(bucket, deadline):
            page = client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", **token)
        folders += [str(one["Prefix"]) for one in page.get("CommonPrefixes", ())]
        yield from (one for one in page.get("Contents", ()) if one["Size"] and not str(one["Key"]).endswith("/"))
        if not page.get("IsTruncated"):
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    else:
        raise PullError(ErrorCode.TRUNCATED, f"The listing of {bucket} does not end.", "Name a prefix.")
    for folder in folders:
        if (_day(folder) or date.max) >= since:
            yield from _below(client, bucket, folder, since, deadline)


def _day(folder: str) -> date | None:
    """The day that a folder is of (`…/2026/11/22/`, `…/year=2026/month=11/day=22/`)."""
    found = DAY.search(folder)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _object(client: Any, bucket: str, found: Mapping[str, Any], cursor: str) -> Arrival:
    key, tag, size = str(found["Key"]), str(found["ETag"]), int(found["Size"])

    def fetch(into: Path) -> None:
        if size > LARGEST:
            what = f"{key} holds {size // 2**20} MB, more than one file of a flow log may."
            raise PullError(ErrorCode.CONFIG, what, "Have the log cut into files by the hour.")
        with _said(bucket, time.monotonic() + 1), into.open("wb") as target:
            body = client.get_object(Bucket=bucket, Key=key, IfMatch=tag)["Body"]
            for chunk in body.iter_chunks(CHUNK):
                target.write(chunk)
        if into.stat().st_size != size:
            what = f"{key} came with {into.stat().st_size} of its {size} bytes."
            raise PullError(ErrorCode.TRUNCATED, what, "The next fetching takes it whole.")

    return Arrival(key, f"{tag.strip(chr(34))}:{size}", found["LastModified"], fetch, cursor)


def events(config: Mapping[str, Any], *, secret: bytes | None, cursor: str, deadline: float) -> Iterator[Arrival]:
    """The records of `config["group"]`, an hour at a time; with `streams` those whose names begin so. Raises PullError.

    `columns`: the format of the log where it is not the usual one, as AWS shows it: records carry no header there.
    """
    group = str(config.get("group", "")).strip()
    if not GROUP.fullmatch(group):
        raise PullError(ErrorCode.CONFIG, f"{group[:80]!r} is no log group.", "Write its name, such as /vpc/flows.")
    client = _client(config, "logs", secret, deadline)
    now = datetime.now(UTC)
    try:
        hour = datetime.fromisoformat(cursor) - LATE
    except ValueError:
        hour = max(_made(client, group, deadline), now - FIRST)
    hour = hour.replace(minute=0, second=0, microsecond=0)
    while hour <= now:
        settled = hour + HOUR + LATE < now
        name = f"{group}/{hour:%Y-%m-%dT%H}Z"
        mark = "whole" if settled else now.isoformat()
        yield Arrival(name, mark, now, _hour(client, config, group, hour, deadline), hour.isoformat())
        hour += HOUR


def _made(client: Any, group: str, deadline: float) -> datetime:
    with _said(group, deadline):
        listed = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    found = next((one for one in listed if one["logGroupName"] == group), None)
    if found is None:
        raise PullError(ErrorCode.CONFIG, f"There is no log group {group} there.", "Look at its name and its region.")
    return datetime.fromtimestamp(int(found.get("creationTime", 0)) / 1000, UTC)


def _hour(
    client: Any, config: Mapping[str, Any], group: str, hour: datetime, deadline: float
) -> Callable[[Path], None]:  # fmt: skip
    streams, columns = str(config.get("streams") or "").strip(), header(str(config.get("columns") or ""))
    asked = {
        "logGroupName": group, "startTime": int(hour.timestamp() * 1000),
        "endTime": int((hour + HOUR).timestamp() * 1000) - 1, **({"logStreamNamePrefix": streams} if streams else {}),
    }  # fmt: skip

    def fetch(into: Path) -> None:
        lines: dict[tuple[int, str], str] = {}
        token: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            if time.monotonic() > deadline:
                what = f"{group} was not answered to the end of an hour in time."
                raise PullError(ErrorCode.TIMEOUT, what, "Raise EASTWEST_PULL_LIMIT_S, or name a beginning of streams.")
            with _said(group, deadline):
                page = client.filter_log_events(**asked, **token)
            for one in page.get("events", ()):
                lines[int(one["timestamp"]), str(one["eventId"])] = " ".join(str(one["message"]).split())
            if not page.get("nextToken"):
                break
            token = {"nextToken": page["nextToken"]}
        else:
            raise PullError(ErrorCode.TRUNCATED, f"An hour of {group} does not end.", "Name a beginning of streams.")
        text = "".join(f"{lines[key]}\n" for key in sorted(lines))
        into.write_text(f"{columns}\n{text}" if columns and text else text, encoding="utf-8")

    return fetch


def header(said: str) -> str:
    """The columns of a format as a file names them: `${version} ${srcaddr}` is `version srcaddr`."""
    return " ".join(word.removeprefix("${").removesuffix("}") for word in said.split())


def _client(config: Mapping[str, Any], service: str, secret: bytes | None, deadline: float) -> Any:
    region = str(config.get("region") or "").strip() or regions_of(config)[0]
    (region,) = regions_of({"regions": region})
    with explained(deadline):
        client, _ = signed_in(config, secret, deadline, region)
        return client(service, region)


@contextmanager
def _said(place: str, deadline: float) -> Iterator[None]:
    """What AWS says of a bucket or a group, in the words of the run model."""
    try:
        from botocore.exceptions import ClientError
    except ImportError:  # signed_in said it
        yield
        return
    with explained(deadline):
        try:
            yield
        except ClientError as error:
            known = _about(place, code_of(error))
            if known is None:
                raise
            raise known from None


def _about(place: str, code: str) -> PullError | None:
    if code in NOT_THERE:
        return PullError(ErrorCode.CONFIG, f"{place} is not there ({code}).", "Look at its name and its region.")
    if code in ELSEWHERE:
        return PullError(ErrorCode.CONFIG, f"{place} lies in another region ({code}).", "Name its region.")
    if code in GONE:
        what = f"An object of {place} changed or went while it was fetched."
        return PullError(ErrorCode.TRUNCATED, what, "The next fetching takes it as it is then.")
    if code in ARCHIVED:
        what = f"An object of {place} lies in an archive class."
        return PullError(ErrorCode.PERMISSION, what, "Restore it, or keep flow logs out of archives.")
    return None
