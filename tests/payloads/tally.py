"""What was sent, what was looked at, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from django.http import HttpResponse

from tests.payloads.leaks import in_csv, in_headers, in_html

SERVER_FAULT: Final = 500
NOT_READY: Final = 503  # what /readyz answers where no broker runs: a word of its own, no fault


@dataclass
class Tally:
    """The account of one walk."""

    payloads: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    outputs: int = 0
    sent: int = 0
    leaks: list[str] = field(default_factory=list)

    def post(self, where: str, answer: HttpResponse) -> None:
        """Looks at the answer to something hostile."""
        self.sent += 1
        self.look(where, answer)

    def look(self, where: str, answer: HttpResponse) -> None:
        """Looks at one answer: its headers, and its content by its type."""
        self.outputs += 1
        found = in_headers(dict(answer.headers.items()))
        if answer.status_code >= SERVER_FAULT and answer.status_code != NOT_READY:
            found.append(f"fault {answer.status_code}")
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        kind, text = answer.headers.get("Content-Type", ""), content.decode("utf-8", "replace")
        if kind.startswith(("text/html", "image/svg")):
            found += in_html(text)
        elif kind.startswith("text/csv"):
            found += in_csv(text)
        elif content and answer.headers.get("X-Content-Type-Options") != "nosniff":
            found.append(f"{kind} without nosniff")
        self.leaks += [f"{where}: {one}" for one in found]
