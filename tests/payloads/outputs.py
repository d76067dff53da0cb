"""Looks at every page and list of an installation that is full of hostile words."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from tests.browser.session import cookie
from tests.matrix.table import OPEN_ACCOUNT, OWN_ACCOUNT, ROUTES
from tests.matrix.targets import address
from tests.matrix.world import OURS, THEIRS, World
from tests.payloads.tally import Tally

LEAVES = frozenset({"account_logout"})  # what ends the session it is asked in


def refreshed(world: World) -> None:
    """Reads the world's things again: what they are called has changed under them, and a reading may have put another
    row in the place of one."""
    for side in world.sides.values():
        for name, thing in [("", side.system), ("", side.app), ("", side.data), *side.things.items()]:
            if hasattr(thing, "refresh_from_db"):
                model = type(thing)
                if model._base_manager.filter(pk=thing.pk).exists():
                    thing.refresh_from_db()
                else:
                    side.things[name] = model._base_manager.filter(system=side.system).latest("pk")


def pages(world: World, clients: dict[str, Client], tally: Tally) -> set[str]:
    """Every page by GET for each of these people, both sides, also as CSV; gives the routes that showed something."""
    shown = set()
    for route in sorted({*ROUTES, *OPEN_ACCOUNT, *OWN_ACCOUNT}):
        row = ROUTES.get(route)
        for side in (OURS, THEIRS) if row and row.thing else (OURS,):
            path = address(route, world.sides[side])
            for name, client in clients.items():
                for query in ({}, {"format": "csv"}):
                    with transaction.atomic():
                        answer: HttpResponse = client.get(path, query)  # type: ignore[assignment]
                        transaction.set_rollback(True)
                    tally.look(f"{route} {side} {query} for {name}", answer)
                    if answer.status_code == 200:
                        shown.add(route)
    return shown


def addresses(world: World) -> list[str]:
    """Where every page is, about our side's things."""
    return [address(route, world.sides[OURS]) for route in sorted({*ROUTES, *OPEN_ACCOUNT, *OWN_ACCOUNT} - LEAVES)]


def client_of(person: Any) -> Client:
    """A session of this person's."""
    person.refresh_from_db()
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = cookie(person)
    return client
