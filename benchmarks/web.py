"""`./run bench web`: how long fifty people wait among 100,000 connections, 100,000 findings and 1,000,000 rules.

The populated organisation (`./run populate`) is made once in SQLite and copied into a PostgreSQL of its own; each is
asked through the web server that `./run` starts. What the machine did meanwhile stands beside every figure: processors,
load, and processor time a request, which others on the machine do not lengthen as they do the seconds on the clock.
`BENCH_WEB_FROM=FOLDER`: a populated folder of before instead of a fresh one. `BENCH_WEB_SECONDS`: of each walk.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from benchmarks.figures import Figure
from benchmarks.web_load import PAUSE, Page, ask, percentile, walk

SIZE: Final = {"connections": 100_000, "findings": 100_000, "rules": 1_000_000}
GOALS: Final = {"sqlite": 300.0, "postgresql": 150.0}  # ms, 95 of 100, of lists, searches and the inbox
SECONDS: Final = 240.0  # of the rarest pages some twenty are opened
RAMP: Final = 40.0  # before: of these nothing is counted
AGAIN: Final = 3  # times each page is asked with nobody else there, to count its processor time
PAINT_MS, WEIGHT_KB = 1000.0, 300.0
PAINTED: Final = ("/evidence/", "/inbox/", "/connections/", "/findings/", "/changes/", "/servers/", "/search/?q=s00-db")
TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Site:
    """One installation that answers: its database's name, the port, who is signed in, and what they open."""

    database: str
    port: int
    heads: tuple[int, ...]  # the web server, and the database's own first process: their children do the work
    cookies: dict[str, str]
    pages: dict[str, list[Page]]


def figures() -> Iterator[Figure]:
    """Every figure, SQLite first."""
    with ExitStack() as stack:
        room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eastwest-bench-web-")))
        place, populated = populated_place(room)
        run([sys.executable, "-m", "compliance.project", "prepare"], place_env(place, ""))
        yield Figure("populated", populated["seconds"], "s", beside={"rows": populated["rows"], **machine()})
        stack.enter_context(ended(place))
        with site(place, "", "sqlite") as one:
            yield from measured(one)
            yield from painted(one)
        yield from on_postgresql(place)


def on_postgresql(place: Path) -> Iterator[Figure]:
    """The same rows in a real PostgreSQL; a missed figure where there is none."""
    from tests.postgres import missing, postgres

    if missing():
        yield Figure("PostgreSQL was asked", 0, "times", 1, "at least", beside={"because": missing()})
        return
    with postgres() as url:
        begun = time.monotonic()
        env = place_env(place, url)
        run([sys.executable, "-m", "compliance.project", "prepare"], env)
        run([sys.executable, "-m", "benchmarks.web_site", "copy", url], place_env(place, ""))
        yield Figure("copied into PostgreSQL", time.monotonic() - begun, "s")
        with site(place, url, "postgresql") as one:
            yield from measured(one)


def populated_place(room: Path) -> tuple[Path, dict[str, Any]]:
    """A folder with the organisation, fresh or of before, and what is said of it."""
    kept = os.environ.get("BENCH_WEB_FROM", "")
    if kept:
        return Path(kept), {"seconds": 0, "rows": "of before"}
    place = room / "var"
    sizes = [word for name, value in SIZE.items() for word in (f"--{name}", str(value))]
    said = run([sys.executable, "-m", "benchmarks.populate", *sizes, "--into", str(place)], dict(os.environ))
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return place, found


@contextmanager
def ended(place: Path) -> Iterator[None]:
    """Nothing but the folder is left behind; a folder of before keeps what it had."""
    try:
        yield
    finally:
        if not os.environ.get("BENCH_WEB_FROM"):
            shutil.rmtree(place, ignore_errors=True)


def place_env(place: Path, url: str) -> dict[str, str]:
    """The surroundings in which that place's programs run: no mail, no checkpoints outside."""
    return {**os.environ, "EASTWEST_VAR": str(place), "DATABASE_URL": url}


def run(command: list[str], env: Mapping[str, str]) -> str:
    """What a program says. Raises RuntimeError with its last words when it fails."""
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout


@contextmanager
def site(place: Path, url: str, database: str) -> Iterator[Site]:
    """The web server as `./run` starts it, on that database, and sessions for fifty people."""
    from compliance.project.supervise import web_command

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = place_env(place, url) | {"EASTWEST_PORT": str(port)}
    said = json.loads(run([sys.executable, "-m", "benchmarks.web_site", "sessions"], env))
    pages = {email: [Page(*row) for row in rows] for email, rows in said["pages"].items()}
    command, quiet = web_command(port, env), subprocess.DEVNULL
    with subprocess.Popen(command, env=env, stdout=quiet, stderr=quiet) as server:
        try:
            until_it_answers(port, server)
            yield Site(database, port, (server.pid, *postmaster(url)), said["sessions"], pages)
        finally:
            server.terminate()
            server.wait(20)


def until_it_answers(port: int, server: subprocess.Popen[bytes]) -> None:
    """Waits for the first page. Raises RuntimeError when it does not come."""
    over = time.monotonic() + 60
    while time.monotonic() < over and server.poll() is None:
        try:
            if ask(port, "/healthz", "")[0] == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the web server did not start")


