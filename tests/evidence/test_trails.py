"""A sample reads the trails of what was drawn, however many records there are, and says the same of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models.signals import post_init
from django.utils import timezone

from compliance.models import ChangeRecord
from evidence.models import Finding, VerdictRow
from evidence.packs.section import Scope
from evidence.packs.sections import changes, known, sampling, trail
from tests.evidence.site import Site, allow_in, put

MANY, SIZE = 12, 2


@contextmanager
def made_of() -> Iterator[Counter[str]]:
    """How many records of each kind were read with all they hold."""
    found: Counter[str] = Counter()

    def count(sender: Any, **_: Any) -> None:
        found[sender.__name__] += 1

    kinds = (ChangeRecord, Finding, VerdictRow)
    for kind in kinds:
        post_init.connect(count, sender=kind)
    try:
        yield found
    finally:
        for kind in kinds:
            post_init.disconnect(count, sender=kind)


@pytest.mark.django_db(transaction=True)
def test_a_sample_reads_what_it_drew_and_of_the_rest_the_ids(tmp_path: Path) -> None:
    site = Site(tmp_path)
    put(site.data, *(allow_in(f"10.20.40.{number}", "22") for number in range(1, MANY + 1)))
    site.read()
    site.compare()
    row = site.change
    for number in range(MANY):
        said = {"kind": row.kind, "title": f"More {number}", "material": row.material}
        whose = {"system": row.system, "requested_by": row.requested_by, "last_edited_by": row.requested_by}
        ChangeRecord.objects.create(connection=row.connection, **whose, **said)
    day = timezone.localdate()
    scope = Scope((row.system.name,), day.replace(day=1), day, timezone.now() + timedelta(minutes=1))
    for name, whole, model in (
        ("changes", [trail.of_change(one) for one in changes.known(scope)], "ChangeRecord"),
        ("findings", [trail.of_finding(one) for one in known.findings(scope)], "Finding"),
    ):
        assert len(whole) >= MANY
        with made_of() as found:
            drawn = sampling.sample(scope, name, "a lantern", SIZE)
        assert sorted(drawn.ids) == sorted(one.id for one in whole), "nothing is left out of what is drawn from"
        assert list(drawn.rows) == [next(one for one in whole if one.id == row.id) for row in drawn.rows]
        assert len(drawn.rows) == SIZE
        assert found[model] == SIZE
        assert found["VerdictRow"] <= 2 * SIZE
        with known.read_once(), made_of() as once:
            known.findings(scope)
            before = once["Finding"]
            assert sampling.sample(scope, name, "a lantern", SIZE) == drawn
            assert name == "changes" or once["Finding"] == before, "what was read for the pack is not read again"
