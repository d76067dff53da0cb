"""How high the systems of this installation may be classified, and what that keeps out of messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.conf import settings

from compliance.errors import Refused
from compliance.models import ChangeRecord, Connection, System

LEVELS: Final = tuple(System.Classification.values)  # from the lowest to the highest
FROM_PROTECTED: Final = LEVELS[LEVELS.index(System.Classification.P) :]


def refuse_above_ceiling(name: str, classification: str) -> None:
    """Raises Refused where a system is classified higher than this installation is for (settings.CEILING)."""
    if LEVELS.index(classification) > LEVELS.index(settings.CEILING):
        ceiling, wanted = (System.Classification(level).label for level in (settings.CEILING, classification))
        raise Refused(
            f"{name} was not taken.",
            f"It is {wanted}, and this installation holds records up to {ceiling}.",
            "Keep it in an installation authorised for it, or have this one authorised and set EASTWEST_CEILING.",
        )


def is_reserved(path: str, about: Iterable[System] | None = None) -> bool:
    """Whether a message must carry no more than an id and a link: one of its systems is PROTECTED or above.

    `about`: its systems; without it, those of the change or connection that the path names; and where that names
    neither, every system counts: what a message is about is not guessed.
    """
    systems = System.objects.filter(classification__in=FROM_PROTECTED)
    if about is None:
        named = systems_named(path)
        return systems.exists() if named is None else systems.filter(pk__in=named).exists()
    return any(system.classification in FROM_PROTECTED for system in about)


def systems_named(path: str) -> set[int] | None:
    """The ids of the systems of the change or connection in a path of ours; None where it names neither."""
    ref = ref_of(path)
    prefix, _, number = ref.partition("-")
    rows: Iterable[tuple[int | None, ...]]
    if prefix == "CON":
        rows = Connection.objects.filter(pk=number).values_list("system_id", "source__server__system_id",
                                                                "destination__server__system_id")  # fmt: skip
    elif prefix == "CHG":
        rows = ChangeRecord.objects.filter(pk=number).values_list("system_id", "needs__system_id",
                                                                  "connection__system_id")  # fmt: skip
    else:
        return None
    return {key for row in rows for key in row if key} or None


def ref_of(path: str) -> str:
    """The id people use (CHG-42) in a path of ours; "" where there is none."""
    parts = [part for part in path.split("?")[0].split("/") if part.partition("-")[2].isdigit()]
    return next((part for part in parts if part.partition("-")[0].isupper()), "")
