"""The pictures of the documentation show pages that are walked, and all of them are there (`./run pictures`)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tests.browser.pages import PAGES
from tests.browser.pictures import PICTURES

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


def test_what_is_pictured_is_a_page_that_is_walked() -> None:
    walked = {(row.who, row.address) for row in PAGES if row.status == 200 and row.act is None}
    paths = {urlsplit(address).path for _, address in walked}
    assert [one.name for one in PICTURES if urlsplit(one.address).path not in paths] == []
    assert {f"{one.name}.png" for one in PICTURES} == {path.name for path in FOLDER.iterdir()}
    assert len({one.name for one in PICTURES}) == len(PICTURES)
