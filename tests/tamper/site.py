"""A small estate by the verbs, a row in every table, sealed, with a checkpoint."""

from __future__ import annotations

from django.utils import timezone

from compliance.actions import changes, checkpoints
from tests.factories import agreed, asked, network, seen, servers
from tests.people import People, everybody
from tests.tamper.rows import filled


def estate() -> People:
    """People, servers, a change in each of the main states, and the log over it."""
    people = everybody()
    servers(people)
    seen(people, agreed(people, asked(people)))
    agreed(people, asked(people, network("pay-app-01", "pay-db-01", "tcp/5433")))
    changes.reject(asked(people), by=people.mina, because="Use the report instead.")
    filled()
    checkpoints.checkpoint("test", at=timezone.now())
    return people
