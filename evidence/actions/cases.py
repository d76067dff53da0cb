"""What a comparison found, one case for each finding it may become: whose it is, and what makes it the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from compliance.models import Connection, Server
from evidence.judgement import Judgement


@dataclass
class Case:
    """One finding as this comparison sees it: the judgement, whose it is, and its whole extent in both families."""

    judgement: Judgement
    system_id: int
    connection: Connection | None
    server: Server | None
    rule_origin: dict[str, Any]
    proposal: str = ""
    extent: list[dict[str, Any]] = field(default_factory=list)
    members: list[Case] = field(default_factory=list)  # of a finding that several servers have for one cause

    @property
    def fingerprint(self) -> str:
        """What makes it the same finding from month to month."""
        one = self.judgement
        return fingerprint(one.verdict, one.point, one.subject)


def fingerprint(verdict: str, point: str, subject: str) -> str:
    """sha256 over verdict, point and subject; the extent stands apart."""
    return hashlib.sha256("\0".join((verdict, point, subject)).encode()).hexdigest()


def merged(cases: Iterable[Case]) -> list[Case]:
    """One case a fingerprint: the same finding in both families keeps both extents."""
    found: dict[str, Case] = {}
    for case in cases:
        held = found.setdefault(case.fingerprint, case)
        if held is not case:
            held.extent.extend(case.extent)
    return list(found.values())
