"""The forms of a review."""

from __future__ import annotations

from calendar import day_name
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from compliance.models import System, User
from reviews.models import Decision, Review


def offer(form: forms.Form, name: str, people: QuerySet[User]) -> None:
    """Offers these people in a field."""
    field = form.fields[name]
    if isinstance(field, forms.ModelChoiceField):
        field.queryset = people


def colleagues() -> QuerySet[User]:
    """Everybody who holds a role."""
    return User.objects.here().filter(role_grants__isnull=False).distinct().order_by("name")


class DecisionForm(forms.Form):
    """What was decided on an item, and what was said."""

    what = forms.ChoiceField(label="Decision", choices=[("", "— none yet —"), *Decision.What.choices], required=False)
    note = forms.CharField(label="Minutes", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    until = forms.DateField(label="Until", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """An accepted risk needs its end, still to come. Words without a decision are kept, and decide nothing."""
        cleaned = super().clean() or {}
        until = cleaned.get("until")
        accepts = cleaned.get("what") == Decision.What.ACCEPT and "until" not in self.errors
        if accepts and (until is None or until < timezone.localdate()):
            self.add_error("until", "Say until when the risk is accepted: a day to come.")
        return cleaned


class AttendeesForm(forms.Form):
    """Who is here."""

    people = forms.ModelMultipleChoiceField(
        label="Who is here", queryset=User.objects.none(), widget=forms.CheckboxSelectMultiple, required=False
    )

    def __init__(self, *args: Any, review: Review, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "people", colleagues())
        self.fields["people"].initial = list(review.attendees.filter(present=True).values_list("person_id", flat=True))


class ActionForm(forms.Form):
    """Something somebody undertakes to do."""

    text = forms.CharField(label="Action", max_length=300)
    owner = forms.ModelChoiceField(label="Who", queryset=User.objects.none())
    due = forms.DateField(label="By when", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "owner", colleagues())


class SignForm(forms.Form):
    """Who signs the minutes beside the chair."""

    second = forms.ModelChoiceField(
        label="Signed also by",
        queryset=User.objects.none(),
        help_text="Somebody who was present, and is not the chair.",
    )
    notes = forms.CharField(
        label="Anything else that was said", required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, *args: Any, review: Review, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        present = review.attendees.filter(present=True).values("person_id")
        offer(self, "second", User.objects.filter(pk__in=present).exclude(pk=review.chair_id))


class NothingForm(forms.Form):
    """A confirmation with nothing to fill in; the hidden field makes an empty click a bound form."""

    sure = forms.CharField(widget=forms.HiddenInput, initial="yes")


class ScheduleForm(forms.Form):
    """When a system is reviewed each month, and who chairs it."""

    system = forms.ModelChoiceField(label="System", queryset=System.objects.none())
    chair = forms.ModelChoiceField(label="Chair", queryset=User.objects.here())
    week = forms.TypedChoiceField(
        label="Week",
        coerce=int,
        choices=[(1, "First"), (2, "Second"), (3, "Third"), (4, "Fourth"), (5, "Last")],
        initial=3,
    )
    weekday = forms.TypedChoiceField(label="Day", coerce=int, choices=list(enumerate(day_name)), initial=2)
    hour = forms.IntegerField(label="Hour of the day", min_value=0, max_value=23, initial=10)

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = System.objects.for_user(person)  # type: ignore[attr-defined]
