"""Asking for a connection or a share in the words of the business."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from compliance.actions.material import check_material
from compliance.models import Endpoint, System, User

USES = [
    ("continuous", "All the time"),
    ("daily", "Daily"),
    ("weekly", "Weekly"),
    ("monthly", "Monthly"),
    ("quarterly", "Each quarter"),
    ("yearly", "Yearly"),
    ("standby", "Only on standby"),
]
KINDS = [
    ("network", "A network connection: one server reaches a service of another"),
    ("share", "A file share: read or write files of another server"),
]
# the answers that only one kind of request has
ONLY = {
    "network": ("services", "via"),
    "share": ("path", "protocol", "access", "security", "squash", "users", "clients"),
}
DATE = forms.DateInput(attrs={"type": "date"})


class RequestForm(forms.Form):
    """All the answers of a request, on one page. `material()` and `justification()` give them to the verb."""

    kind = forms.ChoiceField(label="What do you need?", choices=KINDS, widget=forms.RadioSelect, initial="network")
    title = forms.CharField(
        label="In a few words", max_length=200, help_text="For example: let the web servers reach the payroll database."
    )
    system = forms.ModelChoiceField(
        label="System", queryset=System.objects.none(), help_text="Its owner decides first."
    )
    source = forms.ModelChoiceField(
        label="From",
        queryset=Endpoint.objects.none(),
        to_field_name="name",
        help_text="The server or group that starts the connection, or reads the share.",
    )
    destination = forms.ModelChoiceField(
        label="To", queryset=Endpoint.objects.none(), to_field_name="name", help_text="The server that answers."
    )
    services = forms.CharField(
        label="Services",
        required=False,
        help_text="For a network connection: tcp/5432, udp/53 or tcp/8000-8010, separated by commas.",
    )
    via = forms.CharField(
        label="By way of",
        required=False,
        help_text="For a network connection through a proxy, jump host or load balancer: their names, in order.",
    )
    path = forms.CharField(
        label="Path of the share",
        required=False,
        help_text="For a file share: /export/hr or the name of the SMB share.",
    )
    protocol = forms.ChoiceField(
        label="Protocol of the share", choices=[("nfs", "NFS"), ("smb", "SMB")], required=False
    )
    access = forms.ChoiceField(
        label="Access to the share", choices=[("ro", "Read only"), ("rw", "Read and write")], required=False
    )
    security = forms.CharField(
        label="Security of the share", required=False, help_text="krb5p, sys, or for SMB: encrypt."
    )
    squash = forms.CharField(
        label="Squash",
        required=False,
        max_length=60,
        help_text="Who loses their own rights. NFS: root (usual), all or none. SMB: the account all act as, if any.",
    )
    users = forms.CharField(
        label="Users of the share", required=False, help_text="Names separated by commas; empty for everybody."
    )
    clients = forms.CharField(
        label="Others that use the share",
        required=False,
        help_text="For a file share: more servers or groups beside the one above, separated by commas.",
    )
    business_need = forms.CharField(
        label="Business need", widget=forms.Textarea(attrs={"rows": 4}), help_text="What stops working without it?"
    )
    security_implications = forms.CharField(
        label="Security implications",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What could an attacker on the first server now reach, and what holds them back?",
    )
    data_carried = forms.CharField(
        label="Data carried", required=False, help_text="For example: pay records, OFFICIAL: Sensitive."
    )
    expected_use = forms.ChoiceField(label="How often is it used?", choices=USES, initial="daily")
    review_by = forms.DateField(label="Review by", widget=DATE, help_text="At most twelve months from now.")
    ends_on = forms.DateField(
        label="Ends on",
        required=False,
        widget=DATE,
        help_text="Only for something temporary: after this day it is no longer authorised.",
    )
    urgency = forms.ChoiceField(
        label="Urgency",
        choices=[("routine", "Routine change"), ("urgent", "Urgent change")],
        widget=forms.RadioSelect,
        initial="routine",
    )
    window = forms.CharField(label="Change window", required=False, max_length=120)
    rollback = forms.CharField(label="How to undo it", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    ticket = forms.CharField(label="Ticket in another system", required=False, max_length=60)
    seen = forms.IntegerField(
        widget=forms.HiddenInput, required=False
    )  # the version of the draft the person began with

    SECTIONS = (
        (
            "What you need",
            "",
            ("kind", "title", "system", "source", "destination", *ONLY["network"], *ONLY["share"]),
        ),
        ("Why", "Auditors and approvers read this.", ("business_need", "security_implications", "data_carried")),
        ("Until when", "", ("expected_use", "review_by", "ends_on")),
        ("How it is carried out", "", ("urgency", "window", "rollback", "ticket")),
    )

    def __init__(self, *args: Any, person: User, fixed: Iterable[str] = (), **kwargs: Any) -> None:
        """`fixed`: the fields that keep what they start with, whatever is sent."""
        super().__init__(*args, **kwargs)
        for name in fixed:
            self.fields[name].disabled = True
        self.fields["system"].queryset = System.objects.for_user(person)  # type: ignore[attr-defined]
        ends = Endpoint.objects.select_related("server", "group", "zone").order_by("name")
        self.fields["source"].queryset = ends  # type: ignore[attr-defined]
        self.fields["destination"].queryset = ends  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The material's own rules, each beside the field it is about."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        for field, sentence in check_material(self.material()):
            self.add_error(FIELDS.get(field, field) if FIELDS.get(field, field) in self.fields else None, sentence)
        return cleaned

    def material(self) -> dict[str, Any]:
        """What would be authorised, in the register's shape."""
        said = self.cleaned_data
        dates = {
            "expected_use": said["expected_use"],
            "basis": "justified",
            "review_by": said["review_by"].isoformat(),
            "ends_on": said["ends_on"].isoformat() if said.get("ends_on") else None,
        }
        if said["kind"] == "share":
            return {
                "kind": "share",
                "server": said["destination"].name,
                "path": said["path"].strip(),
                "protocol": said["protocol"],
                "access": said["access"],
                "clients": list(dict.fromkeys([said["source"].name, *listed(said["clients"])])),
                "security": said["security"].strip(),
                "squash": said["squash"].strip() or ("root" if said["protocol"] == "nfs" else ""),
                "users": listed(said["users"]),
                **dates,
            }
        return {
            "kind": "network",
            "source": said["source"].name,
            "destination": said["destination"].name,
            "services": listed(said["services"]),
            "via": listed(said["via"]),
            **dates,
        }

    def justification(self) -> dict[str, str]:
        """Why, in three answers."""
        return {key: self.cleaned_data[key] for key in ("business_need", "security_implications", "data_carried")}


def listed(text: str) -> list[str]:
    """The words of an answer, divided by comma or semicolon."""
    return [word.strip() for word in text.replace(";", ",").split(",") if word.strip()]


# where a sentence about the material is shown, when the form's field has another name
FIELDS = {"server": "destination"}
