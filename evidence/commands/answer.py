"""What a command gives back: a status, data for machines, text for people; or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLEAN, FINDINGS, REFUSED, UNPROVEN = 0, 1, 2, 3


class Refusal(Exception):
    """The command cannot be carried out; the text says what, why and what to do next."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` is what --json prints, `text` what a person reads, `messages` go to standard error."""

    status: int
    data: Mapping[str, Any]
    text: str
    messages: tuple[str, ...] = ()


def status(*, findings: bool, unproven: bool) -> int:
    """The exit status of a command that was carried out."""
    if findings:
        return FINDINGS
    return UNPROVEN if unproven else CLEAN
