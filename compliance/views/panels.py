"""What the rooms above have to say on a page of this one: settings.PANELS names functions by dotted path."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from compliance.models import User


def panel(page: str, subject: Any, person: User) -> dict[str, Any]:
    """All that is said about this subject on this page; later functions add to earlier ones."""
    said: dict[str, Any] = {}
    for dotted in settings.PANELS.get(page, []):
        said |= import_string(dotted)(subject, person)
    return said
