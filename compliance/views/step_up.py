"""Some things are done only by somebody who showed within the last minutes that it is them: a literal table of routes.

Who sends such a form later than that is led to confirm it, and comes back to the same page with what they typed;
nothing is sent for them. What would be secret is not kept in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from compliance.models import User

# The route whose POST asks for it → where who confirmed comes back to ("" = the page itself; else the route named)
STEP_UP: Final[dict[str, str]] = {
    "change_approve": "",
    "change_reject": "",
    "bulk_decide": "",
    "risk_decide": "",
    "risk_revoke": "",
    "policy_adopt": "",
    "source_add": "",
    "source_folders": "",
    "push_token_add": "",
    "push_token_revoke": "",
    "source_secret": "",
    "source_key": "",
    "person_add": "",
    "person_leave": "",
    "person_link": "people",
    "role_add": "",
    "grant_confirm": "",
    "grant_end": "",
    "token_add": "",
    "token_revoke": "",
    "receiver_add": "",
    "mfa_activate_totp": "",  # allauth asks as well, but not those who have nothing here to confirm by
    "mfa_add_webauthn": "",
    "mfa_generate_recovery_codes": "",
    "evidence_build": "evidence",
    "pack_build": "packs",
    "pack_again": "pack",
    "pack_link_new": "",
}
KEPT: Final = "step_up"  # session key: what was typed, for which page
METHODS: Final = (
    "account_authentication_methods"  # session key of allauth: how and when somebody showed that it is them
)
NOT_KEPT: Final = ("csrfmiddlewaretoken", "password", "secret", "token", "private_key")
MOST: Final = 64_000  # characters that are kept; nobody types more


class StepUp:
    """Asks on POST to a route of the table whether its person confirmed lately that it is them."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The page as it is."""
        return self.answer(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Mapping[str, Any]
    ) -> HttpResponse | None:
        """Leads to the confirmation, or lets the view answer."""
        route = request.resolver_match.url_name if request.resolver_match else None
        if request.method != "POST" or route not in STEP_UP or not isinstance(request.user, User):
            return None
        if confirmed(request):
            request.session.pop(KEPT, None)
            return None
        back = STEP_UP[route]
        page = reverse(back, kwargs=dict(kwargs) if back == "pack" else {}) if back else request.get_full_path()
        return to_confirm(request, page)


def confirmed(request: HttpRequest) -> bool:
    """Whether the person of this session signed in or confirmed within the last minutes (settings.STEP_UP_S)."""
    said = request.session.get(METHODS, [])
    times = [one.get("at", 0) for one in said if isinstance(one, dict)]
    return bool(times) and time.time() - max(times) < settings.STEP_UP_S


def to_confirm(request: HttpRequest, page: str) -> HttpResponse:
    """Keeps what was typed for the page and leads to where the person confirms; the page follows."""
    typed = {
        name: values for name, values in request.POST.lists() if not any(word in name.lower() for word in NOT_KEPT)
    }
    if sum(len(text) for values in typed.values() for text in values) <= MOST:
        request.session[KEPT] = {"page": page.partition("?")[0], "typed": typed, "at": time.time()}
    messages.info(
        request,
        "Nothing was sent yet. What you are about to do asks that you confirm who you are; then come back and send it.",
    )
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?next={quote(page)}")


def held(request: HttpRequest) -> dict[str, Any]:
    """What the person had typed on this page before they confirmed, as a form takes it to start with; else nothing."""
    kept = request.session.get(KEPT)
    if request.method != "GET" or not kept or kept.get("page") != request.path:
        return {}
    del request.session[KEPT]
    if time.time() - kept["at"] > settings.STEP_UP_S:
        return {}
    return {name: values[0] if len(values) == 1 else values for name, values in kept["typed"].items()}
