"""Every page of the app, opened by somebody it is for: no error, nothing wider than the screen, nothing axe objects to.

Both themes, at 1440 and at 390 px, on the sample organisation after a comparison and a pack.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from compliance.models import ChangeRecord, System, User
from evidence.models import Finding, Pack, Source
from reviews.models import Review
from tests.browser.session import cookie

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.django_db(transaction=True)
DOMAIN = "sample.example"


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample organisation with its present compared and packed, made in a thread without a running loop."""
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")

    def make() -> None:
        from evidence.actions import packs
        from evidence.actions.compare import compare
        from reviews import actions as meetings
        from reviews.sample.load import load

        try:
            now = timezone.now()
            load(at=now, say=lambda text: None)
            compare(at=now)
            ada = User.objects.get(email=f"ada@{DOMAIN}")
            first = timezone.localdate().replace(day=1)
            systems = list(System.objects.all())
            chandra = User.objects.get(email=f"chandra@{DOMAIN}")
            review = meetings.add_review(systems[0], due_at=now, chair=chandra, by=chandra)
            meetings.open_review(review, by=chandra)
            packs.build(packs.ask(systems=systems, since=first, until=timezone.localdate(), by=ada))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as maker:
        maker.submit(make).result(timeout=120)
    return


def pages() -> list[tuple[str, str]]:
    """(who, address) of every page with something on it."""
    finding = Finding.objects.get(verdict="permits_more")
    waiting = ChangeRecord.objects.filter(state="submitted").order_by("pk")
    done = ChangeRecord.objects.filter(state="disputed").order_by("pk").first()
    held = Review.objects.filter(state="closed").order_by("pk").first()
    missed = Review.objects.filter(state="missed").order_by("pk").first()
    opened = Review.objects.get(state="open")
    pack = Pack.objects.get()
    assert waiting
    assert done
    assert held
    assert missed
    partly = Source.objects.get(server__name="dev-git-01")
    gone = Source.objects.get(server__name="test-v6-01")
    return [
        ("", "/accounts/login/"),
        ("mina", "/evidence/"),
        ("omar", "/inbox/"),
        ("omar", f"/inbox/{waiting[0].ref}/"),
        ("omar", f"/changes/{waiting[0].ref}/approve/"),
        ("omar", f"/changes/{waiting[0].ref}/reject/"),
        ("rita", f"/changes/{done.ref}/"),
        ("rita", f"/requests/{waiting[0].ref}/sent/"),
        ("rita", "/requests/new/"),
        ("rita", "/changes/"),
        ("rita", "/connections/"),
        ("rita", "/connections/CON-26/"),
        ("rita", "/connections/CON-26/retire/"),
        ("rita", "/shares/"),
        ("erin", "/servers/"),
        ("erin", "/findings/"),
        ("erin", f"/findings/{finding.ref}/"),
        ("erin", f"/findings/{finding.ref}/acknowledge/"),
        ("chandra", f"/findings/{finding.ref}/accept/"),
        ("erin", "/sources/"),
        ("erin", "/sources/new/"),
        ("erin", f"/sources/{partly.pk}/"),
        ("erin", f"/sources/{gone.pk}/"),
        ("erin", "/setup/"),
        ("alex", "/setup/people/new/"),
        ("alex", "/setup/systems/new/"),
        ("alex", "/setup/zones/new/"),
        ("mina", "/reviews/schedules/new/"),
        ("erin", "/setup/import/"),
        ("ada", "/reviews/"),
        ("chandra", f"/reviews/{held.ref}/"),
        ("ada", f"/reviews/{missed.ref}/"),
        ("chandra", f"/reviews/{opened.ref}/"),
        ("chandra", f"/reviews/{opened.ref}/sign/"),
        ("ada", "/packs/"),
        ("ada", f"/packs/{pack.ref}/"),
        ("ada", "/packs/verify/"),
        ("ada", "/accounts/2fa/"),
    ]


def test_every_page_is_whole_narrow_enough_and_accessible(browser: Browser, live_server: Any, sample: None) -> None:
    from axe_playwright_python.sync_playwright import Axe

    axe, wrong = Axe(), []
    for width, theme in ((1440, "light"), (390, "dark"), (1440, "dark"), (390, "light")):
        context = browser.new_context(
            base_url=str(live_server),
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        for who, path in pages():
            context.clear_cookies()
            if who:
                person = User.objects.get(email=f"{who}@{DOMAIN}")
                context.add_cookies([{"name": "sessionid", "value": cookie(person), "url": str(live_server)}])
            page, said = context.new_page(), []
            page.on(
                "console", lambda message, said=said: said.append(message.text) if message.type == "error" else None
            )
            answer = page.goto(path)
            where = f"{path} at {width} {theme}"
            if answer is None or answer.status != 200:
                wrong.append(f"{where}: status {answer.status if answer else 'none'}")
            wrong.extend(f"{where}: {text}" for text in said)
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                wrong.append(f"{where}: wider than the screen")
            if (width, theme) in ((1440, "light"), (390, "dark")):
                found = axe.run(page).response["violations"]
                wrong.extend(f"{where}: axe {each['id']}: {each['nodes'][0]['html'][:120]}" for each in found)
            page.close()
        context.close()
    assert not wrong, "\n".join(wrong)
