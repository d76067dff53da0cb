"""The forms about a finding."""

from __future__ import annotations

from django import forms

from compliance.forms.bulk import EachForm


class AcknowledgeForm(forms.Form):
    """A note on who looks after it."""

    because = forms.CharField(
        label="Note", widget=forms.Textarea(attrs={"rows": 3}), help_text="Who looks after it, and by when?"
    )


class AcknowledgeEachForm(EachForm):
    """A note for all of them, or one for each."""

    field_order = ("because",)


class RemovalForm(forms.Form):
    """By when it is to be switched off, and why nobody needs it."""

    due = forms.DateField(label="To be off by", widget=forms.DateInput(attrs={"type": "date"}))
    because = forms.CharField(
        label="Why nobody needs it", widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept in the record."
    )
