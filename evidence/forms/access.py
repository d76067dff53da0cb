"""The forms about how a source is come by."""

from __future__ import annotations

from typing import Any

from django import forms

from evidence.actions.access import Given
from evidence.collectors.secrets import wrong
from evidence.models import SourceSecret

MADE, TYPED, REFERRED = "made", "typed", "referred"
HOW = [
    (MADE, "A key that Eastwest makes, for this source alone"),
    (REFERRED, "Something that lies elsewhere: a variable, a file, a vault"),
    (TYPED, "Something I type: it is sealed, and nobody reads it again"),
]


class Blind(forms.Textarea):
    """A field of several lines that never shows what was typed into it, as a password's does not."""

    def format_value(self, value: Any) -> None:
        """Nothing."""


class SecretForm(forms.Form):
    """What a source signs in with. What is typed is never shown again, not even after a mistake."""

    how = forms.ChoiceField(
        label="What does Eastwest sign in with?",
        choices=HOW,
        widget=forms.RadioSelect,
        initial=MADE,
    )
    use = forms.ChoiceField(
        label="Which is a", choices=SourceSecret.Use.choices, widget=forms.RadioSelect, initial=SourceSecret.Use.KEY
    )
    reference = forms.CharField(
        label="Where it lies",
        required=False,
        max_length=300,
        help_text="env:SOURCE_SECRET_NAME, file:/run/secrets/name or vault:mount/path#key.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    secret_key = forms.CharField(
        label="The private key",
        required=False,
        strip=False,
        help_text="OpenSSH or PEM, without a passphrase, of this source alone.",
        widget=Blind(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
    )
    secret_password = forms.CharField(
        label="The password",
        required=False,
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, keys: bool = True, **kwargs: Any) -> None:
        """`keys`: whether what is signed in to takes keys as well; else it takes a token or password."""
        super().__init__(*args, **kwargs)
        if keys:
            return
        how, use = self.fields["how"], self.fields["use"]
        how.choices = [one for one in HOW if one[0] != MADE]  # type: ignore[attr-defined]
        how.initial = TYPED
        use.initial, use.widget = SourceSecret.Use.PASSWORD, forms.HiddenInput()
        self.fields["secret_password"].label = "The token or password"
        del self.fields["secret_key"]

    def clean(self) -> dict[str, Any]:
        """Exactly what was chosen is given."""
        cleaned = super().clean() or {}
        how, use = cleaned.get("how"), cleaned.get("use")
        field = "secret_key" if use == SourceSecret.Use.KEY and "secret_key" in self.fields else "secret_password"
        if how == REFERRED:
            why = wrong(cleaned.get("reference", "").strip())
            if why:
                self.add_error("reference", why)
        elif how == TYPED and not cleaned.get(field):
            self.add_error(field, "Type it, or choose another way.")
        elif how == MADE and use == SourceSecret.Use.PASSWORD:
            self.add_error("use", "Eastwest makes keys and no passwords: choose the key.")
        return cleaned

    def given(self) -> Given:
        """What the verb takes."""
        said = self.cleaned_data
        if said["how"] == REFERRED:
            return Given(said["use"], reference=said["reference"].strip())
        if said["how"] == MADE:
            return Given(SourceSecret.Use.KEY)
        typed = said["secret_key"] if said["use"] == SourceSecret.Use.KEY else said["secret_password"]
        return Given(said["use"], value=str(typed).replace("\r\n", "\n").encode())


class KeyForm(forms.Form):
    """A second person's word on a host's key, with the fingerprint they looked at."""

    decision = forms.ChoiceField(
        label="Is it the host's own?",
        choices=[
            ("confirm", "Yes: I compared it with the host's own console or another sure source"),
            ("refuse", "No, or nobody could tell"),
        ],
        widget=forms.RadioSelect,
    )
    because = forms.CharField(
        label="How was it compared?",
        help_text="Kept in the record. Where it is refused: why.",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say how it was compared: whoever looks at this later needs to know."},
    )
    fingerprint = forms.CharField(widget=forms.HiddenInput)
