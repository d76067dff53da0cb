"""What is added to a group, a zone or a server, and what is taken away."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from compliance.models import Group, Server, User, Zone
from compliance.observed import GROUP, PEOPLE, SCALING, TAG, made

MEANT: Final = {
    GROUP: "stand in a security group", TAG: "carry a tag", SCALING: "were started by an autoscaling group",
    PEOPLE: "people name, and nothing else shows",
}  # fmt: skip


class WideningForm(forms.Form):
    """The reasons, which are needed only where it is asked for. Subclasses say what is added."""

    business_need = forms.CharField(
        label="Why is it needed?",
        help_text="Needed where something authorised names it: then two people decide, and read this.",
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
    )
    security_implications = forms.CharField(
        label="What does it mean for security?", widget=forms.Textarea(attrs={"rows": 3}), required=False
    )

    def justification(self) -> dict[str, str]:
        """The reasons as the verb takes them."""
        return {key: self.cleaned_data[key] for key in ("business_need", "security_implications")}


class MemberForm(WideningForm):
    """A server that joins a group."""

    server = forms.ModelChoiceField(label="Server", queryset=Server.objects.none())
    field_order = ("server",)

    def __init__(self, *args: Any, group: Group, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inside = group.memberships.filter(valid_to__isnull=True).values("server")
        rows = Server.objects.for_user(person).exclude(status=Server.Status.RETIRED).exclude(pk__in=inside)
        field = self.fields["server"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = rows.order_by("name")


class PrefixForm(WideningForm):
    """A prefix that a zone gets."""

    network = forms.CharField(label="Prefix", max_length=49, help_text="For example 10.20.4.0/24 or 2001:db8::/64.")
    field_order = ("network",)


class AddressForm(WideningForm):
    """An address that a server gets."""

    address = forms.CharField(label="Address", max_length=45, help_text="For example 10.20.4.12 or 2001:db8::12.")
    zone = forms.ModelChoiceField(
        label="Zone", queryset=Zone.objects.none(), required=False, empty_label="The one whose prefix holds it"
    )
    interface = forms.CharField(label="Interface", max_length=40, required=False)
    field_order = ("address", "zone", "interface")

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["zone"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Zone.objects.for_user(person)


class CeilingForm(WideningForm):
    """How many members a dynamic group may grow to."""

    ceiling = forms.IntegerField(label="Members at most", min_value=1, max_value=100_000)
    field_order = ("ceiling",)


class ObservedForm(WideningForm):
    """By what the members of a dynamic group are known: one thing of one account and region."""

    kind = forms.ChoiceField(label="Members are the servers that", choices=list(MEANT.items()))
    name = forms.CharField(
        label="Its id, its key=value, or its name",
        max_length=385,
        required=False,
        help_text="For example sg-0123456789abcdef0, role=web, or the name of the autoscaling group. "
        "Where people name the members, this and what follows stays empty.",
    )
    account = forms.CharField(label="AWS account", max_length=12, required=False, help_text="Its twelve digits.")
    region = forms.CharField(label="Region", max_length=40, required=False, help_text="For example ap-southeast-2.")
    field_order = ("kind", "name", "account", "region")

    def clean(self) -> dict[str, Any]:
        """All parts make one statement, in `observed`; "" where people name the members."""
        given = super().clean() or self.cleaned_data
        if given.get("kind") == PEOPLE:
            given["observed"] = ""
            return given
        for key in ("name", "account", "region"):
            if key not in self.errors and not given.get(key):
                self.add_error(key, "Say which: it is what shows the members.")
        parts = [given.get(key) for key in ("kind", "account", "region", "name")]
        if all(parts):
            try:
                given["observed"] = made(*map(str, parts)).text
            except ValueError as error:
                raise forms.ValidationError(f"{error}.") from error
        return given


class DecommissionForm(forms.Form):
    """Why a server leaves service."""

    business_need = forms.CharField(
        label="Why does it leave service?",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why: those who decide read it."},
    )
    security_implications = forms.CharField(
        label="What does it mean for security?",
        initial="Less is let through: what names the server ends.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
