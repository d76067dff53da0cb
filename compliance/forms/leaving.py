"""Who takes what somebody leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from compliance.charges import Charge
from compliance.models import User


class LeaveForm(forms.Form):
    """A successor for all, one for each line, and the reason."""

    for_all = forms.ModelChoiceField(
        label="Successor for all", queryset=User.objects.none(), required=False,
        help_text="Takes every line below that names nobody.", empty_label="Nobody",
    )  # fmt: skip
    because = forms.CharField(
        label="Reason", widget=forms.Textarea(attrs={"rows": 2}), help_text="Kept in the ledger.",
        error_messages={"required": "Say why: it is kept in the ledger."},
    )  # fmt: skip

    def __init__(self, *args: Any, leaving: User, charges: Sequence[Charge], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = [charge for charge in charges if charge.choice != "stays"]
        staying = User.objects.filter(is_active=True).exclude(pk=leaving.pk).order_by("name")
        field = self.fields["for_all"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = staying
        for charge in self.lines:
            empty = "As for all" if charge.choice == "required" else "As for all, else it ends"
            self.fields[charge.key] = forms.ModelChoiceField(
                label=f"{charge.what}: {charge.text}", queryset=staying, required=False, empty_label=empty
            )

    def successors(self) -> dict[str, User]:
        """Who was named for a line of their own."""
        return {line.key: self.cleaned_data[line.key] for line in self.lines if self.cleaned_data.get(line.key)}
