"""Operations of migrations: one that makes many tables at once, and statements for PostgreSQL alone.

Django draws up every model that hangs together with a changed one after each step of a migration, and ours all hang
together: 333 steps took 30 s of processor time, in front of whoever started Eastwest for the first time and of every
test run. `Tables` draws them up once. Installations that have gone the old way stay on it (`replaces`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

SHAPES = (AddConstraint, AddField, AddIndex)


class Tables(Operation):
    """Makes the tables of all `CreateModel` among the steps, as they are after the last step.

    The other steps (fields, constraints and indexes of these models) say what belongs to the tables and run no
    statement of their own. Raises TypeError for a step of another kind.
    """

    def __init__(self, steps: Sequence[Operation]) -> None:
        self.steps = tuple(steps)
        for step in self.steps:
            if not isinstance(step, (CreateModel, *SHAPES)):
                raise TypeError(f"{type(step).__name__} is not part of a table that is only being made.")

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """All steps, without a model being drawn up: whoever asks for one next has all drawn up, once."""
        state.clear_delayed_apps_cache()
        state.__dict__.pop("apps", None)
        for step in self.steps:
            step.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """The tables, each with everything."""
        for model in self._models(app_label, schema_editor, to_state):
            schema_editor.create_model(model)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Takes the tables away, the last made first."""
        for model in reversed(self._models(app_label, schema_editor, from_state)):
            schema_editor.delete_model(model)

    def _models(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: Any) -> list[Any]:
        made = [state.apps.get_model(app_label, step.name) for step in self.steps if isinstance(step, CreateModel)]
        return [model for model in made if self.allow_migrate_model(schema_editor.connection.alias, model)]

    def describe(self) -> str:
        """What `migrate` says."""
        return f"Make {sum(isinstance(step, CreateModel) for step in self.steps)} tables"


class OnPostgreSQL(Operation):
    """Statements that PostgreSQL alone is given, and those that take back what they did; no model is drawn up."""

    def __init__(self, orders: Sequence[str], back: Sequence[str]) -> None:
        self.orders = tuple(orders)
        self.back = tuple(back)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Django knows nothing of what is made so."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """The statements, in their order."""
        self._run(self.orders, schema_editor)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Those that take it back."""
        self._run(self.back, schema_editor)

    def _run(self, orders: Sequence[str], schema_editor: BaseDatabaseSchemaEditor) -> None:
        if schema_editor.connection.vendor == "postgresql":
            for order in orders:
                schema_editor.execute(order)

    def describe(self) -> str:
        """What `migrate` says."""
        return f"Give PostgreSQL {len(self.orders)} statements"
