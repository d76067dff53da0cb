"""Connections and shares through the API: the register, one of them, asking for another in its place or its removal."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.actions import connections as verbs
from compliance.api.changes import REFUSALS, answer, details, refuse_wrong, says_material
from compliance.api.shapes import Amendment, Authorised, Change, Reason
from compliance.models import Connection, ConnectionVersion
from compliance.models.estate import day_of
from compliance.views.connections import USES, narrowed, newest_material
from compliance.views.shown import connection_state

FILTERS: Final = [
    OpenApiParameter("q", str, description="Name, address, port or CON-42."),
    OpenApiParameter("system", str, description="Name of a system."),
    OpenApiParameter("verdict", str, description="What the last comparison says, e.g. implemented."),
    OpenApiParameter("kind", str, enum=["network", "share"]),
    OpenApiParameter("use", str, enum=[*USES], description="By the last use that flow logs prove: days, or not known."),
]


class OfConnections(GenericAPIView[Connection]):
    """The connections this token may see."""

    serializer_class = Authorised

    def get_queryset(self) -> Any:
        """Those of its systems, with what the shape needs."""
        standing = ConnectionVersion.objects.order_by("connection_id", "-valid_from", "-pk").select_related("change")
        rows = Connection.objects.for_user(self.request.user).select_related("system", "source", "destination")
        return rows.prefetch_related(Prefetch("versions", queryset=standing), "changes").order_by("pk")

    def shaped(self, rows: list[Connection]) -> Any:
        """The rows in the shape of the API."""
        today = day_of(timezone.now())
        standing = ConnectionVersion.objects.filter(connection__in=rows).authorised_at(today)
        authorised = set(standing.values_list("pk", flat=True))
        said = {}
        for row in rows:
            versions = list(row.versions.all())
            version = next((each for each in versions if each.pk in authorised), None)
            newest = versions[0].material if versions else newest_material(row)
            said[row.pk] = {
                "version": version,
                "material": version.material if version else newest,
                "state": connection_state(row, version, today),
            }
        return Authorised(rows, many=True, context={"said": said}).data


class Connections(OfConnections):
    """The register."""

    @extend_schema(operation_id="connections_list", parameters=FILTERS, responses=Authorised(many=True))
    def get(self, request: Request) -> Response:
        """The connections and shares, by id."""
        rows = narrowed(self.get_queryset(), request.query_params)
        kind = request.query_params.get("kind")
        page = self.paginate_queryset(rows.filter(kind=kind) if kind else rows)
        return self.get_paginated_response(self.shaped(list(page or [])))


class OneConnection(OfConnections):
    """One connection or share."""

    @extend_schema(operation_id="connections_get", responses=Authorised)
    def get(self, request: Request, number: int) -> Response:
        """Its standing words, or what was last asked for."""
        return Response(self.shaped([get_object_or_404(self.get_queryset(), pk=number)])[0])


@says_material
class Amend(OfConnections):
    """Something else is asked for in its place."""

    serializer_class = Amendment

    @extend_schema(operation_id="connections_amend", request=Amendment, responses={201: Change, **REFUSALS})
    def post(self, request: Request, number: int) -> Response:
        """A change record that two people approve; until then what stands goes on standing."""
        subject = get_object_or_404(Connection.objects.for_user(request.user), pk=number)
        said = Amendment(data=request.data)
        said.is_valid(raise_exception=True)
        words = said.validated_data
        refuse_wrong(words["material"])
        change = verbs.amend(
            subject,
            material=words["material"],
            justification=words["justification"],
            title=words["title"],
            by=request.user,
            submit=words["submit"],
            **details(words),
        )
        return answer(change, status.HTTP_201_CREATED)


class Retire(OfConnections):
    """Its removal is asked for."""

    serializer_class = Reason

    @extend_schema(operation_id="connections_retire", request=Reason, responses={201: Change, **REFUSALS})
    def post(self, request: Request, number: int) -> Response:
        """A change record that two people approve; until then it stays authorised."""
        subject = get_object_or_404(Connection.objects.for_user(request.user), pk=number)
        said = Reason(data=request.data)
        said.is_valid(raise_exception=True)
        change = verbs.retire(subject, because=said.validated_data["because"], by=request.user)
        return answer(change, status.HTTP_201_CREATED)
