"""The forms of a campaign."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from compliance.forms.several import SeveralField
from compliance.models import System, User, Zone
from compliance.models.estate import day_of
from compliance.permissions import may
from reviews.models import Campaign


class CampaignForm(forms.Form):
    """What it is called, whose connections it is about, which of them, and by when."""

    title = forms.CharField(label="What is it called?", max_length=120, help_text="As its owners read it: Spring 2027.")
    systems = SeveralField(
        label="Systems", queryset=System.objects.none(), widget=forms.CheckboxSelectMultiple,
        help_text="The owner of each decides on what is authorised for it.",
    )  # fmt: skip
    which = forms.ChoiceField(
        label="Which connections and shares?", choices=Campaign.Which.choices, widget=forms.RadioSelect, initial="all"
    )
    before = forms.DateField(
        label="To be reviewed by", required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="Only for those to be reviewed by a day.",
    )  # fmt: skip
    zone = forms.ModelChoiceField(
        label="Zone", required=False, queryset=Zone.objects.none(), help_text="Only for those with an end in a zone."
    )
    due = forms.DateField(
        label="Decided by", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="Owners are reminded 14, 7 and 1 day ahead, and when it is past.",
    )  # fmt: skip

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = [one.pk for one in System.objects.for_user(person) if may(person, "start_campaign", one) is None]
        self.fields["systems"].queryset = System.objects.filter(pk__in=mine)  # type: ignore[attr-defined]
        self.fields["zone"].queryset = Zone.objects.for_user(person)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The day or the zone where it is about one; its own day is to come."""
        given = super().clean() or {}
        if given.get("which") == "due" and not given.get("before") and "before" not in self.errors:
            self.add_error("before", "Say by which day they are to be reviewed.")
        if given.get("which") == "zone" and not given.get("zone") and "zone" not in self.errors:
            self.add_error("zone", "Choose the zone.")
        due = given.get("due")
        if due is not None and due <= day_of(timezone.now()):
            self.add_error("due", "Name a day to come.")
        return given


class CloseForm(forms.Form):
    """Why it is closed, where somebody has not decided."""

    because = forms.CharField(
        label="Why is it closed?", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Needed where something is not decided: it stands in the result as not decided.",
    )  # fmt: skip
