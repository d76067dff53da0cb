"""For machines that watch: whether the process answers, whether it can serve, and the numbers of the installation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from kombu.connection import Connection
from kombu.exceptions import OperationalError
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from compliance.api.authentication import REALM, ServiceTokens
from compliance.models import Role, User
from compliance.permissions import EVERY_SYSTEM
from compliance.watching import CONTENT_TYPE, exposition

PATIENCE_S: Final = 2  # for the broker: a probe waits for nobody


def healthz(request: HttpRequest) -> JsonResponse:
    """For the supervisor: the web process answers."""
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """For whoever sends requests here: 200 when the database, its tables and the broker can be used, else 503.

    It says which of them cannot, and nothing else: anybody may ask.
    """
    said = {name: works(probe) for name, probe in PROBES.items()}
    ready = all(said.values())
    checks = {name: "ok" if fine else "cannot be used" for name, fine in said.items()}
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


def works(probe: Callable[[], bool]) -> bool:
    """What the probe says; a broken connection is a no."""
    try:
        return probe()
    except (DatabaseError, OperationalError, OSError):
        return False


def database() -> bool:
    """Whether it answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def tables() -> bool:
    """Whether every migration was applied."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def broker() -> bool:
    """Whether a worker could be told of a job."""
    make: Any = Connection  # kombu is not typed
    with make(settings.CELERY_BROKER_URL, connect_timeout=PATIENCE_S) as wire:
        wire.ensure_connection(max_retries=1, timeout=PATIENCE_S)
        return True


PROBES: Final[dict[str, Callable[[], bool]]] = {"database": database, "tables": tables, "broker": broker}


def metrics(request: HttpRequest) -> HttpResponse:
    """The numbers, for a program with a service token that may see every system as an auditor does."""
    try:
        found = ServiceTokens().authenticate(Request(request))
    except APIException as refused:
        return told(str(refused.detail), refused.status_code)
    person: User | None = found[0] if found else None
    if person is None:
        return told("Metrics are for programs: send the header Authorization: Bearer and a service token.", 401)
    if not person.holds([Role.AUDITOR], EVERY_SYSTEM):
        return told("This token does not see every system: give it the role auditor, for all of them.", 403)
    return HttpResponse(exposition(), content_type=CONTENT_TYPE)


def told(why: str, status: int) -> HttpResponse:
    """A refusal in a line of text."""
    answer = HttpResponse(f"{why}\n", status=status, content_type="text/plain; charset=utf-8")
    if status == 401:
        answer["WWW-Authenticate"] = REALM
    return answer
