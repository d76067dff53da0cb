"""The form of a service token."""

from __future__ import annotations

from datetime import date, timedelta

from django import forms
from django.utils import timezone

from compliance.forms.several import SeveralField
from compliance.models import Role, System
from compliance.models.tokens import LONGEST, SERVICE_ROLES


class TokenForm(forms.Form):
    """Which program, what it may, where and until when."""

    name = forms.CharField(label="Name", max_length=80, help_text="Which program uses it, and for what.")
    roles = forms.MultipleChoiceField(
        label="Roles",
        choices=[(role.value, Role(role).label) for role in SERVICE_ROLES],
        widget=forms.CheckboxSelectMultiple,
        help_text="A program asks, carries out and reads. It never approves, decides or manages.",
    )
    systems = SeveralField(
        label="For which systems",
        queryset=System.objects.all(),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None chosen: all systems.",
    )
    until = forms.DateField(
        label="Last day", widget=forms.DateInput(attrs={"type": "date"}), help_text="At most a year from today."
    )

    def clean_until(self) -> date:
        """A day to come, within a year."""
        until: date = self.cleaned_data["until"]
        today = timezone.localdate()
        if not today <= until < today + LONGEST - timedelta(days=1):
            raise forms.ValidationError("Choose a day to come, at most a year from today.")
        return until
