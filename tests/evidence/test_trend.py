"""The minimise trend: three numbers kept with each comparison, of the systems one may see; what was not recorded."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree as etree  # our own drawing, not somebody's

import pytest
from django.test import Client
from django.utils import timezone

from compliance.drawing.bars import bars
from evidence.models import Comparison
from evidence.verdicts import WIDER
from evidence.views.shown import headlines
from evidence.views.trend import ends, trend
from tests.evidence.site import Site, allow_in, put

MONTHS = 12


def months() -> list[date]:
    """The last twelve, by their first days."""
    first = timezone.localdate().replace(day=1)
    found = [first]
    while len(found) < MONTHS:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return found[::-1]


def without_heads(comparison: Comparison) -> Comparison:
    """As one of before they were kept."""
    row = Comparison.objects.get(pk=comparison.pk)
    assert row.heads, "a comparison keeps them"
    row.heads = {}
    return row


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_the_numbers_of_the_last_comparison_of_each_month(tmp_path: Path) -> None:
    site = Site(tmp_path)
    people = site.people
    assert trend(people.mina, months(), ends(months())) is None, "nothing was compared yet"
    put(site.data, allow_in("10.20.20.31", "5432"), allow_in("10.20.30.41", "22"))
    site.read()
    site.compare()
    site.compare()
    payroll = str(people.payroll.pk)
    now = Comparison.objects.filter(published=True)[0]
    beyond = sum(now.counts.get(verdict.value, 0) for verdict in WIDER)
    assert beyond >= 1
    assert now.trend[payroll] == [1, 0, beyond], "as the counts of the comparison say"
    before = timezone.now() - timedelta(days=70)
    Comparison.objects.create(
        at=before, register_digest="", published=True, trend={payroll: [0, 7, 9], "999": [5, 5, 5]}
    )
    old = before - timedelta(days=90)
    Comparison.objects.create(at=old, register_digest="", published=True)  # of before the numbers were kept
    said = trend(people.mina, months(), ends(months()))
    assert said is not None
    shown = {month["first"]: month["numbers"] for month in said["months"]}
    assert shown[timezone.localdate().replace(day=1)] == (1, 0, beyond)
    assert shown[timezone.localdate(before).replace(day=1)] == (0, 7, 9), "of systems one may see alone"
    assert sum(numbers is not None for numbers in shown.values()) == 2
    assert [line["now"] for line in said["lines"]] == [1, 0, beyond]
    assert said["owners"] == [{"name": "Omar Haddad", "numbers": [1, 0, beyond]}]
    for person in (people.mina, people.olga, people.alex):
        kept_then = headlines(person, now)
        assert kept_then == headlines(person, without_heads(now)), "what was kept is what the database adds up"
    assert headlines(people.mina, now).register == {"implemented": 1}
    assert headlines(people.mina, now).others.total() >= beyond
    assert headlines(people.olga, now).register.total() == 0, "of another system"
    other = trend(people.olga, months(), ends(months()))
    assert other is not None
    assert other["owners"] == []
    client = Client()
    client.force_login(people.mina)
    page = client.get("/evidence/").content.decode()
    assert "Minimise, last 12 months" in page
    assert "month by month: not recorded, " in page


def test_bars_are_sound_and_say_what_they_show() -> None:
    drawn = bars([None, 0, 3, 12], "bad", 'A <title> & "more"')
    tree = etree.fromstring(drawn.encode())
    assert tree.get("aria-label") == 'A <title> & "more"'
    heights = [float(str(one.get("height"))) for one in tree.iter("rect")]
    assert len(heights) == 2, "nought has no bar, and what is not known has a dot"
    assert len(list(tree.iter("circle"))) == 1
    assert heights[0] < heights[1] <= 56
    assert bars([], "ok", "nothing").endswith("</svg>")
