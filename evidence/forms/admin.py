"""The form of an attested log-in."""

from __future__ import annotations

from django import forms


class AttestLoginForm(forms.Form):
    """How one logs in, and when that was looked at."""

    says = forms.CharField(
        label="How one logs in",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For example: key and a code from the phone; passwords are refused.",
    )
    seen_on = forms.DateField(label="Looked at on", widget=forms.DateInput(attrs={"type": "date"}))
