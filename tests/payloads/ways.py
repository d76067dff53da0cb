"""Addresses and queries: where a request says to go next, lists asked for nonsense, pages of what is not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from django.db import transaction
from django.test import Client

from tests.matrix.table import DIRECTORY, OPEN_ACCOUNT, OWN_ACCOUNT, ROUTES
from tests.matrix.targets import address, body
from tests.matrix.world import OURS, THEIRS, World
from tests.payloads.corpus import WAYS
from tests.payloads.heard import Heard
from tests.payloads.tally import Tally
from tests.people import PASSWORD

LONGEST: Final = 400  # characters of a payload that fit into an address
HIDDEN: Final = (404, 405)
PLACES: Final = ("/", "/servers/", "/zones/", "/groups/", "/changes/", "/shares/served/", "/setup/link/", "/api/v1/")

HEADERS: Final = (
    "Referer", "User-Agent", "Accept", "Accept-Language", "HX-Current-URL", "X-Forwarded-Host", "X-Request-Id",
)  # fmt: skip


def onward(world: World, client: Client, tally: Tally, away: Sequence[str], routes: Sequence[str] = ()) -> None:
    """Every page (or these) with every parameter that may say where to go next, by GET and POST: none leaves."""
    person = world.people.rita
    person.set_password(PASSWORD)
    person.save()
    account = OPEN_ACCOUNT | OWN_ACCOUNT
    for route in routes or sorted({*ROUTES, *account}):
        path = address(route, world.sides[OURS])
        words = {"login": person.email, "password": PASSWORD} if route in account else {}
        tally.fields |= {f"?{way} of {route}" for way in WAYS}
        for to in away if route in account else away[:3]:
            given = dict.fromkeys(WAYS, to)
            for name, who in (("nobody", Client(raise_request_exception=False)), ("asker", client)):
                cookies = who.cookies.copy()
                with transaction.atomic():
                    for answer in (who.get(path, given), who.post(path, words | given)):
                        tally.post(f"{route} next={to!r} for {name}", answer)
                    transaction.set_rollback(True)
                who.cookies = cookies
    tally.payloads |= set(away)


def questions(world: World, client: Client, tally: Tally, heard: Heard, payloads: Sequence[str]) -> None:
    """Each page with payloads in every name that its view asks of the query."""
    for turn, route in enumerate(sorted({*ROUTES, *OPEN_ACCOUNT, *OWN_ACCOUNT})):
        path = address(route, world.sides[OURS])
        heard.begin()
        client.get(path)
        for number, name in enumerate(sorted(heard.texts)):
            tally.fields.add(f"?{name} of {route}")
            for step in range(len(payloads)):
                payload = payloads[(step + turn + number) % len(payloads)][:LONGEST]
                with transaction.atomic():
                    tally.post(f"{route}?{name}={payload[:50]!r}", client.get(path, {name: payload}))
                    transaction.set_rollback(True)


def nowhere(client: Client, tally: Tally, payloads: Sequence[str]) -> None:
    """Pages that refuse: addresses of nothing, foreign hosts, forged forms, headers of all kinds."""
    forged = Client(enforce_csrf_checks=True, raise_request_exception=False)
    stranger = Client(raise_request_exception=False)
    for payload in payloads:
        bare = payload[:LONGEST]
        known = quote(bare.encode("utf-8", "replace"), safe="")
        for start in PLACES:
            tally.post(f"nowhere {start}{bare[:40]!r}", client.get(start + known))
        plain = "".join(one for one in bare if " " <= one <= "~") or "x"
        referer = {"Referer": "https://x/" + quote(plain)}
        tally.post("forged", forged.post("/requests/new/", {"title": bare}, headers=referer))
        tally.post("host", client.get("/evidence/", headers={"Host": plain}))
        for name in HEADERS:
            tally.post(f"{name}: {plain[:50]}", client.get("/nothing/", headers={name: plain}))
        tally.post("bearer", stranger.get("/api/v1/changes/", headers={"Authorization": plain}))
    tally.fields |= {f"address {start}" for start in PLACES} | {*HEADERS, "Host", "Authorization"}


def others(world: World, client: Client, tally: Tally) -> None:
    """Addresses of the other system's things, asked by somebody of ours: they do not exist, nor are they named."""
    side = world.sides[THEIRS]
    for route, row in sorted(ROUTES.items()):
        if not row.thing or row.thing == "system" or route in DIRECTORY:
            continue
        path = address(route, side)
        tally.fields.add(f"address of {route}")
        with transaction.atomic():
            for answer in (client.get(path), client.post(path, body(route, side, world))):
                tally.post(f"foreign {route}", answer)
                if answer.status_code not in HIDDEN or THEIRS.encode() in answer.content:
                    tally.leaks.append(f"foreign {route}: {answer.status_code}")
            transaction.set_rollback(True)
