"""The forms about packs."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from compliance.models import System, User
from evidence.models import Pack

MONTHS = 12
MOST_CERTIFICATES = 32 << 10  # bytes of a file with an authority's certificates


class BuildForm(forms.Form):
    """Which month, which systems, for whom."""

    month = forms.ChoiceField(label="Period")
    system = forms.ModelChoiceField(
        label="System", queryset=System.objects.none(), required=False, empty_label="All systems"
    )

    profile = forms.ChoiceField(
        label="Profile", choices=Pack.Profile.choices, initial=Pack.Profile.FULL, required=False,
        help_text="Redacted: no addresses, host names or configurations. Read it before you hand it over.",
    )  # fmt: skip

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = System.objects.for_user(person)  # type: ignore[attr-defined]
        self.fields["month"].choices = months(timezone.localdate())  # type: ignore[attr-defined]
        self.person = person

    def scope(self) -> dict[str, Any]:
        """What the verb takes: the systems, the period and the profile."""
        since = date.fromisoformat(f"{self.cleaned_data['month']}-01")
        until = (since.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        one = self.cleaned_data["system"]
        systems = [one] if one else list(System.objects.for_user(self.person))
        return {"systems": systems, "since": since, "until": min(until, timezone.localdate()),
                "profile": self.cleaned_data["profile"] or Pack.Profile.FULL}  # fmt: skip


def months(today: date) -> list[tuple[str, str]]:
    """This month and the eleven before it."""
    number = today.year * 12 + today.month - 1
    days = [date((number - back) // 12, (number - back) % 12 + 1, 1) for back in range(MONTHS)]
    return [(f"{day:%Y-%m}", f"{day:%B %Y}") for day in days]


class VerifyForm(forms.Form):
    """A pack somebody has."""

    file = forms.FileField(label="Pack (ZIP)")
    fingerprint = forms.CharField(
        label="Fingerprint of the signer",
        required=False,
        max_length=200,
        help_text="As you were given it by another way than the pack itself.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    authority = forms.FileField(
        label="Certificate of the time-stamping authority (PEM)",
        required=False,
        help_text="As that authority publishes it. Without it, whose time-stamp it is stays open.",
    )

    def clean_authority(self) -> bytes:
        """What the file holds, once it is one with certificates in PEM; b"" where none was given."""
        given = self.cleaned_data["authority"]
        if not given:
            return b""
        held: bytes = given.read(MOST_CERTIFICATES + 1)
        if len(held) > MOST_CERTIFICATES or b"-----BEGIN CERTIFICATE-----" not in held:
            raise forms.ValidationError(
                "This file holds no certificate in PEM (it begins with BEGIN CERTIFICATE), or is larger than one. "
                "From another form, “openssl x509 -inform DER -in FILE” makes one."
            )
        return held

    def clean_fingerprint(self) -> str:
        """64 hexadecimal digits, or nothing: a part of it would compare with nothing, and look as if it had."""
        typed = re.sub(r"[\s:]", "", self.cleaned_data["fingerprint"]).lower()
        if typed and not re.fullmatch(r"[0-9a-f]{64}", typed):
            raise forms.ValidationError("A fingerprint has 64 digits (0 to 9, a to f); blanks and colons do not count.")
        return typed
