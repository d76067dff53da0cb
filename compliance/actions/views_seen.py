"""What an auditor was shown: one entry of the ledger for each page or file of evidence, and for nobody else."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.apps import apps
from django.db import transaction

from compliance.actions.ledger import record
from compliance.models import LedgerInbox, User

VIEW: Final = "view"
TAKE: Final = "take_file"
LONGEST: Final = 300  # signs of an address that are kept


def note(
    person: User, *, model: str, key: int | None, page: str, as_file: bool, at: datetime | None = None
) -> LedgerInbox:
    """Notes a page that was opened, or a file that was taken. `model` "": it is about no single record.

    Who does not get the entry written does not get the page: it is called before the answer leaves.
    """
    with transaction.atomic():
        row = apps.get_model(model).objects.filter(pk=key).first() if model and key is not None else None
        return record(TAKE if as_file else VIEW, row, by=person, at=at, page=page[:LONGEST])
