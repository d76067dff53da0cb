"""How a program shows who it is: `Authorization: Bearer ewt_…`, and nothing else. Sessions of people do not count here.

Without a session there is no cookie to ride on, so no cross-site request can act for anybody.
"""

from __future__ import annotations

from typing import Any, Final

from allauth.core.internal import ratelimit
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from compliance.actions.tokens import person_of
from compliance.ledger.context import signed_in_as
from compliance.models import User

REALM: Final = 'Bearer realm="Eastwest"'
# The limit of settings.ACCOUNT_RATE_LIMITS; reading counts as well
FAILED: Final[dict[str, Any]] = {"app": "allauth.account", "action": "token_failed", "limit_get": True}


class ServiceTokens(BaseAuthentication):
    """Gives the person of the token: a `User` whose grants are the token's scope, so that `may()` is cut to it."""

    def authenticate(self, request: Request) -> tuple[User, str] | None:
        """The person and "token"; None without the header. Raises AuthenticationFailed, or Throttled after many."""
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        inner: Any = request._request
        if not ratelimit.consume(inner, dry_run=True, **FAILED):
            raise Throttled(detail="Too many tokens that open nothing came from your address. Try again in a minute.")
        person = person_of(words[1].decode("ascii", "replace")) if len(words) == 2 else None
        if person is None:
            ratelimit.consume(inner, **FAILED)
            raise AuthenticationFailed("This token opens nothing: it is unknown, revoked or past its end.")
        signed_in_as(person.pk, ("token",))
        return person, "token"

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return REALM
