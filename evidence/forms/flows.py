"""The forms about flow logs."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from compliance.models import System, User
from compliance.traffic.addresses import parse
from evidence.forms.sources import FilesField, freshness
from evidence.models import FlowLog, Source

Kind = FlowLog.Kind
# Which fields a way of coming needs beside those that every flow log has
FIELDS_OF: Final[dict[str, tuple[str, ...]]] = {
    Kind.UPLOAD: (),
    Kind.DIRECTORY: ("path", "pattern"),
    Kind.GIT: ("url", "branch", "inside", "pattern", "through"),
    Kind.S3: ("bucket", "folder", "pattern", "region", "through"),
    Kind.CLOUDWATCH: ("group", "streams", "columns", "region", "through"),
}
NEEDED: Final = {
    "path": "Say which folder the log is put into, for example /srv/flow-logs.",
    "bucket": "Say which bucket the log is delivered to.",
    "group": "Say which log group the log is delivered to.",
}
SPELT: Final = {"inside": "path", "folder": "prefix"}  # how the collector calls the place inside
# Through which kinds of sources a way of coming may go: their account, secret and confirmed key are used
THROUGH: Final[dict[str, tuple[str, ...]]] = {
    Kind.GIT: (Source.Kind.GIT,),
    Kind.S3: (Source.Kind.AWS,),
    Kind.CLOUDWATCH: (Source.Kind.AWS,),
}


SIGNED_IN: Final = (Kind.S3, Kind.CLOUDWATCH)  # nobody is let in there without an account


class WatchesForm(forms.Form):
    """Of which networks a flow log shows everything that goes to or from them."""

    watches = forms.CharField(
        label="Networks it sees all of",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Prefixes, one a line, for a firewall, an exporter or a tap: whatever goes to or from them passes"
        " there. A network interface of a cloud needs none: it watches its own address.",
    )

    def clean_watches(self) -> list[str]:
        """The prefixes as a list."""
        lines = [line.strip() for line in str(self.cleaned_data["watches"]).splitlines() if line.strip()]
        for line in lines:
            try:
                parse(line)
            except ValueError as error:
                raise forms.ValidationError(f"{line[:60]} is no network: {error}.") from error
        return list(dict.fromkeys(lines))


class StatedWatchesForm(WatchesForm):
    """The same, with who knows it from what."""

    because = forms.CharField(
        label="How you know it", widget=forms.Textarea(attrs={"rows": 3}), help_text="It is kept in the audit log."
    )


class FlowLogForm(WatchesForm):
    """A new flow log that comes in the way `kind`: only the fields of that way are asked for."""

    system = forms.ModelChoiceField(
        label="System", queryset=System.objects.none(), help_text="Whose engineers look after it."
    )
    name = forms.CharField(label="Name", max_length=120, help_text="As people call it: payments VPC, edge firewall.")
    kind = forms.ChoiceField(choices=Kind.choices, widget=forms.HiddenInput)
    path = forms.CharField(
        label="Folder", required=False, help_text="Where the log arrives; folders in it are gone through as well."
    )
    url = forms.CharField(
        label="Repository",
        required=False,
        max_length=500,
        help_text="https://host/flows.git, or the folder of a repository on this machine.",
    )
    branch = forms.CharField(label="Branch", required=False, max_length=200, help_text="Empty for main.")
    inside = forms.CharField(label="Place in the repository", required=False, max_length=300)
    pattern = forms.CharField(
        label="Names of the files", required=False, max_length=120, help_text="Such as *.log.gz; empty for all."
    )
    bucket = forms.CharField(label="Bucket", required=False, max_length=63, help_text="Its name, without s3://.")
    folder = forms.CharField(
        label="Folder in the bucket",
        required=False,
        max_length=500,
        help_text="Such as AWSLogs/111122223333/vpcflowlogs/; empty for all of it.",
    )
    group = forms.CharField(label="Log group", required=False, max_length=512, help_text="Such as /vpc/flows.")
    streams = forms.CharField(
        label="Streams that begin with", required=False, max_length=512, help_text="Such as eni-; empty for all."
    )
    columns = forms.CharField(
        label="Format of the records",
        required=False,
        max_length=2000,
        help_text="As AWS shows it (${version} ${srcaddr} …) where it is not the usual one.",
    )
    region = forms.CharField(
        label="Region", required=False, max_length=40, help_text="Empty for the first one of the account's source."
    )
    through = forms.ModelChoiceField(
        label="Fetched as",
        queryset=Source.objects.none(),
        required=False,
        empty_label="Nobody in particular",
        help_text="The source whose account, secret and confirmed key are used.",
    )
    fresh_hours = freshness()
    field_order = (
        "system", "name", "path", "url", "branch", "inside", "bucket", "folder", "group", "streams", "columns",
        "region", "pattern", "through", "watches", "fresh_hours", "kind",
    )  # fmt: skip

    def __init__(self, *args: Any, kind: str, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {name for names in FIELDS_OF.values() for name in names}.difference(FIELDS_OF[kind]):
            del self.fields[name]
        for name, sentence in NEEDED.items():
            if name in self.fields:
                self.fields[name].required, self.fields[name].error_messages["required"] = True, sentence
        self.fields["kind"].initial = kind
        self.fields["system"].queryset = System.objects.for_user(person)  # type: ignore[attr-defined]
        if "through" in self.fields:
            sources = Source.objects.for_user(person).filter(kind__in=THROUGH[kind])
            self.fields["through"].queryset = sources  # type: ignore[attr-defined]
            if kind in SIGNED_IN:
                self.fields["through"].required, self.fields["through"].empty_label = True, ""  # type: ignore[attr-defined]
                said = "Say as which source it is fetched: its key and its role are used."
                self.fields["through"].error_messages["required"] = said

    def clean(self) -> dict[str, Any]:
        """A repository has an address, or a source that has one."""
        cleaned = super().clean() or {}
        if "url" in self.fields and not cleaned.get("url") and not cleaned.get("through"):
            self.add_error("url", "Say which repository, or as which source it is fetched.")
        return cleaned

    def settings(self) -> dict[str, Any]:
        """What the verb takes."""
        said = self.cleaned_data
        plain = [name for name in FIELDS_OF[said["kind"]] if name != "through"]
        config = {SPELT.get(name, name): said[name] for name in plain if said[name]}
        kept = {key: said[key] for key in ("system", "name", "kind", "watches", "fresh_hours")}
        return {**kept, "config": config, "through": said.get("through")}


class ExaminedForm(forms.Form):
    """What came of looking at the flow logs."""

    noted = forms.CharField(
        label="What you looked at, and what came of it",
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Which pairs were unexpected, which gaps have a reason, and who does what until when.",
    )


class AsideForm(forms.Form):
    """Which days a file that nobody can read should have shown, and how that is known."""

    since = forms.DateField(
        label="First day it should have shown",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="Days are taken both by this clock and by UTC: whichever the log means, none of its hours is missed.",
    )
    until = forms.DateField(label="Last day", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    because = forms.CharField(
        label="Why it cannot be read, and how you know its days",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It is kept in the audit log, and packs print it beside the hours that are not known.",
    )


class FlowFilesForm(forms.Form):
    """Files of a flow log."""

    logs = FilesField(
        label="Files",
        help_text="As they came, packed with gzip or not. One that was brought before counts once.",
    )
