"""What waits for somebody's decision, put together by its severity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from compliance.models import ChangeRecord

READ_AT_ONCE: Final = 50  # decisions on one check page


def together(listing: Iterable[ChangeRecord], grades: Mapping[int, str]) -> list[dict[str, Any]]:
    """For each severity that several have: the page that checks all of them at once, up to what somebody can read."""
    found = []
    for grade in ("high", "medium", "low"):
        refs = [change.ref for change in listing if grades[change.pk] == grade][:READ_AT_ONCE]
        if len(refs) > 1:
            url = f"/inbox/bulk/?{'&'.join(f'change={ref}' for ref in refs)}"
            found.append({"label": f"Check {len(refs)} of {grade} rating", "url": url})
    return found
