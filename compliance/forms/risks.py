"""The forms of accepted risks: asking, deciding, revoking."""

from __future__ import annotations

from datetime import date

from django import forms
from django.utils import timezone

from compliance.actions.risks import LONGEST
from compliance.models import RiskAcceptance


class RiskForm(forms.Form):
    """What is to be left open until when, how it is rated, why, and what holds instead."""

    ends_on = forms.DateField(
        label="Until", widget=forms.DateInput(attrs={"type": "date"}), help_text="At most a year from today."
    )
    rating = forms.ChoiceField(label="Rating", choices=RiskAcceptance.Rating.choices)
    reason = forms.CharField(label="Why it is to be left open", widget=forms.Textarea(attrs={"rows": 3}))
    alternate_control = forms.CharField(label="What holds instead", widget=forms.Textarea(attrs={"rows": 3}))
    plan = forms.CharField(
        label="Plan of action", max_length=60, required=False, help_text="Its number in your plan of action, if any."
    )

    def clean_ends_on(self) -> date:
        """A day to come, and not for ever."""
        until: date = self.cleaned_data["ends_on"]
        today = timezone.localdate()
        if not today < until <= today + LONGEST:
            raise forms.ValidationError("Choose a day to come, at most a year from today.")
        return until


class DecideRiskForm(forms.Form):
    """The decision of the authorising officer."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=[("accept", "Accept the risk until that day"), ("refuse", "Do not accept it")],
        widget=forms.RadioSelect,
    )
    because = forms.CharField(
        label="Decision note",
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        help_text="Kept in the record. A no needs a reason.",
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)
