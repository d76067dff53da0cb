"""Findings and rule changes through the API: to be read; what becomes of them is decided by people."""

from __future__ import annotations

from typing import Any, Final

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from evidence.api.shapes import Found, RuleChanged
from evidence.models import Finding, RuleChange
from evidence.views.findings import narrowed
from evidence.views.rule_changes import narrowed as narrowed_changes

FILTERS: Final = [
    OpenApiParameter("q", str, description="Server, connection or rule."),
    OpenApiParameter("verdict", str),
    OpenApiParameter("state", str, description="open, acknowledged, accepted or cured; without it all but the cured."),
]
FILTERS_OF_CHANGES: Final = [
    OpenApiParameter("q", str, description="Rule, address or record."),
    OpenApiParameter("outcome", str, enum=list(RuleChange.Outcome.values)),
    OpenApiParameter("direction", str, enum=list(RuleChange.Direction.values)),
    OpenApiParameter("server", str),
]


class OfFindings(GenericAPIView[Finding]):
    """The findings this token may see."""

    serializer_class = Found

    def get_queryset(self) -> Any:
        """Those of its systems."""
        return Finding.objects.for_user(self.request.user).select_related("system", "connection")


class Findings(OfFindings):
    """The list."""

    @extend_schema(operation_id="findings_list", parameters=FILTERS, responses=Found(many=True))
    def get(self, request: Request) -> Response:
        """Worst first."""
        page = self.paginate_queryset(narrowed(self.get_queryset(), request.query_params).worst_first())
        return self.get_paginated_response(Found(page, many=True).data)


class OneFinding(OfFindings):
    """One of them."""

    @extend_schema(operation_id="findings_get", responses=Found)
    def get(self, request: Request, number: int) -> Response:
        """With its proof."""
        return Response(Found(get_object_or_404(self.get_queryset(), pk=number)).data)


class RuleChanges(GenericAPIView[RuleChange]):
    """What changed in the rules, and whose change it is."""

    serializer_class = RuleChanged

    def get_queryset(self) -> Any:
        """Those of its systems, newest first."""
        return RuleChange.objects.for_user(self.request.user).select_related("server", "change", "delta__snapshot")

    @extend_schema(operation_id="rule_changes_list", parameters=FILTERS_OF_CHANGES, responses=RuleChanged(many=True))
    def get(self, request: Request) -> Response:
        """The list."""
        page = self.paginate_queryset(narrowed_changes(self.get_queryset(), request.query_params))
        return self.get_paginated_response(RuleChanged(page, many=True).data)
