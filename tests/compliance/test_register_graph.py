"""The register, drawn: what fits the filters and is authorised, as fine as can be read; what is left out is said."""

from __future__ import annotations

import random
import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import estate
from compliance.drawing.ends import Flow, ends_map
from compliance.models import Connection, ConnectionVersion, Server, User
from compliance.models.estate import day_of
from compliance.views import register_graph as graph
from tests.factories import asked, authorised, network, servers, share
from tests.people import LONG_AGO, People, everybody

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> Any:
    """The drawing as XML: it is well formed, or this fails."""
    return ElementTree.fromstring(str(svg))


def lines_in(svg: str) -> int:
    """How many connections of ends are drawn."""
    return len([one for one in drawn(svg).iter(f"{SVG}path") if "zm-tip" in one.get("class")])


def many(number: int, zones: int, ends: int, parties: int = 15) -> tuple[list[graph.Line], dict[str, graph.Place]]:
    """A register of that size, the same each time."""
    chance = random.Random(7)
    places = {f"srv-{one}": graph.Place((f"zone-{one % zones}",), f"System {one % 8}") for one in range(ends)}
    for one in range(parties):
        places[f"party-{one}"] = graph.Place((f"party-{one}",), graph.OUTSIDE, outside=True)
    names = list(places)
    lines = [
        graph.Line(f"CON-{one}", *chance.sample(names, 2), f"tcp/{chance.choice([22, 443, 5432])}",
                   chance.choice(["implemented", "permits_more", ""]))
        for one in range(number)
    ]  # fmt: skip
    return lines, places


@pytest.mark.parametrize(
    ("number", "zones", "level"),
    [(50, 6, "ends"), (60, 6, "ends"), (61, 6, "zones"), (500, 11, "zones"), (500, 30, "systems")],
)
def test_it_is_as_fine_as_can_be_read(number: int, zones: int, level: str) -> None:
    lines, places = many(number, zones, 200)
    assert graph.fitting(number, places) == level
    said = graph.by_ends(lines, places) if level == "ends" else graph.by_places(lines, places, level)
    boxes = [one for one in drawn(said["svg"]).iter(f"{SVG}rect") if one.get("class") == "zm-box"]
    if level == "ends":
        assert lines_in(said["svg"]) == number
        assert not said["left_out"]
    else:
        assert len(boxes) <= 12
        shown = len(list(drawn(said["svg"]).iter(f"{SVG}polyline")))
        pairs = [row for row in said["rows"] if row["source"] != row["target"]]
        assert shown == min(len(pairs), graph.MOST_PAIRS)
        told = any(f"{len(pairs) - shown} pairs" in text for text in said["left_out"])
        assert told == (len(pairs) > shown)
        assert sum(row["count"] for row in said["rows"]) == number, "the table has every one, drawn or not"


def test_more_lines_than_can_be_drawn_are_counted() -> None:
    lines, places = many(500, 6, 200)
    said = graph.by_ends(lines, places)
    assert lines_in(said["svg"]) == graph.MOST_ENDS == len(said["rows"])
    assert f"{500 - graph.MOST_ENDS} connections are not drawn" in said["left_out"][0]


def test_ends_stand_inside_the_drawing_and_none_over_another() -> None:
    lines, places = many(60, 6, 40)
    flows = [Flow(one.source, places[one.source].zones[0], one.target, places[one.target].zones[0], one.services)
             for one in lines]  # fmt: skip
    root = drawn(ends_map(flows, title="t"))
    height = float(root.get("height"))
    boxes: dict[str, list[tuple[float, float]]] = {}
    for one in root.iter(f"{SVG}rect"):
        top = float(one.get("y"))
        boxes.setdefault(one.get("x"), []).append((top, top + float(one.get("height"))))
    assert len(boxes) == 2
    for column in boxes.values():
        column.sort()
        assert column[0][0] >= 0
        assert column[-1][1] <= height
        assert all(one[1] <= two[0] for one, two in pairwise(column))


def test_a_name_can_only_be_text() -> None:
    hostile = "</text><script>alert(1)</script>\x00"
    svg = ends_map([Flow(hostile, hostile, hostile, hostile, hostile, "bad")], title=hostile)
    known = {f"{SVG}{tag}" for tag in ("svg", "title", "path", "rect", "text")}
    assert {one.tag for one in drawn(svg).iter()} == known


