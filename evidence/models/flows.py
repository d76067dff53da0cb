"""Flow logs: where they come from, the files that came, the days each was rolled up to, and what they do not show.

A record never becomes a row: a file is rolled up to Parquet by day, and a row says where that lies.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from compliance.models import Connection, Job, System, User
from compliance.models.scope import Scoped
from evidence.models.findings import Comparison
from evidence.models.sources import ErrorCode, Source, StoredArtefact


class FlowLogQuerySet(Scoped["FlowLog"]):
    """Flow logs a person may see."""


class FlowLog(models.Model):
    """A place flow logs come from. It is no source of a host: it watches many of them, and shows no rule.

    `config`: what its kind needs (evidence/collectors/flow_table.py). `through`: the source of rules whose account,
    secret and confirmed key it is fetched with. `watches`: prefixes of which a person states that whatever goes to or
    from them passes here, for what no record can prove (a firewall, an exporter, a tap).
    """

    class Kind(models.TextChoices):
        UPLOAD = "upload", "Files uploaded by a person"
        DIRECTORY = "directory", "Folder on this machine"
        GIT = "git", "Git repository"
        S3 = "s3", "S3 bucket"
        CLOUDWATCH = "cloudwatch", "CloudWatch Logs group"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="flow_logs")
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    config = models.JSONField(default=dict, blank=True)
    through = models.ForeignKey(Source, on_delete=models.PROTECT, null=True, blank=True, related_name="flow_logs")
    watches = models.JSONField(default=list, blank=True)
    every_minutes = models.PositiveIntegerField(default=60)
    fresh_hours = models.PositiveIntegerField(default=48, help_text="Nothing newer than this is a gap, and a finding.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_pull = models.ForeignKey("FlowPull", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    last_seen_at = models.DateTimeField("last fetched, whether or not anything was new", null=True, blank=True)
    next_at = models.DateTimeField("when it is fetched next", null=True, blank=True, db_index=True)
    cursor = models.CharField(max_length=1000, blank=True, help_text="Where the next fetching goes on; its kind's own.")
    failures = models.PositiveIntegerField("failed in a row", default=0)
    paused_code = models.CharField("why it paused by itself", max_length=20, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[FlowLog]] = FlowLogQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def blind_hours(self) -> int:
        """Hours before it came that a file may have been about, where nobody can read which it holds."""
        return (31 if self.kind == self.Kind.UPLOAD else 2) * 24


class FlowPullQuerySet(Scoped["FlowPull"]):
    """Fetchings of the flow logs a person may see."""

    system_paths = ("log__system",)


class FlowPull(models.Model):
    """One fetching of a flow log, or one upload. A failed one keeps what it brought and changes nothing else."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        OK = "ok", "Read"
        UNCHANGED = "unchanged", "Unchanged"
        PARTIAL = "partial", "Read in part"
        FAILED = "failed", "Failed"

    log = models.ForeignKey(FlowLog, on_delete=models.PROTECT, related_name="pulls")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    error_code = models.CharField(max_length=20, choices=ErrorCode.choices, blank=True)
    what = models.TextField(blank=True)
    next_step = models.TextField(blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    queued_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[FlowPull]] = FlowPullQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.log} {self.state}"


class FlowFileQuerySet(Scoped["FlowFile"]):
    """Files of the flow logs a person may see."""

    system_paths = ("log__system",)


