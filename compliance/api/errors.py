"""Every error of the API in one shape: {"type", "errors": [{"code", "detail", "attr"}]}, with Eastwest's sentences."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, JsonResponse
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied

from compliance.errors import NotAllowed, Refused


def nothing_here(request: HttpRequest) -> JsonResponse:
    """An address of the API that there is not."""
    said = {"code": "not_found", "detail": "There is nothing at this address. See /api/v1/schema/.", "attr": None}
    return JsonResponse({"type": "client_error", "errors": [said]}, status=404)


class Conflict(APIException):
    """It is not done because of where the record stands: a wrong state, a later version, something that is missing."""

    status_code: Final = status.HTTP_409_CONFLICT
    default_code = "refused"


class Errors(ExceptionHandler):
    """Refusals become 403 (it is not for you) or 409 (not as the record stands); what happened, why and what next."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        """The exception as DRF knows it."""
        found: Exception
        if isinstance(exc, NotAllowed):
            found = PermissionDenied(str(exc))
        elif isinstance(exc, Refused):
            found = Conflict(str(exc))
        else:
            found = super().convert_known_exceptions(exc)
        return found
