"""Fifty people who click through the pages, each with a session, a role and a pace of their own; what they waited for.

`PAUSE`: between two clicks somebody looks at what came, five seconds on average (half of that to half as much again).
Reading a list of fifty rows or a request takes longer, so this is the pace of people in a hurry: ten pages a second.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

PAUSE: Final = 5.0
TIMEOUT: Final = 60.0


class Page(NamedTuple):
    """A page of the walk: how it is called in the figures, its address, of which sort it is, how often it is opened."""

    name: str
    address: str
    sort: str  # "list", "search", "inbox": these have a goal; "month", "record", "whole"
    often: int = 1


@dataclass(slots=True)
class Waited:
    """Seconds from the click to the last byte, by the name of the page; what did not answer 200 is kept apart."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)

    def note(self, page: Page, status: int, seconds: float) -> None:
        """One answer."""
        self.seconds[page.name].append(seconds)
        if status != http.client.OK:
            self.wrong.append(f"{status} {page.address}")


def ask(port: int, address: str, cookie: str) -> tuple[int, int, float]:
    """One page: its status, its bytes, and the seconds until the last of them."""
    begun = time.perf_counter()
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        link.request("GET", address, headers={"Cookie": cookie, "Host": f"localhost:{port}"})
        answer = link.getresponse()
        size = len(answer.read())
    finally:
        link.close()
    return answer.status, size, time.perf_counter() - begun


def walk(port: int, pages: Mapping[str, Sequence[Page]], cookies: Mapping[str, str], seconds: float) -> Waited:
    """Everybody clicks for so many seconds; `pages` and `cookies` by e-mail address."""
    waited, lock, over = Waited(), threading.Lock(), time.monotonic() + seconds

    def person(email: str, number: int) -> None:
        draw = random.Random(f"walk/{number}")  # noqa: S311 (a pace, no secret)
        chances = [page.often for page in pages[email]]
        time.sleep(draw.uniform(0, PAUSE))
        while time.monotonic() < over:
            page = draw.choices(pages[email], chances)[0]
            try:
                status, _, took = ask(port, page.address, cookies[email])
            except (OSError, http.client.HTTPException) as wrong:
                status, took = 0, TIMEOUT
                with lock:
                    waited.wrong.append(f"{wrong!r} {page.address}")
            with lock:
                waited.note(page, status, took)
            time.sleep(draw.uniform(PAUSE / 2, PAUSE * 1.5))

    threads = [threading.Thread(target=person, args=(email, number)) for number, email in enumerate(pages)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return waited


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many (0.95) of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, int(len(ordered) * share + 0.999999) - 1))]
