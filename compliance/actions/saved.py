"""Saving the filters of a list for oneself, and forgetting them."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve

from compliance.errors import Refused
from compliance.models import SavedFilter, User

MOST: Final = 50  # a person saves for all lists together: more than that nobody finds again


def keep(person: User, *, path: str, query: str, name: str) -> SavedFilter:
    """Keeps the filters under a name; the same name again takes the new ones. Raises Refused for what is no list."""
    label = " ".join(name.split())[:60]
    if not label:
        raise Refused("It was not saved.", "It has no name.", "Give it a short name.")
    if not query or len(query) > 1000:
        raise Refused("It was not saved.", "Nothing is filtered, or far too much.", "Filter the list first.")
    if not is_a_list(path):
        raise Refused("It was not saved.", "That is no list of Eastwest.", "Save it from the list itself.")
    known = SavedFilter.objects.filter(person=person)
    if known.count() >= MOST and not known.filter(path=path, name=label).exists():
        raise Refused("It was not saved.", f"You keep {MOST} already.", "Forget one first.")
    row, _ = SavedFilter.objects.update_or_create(person=person, path=path, name=label, defaults={"query": query})
    return row


def is_a_list(path: str) -> bool:
    """Whether a path is one of our own pages, and nothing that leads elsewhere."""
    parts = urlsplit(path)
    if path != parts.path or not path.startswith("/") or path.startswith("//") or len(path) > 200:
        return False
    try:
        return not resolve(path).kwargs.get("number")
    except Resolver404:
        return False


def forget(person: User, number: int) -> str:
    """Takes a saved filter of one's own away. Gives the path of its list, "" where there was none."""
    row = SavedFilter.objects.filter(person=person, pk=number).first()
    if row is None:
        return ""
    row.delete()
    return row.path
