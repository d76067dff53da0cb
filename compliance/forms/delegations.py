"""The forms of delegation and of a system's stages."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.actions.stages import MOST
from compliance.models import Delegation, System, User


class DelegationForm(forms.Form):
    """Who decides in one's place, for what, until when and why."""

    capacity = forms.ChoiceField(label="As", choices=Delegation.Capacity.choices)
    system = forms.ModelChoiceField(label="Of which system", queryset=System.objects.none())
    to = forms.ModelChoiceField(
        label="Who decides in your place",
        queryset=User.objects.filter(is_active=True, is_superuser=False),
        help_text="Somebody who works with the system, and is no administrator or auditor.",
    )
    until = forms.DateField(
        label="Until and with",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="It begins now, lasts 92 days at most, and ends by itself.",
    )
    because = forms.CharField(label="Why", widget=forms.Textarea(attrs={"rows": 2}), help_text="Leave, for example.")

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        theirs = System.objects.for_user(person) | person.systems_authorised.all()
        self.fields["system"].queryset = theirs.distinct()  # type: ignore[attr-defined]


class StagesForm(forms.Form):
    """The further stages of a system, in their order: a title each, and who decides."""

    because = forms.CharField(
        label="Why it changes", widget=forms.Textarea(attrs={"rows": 2}), help_text="Kept in the ledger."
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = {}
        for number in range(1, MOST + 1):
            fields[f"title{number}"] = forms.CharField(
                label=f"Stage {number + 1}", max_length=60, required=False, help_text="Security officer, for example."
            )
            fields[f"person{number}"] = forms.ModelChoiceField(
                label=f"Who decides in stage {number + 1}",
                queryset=User.objects.filter(is_active=True, is_superuser=False),
                required=False,
                empty_label="The system's authorising officer",
            )
        self.fields = {**fields, **self.fields}

    def stages(self) -> list[tuple[str, User | None]]:
        """The stages that were typed, in order; a blank title is no stage."""
        said = self.cleaned_data
        rows = [(said[f"title{number}"], said[f"person{number}"]) for number in range(1, MOST + 1)]
        return [(title.strip(), person) for title, person in rows if title.strip()]

    def seen_ids(self) -> list[int]:
        """The stages that stood when the page was opened."""
        return [int(word) for word in self.cleaned_data["seen"].split(",") if word.isdecimal()]
