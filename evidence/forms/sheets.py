"""The forms about test sheets."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.models import System
from evidence.actions.sheets import MOST, Plan
from evidence.sheet_script import MOST_BYTES


def moment_field(label: str) -> forms.DateTimeField:
    """A moment in the installation's time zone."""
    widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
    return forms.DateTimeField(label=label, widget=widget)


class SheetForm(forms.Form):
    """What is tried, from when to when, and why."""

    system = forms.ModelChoiceField(label="System", queryset=System.objects.none())
    authorised = forms.IntegerField(label="Authorised pairs", min_value=0, max_value=MOST, initial=20)
    others = forms.IntegerField(label="Pairs nobody authorised", min_value=0, max_value=MOST, initial=40)
    seed = forms.CharField(
        label="Seed", max_length=100, help_text="A word of the assessor's, if there is one: it chooses the pairs.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    window_from = moment_field("From")
    window_to = moment_field("Until")
    because = forms.CharField(label="Why", max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, systems: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = System.objects.filter(pk__in=systems)  # type: ignore[attr-defined]

    def plan(self) -> Plan:
        """What the verb takes."""
        said = self.cleaned_data
        return Plan(
            said["seed"], said["authorised"], said["others"], said["window_from"], said["window_to"], said["because"]
        )


class DecideForm(forms.Form):
    """Whether the test may happen."""

    decision = forms.ChoiceField(
        label="May it be run in its window?",
        choices=[("approve", "Yes: these hosts may open these connections then"), ("refuse", "No")],
        widget=forms.RadioSelect,
    )
    because = forms.CharField(label="Note", max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))


class ResultForm(forms.Form):
    """What the script of one host printed."""

    host = forms.ChoiceField(label="Host")
    file = forms.FileField(label="What its script printed")

    def __init__(self, *args: Any, hosts: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["host"].choices = [(name, name) for name in hosts]  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        """Not more than such a script prints."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError("It is much larger than what the script prints.")
        return file
