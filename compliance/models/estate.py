"""The estate: organisations, systems, zones, servers and the addresses they held, and groups."""

from __future__ import annotations

import hmac
import ipaddress
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.models.carried import Carried, CarriedQuerySet, seal
from compliance.models.people import User
from compliance.models.scope import Scoped


def check_prefix(value: str) -> None:
    """A prefix as people write it (10.20.4.0/24, 2001:db8::/64), with no host bits set."""
    try:
        ipaddress.ip_network(value, strict=True)
    except ValueError as error:
        raise ValidationError(f"{value} is not a network prefix: {error}. Write for example 10.20.4.0/24.") from error


class Organisation(models.Model):
    """Who owns something: ourselves, another agency, a service provider, a vendor."""

    class Kind(models.TextChoices):
        OWN = "own", "Own organisation"
        AGENCY = "agency", "Other agency"
        PROVIDER = "provider", "Service provider"
        VENDOR = "vendor", "Vendor"

    name = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.OWN)
    is_sample = models.BooleanField(default=False, help_text="Packs of a sample organisation are marked SAMPLE.")
    marking = models.CharField("protective marking", max_length=60, default="OFFICIAL")
    approvers_need_mfa = models.BooleanField(default=True)
    agreement = models.CharField("agreement reference", max_length=160, blank=True)
    agreement_ends = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class AddressSpace(models.Model):
    """Addresses mean something only inside a space: RFC 1918 repeats from site to site."""

    name = models.CharField(max_length=60, unique=True)

    def __str__(self) -> str:
        return self.name


class SystemQuerySet(Scoped["System"]):
    """Systems a person may see."""

    system_paths = ("pk",)


class System(models.Model):
    """A system in the ISM's sense: a boundary, an owner, an authorising officer, a classification."""

    class Classification(models.TextChoices):
        NC = "NC", "Non-classified"
        OS = "OS", "OFFICIAL: Sensitive"
        P = "P", "PROTECTED"
        S = "S", "SECRET"
        TS = "TS", "TOP SECRET"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    name = models.CharField(max_length=120, unique=True)
    purpose = models.TextField(blank=True)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="systems_owned")
    deputy = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="systems_deputised")
    authorising_officer = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="systems_authorised"
    )
    classification = models.CharField(max_length=2, choices=Classification.choices, default=Classification.OS)
    boundary_in = models.TextField("inside the boundary", blank=True)
    boundary_out = models.TextField("outside the boundary, and why", blank=True)
    inherited = models.TextField("inherited from providers", blank=True)

    objects: ClassVar[models.Manager[System]] = SystemQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class ZoneQuerySet(Scoped["Zone"]):
    """Zones a person may see."""


class Zone(models.Model):
    """A network zone of one address space. `slot` keeps its place on the diagram from month to month."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="zones")
    space = models.ForeignKey(AddressSpace, on_delete=models.PROTECT)
    name = models.CharField(max_length=60)
    title = models.CharField(max_length=120, blank=True)
    environment = models.CharField(max_length=20, default="production")
    slot = models.PositiveIntegerField(default=0)

    objects: ClassVar[models.Manager[Zone]] = ZoneQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["slot", "name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["space", "name"],
                name="one_zone_of_a_name",
                violation_error_message="There is a zone of that name in this address space already.",
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.name


class ZonePrefix(Carried):
    """A prefix that belongs to a zone, from and until; by a change record once the zone is in use."""

    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="prefixes")
    prefix = models.CharField(max_length=49, validators=[check_prefix])

    objects: ClassVar[models.Manager[ZonePrefix]] = CarriedQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["zone", "prefix"],
                condition=Q(valid_to__isnull=True),
                name="a_zone_holds_a_prefix_once",
                violation_error_message="The zone holds this prefix already.",
            ),
        ]

    def __str__(self) -> str:
        return self.prefix

    def what(self) -> dict[str, Any]:
        """Zone and prefix."""
        return {"zone": self.zone_id, "prefix": self.prefix}

    def said(self) -> dict[str, Any]:
        """The material that adds it."""
        return {"kind": "zone_prefix", "zone": self.zone.name, "prefix": self.prefix}


class ServerQuerySet(Scoped["Server"]):
    """Servers a person may see."""


class Server(models.Model):
    """A server: registered, or a placeholder whose name came from an import and is not resolved yet."""

    class Status(models.TextChoices):
        IN_SERVICE = "in_service", "In service"
        PLACEHOLDER = "placeholder", "Named, not yet described"
        RETIRED = "retired", "Decommissioned"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="servers")
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=60, blank=True)
    environment = models.CharField(max_length=20, default="production")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.IN_SERVICE)
    critical = models.BooleanField("critical server", default=False)
    high_value = models.BooleanField("high-value server", default=False)
    source_row = models.JSONField("row it was imported from", null=True, blank=True)
    retired_at = models.DateTimeField("decommissioned", null=True, blank=True)

    objects: ClassVar[models.Manager[Server]] = ServerQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["name"],
                name="one_server_of_a_name",
                violation_error_message="There is a server of that name already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


@lru_cache(maxsize=50_000)
def in_one_way(ip: str) -> str:
    """An address in its one way of writing: pages ask for it of every server."""
    return str(ipaddress.ip_address(ip))


class Address(Carried):
    """An address a server holds on an interface, from and until. The zone hangs on the address, not the server."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="addresses")
    space = models.ForeignKey(AddressSpace, on_delete=models.PROTECT)
    ip = models.GenericIPAddressField(unpack_ipv4=True)
    interface = models.CharField(max_length=40, blank=True)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, null=True, blank=True, related_name="addresses")

    objects: ClassVar[models.Manager[Address]] = CarriedQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "addresses"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["space", "ip"],
                condition=Q(valid_to__isnull=True),
                name="one_holder_of_an_address",
                violation_error_message="Another server holds this address in this space.",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")),
                name="address_ends_after_it_begins",
                violation_error_message="An address ends after it begins.",
            ),
        ]

    def __str__(self) -> str:
        return self.ip

    def what(self) -> dict[str, Any]:
        """Server, space, address in its one way of writing, and zone."""
        plain = in_one_way(self.ip)
        return {"server": self.server_id, "space": self.space_id, "ip": plain, "zone": self.zone_id}

    def said(self) -> dict[str, Any]:
        """The material that adds it."""
        plain = in_one_way(self.ip)
        zone = self.zone.name if self.zone else ""
        return {"kind": "server_address", "server": self.server.name, "address": plain, "zone": zone}


