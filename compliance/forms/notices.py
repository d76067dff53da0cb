"""How one is told: a choice for each kind of notice."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.models import How, Notice


class NoticesForm(forms.Form):
    """A way for each kind; every message stands in Eastwest in any case."""

    def __init__(self, *args: Any, ways: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in Notice:
            start = ways.get(kind.value, How.AT_ONCE)
            self.fields[kind.value] = forms.ChoiceField(label=kind.label, choices=How.choices, initial=start)

    def ways(self) -> dict[str, str]:
        """What was chosen, by kind."""
        return {kind: str(self.cleaned_data[kind]) for kind in Notice.values}
