"""What is authorised: connections (network flows and file shares), and the immutable versions of what was decided."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from compliance.models.carried import Carried, CarriedQuerySet
from compliance.models.estate import Group, Organisation, Server, System, Zone, check_prefix
from compliance.models.people import User
from compliance.models.scope import Scoped
from compliance.models.written import NOTHING_BESIDE, named_beside

FEW = 900  # rows that are asked for by their keys, found once, instead of by the query that found them


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    """Ends, by who may see them."""

    def outside_of(self, person: User) -> Self:
        """Those outside the estate that a connection this person may see names."""
        seen = Connection.objects.for_user(person).order_by()
        used = Exists(seen.filter(source=OuterRef("pk"))) | Exists(seen.filter(destination=OuterRef("pk")))
        return self.filter(used, server__isnull=True, group__isnull=True, zone__isnull=True)


class Endpoint(models.Model):
    """One end of a connection. Exactly one of server, group, zone or external party is named."""

    class Kind(models.TextChoices):
        SERVER = "server", "Server"
        STATIC_GROUP = "static_group", "Static group"
        DYNAMIC_GROUP = "dynamic_group", "Dynamic group"
        ZONE = "zone", "Zone"
        MANAGED_SERVICE = "managed_service", "Managed service"
        EXTERNAL_PARTY = "external_party", "External party"
        USER_NETWORK = "user_network", "User network"

    OUTSIDE: ClassVar[tuple[Kind, ...]] = (Kind.MANAGED_SERVICE, Kind.EXTERNAL_PARTY, Kind.USER_NETWORK)

    kind = models.CharField(max_length=16, choices=Kind.choices)
    server = models.OneToOneField(Server, on_delete=models.PROTECT, null=True, blank=True)
    group = models.OneToOneField(Group, on_delete=models.PROTECT, null=True, blank=True)
    zone = models.OneToOneField(Zone, on_delete=models.PROTECT, null=True, blank=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, blank=True)
    name = models.CharField(max_length=120, unique=True, help_text="As the register writes it.")

    objects: ClassVar[models.Manager[Endpoint]] = EndpointQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=(
                    Q(kind="server", server__isnull=False, group__isnull=True, zone__isnull=True)
                    | Q(kind__in=["static_group", "dynamic_group"], group__isnull=False, server__isnull=True)
                    & Q(zone__isnull=True)
                    | Q(kind="zone", zone__isnull=False, server__isnull=True, group__isnull=True)
                    | Q(kind__in=["managed_service", "external_party", "user_network"], server__isnull=True)
                    & Q(group__isnull=True, zone__isnull=True)
                ),
                name="an_end_is_one_thing",
                violation_error_message="An end of a connection is one thing: a server, a group, a zone or a party.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def system(self) -> System | None:
        """The system this end belongs to, if it is ours."""
        ours = self.server or self.group or self.zone
        return ours.system if ours else None

    def prefixes_at(self, at: datetime) -> list[str]:
        """The prefixes of an end outside the estate that held then, whoever wrote them (compliance.standing counts)."""
        rows = [row for row in self.party_prefixes.all() if row.valid_from <= at]
        return [row.prefix for row in rows if row.valid_to is None or row.valid_to > at]


class PartyPrefix(Carried):
    """A prefix of an end outside the estate, from and until; by a change record once the end is in use."""

    end = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="party_prefixes")
    prefix = models.CharField(max_length=49, validators=[check_prefix])

    objects: ClassVar[models.Manager[PartyPrefix]] = CarriedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["end", "prefix"],
                condition=Q(valid_to__isnull=True),
                name="a_party_holds_a_prefix_once",
                violation_error_message="The party holds this prefix already.",
            ),
        ]

    def __str__(self) -> str:
        return self.prefix

    def what(self) -> dict[str, Any]:
        """End and prefix."""
        return {"end": self.end_id, "prefix": self.prefix}

    def said(self) -> dict[str, Any]:
        """The material that adds it."""
        return {"kind": "party_prefix", "party": self.end.name, "prefix": self.prefix}


def ends_in(systems: Collection[int]) -> models.QuerySet[Endpoint]:
    """The servers and groups of these systems, as ends."""
    return Endpoint.objects.filter(Q(server__system__in=systems) | Q(group__system__in=systems))


def few_ends(systems: Collection[int]) -> list[int]:
    """Their keys, up to one more than are ever named."""
    return list(ends_in(systems).values_list("pk", flat=True)[: FEW + 1])


class ConnectionQuerySet(Scoped["Connection"]):
    """Connections a person may see: those whose either end lies in one of their systems."""

    def for_user(self, person: Any) -> Self:
        """As everywhere; the ends in their systems are looked for once a page."""
        systems = person.system_ids() if isinstance(person, User) else None
        if not systems:
            return super().for_user(person)
        return self.ending_in(systems, person.read_once(("ends", *sorted(systems)), lambda: few_ends(systems)))

    def of_systems(self, systems: Collection[int]) -> Self:
        """Those of these systems, and those that end in one of them, by a server or a group.

        Asked by keys of ends, not by joins to them: an index answers for each part, and no row comes twice. Where they
        are few, by the keys themselves: by a query for them PostgreSQL reads all connections.
        """
        return self.ending_in(systems, few_ends(systems))

    def ending_in(self, systems: Collection[int], few: Collection[int]) -> Self:
        """The same; `few`: the keys of the ends, more than `FEW` where they are too many to be named."""
        if len(few) <= FEW:
            return self.filter(Q(system__in=systems) | Q(source__among=few) | Q(destination__among=few))
        ends = ends_in(systems).values("pk")
        return self.filter(Q(system__in=systems) | Q(source__in=ends) | Q(destination__in=ends))

    def authorised_at(self, day: date, known_at: datetime | None = None) -> Self:
        """The connections with a version that stood on that day, as known then. Reads only versions and approvals."""
        return self.filter(pk__in=ConnectionVersion.objects.authorised_at(day, known_at).values("connection_id"))


class Connection(models.Model):
    """A connection or file share under a name people use (CON-42). What is authorised stands in its versions.

    `last_seen_at`, `drift` and `drift_at` are stamps: written in bulk by the comparison, outside the approved hash.
    """

    class Kind(models.TextChoices):
        NETWORK = "network", "Network connection"
        SHARE = "share", "File share"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="connections")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.NETWORK)
    source = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="connections_out")
    destination = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="connections_in")
    standard_service = models.BooleanField(default=False, help_text="Approved once, inherited by role.")
    created_at = models.DateTimeField(default=timezone.now)
    source_row = models.JSONField("row it was imported from", null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    drift = models.CharField(max_length=24, blank=True)
    drift_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[Connection]] = ConnectionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["drift"]),
            # by whose it is, of either kind: for the counts and lists of a person (ConnectionQuerySet.for_user)
            models.Index(fields=["system", "kind"]),
            models.Index(fields=["source", "kind"]),
            models.Index(fields=["destination", "kind"]),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.source} → {self.destination}"

    @property
    def ref(self) -> str:
        """The id people use."""
        return f"CON-{self.pk}"

    def version_on(self, day: date) -> ConnectionVersion | None:
        """What was authorised on that day, if anything."""
        return self.versions.all().authorised_at(day).order_by("-valid_from").first()


class VersionQuerySet(models.QuerySet["ConnectionVersion"]):
    """Versions, by what makes them count."""

    def standing_on(self, day: date, known_at: datetime | None = None) -> Self:
        """Those whose validity holds on that day, whatever their approvals. Not yet authorised: see below.

        `known_at`: what was decided later that same day neither opens nor ends anything yet.
        """
        open_end = Q(valid_to__isnull=True) | Q(valid_to__gt=day)
        if known_at:
            open_end |= Q(closed_by__decided_at__gt=known_at)
        rows = self.filter(open_end, valid_from__lte=day)
        rows = rows.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=day))
        return rows.filter(recorded_at__lte=known_at) if known_at else rows

    def authorised_at(self, day: date, known_at: datetime | None = None) -> Self:
        """Those that stand on that day **and** whose change was approved by enough distinct people.

        Derived, never a flag: every need of the change has an approval of this very content, by distinct people,
        none of them its requester or last editor, each sealed with the installation's key. A forged row or state
        authorises nothing. What rests on an accepted risk stands only while that is accepted (compliance/baseline.py).
        """
        from compliance.models.approvals import without_force

        rows, few = self._few(day, known_at)
        if few is None:
            return rows.exclude(change_id__in=without_force(rows.values("change_id"), day, known_at))
        return self.filter(pk__among=few)

    def keys_authorised_at(self, day: date, known_at: datetime | None = None) -> set[int]:
        """The keys of the same."""
        few = self._few(day, known_at)[1]
        return set(self.authorised_at(day, known_at).values_list("pk", flat=True) if few is None else few)

    def _few(self, day: date, known_at: datetime | None) -> tuple[Self, list[int] | None]:
        """Those that stand with the content that was asked for, and the keys of the authorised; None of very many."""
        from compliance.models.approvals import without_force

        rows = self.standing_on(day, known_at).filter(change__content_hash=F("material_hash"))
        few = dict(rows.order_by().values_list("pk", "change_id")[: FEW + 1])
        if len(few) > FEW:
            return rows, None
        bad = set(without_force(sorted(set(few.values())), day, known_at))
        return rows, [key for key, change in few.items() if change not in bad]


class ConnectionVersion(models.Model):
    """What was decided about a connection, word for word. Never edited; a new decision is a new version."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="versions")
    change = models.ForeignKey("compliance.ChangeRecord", on_delete=models.PROTECT, related_name="versions")
    material = models.JSONField()
    material_hash = models.CharField(max_length=64)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    closed_by = models.ForeignKey(
        "compliance.ChangeRecord", on_delete=models.PROTECT, null=True, blank=True, related_name="versions_closed"
    )
    ends_on = models.DateField(null=True, blank=True)
    review_by = models.DateField(null=True, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    beside = named_beside()

    objects: ClassVar[models.Manager[ConnectionVersion]] = VersionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["connection_id", "valid_from", "pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["review_by"]),
            models.Index(fields=["ends_on"]),
            models.Index(fields=["connection"], condition=~Q(beside__in=NOTHING_BESIDE), name="versions_naming_others"),
        ]

    def __str__(self) -> str:
        return f"{self.connection.ref} from {self.valid_from}"

    @property
    def said(self) -> dict[str, Any]:
        """The material as a dict (see compliance.actions.material for its shape)."""
        return dict(self.material)
