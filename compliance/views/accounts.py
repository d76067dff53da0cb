"""How people come in: nobody signs up by themselves, an administrator makes a person and a one-time link."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import Http404, HttpRequest, HttpResponse

from compliance.actions.sessions import end_oldest
from compliance.models import User


class ClosedDoor(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth without open sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: accounts are made by an administrator."""
        return False

    def post_login(self, request: HttpRequest, user: User, **said: Any) -> HttpResponse:
        """Lets them in, and ends the oldest of their sessions where there are too many."""
        response: HttpResponse = super().post_login(request, user, **said)
        end_oldest(user)
        return response


def closed(request: HttpRequest, **named: str) -> HttpResponse:
    """Pages of allauth that we do not have: a sign-in address is changed by an administrator, and recorded."""
    raise Http404
