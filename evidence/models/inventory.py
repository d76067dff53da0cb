"""What the register is held against: inventories that others keep, whom hosts met, and every address that was seen."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from compliance.models import Job, Server, System, User, Zone
from compliance.models.scope import Scoped
from evidence.models.sources import ErrorCode, StoredArtefact
from evidence.sightings import Kind


class InventoryQuerySet(Scoped["Inventory"]):
    """Inventories a person may see."""


class Inventory(models.Model):
    """A list of servers that somebody else keeps: its last good reading stays until a better one is read.

    `config`: {"path", "pattern"} of the folder its exports arrive in; empty where a person brings them. `columns`:
    {"name", "addresses", "status"}, where a person said which columns of the file count.
    """

    class Kind(models.TextChoices):
        CMDB = "cmdb", "CMDB"
        HYPERVISOR = "hypervisor", "Hypervisor"
        DIRECTORY = "directory", "Directory (Active Directory, LDAP)"
        DHCP = "dhcp", "DHCP or address management"
        SCANNER = "scanner", "Scanner"
        OTHER = "other", "Another list"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="inventories")
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    config = models.JSONField(default=dict, blank=True)
    columns = models.JSONField(default=dict, blank=True)
    every_minutes = models.PositiveIntegerField(default=1440)
    fresh_hours = models.PositiveIntegerField(default=24 * 8, help_text="What is older is said to be, and a finding.")
    created_at = models.DateTimeField(default=timezone.now)
    last_reading = models.ForeignKey(
        "InventoryReading", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    last_good = models.ForeignKey("InventoryReading", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    last_seen_at = models.DateTimeField("last read, changed or not", null=True, blank=True)

    objects: ClassVar[models.Manager[Inventory]] = InventoryQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        verbose_name_plural = "inventories"

    def __str__(self) -> str:
        return self.name


class ReadingQuerySet(Scoped["InventoryReading"]):
    """Readings of the inventories a person may see."""

    system_paths = ("inventory__system",)


class InventoryReading(models.Model):
    """One attempt to read an inventory. Its bytes are kept before anything reads them; a failed one changes nothing."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        OK = "ok", "Read"
        UNCHANGED = "unchanged", "Unchanged"
        PARTIAL = "partial", "Read in part"
        FAILED = "failed", "Failed"

    inventory = models.ForeignKey(Inventory, on_delete=models.PROTECT, related_name="readings")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    error_code = models.CharField(max_length=20, choices=ErrorCode.choices, blank=True)
    what = models.TextField(blank=True)
    next_step = models.TextField(blank=True)
    file = models.CharField("file name", max_length=200, blank=True)
    stored = models.ForeignKey(StoredArtefact, on_delete=models.PROTECT, null=True, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    queued_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    digest = models.CharField("digest of the file and its columns", max_length=64, blank=True)
    names = models.PositiveIntegerField("rows that name something", default=0)
    lines_total = models.PositiveIntegerField(default=0)
    lines_unread = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list, help_text="[{line, text, problem}]: what was not understood.")
    accepts = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="accepted_as",
        help_text="The reading that was refused for being much smaller, and that a person stands for.",
    )  # fmt: skip

    objects: ClassVar[models.Manager[InventoryReading]] = ReadingQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.inventory} {self.state}"


class Met(models.Model):
    """An address that stood in a host's neighbour table, and when first and last."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="met")
    ip = models.GenericIPAddressField(unpack_ipv4=True)
    where = models.CharField(max_length=300)
    mac = models.CharField(max_length=60, blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["server", "ip"], name="a_host_met_an_address_once"),
        ]

    def __str__(self) -> str:
        return f"{self.server} met {self.ip}"


class SightingQuerySet(Scoped["Sighting"]):
    """Sightings of the systems a person may see."""

    def current(self) -> SightingQuerySet:
        """Those that are still shown: by the last good reading of an inventory, by a host's evidence."""
        rows = self.filter(gone_at__isnull=True)
        return rows.filter(Q(inventory__isnull=True) | Q(inventory__last_good=models.F("reading")))


class Sighting(models.Model):
    """That something named an address (or an inventory a name), since when, and until when.

    `server`: whose evidence it is, where the address is nobody's; what is registered is noted once for each kind.
    `place`: the zone or network it stands in, as findings call it; "" outside all of them.
    """

    kind = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Kind])
    server = models.ForeignKey(Server, on_delete=models.PROTECT, null=True, blank=True, related_name="sightings")
    inventory = models.ForeignKey(Inventory, on_delete=models.PROTECT, null=True, blank=True, related_name="sightings")
    reading = models.ForeignKey(InventoryReading, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    system = models.ForeignKey(System, on_delete=models.PROTECT, help_text="Whose zone it is in, else whose evidence.")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, null=True, blank=True, related_name="sightings")
    place = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True, unpack_ipv4=True)
    name = models.CharField(max_length=200, blank=True)
    short = models.CharField("name without its domain, in small letters", max_length=200, blank=True)
    where = models.CharField(max_length=400)
    first_seen = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True, help_text="Read again, and not named any more.")

    objects: ClassVar[models.Manager[Sighting]] = SightingQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["ip"]),
            models.Index(fields=["kind", "gone_at"]),
            models.Index(fields=["place", "gone_at"]),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "server", "ip"],
                condition=Q(gone_at__isnull=True, inventory__isnull=True, server__isnull=False),
                name="a_host_shows_an_address_once_a_kind",
            ),
            models.UniqueConstraint(
                fields=["kind", "ip"],
                condition=Q(gone_at__isnull=True, inventory__isnull=True, server__isnull=True),
                name="what_is_registered_is_noted_once_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind="inventory", inventory__isnull=False, reading__isnull=False)
                | (~Q(kind="inventory") & Q(inventory__isnull=True, reading__isnull=True)),
                name="an_inventory_is_named_where_it_saw",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ip or self.name} ({self.where})"


class SetAsideQuerySet(Scoped["SetAside"]):
    """What was set aside in the systems a person may see."""


class SetAside(models.Model):
    """That something outside every network in scope is none of ours until a day: nothing becomes narrower by it.

    `key`: the address, or the short name of what has none. Inside a network in scope it counts for nothing.
    """

    key = models.CharField(max_length=200)
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    because = models.TextField()
    until = models.DateField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects: ClassVar[models.Manager[SetAside]] = SetAsideQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.key} until {self.until:%Y-%m-%d}"


@lru_cache(maxsize=20_000)
def short_name(name: str) -> str:
    """A name as it is compared: without its domain, in small letters. An address is no name."""
    plain = name.strip().lower()
    return plain if plain.replace(".", "").isdigit() or ":" in plain else plain.partition(".")[0]