class FlowFile(models.Model):
    """One object of a flow log: its bytes as they came, and what was understood of them.

    Its records count while it is `read`, and once: the same bytes are the same row, the same records packed anew are
    `again`, and a version that a later one holds in full is `replaced` (`same_as`). Of one that nobody can read a
    person says which days it should have shown (`aside`): first and last are then what was said. `mark` is what the
    place says of this version of the object (size and time, a blob's id, an ETag): it is not fetched again while that
    stays.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting to be read"
        READ = "read", "Read"
        AGAIN = "again", "The same records as another file"
        REPLACED = "replaced", "Held by a later version"
        REFUSED = "refused", "Not understood"
        FAILED = "failed", "Could not be read"
        ASIDE = "aside", "Set aside, its days not known"

    log = models.ForeignKey(FlowLog, on_delete=models.PROTECT, related_name="files")
    pull = models.ForeignKey(FlowPull, on_delete=models.PROTECT, related_name="files")
    name = models.CharField("object", max_length=1024)
    mark = models.CharField(max_length=200, blank=True)
    stored = models.ForeignKey(StoredArtefact, on_delete=models.PROTECT, help_text="The raw bytes.")
    head = models.CharField("digest of its first bytes", max_length=64)
    received_at = models.DateTimeField(help_text="When it came, as its place says: a later record has a wrong clock.")
    kept_at = models.DateTimeField(default=timezone.now)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    same_as = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    what = models.TextField(blank=True)
    next_step = models.TextField(blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    format = models.CharField(max_length=40, blank=True)
    alike = models.CharField("digest of its rolled-up records", max_length=64, blank=True)
    records = models.PositiveBigIntegerField(default=0)
    lines_total = models.PositiveBigIntegerField(default=0)
    lines_ignored = models.PositiveBigIntegerField("left out", default=0)
    lines_unread = models.PositiveBigIntegerField("not understood", default=0)
    unread = models.JSONField(default=list, help_text="[{line, text, reason}], the first thousand.")
    unknown = models.JSONField("columns nobody knows", default=list)
    first_at = models.DateTimeField("beginning of its first hour", null=True, blank=True)
    last_at = models.DateTimeField("beginning of its last hour", null=True, blank=True)

    objects: ClassVar[models.Manager[FlowFile]] = FlowFileQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["log", "name"], name="objects_of_a_flow_log"),
            models.Index(fields=["log", "head"], name="beginnings_of_flow_files"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["log", "stored"], name="bytes_of_a_flow_log_once"),
            models.UniqueConstraint(
                fields=["alike"], condition=Q(state="read") & ~Q(alike=""), name="records_of_flow_logs_count_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FlowDay(models.Model):
    """One day of one file, rolled up: where its Parquet lies (evidence/actions/flow_files.py), and which hours it has.

    `hours`: a bit for each hour in which the file says anything, NODATA too; `rows` False: nothing but that.
    """

    file = models.ForeignKey(FlowFile, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    hours = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    rows = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["day"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["day"], name="days_of_flow_logs")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["file", "day"], name="a_day_of_a_flow_file_once"),
        ]

    def __str__(self) -> str:
        return f"{self.file} {self.day}"


class FlowGap(models.Model):
    """What a file does not show, and why. `sensor` "" = all of its places; both hours are included."""

    file = models.ForeignKey(FlowFile, on_delete=models.CASCADE, related_name="gaps")
    kind = models.CharField(max_length=10)  # evidence.flowlogs.shapes.GapKind
    sensor = models.CharField(max_length=200, blank=True)
    first_hour = models.PositiveIntegerField("hours since 1970")
    last_hour = models.PositiveIntegerField("hours since 1970")
    records = models.PositiveBigIntegerField(default=0)
    because = models.TextField()

    class Meta:
        ordering: ClassVar[list[str]] = ["first_hour", "sensor"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["last_hour"], name="gaps_of_flow_logs")]

    def __str__(self) -> str:
        return self.because


class FlowUse(models.Model):
    """What the flow logs show of one connection: its proven uses together, and in how many hours one was watched for.

    Written by each comparison; those of earlier ones are removed. `hours`: of the span the logs were looked at in.
    """

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="flow_uses")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="flow_uses")
    first_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    days = models.PositiveIntegerField(default=0)
    flows = models.PositiveBigIntegerField(default=0)
    packets = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    watched = models.PositiveIntegerField("hours in which all of it was watched", default=0)
    hours = models.PositiveIntegerField(default=0)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["connection", "comparison"], name="uses_of_connections")
        ]

    def __str__(self) -> str:
        return f"use of {self.connection}"


class FlowPicture(models.Model):
    """What one comparison saw in the flow logs, as pages and packs show it (evidence/flow_pictures.py).

    The last of each day is kept.
    """

    comparison = models.OneToOneField(Comparison, on_delete=models.CASCADE, related_name="flow_picture")
    data = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"flows of {self.comparison}"


class LogExaminationQuerySet(Scoped["LogExamination"]):
    """Examinations of the flow logs of the systems a person may see."""


class LogExamination(models.Model):
    """That a person examined the flow logs of a system: of which days, by which comparison, and what they noted."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="log_examinations")
    comparison = models.ForeignKey(Comparison, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    since = models.DateField()
    until = models.DateField()
    seen = models.JSONField(default=dict, help_text="{pairs, new, gaps, unwatched}: what was to be seen then.")
    noted = models.TextField()

    objects: ClassVar[models.Manager[LogExamination]] = LogExaminationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.system} {self.since} to {self.until}"
