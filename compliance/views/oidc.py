"""The way in through the organisation's provider: allauth's flow, with nonce, and with every signature looked at."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Any, Final
from urllib.parse import urlencode

import jwt
from allauth.account.internal.flows.login import record_authentication
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from compliance.actions.oidc import PROVIDER, arrive
from compliance.errors import Refused
from compliance.views.accounts import comes_only_by_provider
from compliance.views.middleware import refusal

NONCE: Final = "oidc_nonce"  # session key
CONFIRMS: Final = "oidc_confirms"  # session key: since when somebody who is in confirms at the provider that it is them
CLOCKS_S: Final = 60  # by so much the provider's clock may be another than ours
SIGNED_BY: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
FAILED: Final = Refused(
    "You were not let in.",
    "What your provider said could not be believed, or it said no.",
    "Try again; if it happens again, tell an administrator.",
)
NOT_CONFIRMED: Final = "It was not confirmed that it is you."
NOT_FRESH: Final = Refused(
    NOT_CONFIRMED,
    "Your provider did not say that you signed in there just now (it gives no auth_time, or an older one).",
    "Sign out and in again: for the minutes after it you are not asked. Tell an administrator that the provider does "
    "not keep to max_age.",
)
SOMEBODY_ELSE: Final = Refused(
    NOT_CONFIRMED, "Somebody else signed in at your provider.", "Sign in there as yourself, and try again."
)


class NotFresh(OAuth2Error):  # type: ignore[misc]
    """The token does not say that its person signed in at the provider just now."""


class Provider(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """allauth's adapter, which trusts TLS for the token; this one looks at signature, algorithm, issuer and nonce."""

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """The login of a verified ID token; without one there is none."""
        given, nonce = kwargs["response"].get("id_token"), request.session.pop(NONCE, None)
        if not given or not nonce:
            raise OAuth2Error("no ID token, or no sign-in was begun here")
        if self.openid_config["issuer"].rstrip("/") != settings.OIDC_ISSUER:
            raise OAuth2Error("the provider names another issuer than the one that was set")
        claims = self.verified(app, given)
        if not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
            raise OAuth2Error("the nonce is not the one of this sign-in")
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("the token was made for somebody else")
        begun = request.session.get(CONFIRMS)
        if begun is not None and not fresh(claims.get("auth_time"), begun):
            raise NotFresh("no auth_time, or one from before it was asked for")
        return self.get_provider().sociallogin_from_response(request, {"id_token": claims})

    def verified(self, app: Any, given: str) -> dict[str, Any]:
        """The claims, after signature (by a key of the provider), issuer, audience and end were looked at."""
        try:
            algorithm = jwt.get_unverified_header(given).get("alg")
        except jwt.PyJWTError as error:
            raise OAuth2Error("the ID token cannot be read") from error
        if algorithm not in SIGNED_BY:
            raise OAuth2Error(f"an ID token signed by {algorithm} is not believed")
        claims: dict[str, Any] = jwtkit.verify_and_decode(
            credential=given,
            keys_url=self.openid_config["jwks_uri"],
            issuer=self.openid_config["issuer"],
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        if not claims.get("sub") or "exp" not in claims:
            raise OAuth2Error("the ID token names nobody, or has no end")
        return claims


class Arrivals(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Who comes by the provider is recognised by `sub`; nobody signs up by themselves."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Never: `arrive` makes people, and only with a role."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Makes or recognises the person and brings their roles up to date, before anybody is let in."""
        try:
            arrive(sociallogin.account.extra_data["id_token"])
        except Refused as refused:
            raise ImmediateHttpResponse(refusal(request, refused, 403)) from refused
        if not sociallogin.is_existing:
            sociallogin.lookup()
        begun = request.session.pop(CONFIRMS, None)
        if sociallogin.state.get("process") == AuthProcess.REDIRECT:
            if begun is None or sociallogin.user.pk != request.user.pk:
                raise ImmediateHttpResponse(refusal(request, SOMEBODY_ELSE if begun else FAILED, 403))
            said = {"provider": sociallogin.account.provider, "uid": sociallogin.account.uid}
            record_authentication(request, sociallogin.user, "socialaccount", reauthenticated=True, **said)

    def on_authentication_error(self, request: HttpRequest, provider: Any, *args: Any, **said: Any) -> None:
        """The page that says that nobody was let in, or that nothing was confirmed."""
        request.session.pop(CONFIRMS, None)
        why = NOT_FRESH if isinstance(said.get("exception"), NotFresh) else FAILED
        raise ImmediateHttpResponse(refusal(request, why, 403))


def fresh(said: object, begun: float) -> bool:
    """Whether the provider says (`auth_time`) that the person signed in there after this was asked for."""
    plain = isinstance(said, int | float) and not isinstance(said, bool)
    return plain and begun - CLOCKS_S <= float(said) <= time.time() + CLOCKS_S  # type: ignore[arg-type]


@require_POST
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """To the provider, with a nonce of this session; the person signs in there afresh."""
    if not settings.OIDC_ISSUER or provider_id != PROVIDER:
        raise Http404
    request.session.pop(CONFIRMS, None)
    back = request.POST.get("next") or request.GET.get("next", "")
    return to_provider(request, AuthProcess.LOGIN, back, {})


@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Who came by the provider and has nothing here to confirm by shows there again that it is them: the page that says
    so, then to the provider, which must ask afresh (`prompt=login`, `max_age=0`) and say when it did (`auth_time`)."""
    if provider_id != PROVIDER or not comes_only_by_provider(request.user):
        raise Http404
    back = request.POST.get("next") or request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = "/evidence/"
    if request.method == "GET":
        return render(request, "account/reauthenticate_provider.html", {"next": back})
    request.session[CONFIRMS] = time.time()
    return to_provider(request, AuthProcess.REDIRECT, back, {"max_age": "0"})


def to_provider(request: HttpRequest, process: str, back: str, more: dict[str, str]) -> HttpResponse:
    """The way there, with a nonce of this session. What allauth reads of the request is ours alone: nobody chooses by a
    field what the way back does."""
    request.session[NONCE] = secrets.token_urlsafe(24)
    asked = QueryDict(mutable=True)
    more = {"nonce": request.session[NONCE], "prompt": "login", **more}
    asked.update({"process": process, "auth_params": urlencode(more)})
    if back:
        asked["next"] = back
    request.GET, request.POST = asked, QueryDict()  # type: ignore[assignment]
    answer: HttpResponse = OAuth2LoginView.adapter_view(Provider(request, PROVIDER))(request)
    return answer


@require_GET
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from the provider."""
    if not settings.OIDC_ISSUER or provider_id != PROVIDER:
        raise Http404
    answer: HttpResponse = OAuth2CallbackView.adapter_view(Provider(request, provider_id))(request)
    return answer
