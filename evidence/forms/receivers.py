"""The form of a receiver: where messages go, of what, and what signs them. A typed secret is never shown again."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.announcing import EVENTS
from compliance.forms.several import SeveralField
from compliance.models import Receiver, System
from evidence.actions.receivers import Wanted


class ReceiverForm(forms.Form):
    """Where, what and how."""

    name = forms.CharField(label="Name", max_length=80, help_text="Who is told, for what.")
    kind = forms.ChoiceField(
        label="Kind", choices=Receiver.Kind.choices, widget=forms.RadioSelect, initial=Receiver.Kind.WEBHOOK
    )
    address = forms.CharField(
        label="Address of the webhook",
        required=False,
        max_length=500,
        help_text="https://… of the program. A chat's address is its secret: type it below instead.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    pin = forms.CharField(
        label="Fingerprint of its certificate",
        required=False,
        max_length=60,
        help_text="SHA256:… where no authority signed it. Left empty, an authority must have.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    reference = forms.CharField(
        label="Where the secret lies",
        required=False,
        max_length=300,
        help_text="env:SOURCE_SECRET_NAME, file:/run/secrets/name or vault:mount/path#key.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    secret = forms.CharField(
        label="Or the secret itself",
        required=False,
        max_length=1000,
        help_text="Of a chat: the channel's address. Of a webhook: left empty, Eastwest makes one and shows it once.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    events = forms.MultipleChoiceField(
        label="What it is told of",
        choices=list(EVENTS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    systems = SeveralField(
        label="Of which systems",
        queryset=System.objects.order_by("name"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None chosen: all systems. Of PROTECTED ones and above it gets the id and the link alone.",
    )

    def clean(self) -> dict[str, Any]:
        """What the kind needs, and one secret only."""
        said = super().clean() or {}
        webhook = said.get("kind") == Receiver.Kind.WEBHOOK
        if webhook and not said.get("address"):
            self.add_error("address", "Write where the program listens.")
        if said.get("reference") and said.get("secret"):
            self.add_error("secret", "Say where it lies, or type it: not both.")
        if not webhook and not said.get("reference") and not said.get("secret"):
            self.add_error("secret", "Type the channel's address, or say where it lies.")
        return said

    def wanted(self) -> Wanted:
        """What was chosen."""
        said = self.cleaned_data
        return Wanted(
            said["name"], said["kind"], said["events"], list(said["systems"]), said["address"], said["pin"],
            said["reference"].strip(), said["secret"],
        )  # fmt: skip
