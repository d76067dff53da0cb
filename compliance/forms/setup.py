"""The forms of the first quarter of an hour: the one-time link and the import of spreadsheets."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

KINDS = [
    ("servers", "Servers"),
    ("connections", "Connections"),
    ("shares", "File shares"),
    ("register", "All of it: a register file (YAML)"),
]


class FirstPasswordForm(forms.Form):
    """Behind the one-time link: a name and a password of one's own. The very first person says who they are as well."""

    name = forms.CharField(label="Your name", max_length=120)
    email = forms.EmailField(
        label="Your mail address",
        help_text="You sign in with it.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    organisation = forms.CharField(
        label="Your organisation", max_length=160, help_text="Its name stands on every page and every pack."
    )
    password = forms.CharField(
        label="Password",
        help_text="At least 12 characters. A few words in a row are easier to remember than signs.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(label="The same again", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))

    def __init__(self, *args: Any, first: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not first:
            del self.fields["email"], self.fields["organisation"]

    def clean_password(self) -> str:
        """Django's own rules for passwords, in its sentences."""
        password = str(self.cleaned_data["password"])
        validate_password(password)
        return password

    def clean(self) -> dict[str, Any]:
        """Both must be the same."""
        cleaned = super().clean() or {}
        if cleaned.get("password") and cleaned.get("again") and cleaned["password"] != cleaned["again"]:
            self.add_error("again", "The two passwords differ. Type the same one twice.")
        return cleaned


class ImportFileForm(forms.Form):
    """A spreadsheet and what its rows are."""

    kind = forms.ChoiceField(label="What are its rows?", choices=KINDS, widget=forms.RadioSelect, initial="servers")
    file = forms.FileField(
        label="File", help_text="CSV or XLSX, the first row holding the names of the columns; or YAML."
    )


class MappingForm(forms.Form):
    """Which column of the file is which of ours. Made from the file's own header."""

    def __init__(
        self, *args: Any, fields: list[tuple[str, str, bool]], header: list[str], guess: dict[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        options = [("", "— none —"), *((name, name) for name in header)]
        for name, label, required in fields:
            self.fields[f"column_{name}"] = forms.ChoiceField(
                label=label, choices=options, required=required, initial=guess.get(name, "")
            )

    def mapping(self) -> dict[str, str]:
        """Our name of each column → the file's."""
        return {key.removeprefix("column_"): value for key, value in self.cleaned_data.items() if value}


class RegisterForm(forms.Form):
    """Whose system it is that a register file does not name."""

    def __init__(self, *args: Any, systems: list[str], guess: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        options = [("", "— none —"), *((name, name) for name in systems)]
        self.fields["column_system"] = forms.ChoiceField(
            label="System of what the file gives to none",
            help_text="Its owner decides on what is asked for.",
            choices=options,
            required=False,
            initial=guess.get("system", ""),
        )

    def mapping(self) -> dict[str, str]:
        """What the import is told: {"system": its name}, or nothing."""
        return {"system": said} if (said := self.cleaned_data["column_system"]) else {}
