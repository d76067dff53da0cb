"""Change records through the API: the list, one of them, a new request, and each step as a resource of its own.

A program asks, carries out and reads. It decides nothing: approving and rejecting answer with the refusal everybody
gets who may not, so that the address is known and nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from drf_standardized_errors.openapi_validation_errors import extend_validation_errors
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.actions import changes as verbs
from compliance.actions import connections as requests
from compliance.actions import questions
from compliance.actions.material import NETWORK, RISK, SHARE, check_material
from compliance.api.shapes import Change, NewRequest, Note, Problem, Reason
from compliance.models import ChangeRecord, System, User
from compliance.views.changes import narrowed

FILTERS: Final = [
    OpenApiParameter("q", str, description="Title, ticket or CHG-42."),
    OpenApiParameter("state", str, description="draft, submitted, approved, implemented, verified, …"),
]
# Beside what a 200 or 201 says: it is not for you, or not as the record stands
PARTS: Final = tuple(sorted({*NETWORK, *SHARE, RISK}))
WHOLE: Final = "non_field_errors"  # of a material: words that belong to none
REFUSALS: Final = {403: Problem, 409: Problem}
DETAILS: Final = ("urgency", "window", "rollback", "ticket", "due")


def seen(person: User) -> Any:
    """The change records a person may see, with what the shape needs."""
    rows = ChangeRecord.objects.for_user(person).select_related("system", "connection", "justification", "requested_by")
    return rows.prefetch_related("needs__system", "needs__approval__approver")


def answer(change: ChangeRecord, code: int = status.HTTP_200_OK) -> Response:
    """A change as it stands now."""
    return Response(Change(ChangeRecord.objects.get(pk=change.pk)).data, status=code)


def details(words: Mapping[str, Any]) -> dict[str, Any]:
    """What a request says beside its material."""
    return {key: words[key] for key in DETAILS}


def says_material(view: type[Any]) -> type[Any]:
    """The view, whose document names what may be wrong within a material."""
    for part in (*PARTS, WHOLE):
        view = extend_validation_errors(["invalid"], field_name=f"material.{part}", methods=["post"])(view)
    return view


@says_material
class Changes(GenericAPIView[ChangeRecord]):
    """Change records."""

    serializer_class = Change

    def get_queryset(self) -> Any:
        """Those this token may see, newest first."""
        return seen(self.request.user).order_by("-pk")

    @extend_schema(operation_id="changes_list", parameters=FILTERS, responses=Change(many=True))
    def get(self, request: Request) -> Response:
        """The list."""
        page = self.paginate_queryset(narrowed(self.get_queryset(), request.query_params))
        return self.get_paginated_response(Change(page, many=True).data)

    @extend_schema(operation_id="changes_request", request=NewRequest, responses={201: Change, **REFUSALS})
    def post(self, request: Request) -> Response:
        """Asks for a connection or share; with `submit` false it is kept as a draft."""
        said = NewRequest(data=request.data)
        said.is_valid(raise_exception=True)
        words = said.validated_data
        system = System.objects.for_user(request.user).filter(name=words["system"]).first()
        if system is None:
            raise ValidationError({"system": "There is no system of that name among yours."})
        refuse_wrong(words["material"])
        change = requests.request(
            system=system,
            material=words["material"],
            justification=words["justification"],
            title=words["title"],
            by=request.user,
            submit=words["submit"],
            **details(words),
        )
        return answer(change, status.HTTP_201_CREATED)


def refuse_wrong(material: Mapping[str, Any]) -> None:
    """Raises ValidationError with every problem of a material by its field, all at once."""
    problems: dict[str, list[str]] = {}
    for field, sentence in check_material(material):
        problems.setdefault(field if field in PARTS else WHOLE, []).append(sentence)
    if problems:
        raise ValidationError({"material": problems})


class OneChange(GenericAPIView[ChangeRecord]):
    """One change record."""

    serializer_class = Change

    @extend_schema(operation_id="changes_get", responses=Change)
    def get(self, request: Request, number: int) -> Response:
        """The record with its needs and who met them."""
        return Response(Change(get_object_or_404(seen(request.user), pk=number)).data)


class Verb(NamedTuple):
    """One step: what the body says, and the call."""

    shape: type[Note | Reason]
    take: Callable[[ChangeRecord, User, Mapping[str, Any]], object]


# The last part of the address → the step. From which states stands in TRANSITIONS, who may in permissions
STEPS: Final[dict[str, Verb]] = {
    "submit": Verb(Note, lambda change, by, said: verbs.submit(change, by=by, seen_version=said["seen_version"])),
    "approve": Verb(
        Note,
        lambda change, by, said: verbs.approve(
            change, by=by, because=said["because"], seen_version=said["seen_version"]
        ),
    ),
    "reject": Verb(Reason, lambda change, by, said: verbs.reject(change, by=by, because=said["because"])),
    "withdraw": Verb(Reason, lambda change, by, said: verbs.withdraw(change, by=by, because=said["because"])),
    "implement": Verb(Note, lambda change, by, said: verbs.implement(change, by=by, note=said["because"])),
    "act_first": Verb(Reason, lambda change, by, said: verbs.act_first(change, by=by, because=said["because"])),
    "dispute": Verb(Reason, lambda change, by, said: verbs.dispute(change, by=by, why=said["because"])),
    "questions": Verb(Reason, lambda change, by, said: questions.ask(change, by=by, text=said["because"])),
}


class Step(GenericAPIView[ChangeRecord]):
    """One step of a change record, by its name in STEPS."""

    name = ""

    def get_serializer_class(self) -> type[Note | Reason]:
        """What the body says."""
        return STEPS[self.name].shape

    @extend_schema(responses={200: Change, **REFUSALS})
    def post(self, request: Request, number: int) -> Response:
        """Takes the step, or says why not: 403 it is not for you, 409 not as the record stands."""
        change = get_object_or_404(ChangeRecord.objects.for_user(request.user), pk=number)
        said = self.get_serializer(data=request.data)
        said.is_valid(raise_exception=True)
        STEPS[self.name].take(change, request.user, said.validated_data)
        return answer(change)
