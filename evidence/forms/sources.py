"""The forms about sources."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings

from compliance.models import Server, User
from evidence.models import Source


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
        " testparm -s, ss. All of one host, of one moment.",
    )


class SourceForm(forms.Form):
    """A new source of one server."""

    server = forms.ModelChoiceField(label="Server", queryset=Server.objects.none())
    kind = forms.ChoiceField(
        label="How is it read?",
        choices=[each for each in Source.Kind.choices if each[0] != Source.Kind.SSH],
        widget=forms.RadioSelect,
        initial=Source.Kind.UPLOAD,
    )
    path = forms.CharField(
        label="Folder", required=False, help_text="Only for a folder on this machine: where the host's dumps arrive."
    )
    pattern = forms.CharField(
        label="Names of the files",
        required=False,
        max_length=120,
        help_text="Only for a folder: which of its files are this host's, such as *.txt; empty for all.",
    )
    fresh_hours = forms.IntegerField(
        label="Freshness limit, hours",
        min_value=1,
        max_value=24 * 366,
        initial=48,
        help_text="Older evidence is a finding.",
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["server"].queryset = Server.objects.for_user(person)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A folder needs its path."""
        cleaned = super().clean() or {}
        if cleaned.get("kind") == Source.Kind.DIRECTORY and not cleaned.get("path"):
            self.add_error("path", "Say which folder the host's dumps arrive in, for example /srv/dumps/web-01.")
        return cleaned

    def settings(self) -> dict[str, Any]:
        """What the verb takes."""
        said = self.cleaned_data
        config = {key: said[key] for key in ("path", "pattern") if said[key]}
        return {
            "server": said["server"],
            "kind": said["kind"],
            "config": config if said["kind"] == Source.Kind.DIRECTORY else {},
            "fresh_hours": said["fresh_hours"],
            "name": f"{said['server'].name} {said['kind']}",
        }
