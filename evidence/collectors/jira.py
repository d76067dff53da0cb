"""Tickets of Jira over its REST interface: title and status of one, and nothing is written there."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from django.conf import settings

from evidence.collectors import https
from evidence.collectors import secrets as references
from evidence.collectors.collected import PullError
from evidence.models.sources import ErrorCode

KEY: Final = re.compile(r"[A-Z][A-Z0-9_]{1,20}-[1-9][0-9]{0,9}")
LARGEST: Final = 2**20
CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
SIGN_IN: Final = "Renew the token, or give its account the right to see the project."
LOOK: Final = "Look at EASTWEST_JIRA_URL: it is the address at which people open Jira."


class Ticket(NamedTuple):
    """What it says: the key it has now (a moved ticket has another), title, status."""

    key: str
    title: str
    status: str


def set_up() -> bool:
    """Whether this installation asks a Jira at all."""
    return bool(settings.JIRA_URL and settings.JIRA_SECRET)


def link(key: str) -> str:
    """Where people open a ticket; "" where what is written is no key or no Jira is set up."""
    return f"{settings.JIRA_URL.rstrip('/')}/browse/{key}" if set_up() and KEY.fullmatch(key) else ""


def read(key: str, *, deadline: float) -> Ticket:
    """One ticket. Raises PullError in words that hold nothing of the answer."""
    url = f"{settings.JIRA_URL.rstrip('/')}/rest/api/2/issue/{quote(key, safe='')}?fields=summary,status"
    secret = references.referred(settings.JIRA_SECRET, deadline)
    answer = https.get(
        url, headers={"Authorization": signed_in(secret)}, deadline=deadline, ca=settings.JIRA_CA_FILE, largest=LARGEST
    )
    status = answer.status
    if status in (401, 403):
        raise PullError(ErrorCode.AUTH, f"Jira does not let Eastwest in ({status}).", SIGN_IN)
    if status == 404:
        raise PullError(ErrorCode.PERMISSION, f"Jira shows no ticket {key}.", SIGN_IN)
    if status == 429:
        wait = "It was asked too often."
        raise PullError(ErrorCode.RATE_LIMITED, wait, "It is left alone for a time.", retry_after=answer.retry_after)
    if 300 <= status < 400:
        raise PullError(ErrorCode.CONFIG, f"Jira leads elsewhere ({status}): nobody follows.", LOOK)
    if status != 200:
        raise PullError(ErrorCode.UNREACHABLE, f"Jira answers {status}.", "Look whether it runs.")
    return ticket_in(answer.body)


def signed_in(secret: bytes) -> str:
    """The header by which it knows Eastwest: an account with its API token (cloud), or a personal access token."""
    token = secret.strip()
    if not re.fullmatch(rb"[\x21-\x7e]{1,4096}", token):
        raise PullError(ErrorCode.CONFIG, "What EASTWEST_JIRA_SECRET leads to is no token.", "Put the token there.")
    if settings.JIRA_USER:
        return "Basic " + base64.b64encode(settings.JIRA_USER.encode() + b":" + token).decode()
    return f"Bearer {token.decode()}"


def ticket_in(body: bytes) -> Ticket:
    """The ticket of an answer. Raises PullError for anything else, such as a page to sign in on."""
    try:
        said: Any = json.loads(body)
        found = said["key"], said["fields"]["summary"], said["fields"]["status"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise PullError(ErrorCode.PARSE, "What answers there is no ticket of Jira.", LOOK) from None
    if not all(isinstance(one, str) for one in found) or not KEY.fullmatch(found[0]):
        raise PullError(ErrorCode.PARSE, "What answers there is no ticket of Jira.", LOOK)
    title, status = (" ".join(CONTROLS.sub(" ", one).split()) for one in found[1:])
    return Ticket(found[0], title[:300], status[:100])
