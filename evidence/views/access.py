"""How a source is come by: the command for its host, the key it is known by, what Eastwest signs in with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render

from compliance.errors import NotAllowed, Refused
from compliance.models import User
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.step_up import held as typed_before
from compliance.views.verbs import confirm
from evidence import onboarding
from evidence.actions import access
from evidence.collectors.ssh import where
from evidence.collectors.way_in import confirmed_pin, place_of
from evidence.forms.access import KeyForm, SecretForm
from evidence.models import Pin, Source, SourceSecret
from evidence.models.sources import OVER_SSH


class Words(NamedTuple):
    """What a second person is asked about a key or a certificate."""

    title: str
    compare: str
    then: str
    before: str
    ask: str


WORDS: Final = {
    Pin.Kind.SSH: Words(
        "Is this the key of {host}?",
        "Compare it with what the host itself says: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
        "From then on the host is read, and whoever shows another key gets nothing.",
        "The host showed another key before",
        "That is so when it was set up anew, and when somebody stands in between. Ask whoever runs the host.",
    ),
    Pin.Kind.TLS: Words(
        "Is this the certificate of {host}?",
        "Compare it with what the server itself says: openssl x509 -in its-certificate.pem -noout -fingerprint -sha256",
        "From then on this certificate counts for this source, and no other, whichever authority signed that.",
        "Another certificate was confirmed before",
        "That is so when it was renewed, and when somebody stands in between. Ask whoever runs the server.",
    ),
}


def command_of(public: str) -> str:
    """The line to paste on the host; "" where what is kept is no public key: it goes into a shell."""
    try:
        return onboarding.command(public) if public else ""
    except ValueError:
        return ""


def panel(row: Source, person: User) -> dict[str, Any] | None:
    """What the page of a source says of the way to it; None for one that is not reached over a network."""
    if row.kind not in access.TAKES_A_SECRET:
        return None
    over_ssh = row.kind in OVER_SSH
    held = SourceSecret.objects.select_related("set_by").filter(source=row).first()
    pins = row.pins.select_related("proposed_by", "confirmed_by")
    known, waiting = confirmed_pin(row), pins.open().first()
    edits = may(person, "edit_source", row) is None
    return {
        "address": where(row.config) if over_ssh else row.config.get("url") or account_of(row.config) or place_of(row),
        "without": "what this machine itself has for AWS" if row.kind == Source.Kind.AWS else "nothing yet",
        "over_ssh": over_ssh,
        "known_at": place_of(row),
        "user": row.config.get("user", ""),
        "secret": held,
        "secret_url": f"/sources/{row.pk}/secret/" if edits else "",
        "command": command_of(held.public) if held and edits and row.kind == Source.Kind.SSH else "",
        "known": known,
        "waiting": waiting,
        "waiting_url": f"/sources/{row.pk}/key/" if waiting and access.why_not_confirm(person, waiting) is None else "",
        "mine": waiting is not None and waiting.proposed_by_id == person.pk,
        "first": over_ssh and known is None,
    }


def account_of(config: Mapping[str, Any]) -> str:
    """The role and the regions of an account; "" for what is none."""
    return ", ".join(str(config[name]) for name in ("role", "regions") if config.get(name))


def secret(request: HttpRequest, number: int) -> HttpResponse:
    """What the source signs in with: set anew. Nothing of what is there is shown."""
    person = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(person).select_related("server"), pk=number)
    check(person, "edit_source", row)
    if row.kind not in access.TAKES_A_SECRET:
        raise Http404
    form, refused = SecretForm(request.POST or None, initial=typed_before(request), keys=row.kind in OVER_SSH), None
    if request.method == "POST" and form.is_valid():
        try:
            access.set_secret(row, form.given(), by=person)
            return HttpResponseRedirect(f"/sources/{row.pk}/")
        except Refused as refusal:
            refused = refusal
    return render(
        request,
        "compliance/form.html",
        {
            "title": f"What Eastwest signs in with at {row.name}",
            "lead": "It takes the place of what was set before. It is opened only while the host is read.",
            "form": form,
            "submit": "Set it",
            "back_url": f"/sources/{row.pk}/",
            "multipart": False,
            "crumb": [{"label": "Sources", "url": "/sources/"}, {"label": row.name, "url": f"/sources/{row.pk}/"}],
            "refused": refused,
        },
        status=403 if isinstance(refused, NotAllowed) else 422 if form.errors or refused else 200,
    )


def key(request: HttpRequest, number: int) -> HttpResponse:
    """A second person compares the host's key and confirms it, or refuses it."""
    person = signed_in(request)
    row = get_object_or_404(Source.objects.for_user(person).select_related("server"), pk=number)
    check(person, "confirm_pin", row)
    waiting = Pin.objects.open().filter(source=row).select_related("source", "proposed_by").first()
    if waiting is None:
        raise Refused(
            f"No key of {row.name} waits to be confirmed.",
            "It was confirmed, refused or replaced by another.",
            "Look at the page of the source.",
            link=("Open the source", f"/sources/{row.pk}/"),
        )
    why = access.why_not_confirm(person, waiting)
    if why is not None:
        raise why

    def act(form: KeyForm) -> Pin:
        said = form.cleaned_data
        if said["decision"] == "refuse":
            return access.refuse_pin(waiting, because=said["because"], by=person)
        return access.confirm_pin(waiting, fingerprint=said["fingerprint"], because=said["because"], by=person)

    before = confirmed_pin(row)
    words = WORDS[Pin.Kind(waiting.kind)]
    facts = [
        ("Host", f"{row.server.name}, {waiting.address}"),
        ("It shows", f"{waiting.algorithm} {waiting.fingerprint}"),
        *([("Confirmed until now", f"{before.algorithm} {before.fingerprint}")] if before else []),
        ("Proposed by", f"{waiting.proposed_by}"),
    ]
    return confirm(
        request,
        form=KeyForm(request.POST or None, initial={"fingerprint": waiting.fingerprint}),
        act=act,
        done=lambda _: f"/sources/{row.pk}/",
        context={
            "title": words.title.format(host=row.server.name if waiting.kind == Pin.Kind.SSH else waiting.address),
            "crumb": [row.server.name, row.get_kind_display()],
            "back_url": f"/sources/{row.pk}/",
            "subject": words.compare,
            "consequence": words.then,
            "facts": [{"label": label, "text": text, "mono": label != "Proposed by"} for label, text in facts],
            "warning": changed_warning(before, words),
            "submit": "Put it on record",
            "danger": before is not None,
        },
    )


def changed_warning(before: Pin | None, words: Words) -> dict[str, str] | None:
    """A key that takes the place of another one deserves a second look."""
    if before is None:
        return None
    return {
        "title": words.before,
        "text": words.ask,
        "packet": "",
    }
