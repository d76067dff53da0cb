"""Transports: how the dumps of a host come to us. A literal table; what they bring is read elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from evidence.collectors import directory, local
from evidence.collectors.collected import Collected

Collect = Callable[..., Collected]
# an upload is brought by a person: its bytes are kept by the verb, there is nothing to collect
COLLECTORS: Final[Mapping[str, Collect]] = {"directory": directory.collect, "local": local.collect}


def collect(
    kind: str, config: Mapping[str, Any], *, secret: bytes | None, since: str | None, deadline: float
) -> Collected:
    """Calls the collector of that kind. Raises PullError."""
    return COLLECTORS[kind](config, secret=secret, since=since, deadline=deadline)
