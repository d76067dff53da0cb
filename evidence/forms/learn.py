"""One decision for a group of connections that run today: why, how it is rated, what holds instead, until when."""

from __future__ import annotations

from datetime import date

from django import forms
from django.utils import timezone

from compliance.actions.risks import BASELINE
from compliance.models import RiskAcceptance


class LearnForm(forms.Form):
    """What the owner says of the whole group."""

    business_need = forms.CharField(
        label="What stops working without it", widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For all of the group. Each connection is asked about again before the day below.",
    )  # fmt: skip
    security_implications = forms.CharField(
        label="What it means for security", widget=forms.Textarea(attrs={"rows": 3})
    )
    alternate_control = forms.CharField(
        label="What holds until each is decided on", widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For example: host firewalls hold all else out, and logs are looked at weekly.",
    )  # fmt: skip
    rating = forms.ChoiceField(label="Rating of the risk", choices=RiskAcceptance.Rating.choices)
    ends_on = forms.DateField(
        label="Until", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="At most six months from today. After it none of this is authorised, unless it was justified.",
    )  # fmt: skip

    def clean_ends_on(self) -> date:
        """A day to come, within six months."""
        until: date = self.cleaned_data["ends_on"]
        today = timezone.localdate()
        if not today < until <= today + BASELINE:
            raise forms.ValidationError("Choose a day to come, at most six months from today.")
        return until
