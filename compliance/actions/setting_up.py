"""The marks of set-up: a step left out, taken up again, and the mail that was tried."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.utils import timezone

from compliance.actions.estate import add_organisation
from compliance.actions.ledger import record
from compliance.actions.people import use_link
from compliance.errors import Refused
from compliance.models import Organisation, SetUpMark, User
from compliance.permissions import check
from compliance.setting_up import MAIL, NOWHERE, steps

PATIENCE_S: Final = 10  # a person waits for the answer


def come_in(
    token: str, *, password: str, name: str, email: str = "", organisation: str = "", at: datetime | None = None
) -> User:
    """Sets the password behind a one-time link; the first administrator names their organisation in the same step."""
    moment = at or timezone.now()
    with transaction.atomic():
        person = use_link(token, password, name=name, email=email, at=moment)
        if organisation.strip() and not Organisation.objects.exists():
            add_organisation(organisation, by=person, at=moment)
    return person


def leave_out(step: str, *, by: User, at: datetime | None = None) -> None:
    """The step is skipped for now: the list goes on without it, and says so."""
    moment = at or timezone.now()
    check(by, "set_up", None, at=moment)
    if step not in {one.key for one in steps(moment)}:
        raise Refused("Nothing was skipped.", "Set-up has no such step.", "Choose it from the list again.")
    with transaction.atomic():
        row, made = SetUpMark.objects.get_or_create(
            step=step, what=SetUpMark.What.SKIPPED, defaults={"by": by, "at": moment}
        )
        if made:
            record("skip_set_up", row, by=by, at=moment, step=step)


def take_up(step: str, *, by: User, at: datetime | None = None) -> None:
    """A step that was skipped is asked for again."""
    moment = at or timezone.now()
    check(by, "set_up", None, at=moment)
    with transaction.atomic():
        row = SetUpMark.objects.filter(step=step, what=SetUpMark.What.SKIPPED).first()
        if row is not None:
            record("take_up_set_up", row, by=by, at=moment, step=step)
            row.delete()


def try_mail(*, by: User, at: datetime | None = None) -> str:
    """Sends the person a mail now and says where it went. Raises Refused with what the mail server said."""
    moment = at or timezone.now()
    check(by, "set_up", None, at=moment)
    if by.email.endswith("@localhost"):
        why = f"Your address is {by.email}: a mail to it reaches nobody."
        raise Refused("No mail was sent.", why, "Add a person with a real address and let them try it.")
    text = f"Eastwest at {settings.SITE_URL} can send mail. {by} tried it."
    try:
        post = get_connection(timeout=PATIENCE_S)
        EmailMessage("Eastwest tries its mail", text, None, [by.email], connection=post).send()
    except OSError as error:  # what smtplib raises is one, too
        where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        said = " ".join(str(error).split()) or type(error).__name__
        raise Refused(
            "The mail was not sent.",
            f"{where} said: {said}.",
            "Correct EASTWEST_EMAIL_HOST and EASTWEST_EMAIL_PORT, start Eastwest again, and try once more.",
        ) from error
    sent = not any(word in settings.EMAIL_BACKEND for word in NOWHERE)
    with transaction.atomic():
        if sent:
            SetUpMark.objects.update_or_create(step=MAIL, what=SetUpMark.What.TRIED, defaults={"by": by, "at": moment})
        record("try_mail", None, by=by, at=moment, sent=sent)
    if not sent:
        return "The mail was only written down, not sent: EASTWEST_EMAIL_BACKEND names no mail server."
    return f"A mail was handed to {settings.EMAIL_HOST} for {by.email}. Look whether it arrives."
