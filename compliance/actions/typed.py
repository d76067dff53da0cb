"""Keeping what was typed by somebody whose session had ended, giving it back to them alone, and forgetting it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.models import KeptForm, User

LASTS: Final = timedelta(days=1)
MOST: Final = 10  # forms of a person; the oldest goes
LONGEST: Final = 64_000  # characters of one; nobody types more
LONGEST_ADDRESS: Final = 500
# Fields that are never kept: what would be a secret, and what belongs to one page alone
NEVER: Final = (
    "csrfmiddlewaretoken",
    "password",
    "again",
    "secret",
    "token",
    "private_key",
    "passphrase",
    "credential",
)
CODES: Final = ("code", "otp")  # the whole name of a field


def keep(
    person: User, *, page: str, action: str, typed: Mapping[str, Sequence[str]], at: datetime | None = None
) -> KeptForm | None:
    """Keeps a form for its person, in the place of what was kept of the same. None where nothing of it may be kept."""
    moment = at or timezone.now()
    said = {name: list(values) for name, values in typed.items() if may_be_kept(name)}
    size = sum(len(name) + sum(map(len, values)) for name, values in said.items())
    if not any(any(values) for values in said.values()) or size > LONGEST or not person.is_active:
        return None
    if len(page) > LONGEST_ADDRESS or len(action) > LONGEST_ADDRESS:
        return None
    with transaction.atomic():
        KeptForm.objects.filter(kept_at__lt=moment - LASTS).delete()
        row, _ = KeptForm.objects.update_or_create(
            person=person, page=page, action=action, defaults={"typed": said, "kept_at": moment}
        )
        over = KeptForm.objects.filter(person=person).values_list("pk", flat=True)[MOST:]
        KeptForm.objects.filter(pk__in=list(over)).delete()
    return row


def may_be_kept(name: str) -> bool:
    """Whether a field may be kept, by its name."""
    low = name.lower()
    return low not in CODES and not any(word in low for word in NEVER)


def kept_for(person: User, page: str, *, at: datetime | None = None) -> list[KeptForm]:
    """What this person had typed on a page, the newest first. Nobody else's, and nothing older than a day."""
    since = (at or timezone.now()) - LASTS
    return list(KeptForm.objects.filter(person=person, page=page, kept_at__gte=since))


def anything_kept(person: User, *, at: datetime | None = None) -> bool:
    """Whether something is kept for this person."""
    return KeptForm.objects.filter(person=person, kept_at__gte=(at or timezone.now()) - LASTS).exists()


def sent(person: User, action: str) -> None:
    """What was kept of a form is not needed any more: it was sent, and taken."""
    KeptForm.objects.filter(person=person, action=action).delete()


def forget(person: User, number: int) -> str:
    """Throws something of one's own away. Gives the page it stood on, "" where there was none."""
    row = KeptForm.objects.filter(person=person, pk=number).first()
    if row is None:
        return ""
    row.delete()
    return row.page
