"""Counters of rules begin anew where nobody can say that they are of the same rules as before."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.actions.counting import anew
from evidence.artefacts import place_of
from evidence.readings import load
from tests.evidence.site import Site

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_damaged_reading_of_before_starts_every_counter_and_refuses_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.read()
    source = site.sources[1]
    source.refresh_from_db()
    assert source.last_good is not None
    reading, stored = load(source.last_good), place_of(source.last_good.reading.sha256)
    every = {rule.id for chain in reading.chains for rule in chain.rules}
    assert every
    assert anew(source, reading) == frozenset(), "the same rules go on being counted"
    stored.chmod(0o600)
    stored.write_bytes(b"{}")
    assert anew(source, reading) == every
    stored.unlink()
    assert anew(source, reading) == every
