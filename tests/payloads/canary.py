"""The pages in Chromium, with the content security policy set aside: what of ours would run, runs and is seen.

Each page is opened, then every element is hovered, focused and toggled by script. A payload that runs sets
`window.lk7x`; one that leads out asks an address that answers nobody; one that became a tag or an attribute is found
in the document as the browser built it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test.testcases import LiveServerThread

from tests.chromium import OPTIONS, program
from tests.payloads.corpus import EVIL, MARK
from tests.payloads.tally import Tally

SHOWS_NOTHING: Final = ("ERR_HTTP_RESPONSE_CODE_FAILURE", "Download is starting")
WATCH: Final = f"""
  window.__ran = [];
  Object.defineProperty(window, '{MARK}', {{
    set(v) {{ window.__ran.push(new Error().stack) }}, get() {{ return 0 }}
  }});
  window.alert = window.confirm = window.prompt = text => {{ window.__ran.push('dialog ' + text) }};
"""
POKE: Final = f"""() => {{
  const found = [];
  for (const each of document.querySelectorAll('*')) {{
    if (each.localName.includes('{MARK}')) found.push('tag ' + each.localName);
    for (const one of each.attributes) {{
      if (one.name.includes('{MARK}')) found.push('attribute ' + one.name);
      if (one.name.startsWith('on') && one.value.includes('{MARK}')) found.push(one.name);
    }}
    for (const name of ['mouseover', 'focus', 'toggle', 'pointerenter', 'load', 'error', 'begin'])
      each.dispatchEvent(new Event(name, {{ bubbles: false }}));
  }}
  return [...found, ...window.__ran];
}}"""


@contextmanager
def chromium() -> Iterator[Any]:
    """The distribution's Chromium; None where there is none."""
    there = program()
    if there is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=there, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def serving() -> Iterator[str]:
    """The application on a port of this machine; gives its address."""
    thread = LiveServerThread("localhost", StaticFilesHandler)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    try:
        yield f"http://localhost:{thread.port}"
    finally:
        thread.terminate()


def opened(browser: Any, site: str, session: str, paths: list[str], tally: Tally) -> int:
    """Opens each address as the person of this session; gives how many pages were shown."""
    context = browser.new_context(base_url=site, bypass_csp=True, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    context.add_cookies([{"name": "sessionid", "value": session, "url": site}])
    context.add_init_script(WATCH)
    away: list[str] = []
    context.route(lambda url: not url.startswith(site), lambda route: (away.append(route.request.url), route.abort()))
    shown = 0
    for path in paths:
        page = context.new_page()
        page.on("dialog", lambda dialog: (away.append(f"dialog {dialog.message}"), dialog.dismiss()))
        answer = shown_at(page, path)
        kind = answer.headers.get("content-type", "") if answer else ""
        if answer and kind.startswith(("text/html", "image/svg")):
            shown += 1
            tally.outputs += 1
            tally.leaks += [f"Chromium {path}: {one[:200]}" for one in page.evaluate(POKE)]
        tally.leaks += [f"Chromium {path}: asked for {one[:200]}" for one in away if EVIL in one or MARK in one]
        away.clear()
        page.close()
    context.close()
    return shown


def shown_at(page: Any, path: str) -> Any:
    """The answer at an address; None where it shows nothing: an empty refusal (of a route that only takes a POST), a
    file to keep."""
    from playwright.sync_api import Error

    try:
        return page.goto(path, wait_until="load")
    except Error as error:
        if any(one in error.message for one in SHOWS_NOTHING):
            return None
        raise


def in_a_thread(work: Any) -> Any:
    """What a browser's driver does in a thread of its own: its loop is none of Django's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
