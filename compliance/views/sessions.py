"""How long a session lasts: so long without a click, and so long in all. Then the person signs in again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

SINCE, SEEN = "since", "seen"  # session keys: when it began, when it was last used (both seconds since the epoch)
NOTED_EVERY_S: Final = 60  # how exactly the last click is known: a row written a minute, not a click
RETRY_S: Final = 300  # the longest that any of the limits makes somebody wait


class SessionLimits:
    """Signs out whose session is over, before anything is answered; says when to try again to who came too often."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer, to the person or to nobody."""
        if request.user.is_authenticated:
            over = why_over(request, time.time())
            if over:
                logout(request)
                messages.info(request, over)
        response = self.answer(request)
        if response.status_code == 429 and "Retry-After" not in response:
            response["Retry-After"] = str(RETRY_S)
        return response


def why_over(request: HttpRequest, now: float) -> str:
    """Why this session is over, in a sentence; "" while it is not. Its last click is noted, at most once a minute."""
    session = request.session
    since, seen = session.setdefault(SINCE, now), session.get(SEEN, now)
    if now - since > settings.SESSION_LONGEST_S:
        return f"A session lasts {settings.SESSION_LONGEST_S // 3600} hours. Sign in again to go on."
    if now - seen > settings.SESSION_IDLE_S:
        return f"Nothing was done for {settings.SESSION_IDLE_S // 60} minutes. Sign in again to go on."
    if SEEN not in session or now - seen >= NOTED_EVERY_S:
        session[SEEN] = now
    return ""
