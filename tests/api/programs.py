"""Programs with tokens, and how they call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from compliance.actions.tokens import make_token
from compliance.models import System
from tests.people import People


class Program:
    """A program with a token of these roles, for these systems or for all."""

    def __init__(self, people: People, *roles: str, systems: tuple[System, ...] = ()) -> None:
        until = timezone.now() + timedelta(days=30)
        self.row, self.token = make_token("tests", roles=roles, systems=systems, until=until, by=people.alex)
        self.client = Client(headers={"authorization": f"Bearer {self.token}"})
        self.client.raise_request_exception = False

    def get(self, path: str, **asked: Any) -> Any:
        """The answer to a GET."""
        return self.client.get(f"/api/v1/{path}", asked)

    def post(self, path: str, said: Mapping[str, Any] | None = None) -> Any:
        """The answer to a POST of JSON."""
        return self.client.post(f"/api/v1/{path}", dict(said or {}), content_type="application/json")
