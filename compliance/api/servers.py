"""Servers through the API: what the estate holds, and the addresses each holds today."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.shapes import Machine
from compliance.models import Address, Server
from compliance.views.servers import narrowed

FILTERS: Final = [
    OpenApiParameter("q", str, description="Name, role or address."),
    OpenApiParameter("zone", str, description="Name of a zone."),
]


class OfServers(GenericAPIView[Server]):
    """The servers this token may see."""

    serializer_class = Machine

    def get_queryset(self) -> Any:
        """Those of its systems, with the addresses of today."""
        today = Address.objects.authorised_at(timezone.now()).select_related("zone").order_by("ip")
        rows = Server.objects.for_user(self.request.user).select_related("system")
        return rows.prefetch_related(Prefetch("addresses", queryset=today, to_attr="held")).order_by("name")


class Servers(OfServers):
    """The list."""

    @extend_schema(operation_id="servers_list", parameters=FILTERS, responses=Machine(many=True))
    def get(self, request: Request) -> Response:
        """The servers, by name."""
        page = self.paginate_queryset(narrowed(self.get_queryset(), request.query_params))
        return self.get_paginated_response(Machine(page, many=True).data)


class OneServer(OfServers):
    """One of them."""

    @extend_schema(operation_id="servers_get", responses=Machine)
    def get(self, request: Request, name: str) -> Response:
        """By its name."""
        return Response(Machine(get_object_or_404(self.get_queryset(), name=name)).data)
