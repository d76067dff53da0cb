"""Against the pack before: new, gone, still open; and a finding that nobody can see any more is not gone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from evidence.actions import packs
from evidence.actions.compare import compare
from evidence.models import Finding, Pack, Source
from evidence.packs.sections import since_last
from evidence.packs.sections.known import findings
from tests.evidence.site import APP, DATA, allow_in, allow_out, put, read
from tests.packs.test_sections import Month, listed, month  # noqa: F401  the fixture

pytestmark = pytest.mark.django_db(transaction=True)


def again(month: Month, host: str, *rules: str) -> None:  # noqa: F811
    """The host's rules are these now, and are read."""
    put(month.place / host, *rules)
    read(Source.objects.get(server__name=host), month.people)


def moved(pack: Pack) -> dict[str, tuple[str, str]]:
    """Verdict at its host → how, and why."""
    return {f"{row['verdict']} {row['what']}": (row["since_last_pack"], row["because"])
            for row in listed(pack, "since-last-pack") if row["kind"] == "finding"}  # fmt: skip


def test_new_gone_and_still_open_since_the_pack_before(month: Month) -> None:  # noqa: F811
    month.read("pay-app-01", "pay-db-01")
    again(month, "pay-app-01", allow_out(DATA, "5432:5439"))
    again(month, "pay-db-01", allow_in(APP, "5432:5439"))
    compare()
    today = timezone.localdate()
    first = month.pack(since=today - timedelta(days=40))
    assert listed(first, "since-last-pack") == []
    data = since_last.since_last(month.scope(first.as_of), [])
    assert data.because.startswith("There is no earlier pack")

    again(month, "pay-app-01", allow_out(DATA, "5432"))  # mended
    shutil.rmtree(month.place / "pay-db-01")  # gone dark
    assert read(Source.objects.get(server__name="pay-db-01"), month.people).error_code == "unreachable"
    compare()
    hidden = Finding.objects.get(verdict="permits_more", server__name="pay-db-01")
    assert hidden.unseen_since is not None
    second = month.pack()
    found = {row["id"]: row for row in listed(second, "findings")}
    assert found[hidden.ref]["certainty"] == "unproven"  # it stands, and is not proven any more
    assert "Not seen in the last comparison and not cured" in found[hidden.ref]["because"]
    said = moved(second)
    how = {name.partition(" ")[0]: one for name, (one, _) in said.items()}
    assert how["unreachable"] == "new"
    wide = [one for name, one in said.items() if name.startswith("permits_more")]
    assert sorted(one for one, _ in wide) == ["gone", "still"]
    assert next(because for one, because in wide if one == "gone").startswith("Cured on ")
    scope = replace(month.scope(timezone.now()), since=today - timedelta(days=20))  # another period: against the second
    third = since_last.since_last(scope, findings(scope))
    assert (third.earlier, len(third.new), len(third.gone), len(third.still)) == (second.ref, 0, 0, len(found))
    assert tampered(second, month) == f"{second.ref} cannot be read, so nothing is compared with it: " + (
        "its file is not as it was built."
    )


def tampered(pack: Pack, month: Month) -> str:  # noqa: F811
    """What is said once a byte of that pack was changed."""
    place = Path(packs.path_of(pack))
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    scope = month.scope(pack.built_at + timedelta(microseconds=1))  # type: ignore[operator]
    return since_last.since_last(scope, findings(scope)).because


def test_what_was_cured_before_the_comparison_is_not_brought_back(month: Month) -> None:  # noqa: F811
    month.read("pay-app-01", "pay-db-01")
    again(month, "pay-db-01", allow_in(APP, "5432:5439"))
    before = compare()
    again(month, "pay-db-01", allow_in(APP, "5432"))
    after = compare()
    [one] = Finding.objects.filter(verdict="permits_more")
    names = [one.finding.ref for one in findings(month.scope(after.at), after)]
    assert one.ref not in names
    assert one.ref in [each.finding.ref for each in findings(month.scope(before.at), before)]
