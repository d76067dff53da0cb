"""The short forms of a decision: a note, or a reason that must be given."""

from __future__ import annotations

from django import forms


class NoteForm(forms.Form):
    """A note kept in the record. `seen` is the version the person read: a later one is refused, not overwritten."""

    because = forms.CharField(
        label="Decision note",
        help_text="Kept in the record, and printed in the audit pack.",
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)


class ReasonForm(forms.Form):
    """A reason that must be given."""

    because = forms.CharField(
        label="Reason",
        help_text="The person who asked reads this. It is kept in the record.",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why: the person who asked needs to know what to do next."},
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)
