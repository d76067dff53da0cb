"""What somebody is responsible for, line by line: what each room says of it (settings.CHARGES names the modules)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string

from compliance.models import User

Choice = Literal["required", "optional", "stays"]


class Charge(NamedTuple):
    """One line. `key` is unique ("owner:3"); `choice`: a successor must, may, or cannot be named; `note` says why."""

    key: str
    what: str
    text: str
    url: str
    choice: Choice
    note: str = ""


class Keeper(NamedTuple):
    """A room's two functions: what a person holds there, and passing one of it on."""

    held: Any
    pass_on: Any


def keepers() -> list[Keeper]:
    """Of each room, in the order in which things are passed on."""
    return [Keeper(import_string(f"{path}.held"), import_string(f"{path}.pass_on")) for path in settings.CHARGES]


def charges(person: User, at: datetime) -> list[Charge]:
    """Everything this person is responsible for at that moment."""
    return [charge for keeper in keepers() for charge in keeper.held(person, at)]
