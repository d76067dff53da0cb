"""How people come in: nobody signs up by themselves, an administrator makes a person and a one-time link."""

from __future__ import annotations

from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from compliance.actions.oidc import PROVIDER
from compliance.actions.sessions import end_oldest
from compliance.models import User
from compliance.views.setup import landing

THIS_MACHINE: Final = "127.0.0.1"


class ClosedDoor(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth without open sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: accounts are made by an administrator."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """From where somebody comes, by which attempts are counted. Over a socket of this machine nobody says it: all
        who come that way count as one, as this machine does."""
        try:
            return str(super().get_client_ip(request))
        except PermissionDenied:
            return THIS_MACHINE

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Whose wrong passwords are counted: the person's, whatever Host the request names. (allauth's own key has the
        Host in it, whose port anybody may choose: each would be a count of its own.)
        """
        return str(credentials.get("email", "")).lower()

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """How somebody shows again that it is them. Who comes by the provider and has nothing here to show does it
        there; who has a code or a passkey here is asked for that."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if ways or not comes_only_by_provider(user):
            return ways
        there = reverse("openid_connect_confirm", kwargs={"provider_id": PROVIDER})
        return [{"id": "openid_connect", "description": "Confirm with your organisation", "url": there}]

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Where somebody begins who was not on the way to a page: an administrator with set-up while it is not over."""
        return landing(request.user) if isinstance(request.user, User) else str(settings.LOGIN_REDIRECT_URL)

    def post_login(self, request: HttpRequest, user: User, **said: Any) -> HttpResponse:
        """Lets them in, and ends the oldest of their sessions where there are too many."""
        response: HttpResponse = super().post_login(request, user, **said)
        end_oldest(user)
        return response


def comes_only_by_provider(user: Any) -> bool:
    """Whether this person has neither password nor second step here, and comes by the organisation's provider."""
    if not settings.OIDC_ISSUER or not user.is_authenticated or get_reauthentication_flows(user):
        return False
    return bool(SocialAccount.objects.filter(provider=PROVIDER, user=user).exists())


def closed(request: HttpRequest, **named: str) -> HttpResponse:
    """Pages of allauth that we do not have: a sign-in address is changed by an administrator, and recorded."""
    raise Http404
