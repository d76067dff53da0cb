"""The page that checks a pack somebody has: nothing of it is kept, and what could not be checked is said."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from compliance.errors import Refused
from compliance.models import User
from compliance.views.changes import signed_in
from evidence.actions.packs import signing_key
from evidence.forms.packs import VerifyForm
from evidence.models import Pack
from evidence.packs import seal, verify
from evidence.packs.verify_child import OFFLINE, NotChecked, check_in_child

AROUND: Final = 64 * 1024  # bytes of a body beside the pack: the other fields and the lines between them
THE_ZIP: Final = "the ZIP file"  # what the copy is called while it is checked: its own name is a stranger's word


def fingerprint() -> str:
    """The fingerprint of this installation's signing key; "" when the key cannot be read (`./run doctor` says why)."""
    try:
        return signing_key(timezone.now()).fingerprint
    except seal.SealError:
        return ""


def checked(path: Path, given: str | None, authority: Path | None = None) -> dict[str, Any]:
    """What the verifier says of a file, for the page. Raises Refused when it is no pack, or was not checked."""
    try:
        said = check_in_child(path, given, authority)
    except verify.NotAPack as error:
        raise Refused("This is not a pack", f"{error}.", "Bring the ZIP exactly as it was downloaded.") from None
    except NotChecked as error:
        raise Refused("The pack was not checked", f"Nothing is known of it: {error.why}.", OFFLINE) from None
    return {
        "ok": said["ok"],
        "at": timezone.now(),
        "members": said["members"],
        "notes": said["not_checked"],
        "trusted": said["trusted"],
        "signer": said["signer"],
        "signer_name": said["signer_name"],
        "pack": said["pack"],
        "counts": said["counts"],
        "stamps": [{**one, "at": datetime.fromisoformat(one["at"].replace("Z", "+00:00"))} for one in said["stamps"]],
    }


def whose(signer: str, person: User) -> dict[str, str]:
    """Whether a key whose signature holds is one of this installation's: .kind (ours, earlier, unknown, "") .text."""
    now = fingerprint()
    if not signer:
        return {"kind": "", "text": "Nobody's signature holds."}
    if not now:
        return {"kind": "unknown", "text": "This installation's own key cannot be read, so it was not compared."}
    if signer == now:
        return {"kind": "ours", "text": "This installation's own key signed it."}
    earlier = Pack.objects.for_user(person).filter(fingerprint=signer).order_by("-pk").first()
    if earlier is not None:
        text = f"A key that this installation used before signed it: {earlier.ref} was signed by it as well."
        return {"kind": "earlier", "text": text}
    text = "No key of this installation signed it, as far as you may see: it was made elsewhere, or is forged."
    return {"kind": "unknown", "text": text}


@csrf_exempt  # only so that a body that is too large is refused unread; `uploaded` asks for the token
def verify_upload(request: HttpRequest) -> HttpResponse:
    """Whether a pack somebody has is genuine."""
    signed_in(request)
    length = request.headers.get("Content-Length", "")
    if request.method == "POST" and length.isdecimal() and int(length) > settings.UPLOAD_LIMIT_BYTES + AROUND:
        limit = settings.UPLOAD_LIMIT_BYTES >> 20
        raise Refused("The pack was not checked", f"It is larger than the {limit} MB this page takes.", OFFLINE)
    return uploaded(request)


@csrf_protect
def uploaded(request: HttpRequest) -> HttpResponse:
    """The page; by POST with what the verifier says of the file."""
    person = signed_in(request)
    posted = request.method == "POST"
    form = VerifyForm(request.POST, request.FILES) if posted else VerifyForm()
    context: dict[str, Any] = {"form": form, "fingerprint": fingerprint(), "check": None, "refused": None}
    if posted and form.is_valid():
        given = form.cleaned_data["fingerprint"]
        context["name"] = form.cleaned_data["file"].name
        try:
            check = of_upload(form.cleaned_data["file"], given or None, form.cleaned_data["authority"])
            context |= {"check": check, "whose": whose(check["signer"], person), "given": bool(given)}
        except Refused as refused:
            context["refused"] = refused
    return render(request, "packs/verify.html", context)


def of_upload(given: Any, expected: str | None, certificates: bytes = b"") -> dict[str, Any]:
    """The check of an uploaded file, from a copy in a folder of its own that is gone when this returns.

    `certificates`: of the time-stamping authority (PEM), b"" where nobody gave any.
    """
    with tempfile.TemporaryDirectory(prefix="eastwest-verify-") as folder:
        path = Path(folder, THE_ZIP)
        with path.open("wb") as copy:
            for piece in given.chunks():
                copy.write(piece)
        authority = Path(folder, "authority.pem")
        authority.write_bytes(certificates)
        return checked(path, expected, authority if certificates else None)
