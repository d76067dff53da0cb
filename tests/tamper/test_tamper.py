"""A small size of `./run tamper`, and that it finds out a check that is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from compliance.actions import people as verbs
from compliance.actions.people import make_person
from compliance.actions.reconcile_rows import Altered, altered_rows
from evidence.packs import verify_ledger
from tests.people import everybody
from tests.tamper.logs import Kept, Quick, verdict
from tests.tamper.play import Holds, play
from tests.tamper.rows import play_rows, tables
from tests.tamper.site import estate


@pytest.fixture(autouse=True)
def own(settings: Any, tmp_path: Path) -> None:
    settings.KEYS, settings.CHECKPOINT_FILE = tmp_path / "keys", tmp_path / "checkpoints.txt"


@pytest.mark.django_db
def test_no_mutation_of_a_log_is_missed_and_no_clean_log_alarms() -> None:
    tally = play(900, 8, seed=4, person=make_person("dora@example.org", "Dora Database", by=None))
    assert (tally.missed, tally.false_alarms) == (0, 0), tally.examples
    assert tally.mutations == 900
    assert len(tally.kinds) >= 14


@pytest.mark.django_db
@pytest.mark.parametrize("broken", ["signatures hold always", "no checkpoint from outside"])
def test_a_broken_verifier_is_found_out(broken: str) -> None:
    def credulous(kept: Kept, note: str | None, holds: Holds) -> verify_ledger.Report:
        if broken == "signatures hold always":
            return verdict(kept, None, lambda *_: True)
        return verdict(kept, None, quick)

    quick = Quick()
    person = make_person("dora@example.org", "Dora Database", by=None)
    assert play(150, 1, seed=5, person=person, judge=credulous).missed > 0


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_no_raw_change_of_a_governed_row_is_missed() -> None:
    estate()
    assert [model._meta.label for model in tables() if not model._base_manager.exists()] == []
    tally = play_rows(120, seed=6)
    assert (tally.missed, tally.false_alarms) == (0, 0), tally.examples


@pytest.mark.django_db(transaction=True)
def test_a_reconciliation_that_does_not_hash_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    estate()

    def credulous() -> list[Altered]:
        return [one for one in altered_rows() if "not as the last verb left it" not in one.sentence]

    assert play_rows(50, seed=7, look=credulous).missed > 0


@pytest.mark.django_db(transaction=True)
def test_a_verb_that_writes_an_altered_row_says_so() -> None:
    """What somebody changed by hand is not laundered by the next verb that writes the row."""
    people = everybody()
    with connection.cursor() as sql:
        sql.execute("UPDATE compliance_user SET name = 'Somebody Else' WHERE id = %s", [people.sam.pk])
    assert [one.ref for one in altered_rows()] == [f"user {people.sam.pk}"]
    verbs.deactivate(people.sam, by=people.alex, because="Left.")
    (found,) = altered_rows()
    assert found.sentence.startswith(f"user {people.sam.pk} was altered past Eastwest before")
