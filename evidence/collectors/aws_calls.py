"""The calls of AWS by which an account is read: all pages of each, in one order, written as the answers they are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from evidence.collectors.collected import PullError
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact

MOST_PAGES: Final = 2_000


class Call(NamedTuple):
    """One describe call: its operation, the key of its list, and the key its objects are sorted by."""

    operation: str
    key: str
    sorted_by: str

    @property
    def command(self) -> str:
        """As the command line calls it."""
        return self.operation.replace("_", "-")


def pages(client: Any, call: Call, asked: Mapping[str, Any], deadline: float) -> list[dict[str, Any]]:
    """All objects of a call, page by page; a page without its end or above a limit fails it. Raises PullError."""
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        if time.monotonic() > deadline:
            raise PullError(
                ErrorCode.TIMEOUT, f"{call.command} was not answered to its end in time.",
                "Raise EASTWEST_PULL_LIMIT_S, or make a source for each region.",
            )  # fmt: skip
        answer = getattr(client, call.operation)(**asked, **token)
        found += answer[call.key]
        following = answer.get("NextToken")
        if not following:
            return found
        if following == token.get("NextToken"):
            break
        token = {"NextToken": following}
    raise PullError(
        ErrorCode.TRUNCATED, f"{call.command} does not come to an end.", "Read it again; look at what answers there."
    )


def in_order(rows: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The same objects in the same order, however they came."""
    return sorted(rows, key=lambda one: str(one.get(key)))


def written(region: str, command: str, key: str, rows: Iterable[Mapping[str, Any]], **beside: str | bool) -> Artefact:
    """An answer as a file: the same objects give the same bytes."""
    content = json.dumps({**beside, key: list(rows)}, indent=1, sort_keys=False, default=str, ensure_ascii=False)
    whose = beside.get("PrefixListId") or beside.get("TransitGatewayRouteTableId") or key
    name = f"{region}-{whose}.json"
    return Artefact(name, f"{content}\n".encode(), f"aws ec2 {command} --region {region}", datetime.now(UTC))
