"""Looks at every page and list of an installation that is full of hostile words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from tests.browser.session import cookie
from tests.matrix.table import OPEN_ACCOUNT, OWN_ACCOUNT, ROUTES
from tests.matrix.targets import address
from tests.matrix.world import OURS, THEIRS, World
from tests.payloads.leaks import in_csv, in_headers, in_html

SERVER_FAULT: Final = 500


@dataclass
class Tally:
    """What was sent, what was looked at, and what was found."""

    payloads: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    outputs: int = 0
    sent: int = 0
    leaks: list[str] = field(default_factory=list)

    def look(self, where: str, answer: HttpResponse) -> None:
        """Looks at one answer: its headers, and its content by its type."""
        self.outputs += 1
        found = in_headers(dict(answer.headers.items()))
        if answer.status_code >= SERVER_FAULT:
            found.append(f"fault {answer.status_code}")
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        kind, text = answer.headers.get("Content-Type", ""), content.decode("utf-8", "replace")
        if kind.startswith(("text/html", "image/svg")):
            found += in_html(text)
        elif kind.startswith("text/csv"):
            found += in_csv(text)
        elif content and answer.headers.get("X-Content-Type-Options") != "nosniff":
            found.append(f"{kind} without nosniff")
        self.leaks += [f"{where}: {one}" for one in found]


def refreshed(world: World) -> None:
    """Reads the world's things again: what they are called has changed under them."""
    for side in world.sides.values():
        for thing in (side.system, side.app, side.data, *side.things.values()):
            if hasattr(thing, "refresh_from_db"):
                thing.refresh_from_db()


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


def client_of(person: Any) -> Client:
    """A session of this person's."""
    person.refresh_from_db()
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = cookie(person)
    return client
