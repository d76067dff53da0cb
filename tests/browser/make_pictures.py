"""Makes the pictures of the documentation anew: `./run pictures`. No part of the suite: pytest is given this file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from PIL import Image

from tests.browser.conftest import person
from tests.browser.pictures import PICTURES, WIDTH, Picture
from tests.browser.session import cookie

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
MOMENT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # a Saturday morning in Sydney: the same days in every picture
LATER = timedelta(hours=1)  # and the same ages, however long the machine took to make what is shown


@pytest.fixture
def then() -> Iterator[None]:
    """One moment for all pictures, before anything is loaded."""
    with time_machine.travel(MOMENT):
        yield


def test_make_the_pictures(browser: Browser, then: None, live_server: Any, references: dict[str, object]) -> None:
    for one in PICTURES:
        with time_machine.travel(MOMENT + LATER):
            taken = looked_at(browser, str(live_server), one, one.address.format(**references))
        # flat colours: 64 of them show the page as it is, at a fifth of the size
        taken.quantize(64, dither=Image.Dither.NONE).save(FOLDER / f"{one.name}.png", optimize=True)
        assert (FOLDER / f"{one.name}.png").stat().st_size < 150_000, one.name


def looked_at(browser: Browser, server: str, one: Picture, address: str) -> Image.Image:
    """What the person of a picture sees there."""
    context = browser.new_context(
        base_url=server, viewport={"width": WIDTH, "height": one.height}, color_scheme="light", reduced_motion="reduce",
        locale="en-AU", timezone_id="Australia/Sydney",
    )  # fmt: skip
    context.add_cookies([{"name": "sessionid", "value": cookie(person(one.who)), "url": server}])
    page = context.new_page()
    answer = page.goto(address, wait_until="networkidle")
    assert answer is not None
    assert answer.status == 200, one.name
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    context.close()
    return shot
