"""Who sees what: the one way a query is limited to a person's systems."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import Q

from compliance.models.people import User

Row = TypeVar("Row", bound=models.Model, covariant=True)


class Scoped(models.QuerySet[Row]):
    """A queryset that knows the path from its rows to their system. `for_user` is the only way pages query."""

    system_paths: ClassVar[tuple[str, ...]] = ("system",)

    def for_user(self, person: Any) -> Self:
        """The rows of the systems in which the person holds a role; rows of no system for all who hold one."""
        if not isinstance(person, User):
            return self.none()
        systems = person.system_ids()
        if systems is None:
            return self
        return self.of_systems(systems) if systems else self.none()

    def of_systems(self, systems: Collection[int]) -> Self:
        """The rows of these systems, by `system_paths`; what finds them another way says so here."""
        wanted = Q()
        for path in self.system_paths:
            wanted |= Q(**{f"{path}__in": systems})
        return self.filter(wanted).distinct() if len(self.system_paths) > 1 else self.filter(wanted)


def each_once(
    rows: Iterable[Row], *names: str, only: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> list[Row]:
    """The rows with what these foreign keys lead to, read once each: many rows name the same few.

    `only`: the columns that are needed of what a key leads to; of others all are read. Not by prefetch_related: each
    key would be a parameter of its own (compliance/models/among.py).
    """
    listed = list(rows)
    for name in names:
        wanted = {key for row in listed if (key := getattr(row, f"{name}_id")) is not None}
        if not wanted:
            continue
        model = listed[0]._meta.get_field(name).related_model
        rows_there = model._base_manager.filter(pk__among=wanted)  # type: ignore[union-attr]
        rows_there = rows_there.only(*only[name]) if name in only else rows_there
        found = {one.pk: one for one in rows_there}
        for row in listed:
            if (key := getattr(row, f"{name}_id")) is not None:
                setattr(row, name, found[key])
    return listed
