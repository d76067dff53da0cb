"""Messages to people: a row with a key in the decision's transaction, mailed at once by the job `send`, in the mail of
the day by `digest`, or in Eastwest only, as each person chose for its kind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue_all
from compliance.classification import is_reserved, ref_of
from compliance.models import How, Notice, NoticePreference, Outbound, System, User

NEWS: Final = timedelta(days=2)  # what is older when it is written down is history: kept, not mailed, not new


def tell(
    person: User,
    *,
    key: str,
    subject: str,
    body: str,
    path: str,
    kind: str = Notice.OUTCOME,
    at: datetime | None = None,
    about: Iterable[System] | None = None,
) -> Outbound:
    """Keeps one message for a person under a key; the same key again is the same message. Call it inside atomic().

    `kind`: what it is about (compliance/models/notices.py). `path`: the page it points to, from the root of the site
    ("/inbox/CHG-42/"). `about`: the systems it is about. Where
    one of them is PROTECTED or above, and where nobody knows, the message carries the id and the link alone.
    """
    return tell_all([(person, key)], subject=subject, body=body, path=path, kind=kind, at=at, about=about)[0]


def tell_all(
    told: Iterable[tuple[User, str]],
    *,
    subject: str,
    body: str,
    path: str,
    kind: str = Notice.OUTCOME,
    at: datetime | None = None,
    about: Iterable[System] | None = None,
) -> list[Outbound]:
    """The same message to several people, each under a key of their own, in as few statements as one takes."""
    moment, wanted = at or timezone.now(), {key: person for person, key in told}
    there = {row.key: row for row in Outbound.objects.filter(key__in=list(wanted))}
    fresh = {key: person for key, person in wanted.items() if key not in there}
    if fresh:
        if is_reserved(path, about):
            ref = ref_of(path)
            subject, body = f"{ref} in Eastwest" if ref else "News in Eastwest", "Open the page to read it."
        subject = " ".join(subject.split())  # one line: a title with a line end would be a message that cannot be sent
        history = moment <= timezone.now() - NEWS
        chosen = {} if history else how_told(fresh.values(), kind)
        said = {"subject": subject[:200], "body": body, "path": path, "created_at": moment, "kind": kind}
        said |= {"read_at": moment} if history else {}
        made = written({key: {"to": to, "how": chosen.get(to.pk, How.IN_APP), **said} for key, to in fresh.items()})
        there |= {row.key: row for row in made}
        mailed = [row for row in made if row.how == How.AT_ONCE]
        enqueue_all("send", {f"send:{row.key}"[:200]: {"outbound": row.pk} for row in mailed})
    return [there[key] for key in wanted]


def written(messages: dict[str, dict[str, Any]]) -> list[Outbound]:
    """The rows of new messages by their keys; where somebody wrote one of them meanwhile, theirs."""
    try:
        with transaction.atomic():
            return Outbound.objects.bulk_create(Outbound(key=key, **said) for key, said in messages.items())
    except IntegrityError:
        return [Outbound.objects.get_or_create(key=key, defaults=said)[0] for key, said in messages.items()]


def how_told(people: Iterable[User], kind: str) -> dict[int, str]:
    """How each of these (by id) wants to be told of this kind: by mail at once, where they did not choose."""
    keys = [person.pk for person in people]
    rows = NoticePreference.objects.filter(person__in=keys, kind=kind).values_list("person", "how")
    return dict.fromkeys(keys, str(How.AT_ONCE)) | dict(rows)
