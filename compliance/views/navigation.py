"""What stands on every page: the navigation with its counts, who is signed in, and for which organisation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context for base.html: nav, me, organisation."""
    return {"nav": [], "me": None, "organisation": None}
