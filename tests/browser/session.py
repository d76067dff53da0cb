"""A session for a person, as the sign-in page would have made it a moment ago."""

from __future__ import annotations

import time

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from compliance.models import User


def cookie(person: User) -> str:
    """The session's key: the value of the cookie `sessionid`. The password counts as confirmed just now."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    said = {"method": "password", "at": time.time(), "email": person.email, "reauthenticated": True}
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [said]
    session["account_authentication_methods_user"] = str(person.pk)
    session.create()
    return str(session.session_key)
