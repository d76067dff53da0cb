"""The forms about sources."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.conf import settings
from django.utils import timezone

from compliance.models import Server, User
from evidence.collectors import aws, device_https
from evidence.collectors.addresses import resolve
from evidence.collectors.collected import PullError
from evidence.collectors.ssh import PORT, USER
from evidence.models import ErrorCode, Source
from evidence.models.push import LONGEST
from evidence.models.sources import OVER_HTTPS, OVER_SSH

ALIVE_BY: Final = (
    ("file", "A commit of this host's own files: unchanged for longer than the limit, it goes stale"),
    ("branch", "Any newer commit of the branch: whoever commits reads all hosts each time, and fails as a whole"),
)


def freshness() -> forms.IntegerField:
    """How old evidence may be."""
    return forms.IntegerField(
        label="Freshness limit, hours",
        min_value=1,
        max_value=24 * 366,
        initial=48,
        help_text="Older evidence is a finding.",
    )


class ManyFiles(forms.ClearableFileInput):
    """A file input that takes several."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once, each within the limit."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Every file on its own."""
        files = data if isinstance(data, (list, tuple)) else [data]
        cleaned = [super(FilesField, self).clean(each, initial) for each in files]
        total = sum(each.size for each in cleaned if each)
        if total > settings.UPLOAD_LIMIT_BYTES:
            limit = settings.UPLOAD_LIMIT_BYTES // 2**20
            raise forms.ValidationError(
                f"Together the files hold {total // 2**20} MB; {limit} MB are taken at once. "
                "Bring the dumps of one host only."
            )
        return cleaned


class UploadForm(forms.Form):
    """Dumps of one host."""

    dumps = FilesField(
        label="Files",
        help_text="iptables-save, ip6tables-save, nft -j list ruleset, ip -j addr, ip -j neigh, exportfs -s,"
        " testparm -s, ss. All of one host, of one moment. Of a router or firewall its one configuration, whole.",
    )


# Which fields a way of reading needs beside the server and the freshness limit
FIELDS_OF: Final[dict[str, tuple[str, ...]]] = {
    Source.Kind.SSH: ("host", "port", "user"),
    Source.Kind.CISCO: ("host", "port", "user"),
    Source.Kind.FORTIOS: ("host", "port"),
    Source.Kind.PANOS: ("host", "port"),
    Source.Kind.PUSH: (),
    Source.Kind.GIT: ("url", "branch", "inside", "alive_by"),
    Source.Kind.DIRECTORY: ("path", "pattern"),
    Source.Kind.UPLOAD: (),
    Source.Kind.LOCAL: (),
    Source.Kind.AWS: ("regions", "role", "external_id", "endpoint_url"),
}


NEEDED: Final = {
    "url": "Say which repository holds the host's dumps or configuration.",
    "path": "Say which folder the host's dumps arrive in, for example /srv/dumps/web-01.",
    "host": "Write the host's name or IP address.",
    "regions": "Name the regions that hold servers, such as ap-southeast-2.",
}
SPELT: Final = {"inside": "path"}  # the place inside a repository is its path for the collector


class SourceForm(forms.Form):
    """A new source of one server, read in the way `kind`: only the fields of that way are asked for."""

    server = forms.ModelChoiceField(label="Server", queryset=Server.objects.none())
    kind = forms.ChoiceField(choices=Source.Kind.choices, widget=forms.HiddenInput)
    path = forms.CharField(label="Folder", required=False, help_text="Where the host's dumps arrive.")
    pattern = forms.CharField(
        label="Names of the files",
        required=False,
        max_length=120,
        help_text="Which of its files are this host's, such as *.txt; empty for all.",
    )
    url = forms.CharField(
        label="Repository",
        required=False,
        max_length=500,
        help_text="https://host/configs.git, or the folder of a repository on this machine.",
    )
    branch = forms.CharField(label="Branch", required=False, max_length=200, help_text="Empty for main.")
    inside = forms.CharField(
        label="Place in the repository",
        required=False,
        max_length=300,
        help_text="The host's own file or folder, such as hosts/web-01.",
    )
    alive_by = forms.ChoiceField(
        label="What shows that the host was read?",
        required=False,
        choices=ALIVE_BY,
        widget=forms.RadioSelect,
        initial="file",
        help_text="Git shows what was committed, and not what was looked at.",
    )
    host = forms.CharField(
        label="Address of the host", required=False, max_length=253, help_text="Its name or IP address."
    )
    port = forms.IntegerField(label="Port", required=False, min_value=1, max_value=65535, initial=22)
    user = forms.CharField(
        label="Account there",
        required=False,
        max_length=32,
        initial="eastwest",
        help_text="The command that the next page shows makes it on a Linux host, with a key; a device has its own.",
    )
    regions = forms.CharField(
        label="Regions",
        required=False,
        max_length=400,
        help_text="Each that holds servers, with commas between: ap-southeast-2, ap-southeast-4.",
    )
    role = forms.CharField(
        label="Role to assume",
        required=False,
        max_length=560,
        help_text="Its ARN. Empty: who Eastwest signs in as may describe the account by themselves.",
    )
    external_id = forms.CharField(
        label="External id",
        required=False,
        max_length=1224,
        help_text="As the role's trust policy asks for it.",
    )
    endpoint_url = forms.CharField(
        label="Endpoint",
        required=False,
        max_length=300,
        help_text="Only where the account is asked by another address than Amazon's own, such as a private endpoint.",
    )
    fresh_hours = freshness()

    def __init__(self, *args: Any, kind: str, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {name for names in FIELDS_OF.values() for name in names}.difference(FIELDS_OF[kind]):
            del self.fields[name]
        for name, sentence in NEEDED.items():
            if name in self.fields:
                self.fields[name].required, self.fields[name].error_messages["required"] = True, sentence
        self.fields["kind"].initial = kind
        if kind in OVER_HTTPS:
            self.fields["port"].initial = device_https.PORT
        self.fields["server"].queryset = Server.objects.for_user(person)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """What Eastwest signs in to is looked up already here."""
        cleaned = super().clean() or {}
        if cleaned.get("kind") in OVER_SSH | OVER_HTTPS:
            self.look_at_host(cleaned)
        if cleaned.get("kind") == Source.Kind.AWS and cleaned.get("regions"):
            self.look_at_aws(cleaned)
        return cleaned

    def look_at_aws(self, cleaned: dict[str, Any]) -> None:
        """Regions that are regions, and a role that is a role."""
        for name, look in (("regions", aws.regions_of), ("role", aws.role_of)):
            try:
                look(cleaned)
            except PullError as error:
                self.add_error(name, f"{error.what} {error.next_step}")

    def look_at_host(self, cleaned: dict[str, Any]) -> None:
        """Where a host may be, and an account it may have."""
        if "user" in self.fields and not USER.fullmatch(cleaned.get("user") or "eastwest"):
            self.add_error("user", "Write the name of an account: small letters, digits, dashes.")
        if not cleaned.get("host"):
            return
        try:
            resolve(cleaned["host"], cleaned.get("port") or PORT)
        except PullError as error:
            if error.code == ErrorCode.CONFIG:  # a name that nobody knows today may be known tomorrow
                self.add_error("host", f"{error.what} {error.next_step}")

    def settings(self) -> dict[str, Any]:
        """What the verb takes."""
        said = self.cleaned_data
        config = {SPELT.get(name, name): said[name] for name in FIELDS_OF[said["kind"]] if said[name]}
        if said["kind"] in OVER_HTTPS:
            config = {"port": device_https.PORT, **config, "host": said["host"].strip()}
        if said["kind"] in OVER_SSH:
            config = {"port": PORT, "user": "eastwest", **config, "host": said["host"].strip()}
        return {
            "server": said["server"],
            "kind": said["kind"],
            "config": config,
            "fresh_hours": said["fresh_hours"],
            "name": f"{said['server'].name} {said['kind']}",
        }


class FoldersForm(forms.Form):
    """A folder that holds a folder for each host."""

    path = forms.CharField(
        label="Folder",
        help_text="On this machine, from the root: /srv/dumps. In it a folder for each host, named as its server.",
    )
    fresh_hours = freshness()


class PushTokenForm(forms.Form):
    """How long a host may push with it."""

    until = forms.DateField(
        label="Last day", widget=forms.DateInput(attrs={"type": "date"}), help_text="At most a year from today."
    )

    def clean_until(self) -> date:
        """A day to come, within a year."""
        until: date = self.cleaned_data["until"]
        today = timezone.localdate()
        if not today <= until < today + LONGEST - timedelta(days=1):
            raise forms.ValidationError("Choose a day to come, at most a year from today.")
        return until
