"""The way in through the organisation's provider: allauth's flow, with nonce, and with every signature looked at."""

from __future__ import annotations

import hmac
import secrets
from typing import Any, Final
from urllib.parse import urlencode

import jwt
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from compliance.actions.oidc import PROVIDER, arrive
from compliance.errors import Refused
from compliance.views.middleware import refusal

NONCE: Final = "oidc_nonce"  # session key
SIGNED_BY: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
FAILED: Final = Refused(
    "You were not let in.",
    "What your provider said could not be believed, or it said no.",
    "Try again; if it happens again, tell an administrator.",
)


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

    def on_authentication_error(self, request: HttpRequest, provider: Any, *args: Any, **said: Any) -> None:
        """The page that says that nobody was let in."""
        raise ImmediateHttpResponse(refusal(request, FAILED, 403))


@require_POST
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """To the provider, with a nonce of this session; the person signs in there afresh."""
    if not settings.OIDC_ISSUER or provider_id != PROVIDER:
        raise Http404
    request.session[NONCE] = secrets.token_urlsafe(24)
    asked = request.GET.copy()
    asked["auth_params"] = urlencode({"nonce": request.session[NONCE], "prompt": "login"})
    request.GET = asked  # type: ignore[assignment]
    answer: HttpResponse = OAuth2LoginView.adapter_view(Provider(request, provider_id))(request)
    return answer


@require_GET
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from the provider."""
    if not settings.OIDC_ISSUER or provider_id != PROVIDER:
        raise Http404
    answer: HttpResponse = OAuth2CallbackView.adapter_view(Provider(request, provider_id))(request)
    return answer
