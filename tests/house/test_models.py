"""What import rules cannot see: foreign keys are strings, and migrations are files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import models

ORDER = {"compliance": 0, "evidence": 1, "reviews": 2}


def relations() -> Iterator[tuple[type[models.Model], models.Field[object, object]]]:
    """Every foreign key, one-to-one and many-to-many of our own models."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label in ORDER:
            for field in model._meta.get_fields():
                if isinstance(field, (models.ForeignKey, models.ManyToManyField)):
                    yield model, field


def test_foreign_keys_point_down() -> None:
    upward = [
        f"{model._meta.label}.{field.name} → {field.related_model._meta.label}"
        for model, field in relations()
        if ORDER.get(field.related_model._meta.app_label, -1) > ORDER[model._meta.app_label]
    ]
    assert upward == []


def test_people_are_never_deleted_with_what_they_did() -> None:
    """A key to a person is PROTECT: people are deactivated, their records stay."""
    person = get_user_model()
    loose = [
        f"{model._meta.label}.{field.name}"
        for model, field in relations()
        if isinstance(field, models.ForeignKey)
        and field.related_model is person
        and not model._meta.auto_created
        and field.remote_field.on_delete is not models.PROTECT
    ]
    assert loose == []


def test_nothing_is_looked_up_in_a_room_that_holds_no_models() -> None:
    assert {model._meta.app_label for model in apps.get_models()} >= set(ORDER)


@pytest.mark.django_db
def test_the_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
