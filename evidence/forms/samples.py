"""The form of the page of samples."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from compliance.models import System, User
from evidence.forms.packs import months
from evidence.packs.sections.sampling import POPULATIONS

MOST = 100


class SampleForm(forms.Form):
    """What is drawn from, how many, and the seed."""

    population = forms.ChoiceField(label="Draw from")
    month = forms.ChoiceField(label="Period")
    system = forms.ModelChoiceField(
        label="System", queryset=System.objects.none(), required=False, empty_label="All systems"
    )
    size = forms.IntegerField(label="How many", min_value=1, max_value=MOST, initial=15)
    seed = forms.CharField(
        label="Seed",
        max_length=100,
        help_text="Any word of your own, thought of now: whoever does not know it cannot prepare the rows it chooses.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = System.objects.for_user(person)  # type: ignore[attr-defined]
        self.fields["month"].choices = months(timezone.localdate())  # type: ignore[attr-defined]
        self.fields["population"].choices = [  # type: ignore[attr-defined]
            (name, one.label) for name, one in POPULATIONS.items()
        ]
