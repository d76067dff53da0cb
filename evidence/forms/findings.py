"""The forms about a finding."""

from __future__ import annotations

from django import forms


class AcknowledgeForm(forms.Form):
    """A note on who looks after it."""

    because = forms.CharField(
        label="Note", widget=forms.Textarea(attrs={"rows": 3}), help_text="Who looks after it, and by when?"
    )
