"""Hostile words in every text column of every row: none is active on any page or in any list; a broken one is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import html

from tests.matrix import api, targets
from tests.matrix.world import OURS, build
from tests.payloads.columns import plant
from tests.payloads.corpus import FIELDS
from tests.payloads.leaks import in_csv, in_headers, in_html, in_mail
from tests.payloads.outputs import Tally, client_of, pages, refreshed


def test_every_route_is_known_to_the_walk() -> None:
    assert [*targets.unknown_rows(), *api.unknown_rows()] == []


def test_what_is_active_is_found_and_what_is_escaped_is_not() -> None:
    assert not [one for one in FIELDS if in_html(f'<p title="{html.escape(one)}">{html.escape(one)}</p>')]
    assert sum(bool(in_html(f"<p>{one}</p>")) for one in FIELDS) > 30
    assert in_csv('a,"\u00a0=1+1"\r\n')
    assert in_csv('a,"\n=1+1"\r\n')
    assert not in_csv("a,'=1+1,-3\r\n")
    assert in_headers({"Location": "/\\lk7x-evil.example/"})
    assert not in_headers({"Location": "/accounts/login/?next=//lk7x-evil.example/"})
    assert in_mail(b"To: a@b\r\nBcc: c@d\r\n\r\nx", ["a@b"])


@pytest.mark.django_db
def test_no_page_and_no_list_runs_what_a_column_holds(tmp_path: Path) -> None:
    world = build(tmp_path)
    cells, columns = plant()
    assert cells > 300
    assert len(columns) > 60
    refreshed(world)
    tally = Tally()
    shown = pages(world, {"asker": client_of(world.sides[OURS].asker)}, tally)
    assert len(shown) > 50
    assert tally.outputs > 200
    assert tally.leaks == []
