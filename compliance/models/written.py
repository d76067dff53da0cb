"""Text of a row as a search looks through it, kept by the database itself beside what it was made from.

Generated columns: no verb writes them and none can forget to. To look through a hundred thousand rows, PostgreSQL would
otherwise turn the JSON of each into text and into capital letters, which takes five times as long as comparing it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Concat, Lower

NOTHING_BESIDE = ("", "[]")
TEXT = models.TextField()


def written(*names: str) -> models.GeneratedField:
    """A column with the text of these fields in small letters, JSON as the database writes it."""
    blank = Value(" ", output_field=TEXT)
    parts = [part for name in names for part in (Coalesce(Cast(F(name), TEXT), blank, output_field=TEXT), blank)]
    text = Lower(Concat(*parts, output_field=TEXT))
    return models.GeneratedField(expression=text, output_field=models.TextField(), db_persist=True)


def named_beside() -> models.GeneratedField:
    """A column with whom a material names other than as its two ends: what it goes by, or the clients of a share."""
    none = Value("", output_field=TEXT)
    parts = [Coalesce(KeyTextTransform(key, "material"), none, output_field=TEXT) for key in ("via", "clients")]
    text = Concat(*parts, output_field=TEXT)
    return models.GeneratedField(expression=text, output_field=models.TextField(), db_persist=True)


def says(path: str, words: str) -> Q:
    """Rows whose `written` column at that path holds the words, whatever their capitals; in JSON also as escaped."""
    forms = dict.fromkeys((words, json.dumps(words)[1:-1]))
    found = Q()
    for form in forms:
        found |= Q(**{f"{path}__contains": Lower(Value(form))})
    return found


def names_beside(names: Iterable[str]) -> Q:
    """Rows that may name one of these beside their ends (SQLite takes no notice of capitals): look at what is found."""
    found = Q(pk__in=())
    for form in dict.fromkeys(json.dumps(name, ensure_ascii=ascii) for name in names for ascii in (False, True)):
        found |= Q(beside__contains=form)
    return found & ~Q(beside__in=NOTHING_BESIDE)
