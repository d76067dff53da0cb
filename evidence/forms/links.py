"""The forms about links to a pack, and about what assessors ask for."""

from __future__ import annotations

from typing import Any

from django import forms

from evidence.actions.asks import LONGEST, MOST_BYTES
from evidence.forms.sheets import moment_field
from evidence.models import Pack


class LinkForm(forms.Form):
    """Who reads it, and until when."""

    name = forms.CharField(
        label="Who is it for?", max_length=120, help_text="It stands on the page they see, and in the audit log."
    )
    until = moment_field("Until")


class AskForm(forms.Form):
    """What somebody wants to see."""

    text = forms.CharField(
        label="What do you want to see?", max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3})
    )


class AnswerForm(forms.Form):
    """What they are given."""

    text = forms.CharField(label="Answer", max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 4}))
    file = forms.FileField(label="File", required=False, help_text=f"{MOST_BYTES >> 20} MB at most.")
    other = forms.ModelChoiceField(
        label="Another pack", queryset=Pack.objects.none(), required=False, empty_label="None",
        help_text="Of the same systems. Who came by a link gets its id alone.",
    )  # fmt: skip

    def __init__(self, *args: Any, packs: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["other"].queryset = Pack.objects.filter(pk__in=packs)  # type: ignore[attr-defined]
