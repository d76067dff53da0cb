"""Several rows chosen by their numbers."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

DIGITS: Final = 18  # as many as every number has that a database takes


class SeveralField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # it takes none when it runs
    """A choice of several rows; a number larger than any row can have is no choice, and no error of the database."""

    def clean(self, value: Any) -> Any:
        """The rows, as Django gives them. Raises ValidationError."""
        for each in value if isinstance(value, (list, tuple)) else ():
            if len(str(each).strip().lstrip("+-0_")) > DIGITS:
                shown = {"value": str(each)[:40]}
                raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice", params=shown)
        return super().clean(value)
