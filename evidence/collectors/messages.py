"""One message on its way: the secret opened, the body signed, the answer bounded. Only here is the secret in view."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from compliance.announcing import EVENTS, TEST
from compliance.models import Delivery, Receiver
from evidence import sealing
from evidence.collectors import chat, https
from evidence.collectors import secrets as references
from evidence.collectors.collected import PullError
from evidence.models import ErrorCode

TRY_S: Final = 10.0  # for one try, with the look-up of the secret
ANSWER: Final = 400  # bytes of an answer that are read and kept
CONTROLS: Final = re.compile(r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]")


@dataclass(frozen=True)
class Outcome:
    """What came of one try. `problem`: "" when it was taken."""

    status: int | None = None
    answer: str = ""
    problem: str = ""
    retry_after: float | None = None


def tried(row: Delivery) -> Outcome:
    """One message sent, or why not. Nothing of a secret stands in the outcome."""
    deadline = time.monotonic() + TRY_S
    try:
        secret = secret_of(row.receiver, deadline)
        if row.receiver.kind == Receiver.Kind.WEBHOOK:
            answer = https.post(
                row.receiver.address, row.body.encode(), headers=headers(row, secret, int(time.time())),
                deadline=deadline, ca=settings.RECEIVERS_CA_FILE, pin=row.receiver.pin, most=ANSWER,
            )  # fmt: skip
        else:
            answer = chat.say(row.receiver.kind, secret.decode(), *in_words(row), deadline=deadline, most=ANSWER)
    except PullError as error:
        return Outcome(problem=f"{error.what} {error.next_step}".strip(), retry_after=error.retry_after)
    said = hidden(as_text(answer.body), secret)
    return Outcome(answer.status, said, refused(answer.status), answer.retry_after)


def bound_to(row: Receiver) -> str:
    """What the sealed value is for: this receiver, of this kind, at this address."""
    return json.dumps(["receiver", row.serial.hex, row.kind, row.address])


def secret_of(receiver: Receiver, deadline: float) -> bytes:
    """What signs the message, or the chat's address. Raises PullError."""
    if receiver.reference:
        return references.referred(receiver.reference, deadline)
    try:
        return sealing.unseal(receiver.sealed, bound_to=bound_to(receiver))
    except sealing.Unreadable as error:
        raise PullError(ErrorCode.CONFIG, error.what, error.next_step) from None


def headers(row: Delivery, secret: bytes, stamp: int) -> Mapping[str, str]:
    """What goes with the body: which message, when it was sent, and the signature over both."""
    signed = hmac.new(secret, f"{stamp}.".encode() + row.body.encode(), hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Eastwest",
        "Eastwest-Event": row.event,
        "Eastwest-Delivery": str(row.uid),
        "Eastwest-Timestamp": str(stamp),
        "Eastwest-Signature": f"v1={signed}",
    }


def in_words(row: Delivery) -> tuple[str, str, str]:
    """(title, text, link) of the same message for people."""
    said: dict[str, Any] = json.loads(row.body)
    what = "A test" if row.event == TEST else EVENTS[row.event]
    title = " ".join(part for part in (said["ref"], what) if part)
    scope = f" ({', '.join(said['systems'])})" if said["systems"] else ""
    return title, f"{said['title']}{scope}".strip(), str(said["link"])


def refused(status: int) -> str:
    """Why this status is no success, in a sentence; "" when it is one."""
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"It answered {status}, which leads elsewhere: Eastwest follows no redirect. Write the address itself."
    return f"It answered {status}."


def as_text(body: bytes) -> str:
    """The first bytes of an answer as one line of plain text."""
    return CONTROLS.sub(" ", body.decode("utf-8", "replace"))[:ANSWER].strip()


def hidden(text: str, secret: bytes) -> str:
    """The text without the secret, should a receiver say it back."""
    said = secret.decode("utf-8", "replace").strip()
    return text.replace(said, "…") if said else text
