"""The parts a pack is made of: lists, key, renderer and zone map, each against what could go wrong with it."""

from __future__ import annotations

import csv
import io
import os
import random
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from compliance.drawing import around, diagram, routes
from compliance.drawing.diagram import Cell, Diagram, Link, Server, Zone
from compliance.drawing.zones import zone_map
from evidence.packs import lists, manifest, render, render_ready, seal
from evidence.packs.fonts import fonts
from evidence.packs.section import Section, Table

NOW = datetime(2026, 10, 31, 13, 0, tzinfo=UTC)
PAGE = render.Order("<!doctype html><html lang='en'><title>t</title><p>Hello", "PCK-1", NOW)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "=cmd|' /C calc'!A0", "\uff1d1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert lists.text(cell).startswith("'")


def test_lists_read_back_as_they_were() -> None:
    rows = [("a,b", 'q"q', "line\nline", 7, None, True, NOW), ("x\x00y", "", "é", -3, 1.5, False, NOW.date())]
    read = list(csv.reader(io.StringIO(lists.csv_bytes(Table("t", tuple("abcdefg"), rows)).decode(), newline="")))
    assert read[1] == ["a,b", 'q"q', "line\nline", "7", "", "yes", NOW.isoformat()]
    assert read[2] == ["xy", "", "é", "-3", "1.5", "no", "2026-10-31"]


def test_shapes_refuse_what_would_mislead() -> None:
    with pytest.raises(ValueError, match="row 1 has 1 cells"):
        Table("t", ("a", "b"), [("x",)])
    with pytest.raises(ValueError, match="does not say why"):
        Section("s", "S", (), "missing", "", "s.html", None)


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "Manifest.JSON", "pack.pdf", "x\\y", "dir/"])
def test_the_manifest_takes_no_path_that_could_do_harm(path: str) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        manifest.manifest_bytes({}, [manifest.Member(path, b"x")])
    assert manifest.manifest_bytes({}, [manifest.Member(f"rules/{manifest.path_part(path)}", b"x")])


def test_a_path_stands_once() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        manifest.manifest_bytes({}, [manifest.Member("a/b", b"x"), manifest.Member("A/b", b"y")])


def test_the_key_is_private_and_the_same_for_all_who_come_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: seal.open_seal(tmp_path, at=NOW).fingerprint, range(8)))
    assert len(set(keys)) == 1
    home = tmp_path / seal.FOLDER
    assert [one.name for one in tmp_path.iterdir()] == [seal.FOLDER]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in home.iterdir()} == {0o600}
    assert seal.SELF_MADE in seal.open_seal(tmp_path, at=NOW).name


def test_a_key_that_is_not_valid_now_or_damaged_signs_nothing(tmp_path: Path) -> None:
    seal.open_seal(tmp_path, at=NOW)
    for wrong in (NOW - timedelta(days=9), NOW + timedelta(days=365 * 11)):
        with pytest.raises(seal.SealError, match="clock"):
            seal.open_seal(tmp_path, at=wrong)
    (tmp_path / seal.FOLDER / "signer.key").write_bytes(b"broken")
    with pytest.raises(seal.SealError, match="cannot be read"):
        seal.open_seal(tmp_path, at=NOW)


@pytest.mark.parametrize(
    "asking",
    [
        "<img src='http://127.0.0.1/x.png'>",
        "<img src='file:///etc/passwd'>",
        "<svg><image href='data:image/png;base64,AAAA'/></svg>",
        "<svg><image href='pack:other.png'/></svg>",
        "<link rel=stylesheet href='x.css'>",
    ],
)
def test_the_renderer_fetches_nothing(asking: str) -> None:
    with pytest.raises(render.RenderError, match="not part of the pack"):
        render.render_in_child(replace(PAGE, html=PAGE.html + asking))