class GroupQuerySet(Scoped["Group"]):
    """Groups a person may see."""


class Group(models.Model):
    """Servers named together. A dynamic group's members are observed; `ceiling` bounds how many there may be.

    `observed`: by what they are known (compliance.observed). It has a seal of its own, so that sealing one of the two
    never vouches for the other.
    """

    class Kind(models.TextChoices):
        STATIC = "static", "Static group"
        DYNAMIC = "dynamic", "Dynamic group"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="groups")
    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.STATIC)
    ceiling = models.PositiveIntegerField(null=True, blank=True)
    ceiling_change = models.ForeignKey(
        "compliance.ChangeRecord", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ceiling_seal = models.CharField(max_length=64, blank=True)
    observed = models.CharField(
        "members are known by", max_length=500, blank=True,
        help_text="What shows who its members are (compliance.observed); empty: people name them.",
    )  # fmt: skip
    observed_change = models.ForeignKey(
        "compliance.ChangeRecord", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    observed_seal = models.CharField(max_length=64, blank=True)

    objects: ClassVar[models.Manager[Group]] = GroupQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

    def members_on(self, at: datetime, known_at: datetime | None = None) -> models.QuerySet[Server]:
        """The servers in the group at that time, by rows that count."""
        rows = self.memberships.all().authorised_at(at, known_at)
        return Server.objects.filter(memberships__in=rows).distinct()

    def sealed(self) -> Group:
        """The group with the seal of its ceiling. Only verbs call this, on a group that is kept already."""
        self.ceiling_seal = self._right_seal()
        return self

    def ceiling_holds(self) -> bool:
        """Whether the ceiling is the one that Eastwest wrote."""
        return hmac.compare_digest(self.ceiling_seal, self._right_seal())

    def _right_seal(self) -> str:
        what = {"group": self.pk, "kind": self.kind, "ceiling": self.ceiling}
        return seal("ceiling", what, datetime.fromtimestamp(0, UTC), None, self.ceiling_change_id)

    def observed_sealed(self) -> Group:
        """The group with the seal of what its members are known by. Only verbs call this."""
        self.observed_seal = self._seal_of_observed()
        return self

    def observed_holds(self) -> bool:
        """Whether what its members are known by is what Eastwest wrote; a group that never said so has no seal."""
        right = self._seal_of_observed() if self.observed or self.observed_change_id else ""
        return hmac.compare_digest(self.observed_seal, right)

    @property
    def bounds(self) -> dict[str, Any]:
        """Its ceiling and what its members are known by, as a register file has them: what Eastwest wrote of them."""
        if self.ceiling is None or not self.ceiling_holds():
            return {}
        by = {"observed": self.observed} if self.observed and self.observed_holds() else {}
        return {"ceiling": self.ceiling, **by}

    def _seal_of_observed(self) -> str:
        what = {"group": self.pk, "kind": self.kind, "observed": self.observed}
        return seal("observed", what, datetime.fromtimestamp(0, UTC), None, self.observed_change_id)


class Membership(Carried):
    """A server in a group, from and until, by a change record once the group is in use."""

    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="memberships")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="memberships")

    objects: ClassVar[models.Manager[Membership]] = CarriedQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["group", "server"],
                condition=Q(valid_to__isnull=True),
                name="a_server_is_in_a_group_once",
                violation_error_message="The server is in the group already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.server} in {self.group}"

    def what(self) -> dict[str, Any]:
        """Group and server."""
        return {"group": self.group_id, "server": self.server_id}

    def said(self) -> dict[str, Any]:
        """The material that adds it."""
        return {"kind": "group_member", "group": self.group.name, "server": self.server.name}


def day_of(moment: datetime) -> date:
    """The calendar day of a moment, in the installation's time zone."""
    return timezone.localtime(moment).date()
