"""The forms about a finding."""

from __future__ import annotations

from datetime import date, timedelta

from django import forms
from django.utils import timezone

LONGEST = timedelta(days=366)


class AcknowledgeForm(forms.Form):
    """A note on who looks after it."""

    because = forms.CharField(
        label="Note", widget=forms.Textarea(attrs={"rows": 3}), help_text="Who looks after it, and by when?"
    )


class AcceptForm(forms.Form):
    """Accepting a risk: until when, how it is rated, and what holds instead."""

    until = forms.DateField(
        label="Until", widget=forms.DateInput(attrs={"type": "date"}), help_text="At most a year from today."
    )
    rating = forms.ChoiceField(label="Rating", choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")])
    alternate_control = forms.CharField(label="What holds instead", widget=forms.Textarea(attrs={"rows": 3}))

    def clean_until(self) -> date:
        """A day to come, and not for ever."""
        until: date = self.cleaned_data["until"]
        today = timezone.localdate()
        if not today < until <= today + LONGEST:
            raise forms.ValidationError("Choose a day to come, at most a year from today.")
        return until
