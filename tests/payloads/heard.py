"""Which names a view asks a request for, and which forms read them: noted while the application runs.

What is filled with payloads is derived from this, so that a new form and a new field are met without being listed.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

ROOMS: Final = ("compliance", "evidence", "reviews")
NOBODYS: Final = frozenset({"csrfmiddlewaretoken", "_method"})  # asked by Django itself


@dataclass
class Heard:
    """What was asked since `begin`."""

    texts: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    forms: list[forms.BaseForm] = field(default_factory=list)

    def begin(self) -> None:
        """Forgets."""
        self.texts, self.files, self.forms = set(), set(), []

    def note(self, asked: Any, name: object) -> None:
        """A name that was asked of a request's fields or of its files. (The resolver of addresses asks such a
        dictionary as well: of what is no file.)
        """
        if not isinstance(name, str) or name in NOBODYS:
            return
        if isinstance(asked, QueryDict):
            self.texts.add(name)
        elif all(isinstance(one, UploadedFile) for rows in dict.values(asked) for one in rows):
            self.files.add(name)


@contextmanager
def listening() -> Iterator[Heard]:
    """Notes every name asked of a request and every form of ours that is cleaned, in here."""
    heard, clean = Heard(), forms.BaseForm.full_clean
    before = {name: getattr(MultiValueDict, name) for name in ("get", "getlist", "__getitem__")}

    def noting(whole: Callable[..., Any]) -> Callable[..., Any]:
        def ask(asked: Any, name: Any, *rest: Any, **more: Any) -> Any:
            heard.note(asked, name)
            return whole(asked, name, *rest, **more)

        return ask

    def cleaned(form: forms.BaseForm) -> None:
        clean(form)
        if form.is_bound and is_ours(type(form)):
            heard.forms.append(form)

    for name, whole in before.items():
        setattr(MultiValueDict, name, noting(whole))
    forms.BaseForm.full_clean = cleaned  # type: ignore[method-assign]
    try:
        yield heard
    finally:
        for name, whole in before.items():
            setattr(MultiValueDict, name, whole)
        forms.BaseForm.full_clean = clean  # type: ignore[method-assign]


def is_ours(form: type[Any]) -> bool:
    """Whether a form belongs to the application."""
    return form.__module__.partition(".")[0] in ROOMS


def named(form: type[Any]) -> str:
    """A form as it stands in reports."""
    return f"{form.__module__}.{form.__qualname__}"


def form_classes() -> set[str]:
    """Every form of the three rooms that a person can meet: those that others only build on are none."""
    for room in ROOMS:
        module = importlib.import_module(f"{room}.forms")
        for each in pkgutil.iter_modules(getattr(module, "__path__", [])):
            importlib.import_module(f"{room}.forms.{each.name}")
    waiting: list[type[Any]] = [forms.BaseForm]
    found = set()
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            built_on = any(is_ours(one) for one in each.__subclasses__())
            if is_ours(each) and not built_on:
                found.add(named(each))
    return found
