"""The register as code through the API: `plan` says what a file would change, `apply` asks for exactly that."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.actions import register_plan as verbs
from compliance.api.changes import REFUSALS
from compliance.models import ImportedTable


class PlanOf(serializers.Serializer[Any]):
    """A register file, whose system it is where it says none, and whether what it does not name is to go."""

    register = serializers.CharField(trim_whitespace=False, help_text="The text of the YAML file.")
    name = serializers.CharField(max_length=200, required=False, default="register.yaml")
    system = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    remove = serializers.BooleanField(required=False, default=False)


class ApplyOf(PlanOf):
    """The same, and the digest of the plan that was read."""

    digest = serializers.RegexField(r"^[0-9a-f]{64}$")


class Differs(serializers.Serializer[Any]):
    """One field of a changed connection."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class PlanStep(serializers.Serializer[Any]):
    """One step. `change`: its change record, null in a plan. `stopped`: why it is a draft, "" where it is sent."""

    what = serializers.ChoiceField(["place", "new", "change", "remove"])
    ref = serializers.CharField()
    line = serializers.IntegerField()
    text = serializers.CharField()
    system = serializers.CharField()
    differs = Differs(many=True)
    policy = serializers.ListField(child=serializers.JSONField())
    needs = serializers.ListField(child=serializers.CharField())
    stopped = serializers.CharField()
    change = serializers.CharField(allow_null=True)


class Fault(serializers.Serializer[Any]):
    """Something wrong with the file; with one of them nothing is asked for."""

    line = serializers.IntegerField()
    problem = serializers.CharField()


class Planned(serializers.Serializer[Any]):
    """All of it. `same`: how many rows stand as the file says."""

    steps = PlanStep(many=True)
    same = serializers.IntegerField()
    faults = Fault(many=True)
    digest = serializers.CharField()


def spoken(found: verbs.Plan, *, asked: bool) -> dict[str, Any]:
    """A plan as JSON."""
    steps = [
        {
            "what": one.what, "ref": one.ref, "line": one.line, "text": one.text, "system": one.system,
            "differs": [{"field": key, "before": old, "after": new} for key, (old, new) in one.differs.items()],
            "policy": list(one.hits), "needs": list(one.needs), "stopped": one.stopped,
            "change": one.change or None if asked else None,
        }
        for one in found.steps
    ]  # fmt: skip
    faults = [{"line": bad.row, "problem": f"{bad.problem} {bad.fix}".strip()} for bad in found.bad]
    return {"steps": steps, "same": found.same, "faults": faults, "digest": found.digest}


class Plan(GenericAPIView[ImportedTable]):
    """What a register file would change."""

    serializer_class = PlanOf

    @extend_schema(operation_id="register_plan", request=PlanOf, responses={200: Planned, **REFUSALS})
    def post(self, request: Request) -> Response:
        """Nothing is written."""
        said = PlanOf(data=request.data)
        said.is_valid(raise_exception=True)
        words = dict(said.validated_data)
        found = verbs.plan(words.pop("name"), words.pop("register").encode(), by=request.user, **words)
        return Response(spoken(found, asked=False))


class Apply(GenericAPIView[ImportedTable]):
    """Asking for what was planned."""

    serializer_class = ApplyOf

    @extend_schema(operation_id="register_apply", request=ApplyOf, responses={201: Planned, **REFUSALS})
    def post(self, request: Request) -> Response:
        """Change records that wait for their approvals; 409 where it is not what was planned any more."""
        said = ApplyOf(data=request.data)
        said.is_valid(raise_exception=True)
        words = dict(said.validated_data)
        found = verbs.apply(words.pop("name"), words.pop("register").encode(), by=request.user, **words)
        return Response(spoken(found, asked=True), status=status.HTTP_201_CREATED)
