"""Everybody who may come by: each role here, there and everywhere; whose role ended, has not begun, or never was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone

from compliance.actions import people as accounts
from compliance.models import Role, System, User
from compliance.views.step_up import METHODS
from tests.browser.session import cookie
from tests.matrix.world import ALL_BUT_ADMINISTRATOR, OURS, THEIRS, World
from tests.people import LONG_AGO

LETTERS: Final = {
    Role.REQUESTER: "R", Role.SYSTEM_OWNER: "O", Role.MANAGER: "M", Role.ENGINEER: "E", Role.AUDITOR: "A",
    Role.ADMINISTRATOR: "X",
}  # fmt: skip


@dataclass
class Principal:
    """Who asks. `held`: side → the letters of the roles held for it today; `asked`: whose requests these are."""

    name: str
    client: Client
    held: dict[str, str]
    signed_in: bool = True
    asked: str = ""
    stale: bool = False  # showed too long ago that it is them


def everyone(world: World) -> list[Principal]:
    """All principals, those of the small walk first."""
    systems = {word: side.system for word, side in world.sides.items()}
    scopes: tuple[tuple[str, tuple[str, ...], System | None], ...] = (
        ("here", (OURS,), systems[OURS]),
        ("everywhere", (OURS, THEIRS), None),
        ("there", (THEIRS,), systems[THEIRS]),
    )
    found = [anonymous()]
    for where, words, system in scopes:
        for role in Role:
            if role == Role.ADMINISTRATOR:
                continue  # they look after the whole installation, and come last: with two, roles wait for the second
            person = made(world, f"{role.value}.{where}", [role], system)
            found.append(signed(f"{role.value} {where}", person, dict.fromkeys(words, LETTERS[role])))
    asker = world.sides[OURS].asker
    found.append(signed("asker of everything", asker, {OURS: "ROMEA"}, asked=OURS))
    found.append(stale(world))
    found.append(program(world))
    found.append(signed("stranger", made(world, "stranger", [], None), {}))
    found.append(signed("expired", timed(world, "expired", -20, -1), {}))
    found.append(signed("not yet", timed(world, "future", 1, 20), {}))
    found.append(gone(world))
    administrator = made(world, "administrator", [Role.ADMINISTRATOR], None)
    found.append(signed("administrator everywhere", administrator, {OURS: "X", THEIRS: "X"}))
    heavy = [Role.SYSTEM_OWNER, Role.MANAGER, Role.ADMINISTRATOR]
    found.append(signed("nobody confirmed", made(world, "unconfirmed", heavy, None), {}))
    root = User.objects.create_superuser("root@matrix.example", name="Matrix root")
    found.append(signed("superuser without a role", root, {}))
    return found


def anonymous() -> Principal:
    """Nobody."""
    return Principal("anonymous", Client(), {}, signed_in=False)


def made(world: World, name: str, roles: list[Role], system: System | None) -> User:
    """A person with these roles since long ago; auditors since yesterday, as they are let in for a time."""
    at = timezone.now() - timedelta(days=1) if Role.AUDITOR in roles else LONG_AGO
    return accounts.make_person(
        f"{name}@matrix.example", f"Matrix {name}", roles=roles, system=system, by=world.people.alex, at=at
    )


def timed(world: World, name: str, start: int, end: int) -> User:
    """A person who holds every role of our system from and until so many days from now."""
    person, now = made(world, name, [], None), timezone.now()
    for role in ALL_BUT_ADMINISTRATOR:
        accounts.grant(
            person, role, system=world.sides[OURS].system, until=now + timedelta(days=end), by=world.people.alex,
            at=now + timedelta(days=start) if start < 0 else LONG_AGO,
        )  # fmt: skip
    if start > 0:
        person.role_grants.update(valid_from=now + timedelta(days=start))
    return person


def program(world: World) -> Principal:
    """A program with a token for both systems: pages are for people, to them it is nobody."""
    header = {"Authorization": f"Bearer {world.sides[OURS].things['bearer']}"}
    return Principal("service token", Client(headers=header), {}, signed_in=False)


def stale(world: World) -> Principal:
    """An owner and manager of both systems who showed an hour ago that it is them."""
    person = made(world, "stale", [Role.SYSTEM_OWNER, Role.MANAGER], None)
    principal = signed("owner and manager an hour later", person, {OURS: "OM", THEIRS: "OM"})
    principal.stale = True
    session = SessionStore(principal.client.cookies["sessionid"].value)
    session[METHODS] = [record | {"at": record["at"] - 3600} for record in session[METHODS]]
    session.save()
    return principal


def gone(world: World) -> Principal:
    """Somebody who held every role everywhere, and was deactivated while signed in."""
    person = made(world, "gone", list(ALL_BUT_ADMINISTRATOR), None)
    principal = signed("deactivated", person, {})
    accounts.deactivate(person, by=world.people.alex)
    principal.signed_in = False
    return principal


def signed(name: str, person: User, held: dict[str, str], asked: str = "") -> Principal:
    """A principal with a session in which they confirmed a moment ago that it is them."""
    client = Client()
    client.cookies["sessionid"] = cookie(person)
    return Principal(name, client, held, asked=asked)
