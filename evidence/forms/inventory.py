"""The forms about inventories, and about what they name and nobody registered."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone

from compliance.models import Server, System, User, Zone
from evidence.actions.outside import LONGEST
from evidence.models import Inventory


class InventoryForm(forms.Form):
    """A list that somebody else keeps."""

    system = forms.ModelChoiceField(
        label="System", queryset=System.objects.none(), help_text="Whose engineers look after the list."
    )
    name = forms.CharField(label="Name", max_length=120, help_text="As people call it: CMDB, vCenter, AD computers.")
    kind = forms.ChoiceField(label="What is it?", choices=Inventory.Kind.choices)
    path = forms.CharField(
        label="Folder",
        required=False,
        help_text="Where its exports arrive on this machine; the newest is read daily. Empty: a person brings it.",
    )
    pattern = forms.CharField(
        label="Names of the files", required=False, max_length=120, help_text="Only for a folder, such as *.csv."
    )
    fresh_days = forms.IntegerField(
        label="Freshness limit, days", min_value=1, max_value=366, initial=8, help_text="An older list is a finding."
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = System.objects.for_user(person)  # type: ignore[attr-defined]

    def settings(self) -> dict[str, Any]:
        """What the verb takes."""
        given = self.cleaned_data
        config = {key: given[key] for key in ("path", "pattern") if given[key]} if given["path"] else {}
        plain = {key: given[key] for key in ("system", "name", "kind")}
        return plain | {"config": config, "fresh_hours": given["fresh_days"] * 24}


class ListForm(forms.Form):
    """The file of an inventory."""

    file = forms.FileField(
        label="File (CSV)",
        help_text="Its first line names the columns. The names and addresses of servers are enough.",
    )


class ColumnsForm(forms.Form):
    """Which columns of the file count."""

    name = forms.CharField(label="Column of the names", required=False, max_length=200)
    addresses = forms.CharField(
        label="Columns of the addresses",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line. With nothing here and above, columns are told by what they are called.",
    )
    status = forms.CharField(label="Column of the status", required=False, max_length=200)

    def clean_addresses(self) -> list[str]:
        """The columns as a list."""
        return [line.strip() for line in str(self.cleaned_data["addresses"]).splitlines() if line.strip()]


class RegisterServerForm(forms.Form):
    """A server that was seen and is registered now."""

    name = forms.CharField(label="Name", max_length=120)
    system = forms.ModelChoiceField(label="System", queryset=System.objects.none())
    zone = forms.ModelChoiceField(
        label="Zone",
        queryset=Zone.objects.none(),
        required=False,
        empty_label="The one whose prefix holds the address",
    )
    role = forms.CharField(label="Role", max_length=60, required=False, help_text="Such as web, database, patching.")
    environment = forms.CharField(label="Environment", max_length=20, initial="production")
    key = forms.CharField(widget=forms.HiddenInput, max_length=200)

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = System.objects.for_user(person)  # type: ignore[attr-defined]
        self.fields["zone"].queryset = Zone.objects.for_user(person)  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        """A name that nobody has."""
        name = str(self.cleaned_data["name"]).strip()
        if Server.objects.filter(name=name).exists():
            raise forms.ValidationError(
                f"{name} is registered already. If this is another address of it, add it on the page of the server."
            )
        return name


class SetAsideForm(forms.Form):
    """Something outside every network of the estate is none of ours."""

    because = forms.CharField(label="Why it is none of ours", widget=forms.Textarea(attrs={"rows": 3}))
    until = forms.DateField(
        label="Until", widget=forms.DateInput(attrs={"type": "date"}), help_text="At most a year from today."
    )
    key = forms.CharField(widget=forms.HiddenInput, max_length=200)

    def clean_until(self) -> date:
        """A day to come, and not for ever."""
        until: date = self.cleaned_data["until"]
        today = timezone.localdate()
        if not today < until <= today + LONGEST:
            raise forms.ValidationError("Choose a day to come, at most a year from today.")
        return until
