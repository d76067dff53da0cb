"""Rows for the assessor's own forms: what owners stated, never a rating; the same in CSV, workbook and on the page."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from compliance.actions.catalogues import state_control
from compliance.models import LedgerInbox
from evidence.actions.compare import compare
from evidence.models import Pack
from evidence.packs.lists import csv_bytes
from evidence.packs.section import Table
from evidence.packs.sections import controls
from evidence.packs.sections.cover import SUBJECT
from evidence.packs.workbooks import LONGEST, workbook_bytes
from tests.packs.test_sections import Month, listed, members, month  # noqa: F401  the fixture

AT = datetime(2026, 10, 1, tzinfo=UTC)


def rows(content: bytes) -> list[tuple[object, ...]]:
    return list(load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True))


def test_a_workbook_is_the_same_twice_and_runs_nothing() -> None:
    table = Table(
        "made", ("text", "count", "when", "=head"),
        [("=cmd|' /C calc'!A0", 7, AT, None), ("\u202ex\x07" + "w" * 40_000, -1, None, True)], workbook=True,
    )  # fmt: skip
    made = workbook_bytes(table)
    assert made == workbook_bytes(table)
    _head, first, second = rows(made)
    assert first == ("'=cmd|' /C calc'!A0", 7, AT.isoformat(), None)
    assert second[1:] == (-1, None, "yes")
    assert len(str(second[0])) < 32_767
    assert str(second[0]).endswith("(cut here: the CSV has it whole)")
    book = load_workbook(io.BytesIO(made))
    assert {cell.data_type for row in book.active.iter_rows() for cell in row} <= {
        "s",
        "n",
        "inlineStr",
    }  # never "f": a formula
    assert len(csv_bytes(table)) > LONGEST + 8_000


@pytest.mark.django_db(transaction=True)
def test_a_pack_says_what_owners_stated_by_the_cut_off(month: Month) -> None:  # noqa: F811
    month.read("pay-app-01", "pay-db-01")  # of two nothing is known: that stands open
    compare()
    people, now = month.people, timezone.now()
    state_control(people.payroll, "ISM-1479", status="planned", comment="After the move.", by=people.omar,
                  at=now - timedelta(days=3))  # fmt: skip
    state_control(people.payroll, "ISM-1479", status="partly", comment="=One rule is wider.", by=people.omar)
    said = LedgerInbox.objects.filter(data__verb="state_control").count()
    pack = month.pack()
    held = members(pack)
    annex = [row for row in listed(pack, "ssp-annex") if row["control"] == "ISM-1479"]
    status = {row["system"]: row["implementation_status_as_stated"] for row in annex}
    assert status == {"Payroll": "Partly implemented", "Platform": "not stated"}
    assert next(row["comments"] for row in annex if row["system"] == "Payroll") == "'=One rule is wider."
    assert {row["applicability"] for row in annex} == {"the publisher's catalogue was not loaded"}
    for name in ("ssp-annex", "plan-of-action", "statement-of-applicability"):
        book = rows(held[f"annexes/{name}.xlsx"])
        assert len(book) - 1 == len(listed(pack, name)) > 0, name
        assert [str(cell or "") for cell in book[1]] == list(listed(pack, name)[0].values())
    part = next(one for one in pack.sections if one["slug"] == "controls")
    assert part["state"] == "partial"
    earlier = controls.stated(month.scope(as_of=now - timedelta(days=1)))
    assert [one.label for one in earlier[SUBJECT]] == ["Planned"]
    assert said == 2
    rests(pack, held)


def rests(pack: Pack, held: dict[str, bytes]) -> None:
    """Every verdict and finding names what it rests on, and it is there."""
    for name in ("verdicts", "findings", "plan-of-action"):
        for row in listed(pack, name):
            assert row["rests_on"], row
            for one in row["rests_on"].split():
                if one.startswith(("rules/", "data/")):
                    assert any(path.startswith(one) for path in held), one
    tiers = {row["verdict"]: row["proposed_tier"] for row in listed(pack, "verdicts")}
    assert tiers["implemented"] == "fair"  # copied into a folder, not read from the system itself
    assert tiers["usage_unknown"] == "poor"
