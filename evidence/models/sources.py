"""Where evidence comes from: sources, pulls, the raw bytes they brought, and the snapshots read from them."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from compliance.models import Job, Server, System, User
from compliance.models.scope import Scoped


class SourceQuerySet(Scoped["Source"]):
    """Sources a person may see."""


class Source(models.Model):
    """A place evidence is pulled from: one host at a time. The last good snapshot stays until a better one is read."""

    class Kind(models.TextChoices):
        DIRECTORY = "directory", "Folder on this machine"
        UPLOAD = "upload", "File uploaded by a person"
        LOCAL = "local", "This machine's own commands"
        GIT = "git", "Git repository of configurations"
        PUSH = "push", "Pushed by the host over HTTPS"
        SSH = "ssh", "Linux host over SSH"
        AWS = "aws", "AWS account"
        CISCO = "cisco", "Cisco router or firewall over SSH"
        FORTIOS = "fortios", "FortiGate over its REST API"
        PANOS = "panos", "Palo Alto firewall or Panorama over its XML API"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="sources")
    config = models.JSONField(default=dict, blank=True)
    every_minutes = models.PositiveIntegerField(default=1440)
    fresh_hours = models.PositiveIntegerField(default=48, help_text="Older evidence than this is a finding.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_pull = models.ForeignKey("Pull", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    last_good = models.ForeignKey("Snapshot", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    last_seen_at = models.DateTimeField("last read, changed or not", null=True, blank=True)
    next_at = models.DateTimeField("when it is read next", null=True, blank=True, db_index=True)
    failures = models.PositiveIntegerField("failed in a row", default=0)
    paused_code = models.CharField(
        "why it paused by itself", max_length=20, blank=True, help_text="Empty: it runs, or a person paused it."
    )
    paused_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[Source]] = SourceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


OVER_SSH: Final = frozenset({Source.Kind.SSH, Source.Kind.CISCO})  # known by a host key that two people confirmed
OVER_HTTPS: Final = frozenset({Source.Kind.FORTIOS, Source.Kind.PANOS})  # a device that takes a token in a header
# Known by the authorities, or by a certificate that two people confirmed
BY_CERTIFICATE: Final = OVER_HTTPS | {Source.Kind.GIT}


class ErrorCode(models.TextChoices):
    """Why a pull failed. The literal list of the design."""

    UNREACHABLE = "unreachable", "Could not be reached"
    TIMEOUT = "timeout", "Took too long"
    AUTH = "auth", "Sign-in refused"
    HOSTKEY_CHANGED = "hostkey_changed", "Host key changed"
    TLS = "tls", "Certificate refused"
    PERMISSION = "permission", "Not permitted"
    RATE_LIMITED = "rate_limited", "Asked too often"
    TRUNCATED = "truncated", "Cut short"
    EMPTY = "empty", "Empty"
    UNEXPECTED_SHRINK = "unexpected_shrink", "Much smaller than before"
    PARSE = "parse", "Not understood"
    DEPENDENCY = "dependency", "A program is missing"
    CONFIG = "config", "Set up wrongly"


class PullQuerySet(Scoped["Pull"]):
    """Pulls of the sources a person may see."""

    system_paths = ("source__system",)


class Pull(models.Model):
    """One attempt to read a source. A failed one changes nothing but is kept, with what to do about it."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        OK = "ok", "Read"
        UNCHANGED = "unchanged", "Unchanged"
        PARTIAL = "partial", "Read in part"
        FAILED = "failed", "Failed"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="pulls")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, null=True, blank=True)
    token = models.UUIDField(null=True, blank=True, help_text="The claim that wrote it; unpublished until finished.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    error_code = models.CharField(max_length=20, choices=ErrorCode.choices, blank=True)
    what = models.TextField(blank=True)
    next_step = models.TextField(blank=True)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="The last moment for which what it brought speaks.")
    finished_at = models.DateTimeField(null=True, blank=True)
    digest = models.CharField("digest of what it brought", max_length=64, blank=True)
    device = models.JSONField(default=dict, help_text="What the host says of itself: boot_id, host_key.")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    published = models.BooleanField(default=False)
    rules = models.PositiveIntegerField("rules, shares and listeners it holds", null=True, blank=True)
    accepts = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="accepted_as",
        help_text="The reading that was refused for being much smaller, and that a person stands for.",
    )  # fmt: skip

    objects: ClassVar[models.Manager[Pull]] = PullQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [
            # whether a source was read in a span, without reading all that was read of it
            models.Index("source", Coalesce("seen_at", "finished_at"), name="pulls_by_what_they_show"),
            # as evidence.readings.silent_among asks
            models.Index(
                fields=["id"],
                condition=Q(error_code__in=["hostkey_changed", "timeout", "unreachable"]),
                name="pulls_without_an_answer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.state}"


class StoredArtefact(models.Model):
    """Raw bytes as they came, kept once by their SHA-256 (file artefacts/ab/abcdef…), before anything parses them."""

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField()
    kept_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.sha256[:12]


class PulledArtefact(models.Model):
    """An artefact as one pull brought it: its name, the command behind it, and when it was observed."""

    pull = models.ForeignKey(Pull, on_delete=models.PROTECT, related_name="artefacts")
    stored = models.ForeignKey(StoredArtefact, on_delete=models.PROTECT)
    name = models.CharField(max_length=200)
    command = models.CharField(max_length=300, blank=True)
    observed_at = models.DateTimeField()
    format = models.CharField(max_length=40, blank=True)
    redacted = models.PositiveIntegerField("secrets taken out before it was kept", default=0)
    beside = models.BooleanField("kept as evidence, read by no format", default=False)

    def __str__(self) -> str:
        return self.name


class SnapshotQuerySet(Scoped["Snapshot"]):
    """Snapshots of the sources a person may see."""

    system_paths = ("source__system",)


class Snapshot(models.Model):
    """What a host's artefacts said, read: its rules, shares and listeners, with every line accounted for."""

    class Tier(models.TextChoices):
        GOOD = "good", "good: read from the system itself"
        FAIR = "fair", "fair: a copy of the configuration"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="snapshots")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="snapshots")
    pull = models.OneToOneField(Pull, on_delete=models.PROTECT, related_name="snapshot")
    digest = models.CharField("digest of the artefacts", max_length=64, db_index=True)
    reading = models.ForeignKey(StoredArtefact, on_delete=models.PROTECT, help_text="The reading, as JSON.")
    observed_at = models.DateTimeField()
    tier = models.CharField(max_length=10, choices=Tier.choices)
    lines_total = models.PositiveIntegerField(default=0)
    lines_unread = models.PositiveIntegerField(default=0)
    points = models.JSONField(default=list, help_text="[{name, rules, default4, default6, unread}]")
    unread = models.JSONField(default=list, help_text="[{name, line, text, reason, point}]")
    networks = models.JSONField(
        default=list, help_text="Prefixes of its interfaces, where it filters what passes through between them."
    )
    published = models.BooleanField(default=False)

    objects: ClassVar[models.Manager[Snapshot]] = SnapshotQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-observed_at"]

    def __str__(self) -> str:
        return f"{self.server} {self.observed_at:%Y-%m-%d %H:%M}"


class DeviceLease(models.Model):
    """That one reading talks to a device now: one session a device, whichever source and worker asks for it."""

    key = models.CharField(max_length=300, unique=True, help_text="server:42, or host:10.20.30.31.")
    token = models.UUIDField()
    until = models.DateTimeField(help_text="A worker that died holds it no longer than this.")

    def __str__(self) -> str:
        return self.key


class SourceTestQuerySet(Scoped["SourceTest"]):
    """Tests of the sources a person may see."""

    system_paths = ("source__system",)


class SourceTest(models.Model):
    """One try to reach a source and sign in, step by step. Nothing of it becomes evidence."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Being tried"
        REACHED = "reached", "All steps went well"
        FAILED = "failed", "A step failed"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="tests")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, null=True, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    asked_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    steps = models.JSONField(default=list, help_text="[{what, outcome, said, next_step}]")

    objects: ClassVar[models.Manager[SourceTest]] = SourceTestQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"test of {self.source}"
