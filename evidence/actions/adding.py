"""A new source with what it needs to be read: one that is reached over a network gets a key of its own at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from compliance.models import User
from evidence.actions.access import Given, set_secret
from evidence.actions.sources import add_source
from evidence.models import Source, SourceSecret


def add(*, by: User, at: datetime | None = None, **said: Any) -> Source:
    """`add_source` with the same words; for SSH with a key that Eastwest makes. Both, or neither."""
    with transaction.atomic():
        source = add_source(by=by, at=at, **said)
        if source.kind == Source.Kind.SSH:
            set_secret(source, Given(SourceSecret.Use.KEY), by=by, at=at)
    return source