def measured(one: Site) -> Iterator[Figure]:
    """The walk of fifty people, and each page by itself; a figure a page."""
    some = next(iter(one.pages))
    # As it is in the middle of a day: each process has its templates, each connection to the database its catalogue
    walk(one.port, one.pages, one.cookies, RAMP)
    alone = processor_time(one, some)
    load, begun, used = os.getloadavg()[0], time.monotonic(), spent(one)
    seconds = float(os.environ.get("BENCH_WEB_SECONDS", SECONDS))
    waited = walk(one.port, one.pages, one.cookies, seconds)
    count = sum(map(len, waited.seconds.values()))
    beside = {
        "users": len(one.pages), "seconds between clicks": PAUSE, "requests": count,
        "seconds": round(time.monotonic() - begun), "ms CPU a request": round(1000 * (spent(one) - used) / count, 1),
        "load before": round(load, 1), **machine(),
    }  # fmt: skip
    yield Figure(f"{one.database}: answers other than 200", len(waited.wrong), "", 0,
                 beside=beside | {"such as": waited.wrong[:3]})  # fmt: skip
    sorts = {page.name: page.sort for rows in one.pages.values() for page in rows}
    goal = GOALS[one.database]
    together = [took for name, several in waited.seconds.items() if has_goal(sorts[name]) for took in several]
    yield Figure(f"{one.database}: lists, searches and the inbox, 95 of 100", 1000 * percentile(together, 0.95), "ms",
                 goal, beside={"half of them": middle(together), "requests": len(together)})  # fmt: skip
    for name, several in waited.seconds.items():
        told = {"half of them": middle(several), "requests": len(several), "ms CPU alone": alone.get(name)}
        yield Figure(f"{one.database}: {name}, 95 of 100", 1000 * percentile(several, 0.95), "ms",
                     goal if has_goal(sorts[name]) else None, beside=told)  # fmt: skip


def has_goal(sort: str) -> bool:
    """Whether a page of that sort has to come within the goal."""
    return sort in ("list", "search", "inbox")


def middle(several: list[float]) -> float:
    """The median in milliseconds."""
    return round(1000 * percentile(several, 0.5), 1)


def processor_time(one: Site, email: str) -> dict[str, float]:
    """Page → milliseconds of processor time of server and database, with nobody else asking."""
    found = {}
    for page in one.pages[email]:
        ask(one.port, page.address, one.cookies[email])
        used = spent(one)
        for _ in range(AGAIN):
            ask(one.port, page.address, one.cookies[email])
        found[page.name] = round(1000 * (spent(one) - used) / AGAIN, 1)
    return found


def spent(one: Site) -> float:
    """Seconds of processor time that the server with its workers, and its database, have used so far."""
    return sum(used_by(pid) for pid, parent in parents().items() if pid in one.heads or parent in one.heads)


def parents() -> dict[int, int]:
    """Process → its parent."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
    return found


def postmaster(url: str) -> list[int]:
    """The first process of the PostgreSQL that tests.postgres started; none of SQLite."""
    folder = dict(parse_qsl(urlsplit(url).query)).get("host", "")
    return [int((Path(folder).parent / "data" / "postmaster.pid").read_text().split()[0])] if folder else []


def used_by(pid: int) -> float:
    """Its seconds of processor time; those of children that ended included."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(fields[place]) for place in (11, 12, 13, 14)) / TICK


def machine() -> dict[str, Any]:
    """What it is measured on."""
    return {
        "machine": f"{os.cpu_count()} × {platform.machine()}, Python {platform.python_version()}",
        "load": [round(one, 1) for one in os.getloadavg()],
    }


def painted(one: Site) -> Iterator[Figure]:
    """What Chromium needs for each page when it has nothing of the site yet: bytes, and when the first words stand."""
    from tests import chromium

    program = chromium.program()
    if program is None:
        yield Figure("pages in Chromium", 0, "pages", 1, "at least", beside={"because": "Chromium is not installed"})
        return
    from playwright.sync_api import sync_playwright

    email = next(iter(one.cookies))
    name, _, value = one.cookies[email].partition("=")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=chromium.OPTIONS)
        for address in PAINTED:
            paint, weight, files = cold(browser, f"http://localhost:{one.port}", address, name, value)
            yield Figure(f"first words of {address}", paint, "ms", PAINT_MS, beside={"load": machine()["load"]})
            yield Figure(f"weight of {address}", weight / 1000, "kB", WEIGHT_KB, beside={"files": files})
        browser.close()


def cold(chromium: Any, base: str, address: str, name: str, value: str) -> tuple[float, int, int]:
    """First contentful paint (ms, the better of two), bytes over the wire and files of a page without any cache."""
    paints, weight, files = [], 0, 0
    for _ in range(2):
        context = chromium.new_context(base_url=base, viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": name, "value": value, "url": base}])
        tab = context.new_page()
        sizes: list[int] = []
        wire = context.new_cdp_session(tab)
        wire.send("Network.enable")
        wire.on("Network.loadingFinished", lambda said, sizes=sizes: sizes.append(int(said["encodedDataLength"])))
        tab.goto(address, wait_until="networkidle")
        paints.append(
            tab.evaluate("performance.getEntriesByName('first-contentful-paint').map(each => each.startTime)[0] || 1e6")
        )
        weight, files = sum(sizes), len(sizes)
        context.close()
    return min(paints), weight, files
