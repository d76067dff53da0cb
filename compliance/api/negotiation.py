"""JSON is what there is, whatever the request would rather have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class JsonAlways(BaseContentNegotiation):
    """The only parser and the only renderer; another content type of a body is still refused by the parser's own."""

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:
        """The parser, where the body says that it is JSON."""
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return parsers[0] if kind == "application/json" else None

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """JSON."""
        return renderers[0], "application/json"
