"""The form that says which device stands between two zones."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.models import Server, User, Zone
from compliance.permissions import may


class PathForm(forms.Form):
    """A device, and the zones between which traffic passes it."""

    device = forms.ModelChoiceField(label="Device", queryset=Server.objects.none())
    source = forms.ModelChoiceField(
        label="From", queryset=Zone.objects.none(), required=False, empty_label="anywhere else"
    )
    target = forms.ModelChoiceField(
        label="To", queryset=Zone.objects.none(), required=False, empty_label="anywhere else"
    )
    because = forms.CharField(
        label="How is it known?",
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        help_text="The drawing, the routing table or the record that shows it. A second person confirms it.",
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        devices = Server.objects.for_user(person).select_related("system")
        mine = [row.pk for row in devices if may(person, "say_path", row.system) is None]
        self.fields["device"].queryset = Server.objects.filter(pk__in=mine)  # type: ignore[attr-defined]
        for name in ("source", "target"):
            self.fields[name].queryset = Zone.objects.for_user(person)  # type: ignore[attr-defined]