def test_the_renderer_stays_within_its_limits() -> None:
    with pytest.raises(render.RenderError, match="could not be made within 400 MB"):
        render.render_in_child(replace(PAGE, html="<p>x" * 60_000), render.Limits(memory=400 << 20))
    with pytest.raises(render.RenderError, match="seconds, so it was stopped"):
        render.render_in_child(replace(PAGE, html="<p>x" * 60_000), render.Limits(wall=0.5))


def test_what_stands_ready_gives_the_same_bytes_each_time_and_is_begun_anew_when_it_is_gone() -> None:
    dense = replace(PAGE, html=f"{PAGE.html}<h2 id=a>b</h2><table><tr><th>c<td>{'d ' * 99}</table>", assets=fonts())
    render_ready.POOL.end_all()
    first = render.render_in_child(dense)
    [ready] = render_ready.POOL.waiting
    with pytest.raises(render.RenderError, match="not part of the pack"):
        render.render_in_child(replace(PAGE, html="<img src=x>"))
    with pytest.raises(render.RenderError, match="could not be made within 1 MB"):
        # more than what a fork has of its parent, given back and not yet used again
        render.render_in_child(replace(PAGE, html="<p>x" * 60_000), render.Limits(memory=1 << 20))
    assert render.render_in_child(dense) == first
    assert render_ready.POOL.waiting == [ready]  # what went wrong ended its own fork
    os.killpg(ready.process.pid, signal.SIGKILL)
    assert render.render_in_child(dense) == first
    assert render_ready.POOL.waiting != [ready]


def test_the_printer_forks_only_while_it_has_no_thread() -> None:
    """What it sets before the first order leaves none; where it does, it begins again without, as it is told here."""
    said = "import os; from evidence.packs import render_child as it; it._warm(); print(os.listdir('/proc/self/task'))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.count(",") == 0
    warm = render.render_in_child(PAGE)
    render_ready.POOL.end_all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render_ready.POOL, "command", (*render_ready.COMMAND, "cold"))
        assert render.render_in_child(PAGE) == warm
    render_ready.POOL.end_all()


