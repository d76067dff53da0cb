"""Where a decision comes from: every request gets an id, and what is done in it knows how its person signed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from django.http import HttpRequest, HttpResponse

from compliance.ledger.context import Origin, done_from, fresh_id
from compliance.models import User

# allauth keeps in the session how somebody signed in: [{"method": "password", …}, {"method": "mfa", "type": "totp"}]
KEPT: Final = "account_authentication_methods"
SECOND: Final = frozenset({"mfa"})


class Provenance:
    """Sets the origin that the ledger writes into each entry, and says the request's id in the answer."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer, made under the request's id."""
        number = fresh_id()
        with done_from(origin(request, number)):
            response = self.answer(request)
        response["X-Request-Id"] = number
        return response


def origin(request: HttpRequest, number: str) -> Origin:
    """The page (or API call), its person, and the methods of their sign-in."""
    via = "api" if request.path.startswith("/api/") else "page"
    person = request.user if isinstance(request.user, User) else None
    if person is None:
        return Origin(via, number)
    methods = [one for one in request.session.get(KEPT, []) if isinstance(one, dict)]
    named = {str(one.get("type") or one.get("method", "")) for one in methods}
    second = any(one.get("method") in SECOND for one in methods)
    times = [at for one in methods if isinstance(at := one.get("at"), int | float)]
    confirmed = datetime.fromtimestamp(max(times), UTC).isoformat(timespec="seconds") if times else ""
    return Origin(via, number, tuple(sorted(named - {""})), second, person.pk, confirmed)
