"""The door through which hosts push their dumps: a token for one source, files of one moment, JSON answers.

No session counts here and no cookie is read, so no page of somebody else's can push in a person's name.
"""

from __future__ import annotations

from typing import Any, Final

from allauth.core.internal import ratelimit
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt

from compliance.errors import Refused
from evidence.actions import push as verbs
from evidence.models import Source

# The limit of settings.ACCOUNT_RATE_LIMITS
FAILED: Final[dict[str, Any]] = {"app": "allauth.account", "action": "token_failed"}
NO_TOKEN: Final = Refused(
    "Nothing was taken.",
    "The request shows no token that opens a source: it is missing, unknown, revoked or past its end.",
    "Send it as Authorization: Bearer ewp_… ; the page of the source makes a new one.",
)
TOO_MANY: Final = Refused(
    "Nothing was taken.", "Too many tokens that open nothing came from your address.", "Try again in a minute."
)


@csrf_exempt
def push(request: HttpRequest) -> JsonResponse:
    """POST multipart/form-data: every file of it is a dump of the token's source, all of one moment. Gives 202."""
    if request.method != "POST":
        said = Refused("Nothing was taken.", "Dumps are sent by POST.", "curl -F dumps=@iptables-save.txt …")
        return refused(said, 405, Allow="POST")
    if not ratelimit.consume(request, dry_run=True, **FAILED):
        return refused(TOO_MANY, 429, **{"Retry-After": "60"})
    source = shown(request)
    if source is None:
        ratelimit.consume(request, **FAILED)
        return refused(NO_TOKEN, 401, **{"WWW-Authenticate": 'Bearer realm="Eastwest push"'})
    length = request.headers.get("Content-Length", "")
    if not length.isdigit():
        return refused(Refused("Nothing was taken.", "The request does not say its length.", "Use curl -F."), 411)
    if int(length) > settings.UPLOAD_LIMIT_BYTES:
        limit = settings.UPLOAD_LIMIT_BYTES // 2**20
        said = Refused("Nothing was taken.", f"It is larger than {limit} MB.", "Push the dumps of one host only.")
        return refused(said, 413)
    return taken(request, source)


def shown(request: HttpRequest) -> Source | None:
    """The source whose token the request shows."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return verbs.source_of(token.strip()) if scheme.lower() == "bearer" else None


def taken(request: HttpRequest, source: Source) -> JsonResponse:
    """What came, kept; and what will become of it."""
    try:
        files = [(each.name or "", each.read()) for _, rows in request.FILES.lists() for each in rows]
        row = verbs.push(source, files)
    except verbs.Busy as busy:
        said = Refused("Nothing was taken.", "The pushes before it are still being read.", "Push again in a minute.")
        return refused(said, 429, **{"Retry-After": str(busy.seconds)})
    except Refused as refusal:
        return refused(refusal, 422)
    except (MultiPartParserError, RequestDataTooBig, SuspiciousOperation):
        said = Refused("Nothing was taken.", "The request is no whole multipart form.", "Use curl -F.")
        return refused(said, 400)
    kept = row.artefacts.select_related("stored").order_by("pk")
    answer = {
        "source": source.name,
        "pull": row.pk,
        "files": [{"name": each.name, "sha256": each.stored.sha256, "size": each.stored.size} for each in kept],
    }
    return JsonResponse(answer, status=202)


def refused(said: Refused, status: int, **headers: str) -> JsonResponse:
    """What happened, why, and what to do next."""
    facts = {"what": said.what, "why": said.why, "next_step": said.next_step}
    return JsonResponse(facts, status=status, headers=headers)
