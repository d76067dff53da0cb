"""The shapes the API speaks, written out: nothing of a model goes out that is not named here, nothing nests itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from compliance.models import Approval, ApprovalNeeded, ChangeRecord, Connection, Server
from compliance.views.shown import ends, services


class Material(serializers.JSONField):
    """What would be authorised, word for word; see docs/api.md for its two shapes."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """A JSON object."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("The material is a JSON object.")
        return dict(data)


class OneError(serializers.Serializer[Any]):
    """One thing that is wrong. `attr`: the field of the body, with its path; null where it is no field's."""

    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True)


class Problem(serializers.Serializer[Any]):
    """What every refusal looks like: what happened, why, and what to do next stand in the detail."""

    type = serializers.CharField()
    errors = OneError(many=True)


class Why(serializers.Serializer[Any]):
    """A justification."""

    business_need = serializers.CharField(max_length=4000)
    security_implications = serializers.CharField(max_length=4000)
    data_carried = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")


class NewRequest(serializers.Serializer[Any]):
    """A request for a connection or share. `submit` false keeps it as a draft."""

    system = serializers.CharField(max_length=120, help_text="Name of one of your systems.")
    title = serializers.CharField(max_length=200)
    material = Material()
    justification = Why()
    urgency = serializers.ChoiceField(ChangeRecord.Urgency.choices, required=False, default="routine")
    window = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    rollback = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    ticket = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    due = serializers.DateField(required=False, allow_null=True, default=None)
    submit = serializers.BooleanField(required=False, default=True)


class Amendment(NewRequest):
    """Something else in the place of a connection; the system is the connection's own."""

    system = None


class Reason(serializers.Serializer[Any]):
    """Why a step is taken; others read it."""

    because = serializers.CharField(max_length=4000)


class Note(serializers.Serializer[Any]):
    """A note that may be left out, and the version that was read: a later one is refused, never decided unread."""

    because = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    seen_version = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, allow_null=True, default=None
    )


class Agreement(serializers.Serializer[ApprovalNeeded]):
    """One need of a change, and who met it."""

    capacity = serializers.CharField(source="get_capacity_display")
    system = serializers.CharField()
    approver = serializers.SerializerMethodField()
    at = serializers.SerializerMethodField()

    def get_approver(self, need: ApprovalNeeded) -> str | None:
        """The person, or null while it waits."""
        approval = self.given(need)
        return str(approval.approver) if approval else None

    def get_at(self, need: ApprovalNeeded) -> str | None:
        """When they agreed, ISO 8601."""
        approval = self.given(need)
        return approval.at.isoformat() if approval else None

    @staticmethod
    def given(need: ApprovalNeeded) -> Approval | None:
        """The approval of a need."""
        return getattr(need, "approval", None)


class Change(serializers.Serializer[ChangeRecord]):
    """A change record."""

    ref = serializers.CharField()
    kind = serializers.CharField()
    urgency = serializers.CharField()
    state = serializers.CharField()
    version = serializers.IntegerField()
    title = serializers.CharField()
    system = serializers.CharField()
    connection = serializers.SerializerMethodField()
    material = serializers.JSONField()
    content_hash = serializers.CharField()
    justification = serializers.SerializerMethodField()
    requested_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    implemented_at = serializers.DateTimeField(allow_null=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    closing_note = serializers.CharField()
    ticket = serializers.CharField()
    window = serializers.CharField()
    rollback = serializers.CharField()
    due = serializers.DateField(allow_null=True)
    needs = serializers.SerializerMethodField()

    def get_connection(self, change: ChangeRecord) -> str | None:
        """The id of its connection; null for a change to the estate."""
        return change.connection.ref if change.connection else None

    def get_justification(self, change: ChangeRecord) -> dict[str, str] | None:
        """Business need, security implications and data carried."""
        why = getattr(change, "justification", None)
        if why is None:
            return None
        return {
            "business_need": why.business_need,
            "security_implications": why.security_implications,
            "data_carried": why.data_carried,
        }

    def get_needs(self, change: ChangeRecord) -> list[dict[str, Any]]:
        """Whose agreement it needs, and who agreed."""
        return [dict(Agreement(need).data) for need in change.needs.all()]


class Authorised(serializers.Serializer[Connection]):
    """A connection or share: its standing words, and what the last comparison says of it."""

    ref = serializers.CharField()
    kind = serializers.CharField()
    system = serializers.CharField()
    state = serializers.SerializerMethodField()
    source = serializers.SerializerMethodField()
    destination = serializers.SerializerMethodField()
    services = serializers.SerializerMethodField()
    material = serializers.SerializerMethodField()
    authorised_by = serializers.SerializerMethodField()
    review_by = serializers.SerializerMethodField()
    ends_on = serializers.SerializerMethodField()
    verdict = serializers.CharField(source="drift")
    last_seen_at = serializers.DateTimeField(allow_null=True)

    def said(self, connection: Connection) -> dict[str, Any]:
        """What was prepared of this connection by the view."""
        return self.context["said"][connection.pk]  # type: ignore[no-any-return]

    def get_state(self, connection: Connection) -> str:
        """requested, authorised, provisional, overdue, ended, retired or not_authorised."""
        return str(self.said(connection)["state"])

    def get_source(self, connection: Connection) -> str:
        """From whom, as the register names it."""
        return ends(self.said(connection)["material"])[0]

    def get_destination(self, connection: Connection) -> str:
        """To whom, as the register names it."""
        return ends(self.said(connection)["material"])[1]

    def get_services(self, connection: Connection) -> str:
        """The services in words."""
        return services(self.said(connection)["material"])

    def get_material(self, connection: Connection) -> dict[str, Any]:
        """What is authorised word for word; where nothing is, what was last asked for."""
        return dict(self.said(connection)["material"])

    def get_authorised_by(self, connection: Connection) -> str | None:
        """The change record behind it; null where nothing is authorised."""
        version = self.said(connection)["version"]
        return version.change.ref if version else None

    def get_review_by(self, connection: Connection) -> str | None:
        """ISO date."""
        version = self.said(connection)["version"]
        return version.review_by.isoformat() if version and version.review_by else None

    def get_ends_on(self, connection: Connection) -> str | None:
        """ISO date; null where it has no end."""
        version = self.said(connection)["version"]
        return version.ends_on.isoformat() if version and version.ends_on else None


class HeldAddress(serializers.Serializer[Any]):
    """An address a server holds."""

    ip = serializers.CharField()
    zone = serializers.SerializerMethodField()
    since = serializers.DateTimeField(source="valid_from")

    def get_zone(self, address: Any) -> str | None:
        """The zone it lies in."""
        return address.zone.name if address.zone else None


class Machine(serializers.Serializer[Server]):
    """A server and the addresses it holds today."""

    name = serializers.CharField()
    system = serializers.CharField()
    status = serializers.CharField()
    role = serializers.CharField()
    environment = serializers.CharField()
    addresses = serializers.SerializerMethodField()

    def get_addresses(self, server: Server) -> list[dict[str, Any]]:
        """Today's."""
        return [dict(HeldAddress(address).data) for address in server.held]  # type: ignore[attr-defined]
