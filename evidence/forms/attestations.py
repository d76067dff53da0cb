"""The form of a statement about a duty, for one server or for several."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils import timezone

from compliance.models.estate import day_of
from evidence.actions.attestations import MOST_BYTES, Statement
from evidence.duties import DUTIES

YES_NO: Final = [("yes", "Yes"), ("no", "No")]


class AttestForm(forms.Form):
    """When it was so, whether it was in order, what was done, and the file that shows it."""

    held_on = forms.DateField(
        label="On which day?", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="The day on which it was done or looked at, not today's unless that is it.",
    )  # fmt: skip
    in_order = forms.ChoiceField(
        label="Was it in order?", choices=YES_NO, widget=forms.RadioSelect,
        help_text="No is recorded too, and stays open until somebody states that it is mended.",
    )  # fmt: skip
    offline = forms.ChoiceField(label="Is a copy kept offline?", choices=YES_NO, widget=forms.RadioSelect)
    says = forms.CharField(
        label="What was done, and what came of it?", max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )
    file = forms.FileField(
        label="File that shows it", required=False,
        help_text=f"A report or a screenshot, {MOST_BYTES >> 20} MB at most. Without one it is a statement alone.",
    )  # fmt: skip

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        if not DUTIES[kind].offline:
            del self.fields["offline"]

    def clean_held_on(self) -> Any:
        """No day to come."""
        day = self.cleaned_data["held_on"]
        if day > day_of(timezone.now()):
            raise forms.ValidationError("That day is still to come: give the day on which it was so.")
        return day

    def clean_file(self) -> Any:
        """Not larger than is kept."""
        file = self.cleaned_data["file"]
        if file and file.size > MOST_BYTES:
            raise forms.ValidationError(f"It has more than {MOST_BYTES >> 20} MB: bring the part that shows it.")
        return file

    def statement(self) -> Statement:
        """What the verb takes."""
        given, file = self.cleaned_data, self.cleaned_data["file"]
        return Statement(
            kind=self.kind, held_on=given["held_on"], in_order=given["in_order"] == "yes", says=given["says"],
            offline=given["offline"] == "yes" if "offline" in given else None, file=file.name if file else "",
            content=file.read() if file else None,
        )  # fmt: skip
