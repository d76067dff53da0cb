"""Signing in through the organisation's own provider (OpenID Connect): its settings, read strictly at the start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from compliance.project import env

PROVIDER: Final = "oidc"  # the last but one part of the address it sends people back to
ROLES: Final = ("requester", "system_owner", "manager", "engineer", "auditor", "administrator")
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def issuer() -> str:
    """EASTWEST_OIDC_ISSUER, "" where nobody signs in that way. http is taken on this machine only."""
    value = env.text("EASTWEST_OIDC_ISSUER", "").rstrip("/")
    parts = urlsplit(value)
    if value and parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ImproperlyConfigured(f"EASTWEST_OIDC_ISSUER is {value!r}. Write an address that begins with https://.")
    return value


def apps(address: str) -> list[dict[str, Any]]:
    """The provider as allauth wants it; none without an issuer."""
    if not address:
        return []
    client = env.text("EASTWEST_OIDC_CLIENT_ID", "")
    kept = env.text("EASTWEST_OIDC_CLIENT_SECRET_FILE", "")
    if not client or not kept:
        raise ImproperlyConfigured(
            "EASTWEST_OIDC_ISSUER needs EASTWEST_OIDC_CLIENT_ID and EASTWEST_OIDC_CLIENT_SECRET_FILE."
        )
    settings = {"server_url": address, "fetch_userinfo": False}
    secret = text_of("EASTWEST_OIDC_CLIENT_SECRET_FILE", kept).strip()
    return [{"provider_id": PROVIDER, "name": "Eastwest", "client_id": client, "secret": secret, "settings": settings}]


def groups(address: str) -> dict[str, list[dict[str, str]]]:
    """EASTWEST_OIDC_GROUPS: a JSON file, group → list of {"role": …, "system": name or absent for all}."""
    path = env.text("EASTWEST_OIDC_GROUPS", "")
    if not path or not address:
        return {}
    try:
        said = json.loads(text_of("EASTWEST_OIDC_GROUPS", path))
    except ValueError as error:
        raise ImproperlyConfigured(f"EASTWEST_OIDC_GROUPS: {path} is no JSON: {error}.") from error
    if not isinstance(said, dict) or not all(isinstance(rows, list) for rows in said.values()):
        raise ImproperlyConfigured(f"EASTWEST_OIDC_GROUPS: {path} is to hold an object of lists, one for each group.")
    for group, rows in said.items():
        for row in rows:
            odd = not isinstance(row, dict) or set(row) - {"role", "system"} or row.get("role") not in ROLES
            if odd or (row["role"] == "administrator" and row.get("system")):
                raise ImproperlyConfigured(f"EASTWEST_OIDC_GROUPS: {row} of {group} is no role, or not for a system.")
    return said


def text_of(name: str, path: str) -> str:
    """What stands in the file of a setting."""
    try:
        return Path(path).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}: {path} cannot be read: {error}.") from error
