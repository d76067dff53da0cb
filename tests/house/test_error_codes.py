"""Every error a reading can end with is provoked for real, waits for something, and is explained."""

from __future__ import annotations

import re

from evidence.actions.attempts import AFTER
from evidence.models import ErrorCode
from tests.faults.provoked import PROVOKED
from tests.house.source import TOP, files, name


def test_every_code_is_provoked_for_real_and_says_what_follows() -> None:
    assert set(PROVOKED) == set(ErrorCode), "tests/faults/provoked.py has the list, code by code"
    assert set(AFTER) == set(ErrorCode)
    assert len({work.__name__ for work in PROVOKED.values()}) == len(PROVOKED)


def test_every_code_stands_in_the_table_of_the_documentation_and_is_raised_somewhere() -> None:
    rows = re.findall(
        r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \| [^|]+ \|$", (TOP / "docs" / "sources.md").read_text(), re.M
    )
    assert set(ErrorCode.values) <= set(rows)
    raised = "\n".join(path.read_text() for path in files(".py") if name(path).startswith("evidence/"))
    words = [f"ErrorCode.{code.name}" for code in ErrorCode]
    assert [word for word in words if raised.count(word) < 2] == [], "a code that nothing ends with"
