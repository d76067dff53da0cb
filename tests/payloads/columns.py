"""Puts the corpus into every text column of every row, past all forms: what a column holds must never run.

The columns come from the models. Left alone are those that carry no text of people's or machines': keys by which
other rows are found, digests, and words of the application's own. A new column is planted without being listed.
"""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.db import models

from tests.payloads.corpus import PLANTED

ROOMS: Final = ("compliance", "evidence", "reviews")
# Ends of names: digests, seals and keys; a text there is none that anybody wrote.
NO_TEXT: Final = ("hash", "digest", "sha256", "seal", "proof", "mac", "salt", "fingerprint", "root", "frontier", "key")
OWN_WORDS: Final = frozenset({
    "compliance.User.password", "compliance.User.email",
    "compliance.Organisation.marking", "compliance.ZonePrefix.prefix",
    "compliance.Job.kind", "compliance.LedgerInbox.verb", "compliance.LedgerInbox.object_type",
    "compliance.LedgerEntry.data", "compliance.LedgerRow.label", "compliance.LedgerRow.names",
    "compliance.LedgerCheckpoint.note", "compliance.LedgerCheckpoint.because",
    "compliance.RiskAcceptance.path", "compliance.Outbound.path", "compliance.Connection.drift",
    "evidence.Pack.marking", "evidence.Pull.error_code", "evidence.Source.paused_code", "compliance.SavedFilter.path",
    "evidence.Pack.profile", "evidence.PulledArtefact.format",
    "evidence.SourceSecret.reference", "evidence.SourceSecret.sealed", "evidence.SourceSecret.sealed_with",
    "compliance.Receiver.reference", "compliance.Receiver.sealed", "compliance.Receiver.sealed_with",
    "evidence.Snapshot.tier", "evidence.Finding.accepted_rating",
    "reviews.ReviewSchedule.time_zone", "reviews.ReviewSchedule.rule",
})  # fmt: skip
# Words in JSON that people or dumps wrote.
SAID: Final = frozenset({
    "because", "text", "title", "comment", "reason", "rule", "process", "what", "next_step", "say", "problem", "note",
    "command", "file", "advice", "example", "example_text", "expected_use_note",
})  # fmt: skip


def plant() -> tuple[int, set[str]]:
    """Overwrites the texts; gives how many cells, and which columns (also those without a row, which hold nothing)."""
    cells, columns = 0, set()
    for model in apps.get_models():
        if model._meta.app_label not in ROOMS:
            continue
        texts = [each for each in model._meta.concrete_fields if is_text(model, each)]
        columns |= {f"{model._meta.label}.{each.name}" for each in texts}
        for number, row in enumerate(model._base_manager.order_by("pk")):
            changed = {each.attname: text(each, number + 7 * place, row) for place, each in enumerate(texts)}
            changed |= leaves(model, row, number)
            if changed:
                model._base_manager.filter(pk=row.pk).update(**changed)
                cells += len(changed)
    return cells, columns


def is_text(model: type[models.Model], each: models.Field[Any, Any]) -> bool:
    """Whether a column holds free text."""
    if not isinstance(each, (models.CharField, models.TextField)) or each.choices or each.generated:
        return False
    return not each.name.endswith(NO_TEXT) and f"{model._meta.label}.{each.name}" not in OWN_WORDS


def text(each: models.Field[Any, Any], turn: int, row: models.Model) -> str:
    """A payload for a cell; with the row's key where rows must differ."""
    longest = each.max_length or 400
    fits = [one for one in PLANTED if len(one) + 8 <= longest] or [PLANTED[0][:longest]]
    if each.name == "name":
        fits = [one for one in fits if "/" not in one]
    payload = fits[turn % len(fits)]
    # Names stand in addresses of pages: a blank name or one with a slash would only be unreachable.
    return f"{payload}{row.pk}" if each.name == "name" else payload


def leaves(model: type[models.Model], row: models.Model, turn: int) -> dict[str, Any]:
    """The JSON columns of a row with the words of `SAID` overwritten."""
    changed = {}
    for each in model._meta.concrete_fields:
        if isinstance(each, models.JSONField) and f"{model._meta.label}.{each.name}" not in OWN_WORDS:
            if model._meta.label in ("compliance.LedgerInbox", "compliance.PolicyVersion"):
                continue
            before = getattr(row, each.attname)
            after = replaced(before, turn, "")
            if after != before:
                changed[each.attname] = after
    return changed


def replaced(value: Any, turn: int, key: str) -> Any:
    """A JSON value with payloads for its texts."""
    if isinstance(value, dict):
        return {name: replaced(one, turn + place, name) for place, (name, one) in enumerate(value.items())}
    if isinstance(value, list):
        return [replaced(one, turn + place, key) for place, one in enumerate(value)]
    return PLANTED[turn % len(PLANTED)] if isinstance(value, str) and value and key in SAID else value
