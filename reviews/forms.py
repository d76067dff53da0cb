"""The forms of a review."""

from __future__ import annotations

from calendar import day_name
from datetime import date
from typing import Any, Final

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from compliance.forms.several import SeveralField
from compliance.models import System, User
from reviews.calendar import DAYS, LAST_WEEK, problem
from reviews.models import AgendaItem, Decision, Review, ReviewSchedule
from reviews.steps import asks_to_keep, offered

HOW: Final = {
    "monthly": "Monthly, on a weekday",
    "monthly_date": "Monthly, on a date",
    "quarterly": "Quarterly, on a weekday",
    "fortnightly": "Every two weeks",
    "weekly": "Every week",
    "rule": "By a rule",
}
LAST_DAY: Final = 31
SAID: Final = ("week", "weekday", "hour", "minute", "time_zone", "quorum")


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

    what = forms.ChoiceField(label="Decision", required=False)
    note = forms.CharField(label="Minutes", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    until = forms.DateField(label="Until", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, item: AgendaItem, **kwargs: Any) -> None:
        row: Decision | None = getattr(item, "decision", None)
        kwargs["initial"] = {"what": row.what, "note": row.note, "until": row.until} if row else None
        super().__init__(*args, **kwargs)
        words = dict(Decision.What.choices)
        values = [row.what] if row and row.outcome else dict.fromkeys([*offered(item), *([row.what] if row else [])])
        none = [] if row and row.outcome else [("", "— none yet —")]
        field = self.fields["what"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [*none, *((value, words[value]) for value in values if value)]
        if "accept" not in values and not asks_to_keep(item):
            del self.fields["until"]

    def clean(self) -> dict[str, Any]:
        """An accepted risk needs its end, still to come. Words without a decision are kept, and decide nothing."""
        cleaned = super().clean() or {}
        until = cleaned.setdefault("until", None)
        accepts = cleaned.get("what") == Decision.What.ACCEPT and "until" not in self.errors
        if accepts and (until is None or until < timezone.localdate()):
            self.add_error("until", "Say until when the risk is accepted: a day to come.")
        return cleaned


class BecauseForm(forms.Form):
    """The reason of a change record."""

    because = forms.CharField(label="Why", widget=forms.Textarea(attrs={"rows": 3}))


class KeepForm(BecauseForm):
    """The reason, and the day by which somebody looks at it again."""

    until = forms.DateField(
        label="To be looked at again by", widget=forms.DateInput(attrs={"type": "date"}), help_text="Within a year."
    )


class AttendeesForm(forms.Form):
    """Who is here."""

    people = SeveralField(
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
    """What else was said, before the chair signs."""

    notes = forms.CharField(
        label="Anything else that was said", required=False, widget=forms.Textarea(attrs={"rows": 4})
    )


class SeenForm(forms.Form):
    """Which minutes were read: their hash."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)


class NothingForm(forms.Form):
    """A confirmation with nothing to fill in; the hidden field makes an empty click a bound form."""

    sure = forms.CharField(widget=forms.HiddenInput, initial="yes")


class ScheduleForm(forms.Form):
    """When a system is reviewed, who chairs it and who comes."""

    system = forms.ModelChoiceField(label="System", queryset=System.objects.none())
    chair = forms.ModelChoiceField(label="Chair", queryset=User.objects.none())
    invited = SeveralField(
        label="Who else comes", queryset=User.objects.none(), widget=forms.CheckboxSelectMultiple, required=False
    )
    how = forms.ChoiceField(label="How often", choices=list(HOW.items()), initial="monthly")
    week = forms.TypedChoiceField(
        label="Week",
        coerce=int,
        choices=[(1, "First"), (2, "Second"), (3, "Third"), (4, "Fourth"), (5, "Last")],
        initial=3,
        help_text="For “on a weekday”: which of them in the month.",
    )
    weekday = forms.TypedChoiceField(label="Day", coerce=int, choices=list(enumerate(day_name)), initial=2)
    day = forms.TypedChoiceField(
        label="Date",
        coerce=int,
        choices=[(number, str(number)) for number in range(1, 29)] + [(LAST_DAY, "Last day of the month")],
        initial=15,
        required=False,
        help_text="For “on a date”. A Saturday or Sunday moves as a holiday does.",
    )
    rule = forms.CharField(
        label="Rule",
        required=False,
        max_length=200,
        help_text="For “by a rule”, in the words of RFC 5545: FREQ=MONTHLY;INTERVAL=2;BYDAY=1MO",
    )
    starts_on = forms.DateField(
        label="Counted from",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="For “every two weeks”, “quarterly” and rules with an interval. Nothing is due before it.",
    )
    hour = forms.IntegerField(label="Hour of the day", min_value=0, max_value=23, initial=10)
    minute = forms.IntegerField(label="Minute", min_value=0, max_value=59, initial=0, required=False)
    time_zone = forms.CharField(label="Time zone", required=False, max_length=60, help_text="Such as Australia/Perth.")
    quorum = forms.IntegerField(
        label="Quorum", min_value=2, max_value=20, initial=2, required=False, help_text="How many have to be there."
    )
    on_holiday = forms.ChoiceField(label="On a holiday", choices=ReviewSchedule.OnHoliday.choices, initial="next")

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = System.objects.for_user(person)  # type: ignore[attr-defined]
        self.fields["time_zone"].initial = settings.TIME_ZONE
        for name in ("chair", "invited"):
            offer(self, name, colleagues())

    def clean_quorum(self) -> int:
        """Two, where nothing is said."""
        return self.cleaned_data.get("quorum") or 2

    def clean_minute(self) -> int:
        """On the hour where nothing is said."""
        return self.cleaned_data.get("minute") or 0

    def clean(self) -> dict[str, Any]:
        """The rule that was chosen, in place of the words for it."""
        said = super().clean() or {}
        how, day = said.pop("how", "monthly"), said.pop("day", None) or 1
        if self.errors:
            return said
        weekday, week = DAYS[said["weekday"]], "-1" if said["week"] == LAST_WEEK else str(said["week"])
        said["time_zone"] = said["time_zone"] or settings.TIME_ZONE
        said["rule"] = {
            "monthly": "",
            "monthly_date": f"FREQ=MONTHLY;BYMONTHDAY={-1 if day == LAST_DAY else day}",
            "quarterly": f"FREQ=MONTHLY;INTERVAL=3;BYDAY={week}{weekday}",
            "fortnightly": f"FREQ=WEEKLY;INTERVAL=2;BYDAY={weekday}",
            "weekly": f"FREQ=WEEKLY;BYDAY={weekday}",
            "rule": said["rule"].upper().removeprefix("RRULE:").replace(" ", ""),
        }[how]
        if how == "rule" and (wrong := problem(said["rule"], said["starts_on"]) if said["rule"] else "Write the rule."):
            self.add_error("rule", wrong)
        if how in ("quarterly", "fortnightly") and said["starts_on"] is None:
            said["starts_on"] = timezone.localdate().replace(day=1) if how == "quarterly" else timezone.localdate()
        return said


def start(duty: ReviewSchedule) -> dict[str, Any]:
    """What the form shows of a duty that stands."""
    said = {name: getattr(duty, name) for name in (*SAID, "rule", "starts_on", "on_holiday")}
    said |= {
        "system": duty.system_id,
        "chair": duty.chair_id,
        "invited": list(duty.invited.values_list("pk", flat=True)),
    }
    return said | {"how": "rule" if duty.rule else "monthly"}


class HolidaysForm(forms.Form):
    """The whole list, a line a day."""

    lines = forms.CharField(
        label="Holidays",
        required=False,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}),
        help_text="A line a day: 2027-01-26 Australia Day. What is past stays as it was.",
    )

    def clean_lines(self) -> dict[date, str]:
        """{day: name}; every line that is none is named."""
        found, wrong = {}, []
        for number, line in enumerate(self.cleaned_data["lines"].splitlines(), 1):
            day, _, name = line.strip().partition(" ")
            if not day:
                continue
            try:
                found[date.fromisoformat(day)] = name.strip()[:100]
            except ValueError:
                wrong.append(f"Line {number}: {day[:40]} is no date such as 2027-01-26.")
        if wrong:
            raise forms.ValidationError(wrong)
        return found