def test_a_machine_without_pango_is_told_what_to_paste(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stand-in for the package fails to load as the real one does without its library."""
    (tmp_path / "weasyprint.py").write_text("raise OSError(\"cannot load library 'libpango-1.0-0'\")\n")
    (tmp_path / "python").write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(render.RenderUnavailable, match=r"libpango.*sudo apt-get install -y libpango-1\.0-0"):
        render.render_in_child(PAGE)


def meet(one: routes.Rect, two: routes.Rect) -> bool:
    across = one[0] < two[0] + two[2] and two[0] < one[0] + one[2]
    return across and one[1] < two[1] + two[3] and two[1] < one[1] + one[3]


@pytest.mark.parametrize("seed", range(12))
def test_labels_and_boxes_never_cover_each_other(seed: int) -> None:
    chance = random.Random(seed)
    places = diagram.slots(chance.randint(2, 12))
    pairs = [(a, b) for a in places for b in places if a != b]
    chosen = chance.sample(pairs, min(len(pairs), chance.randint(1, 36)))
    edges = [routes.Edge(a, b, (chance.randint(40, 100), chance.randint(14, 38))) for a, b in chosen]
    layout = routes.lay_out(places, edges, width=136, height=92)
    labels = [route.label for route in layout.routes]
    for number, label in enumerate(labels):
        assert not any(meet(label, other) for other in [*labels[:number], *layout.boxes.values()])
    for edge, route in zip(edges, layout.routes, strict=True):
        for (x1, y1), (x2, y2) in zip(route.corners, route.corners[1:], strict=False):
            assert x1 == x2 or y1 == y2
            between = (min(x1, x2) + 0.2, min(y1, y2) + 0.2, abs(x1 - x2) - 0.4, abs(y1 - y2) - 0.4)
            thick = (between[0], between[1], max(between[2], 0.1), max(between[3], 0.1))
            assert not any(meet(thick, box) for box in layout.boxes.values()), edge


def zones(many: int, site: str = "") -> tuple[Zone, ...]:
    return tuple(Zone(f"{site}Z{number}", (Server(f"s{number}"),), 1, site=site) for number in range(many))


def test_a_zone_that_is_added_moves_no_other() -> None:
    assert all(diagram.slots(many) == diagram.slots(12)[:many] for many in range(1, 13))
    assert len(set(diagram.slots(40))) == 40


def test_what_was_not_judged_is_not_known_and_never_closed() -> None:
    drawn = Diagram(zones(3), (), (Cell("Z0", "Z1", "closed"),))
    assert drawn.matrix().counts == {"authorised": 0, "beyond": 0, "unknown": 8, "closed": 1}
    assert drawn.cell("Z1", "Z0").state == "unknown"
    assert sum(cell["state"] == "closed" for cell in drawn.as_json()["cells"]) == 1


def test_beyond_a_dozen_zones_each_site_has_its_map_and_the_rest_is_one_box() -> None:
    many = zones(8, "A") + zones(8, "B")
    links = (Link("AZ0", "BZ0", 2, ("tcp/22",)), Link("AZ0", "BZ1", 3, ("tcp/22", "tcp/443")))
    drawn = diagram.maps(Diagram(many, links, (Cell("AZ0", "BZ0", "closed"),)))
    assert [site for site, _ in drawn] == ["A", "B"]
    first = drawn[0][1]
    assert first.zones[-1].name == diagram.OTHER_SITES
    assert [(link.connections, link.services) for link in first.links] == [(5, ("tcp/22", "tcp/443"))]
    assert first.cell("AZ0", diagram.OTHER_SITES).state == "unknown"  # one pair of many was read: that is not closed


def test_a_map_that_nobody_can_follow_is_drawn_zone_by_zone_and_no_line_is_left_out() -> None:
    ours = zones(7)
    party, other = Zone("Party", outside=True), Zone("Other party", outside=True)
    links = tuple(Link(a.name, b.name, 7, ("tcp/443",)) for a in ours for b in ours)  # within a zone it is no line
    found = (Cell("Z0", "Party", "beyond", nobody=3), Cell("Party", "Other party", "beyond", nobody=5))
    drawn = Diagram((*ours, party, other), links, found)
    assert around.is_dense(drawn)
    assert not around.is_dense(Diagram(ours, links[:30], ()))
    assert around.drawn_alone(drawn) == [*(zone.name for zone in ours), "Party"]
    maps = [around.zone_around(drawn, name, title="t") for name in around.drawn_alone(drawn)]
    assert [one.count("<polyline") for one in maps] == [13, *([12] * 6), 2]
    assert maps[0].count('stroke-dasharray="4 2.5"') == 1  # open with nothing authorised
    assert sum(one.count("7 · tcp/443") for one in maps) == 2 * 42  # each at both its ends
    assert "×5" in maps[-1]


def test_blocks_of_the_matrix_are_alike_and_hold_each_pair_once() -> None:
    matrix = Diagram(zones(13), (), ()).matrix()
    assert [len(names) for names, _ in matrix.blocks] == [7, 6]
    assert len({(c.source, c.destination) for _, rows in matrix.blocks for _, cells in rows for c in cells}) == 169


def test_the_map_is_the_same_each_time_and_shows_excess_where_nothing_is_authorised() -> None:
    drawn = Diagram(zones(3), (Link("Z0", "Z1", 4, ("tcp/443",)),), (Cell("Z1", "Z2", "beyond", nobody=3),))
    svg = zone_map(drawn, title="t")
    assert svg == zone_map(drawn, title="t")
    assert "4 · tcp/443" in svg
    assert "×3" in svg
    assert "stroke-dasharray" in svg
    with pytest.raises(ValueError, match="no zone Z9"):
        Diagram(zones(2), (Link("Z0", "Z9", 1),), ())
