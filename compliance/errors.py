"""What a person is told when something cannot be done."""

from __future__ import annotations


class Refused(Exception):
    """A refusal in three sentences: what was refused, why, and what to do next."""

    def __init__(self, what: str, why: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next_step = next_step

    def __str__(self) -> str:
        return " ".join(sentence for sentence in (self.what, self.why, self.next_step) if sentence)
