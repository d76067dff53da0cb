"""The forms of frameworks: bringing a release, and saying how a control stands."""

from __future__ import annotations

from django import forms

from compliance.models import ControlStatement


class ReleaseForm(forms.Form):
    """The publisher's file."""

    file = forms.FileField(
        label="OSCAL catalogue (JSON)",
        help_text="ASD gives out the Information Security Manual so, NIST its SP 800-53. Nothing is fetched from here.",
    )


class StatementForm(forms.Form):
    """A status, and what it rests on."""

    status = forms.ChoiceField(label="How it stands", choices=ControlStatement.Status.choices, widget=forms.RadioSelect)
    comment = forms.CharField(
        label="What it rests on", widget=forms.Textarea(attrs={"rows": 4}), max_length=4000,
        help_text="Printed as you write it, with your name and the day.",
    )  # fmt: skip
