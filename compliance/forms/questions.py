"""The forms of a question and its answer."""

from __future__ import annotations

from django import forms


class QuestionForm(forms.Form):
    """What somebody wants to know."""

    text = forms.CharField(
        label="Question",
        help_text="Kept in the record. Who asked for the change, and the owner of the system, are told.",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write what you want to know."},
    )


class AnswerForm(forms.Form):
    """What is answered."""

    text = forms.CharField(
        label="Answer",
        help_text="Kept in the record. It does not change what was asked for.",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write the answer."},
    )
