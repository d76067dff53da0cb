"""One click for several of one severity: what becomes of them, and why."""

from __future__ import annotations

from typing import Any, Final

from django import forms

SHARED: Final = "Holds for each that has no reason of its own below."


class EachForm(forms.Form):
    """A shared reason and one of its own for each, by the ids that people use."""

    because = forms.CharField(
        label="Reason", help_text=SHARED, widget=forms.Textarea(attrs={"rows": 3}), required=False
    )

    def __init__(self, *args: Any, refs: dict[str, int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refs = refs
        for ref in refs:
            self.fields[f"because-{ref}"] = forms.CharField(label=f"Reason for {ref}", required=False, max_length=2000)

    def reasons(self) -> dict[int, str]:
        """The reason of each, by its key."""
        said = self.cleaned_data
        return {key: said.get(f"because-{ref}") or said.get("because", "") for ref, key in self.refs.items()}


class DecideForm(EachForm):
    """Approve all, or reject all."""

    verb = forms.ChoiceField(
        label="What becomes of them?",
        choices=[("approve", "I agree to each of them"), ("reject", "I reject each of them")],
        widget=forms.RadioSelect,
    )
    field_order = ("verb", "because")


class RecertifyForm(EachForm):
    """Keep all until a day, begin drafts to narrow them, or ask for their removal."""

    what = forms.ChoiceField(
        label="What becomes of them?",
        choices=[
            ("keep", "Keep them until a day: they are needed as they are"),
            ("narrow", "Narrow them: a draft of each, to say what is enough"),
            ("revoke", "Revoke them: ask for their removal"),
        ],
        widget=forms.RadioSelect,
    )
    until = forms.DateField(
        label="Keep until", required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="The next day by which they are to be looked at again; at most a year from now.",
    )  # fmt: skip
    field_order = ("what", "until", "because")