@pytest.fixture
def people() -> People:
    found = everybody()
    servers(found)
    return found


def page(person: User, query: str = "", path: str = "/connections/") -> Any:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client.get(f"{path}?view=graph{query}")


@pytest.mark.django_db
def test_the_page_draws_what_fits_and_is_authorised_and_says_the_rest(people: People) -> None:
    estate.add_group("web", system=people.payroll, members=[Server.objects.get(name="pay-app-01")], by=people.alex,
                     at=LONG_AGO)  # fmt: skip
    first = authorised(people, network("web", "pay-db-01", "tcp/5432"))
    second = authorised(people, network("pay-app-01", "file-01", "tcp/8443"))
    waiting = asked(people, network("pay-app-01", "pay-db-01", "tcp/9999"))
    answer = page(people.omar)
    text = answer.content.decode()
    assert lines_in(answer.context["svg"]) == 2
    assert {row["ref"] for row in answer.context["rows"]} == {first.ref, second.ref}
    assert "1 connection is not authorised today" in text
    assert waiting.of.ref not in {row["ref"] for row in answer.context["rows"]}
    assert "<script" not in re.sub(r"<script[^>]*src=[^>]*></script>", "", text), "it needs no script of its own"
    assert answer.context["level"] == "ends"
    narrow = page(people.omar, "&q=8443")
    assert [row["ref"] for row in narrow.context["rows"]] == [second.ref]
    assert 'name="view" value="graph"' in narrow.content.decode(), "the filters keep to the drawing"
    grouped = page(people.omar, "&group=zones")
    assert {(row["source"], row["target"]) for row in grouped.context["rows"]} == {("app", "data")}
    by_system = page(people.omar, "&group=systems")
    assert {(row["source"], row["target"]) for row in by_system.context["rows"]} == {("Payroll", "Payroll")}
    assert page(people.sam).context["svg"] == "", "of others' systems nothing is drawn"
    assert page(people.omar, "&group=nonsense").context["level"] == "ends"


@pytest.mark.django_db
def test_a_share_has_a_line_for_each_client_and_an_end_of_today_is_gone_tomorrow(people: People) -> None:
    authorised(people, share(clients=["pay-app-01", "pay-db-01"]))
    said = page(people.omar, path="/shares/").context
    assert lines_in(said["svg"]) == 2
    assert said["connections"] == 1
    row = Connection.objects.get()
    versions = set(ConnectionVersion.objects.values_list("pk", flat=True))
    assert len(graph.lines_of(row, versions, day_of(timezone.now()))) == 2
    assert graph.lines_of(row, set(), day_of(timezone.now())) == [], "what nobody's approvals stand behind is not drawn"


def test_one_zone_is_opened_and_the_others_stay_closed() -> None:
    lines, places = many(200, 5, 40)
    closed = graph.by_places(lines, places, "zones")
    opened = graph.by_places(lines, places, "zones", "zone-2")
    inner = {name for name, place in places.items() if place.zones == ("zone-2",)}
    drawn_in = {row["source"] for row in opened["rows"]} | {row["target"] for row in opened["rows"]}
    assert inner & {line.source for line in lines} <= drawn_in
    assert "zone-2" not in drawn_in
    assert {"zone-0", "zone-1", "zone-3", "zone-4"} <= drawn_in
    assert sum(row["count"] for row in opened["rows"]) == sum(row["count"] for row in closed["rows"]) == 200
    first = opened["rows"][: graph.MOST_PAIRS]
    assert all({row["source"], row["target"]} & inner for row in first), "what is drawn is of the open zone first"
    lines_of_svg = len(list(drawn(opened["svg"]).iter(f"{SVG}polyline")))
    assert lines_of_svg == graph.MOST_PAIRS
    assert "are in the table only" in opened["left_out"][0]


def test_an_end_that_is_called_as_a_zone_is_told_from_it() -> None:
    places = {"app": graph.Place(("db",), "S"), "web": graph.Place(("app",), "S")}
    said = graph.by_places([graph.Line("CON-1", "app", "web", "tcp/1", "")], places, "zones", "db")
    assert [(row["source"], row["target"]) for row in said["rows"]] == [("app (end)", "app")]
