"""The register as code: the file, whose system it is where it says none, and whether the rest is to go."""

from __future__ import annotations

from typing import Any

from django import forms


class PlanForm(forms.Form):
    """A register file to be compared with what stands."""

    file = forms.FileField(label="Register file", help_text="YAML, as `./run manage register` writes it.")
    system = forms.ChoiceField(
        label="System of what the file gives to none", required=False, help_text="Its owner decides on it."
    )
    remove = forms.BooleanField(
        label="Ask for the removal of what the file does not name",
        required=False,
        help_text="Of the systems you see. Only where the file is meant to be all of it.",
    )

    def __init__(self, *args: Any, systems: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["system"]
        field.choices = [("", "— none —"), *((name, name) for name in systems)]


class ApplyForm(forms.Form):
    """Exactly the plan that was read."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
