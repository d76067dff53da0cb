"""The API keeps its document, for every role, whatever is sent."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.models import ChangeRecord, Connection
from tests.api.programs import Program
from tests.api.walk import document, walk
from tests.factories import asked, authorised, network, servers
from tests.people import everybody

pytestmark = pytest.mark.django_db
EXAMPLES = 4


def test_every_operation_for_every_role_keeps_its_document() -> None:
    people = everybody()
    servers(people)
    authorised(people)
    for port in range(7000, 7004):
        asked(people, network("pay-app-01", "pay-db-01", f"tcp/{port}"))

    def fix(case: Any, number: int) -> None:
        """Half of the calls are about something that is there: random ids never are."""
        path = case.operation.path
        if number % 2 and "number" in (case.path_parameters or {}):
            model: Any = Connection if "connections" in path else ChangeRecord
            rows = list(model.objects.order_by("pk"))
            case.path_parameters["number"] = rows[number % len(rows)].ref
        if number % 2 and "/servers/" in path and case.path_parameters:
            case.path_parameters["name"] = "pay-db-01"

    tally = walk(people, examples=EXAMPLES, start=20261121, fix=fix, foreign="pay-db-01")
    assert tally.faults == []
    assert tally.breaks == []
    assert tally.leaks == []
    assert tally.calls >= 500


def test_every_address_of_the_api_stands_in_its_document() -> None:
    from compliance.api.urls import urlpatterns as own
    from evidence.api.urls import urlpatterns as above

    paths = document(Program(everybody(), "auditor"))["paths"]
    assert len(paths) == len(own) + len(above) - 1, "all but the document itself"
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation["security"] == [{"serviceToken": []}], (path, method)
            assert operation["description"], (path, method)
