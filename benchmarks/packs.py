"""`./run bench packs`: the pages of packs of 10, 100 and 1,000 pages, in pieces beside one document, and a real pack.

BENCH_PACKS_PAGES (1000) is the largest; BENCH_PACKS_CONNECTIONS (5000) the register of the real pack.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import packs_peers
from benchmarks.figures import Figure

LARGEST: Final = int(os.environ.get("BENCH_PACKS_PAGES", "1000"))
CONNECTIONS: Final = int(os.environ.get("BENCH_PACKS_CONNECTIONS", "5000"))
ROWS_A_PAGE: Final = 16
PEER_ROWS: Final = 2_600
AT: Final = datetime(2026, 10, 31, 13, 0, tzinfo=UTC)
COLUMNS: Final = ("connection", "between", "verdict", "certainty", "point", "rule", "beyond")


def figures() -> Iterator[Figure]:
    """Every figure, the quick ones first."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.project.settings")
    import django

    django.setup()
    with tempfile.TemporaryDirectory(prefix="eastwest-bench-") as room:
        place = Path(room)
        for pages in (10, 100):
            if pages < LARGEST:
                taken = _asked("built", str(place / str(pages)), str(pages))
                yield Figure(f"pack of {taken['pages']} pages", taken["wall"], "s wall", beside=taken)
        yield from _largest(place / "largest")
        yield _real(place / "real")
        yield _peers()


def rows(number: int) -> list[tuple[str, ...]]:
    """Rows as verdicts are, the same on every machine."""
    return [
        (f"CON-{at}", f"app-{at % 400:03d} to db-{at % 90:02d}", "implemented" if at % 7 else "permits_more",
         "definite", f"db-{at % 90:02d} INPUT", f"nft:inet/main/input#{at % 40}",
         f"10.{at % 250}.{at // 250 % 250}.0/24 to 10.30.4.{at % 250}, tcp/{1024 + at % 4000}")
        for at in range(number)
    ]  # fmt: skip


def _peers() -> Figure:
    """The same rows by other programs that set tables, each once."""
    table = rows(PEER_ROWS)
    beside = {name: packs_peers.measured(work, COLUMNS, table) for name, work in packs_peers.PEERS.items()}
    ours = _cpu(lambda: _document(PEER_ROWS))
    return Figure(f"{PEER_ROWS} rows as one document", ours, "s CPU", beside={"s CPU of peers": beside})


def _largest(place: Path) -> Iterator[Figure]:
    """In pieces twice, then as one document: time, memory, that both builds agree, and the check of it."""
    first, second = (_asked("built", str(place / one), str(LARGEST)) for one in "ab")
    pages = first["pages"]
    yield Figure(f"memory of a render process, {pages} pages", first["render_mb"], "MB", 300)
    yield Figure(f"memory of the joining, {pages} pages", _asked("join", str(place / "a"))["MB"], "MB", 400)
    same = (place / "a" / "unsigned.pdf").read_bytes() == (place / "b" / "unsigned.pdf").read_bytes()
    yield Figure(f"bytes that differ between two builds of {pages} pages", 0.0 if same else 1.0, "0 or 1", 0)
    started = time.perf_counter()
    sound = _verified(place / "a" / "pack.zip")
    beside: dict[str, Any] = {"sound": sound, "MB": round((place / "a" / "pack.zip").stat().st_size / 1e6, 1)}
    yield Figure(f"verify a pack of {pages} pages", time.perf_counter() - started, "s wall", 5, beside=beside)
    best = min(first["wall"], second["wall"])
    html = place / "whole.html"
    html.write_text(_html(LARGEST * ROWS_A_PAGE))
    plain = _asked("plain", str(html))
    beside = {"pieces": first, "again": second["wall"], "one document": plain}
    yield Figure(f"{pages} pages in pieces, of WeasyPrint's one document", best / plain["wall"], "x", 0.40,
                 beside=beside)  # fmt: skip
    started = time.perf_counter()
    cpu = _cpu(lambda: _document(LARGEST * ROWS_A_PAGE))
    whole = time.perf_counter() - started
    beside = {"one document": round(whole, 1), "its s CPU": round(cpu, 1)}
    yield Figure(f"{pages} pages in pieces, of one document by our own renderer", best / whole, "x", beside=beside)


def _cpu(work: Callable[[], object]) -> float:
    """Processor seconds of the children of some work."""
    from evidence.packs import render_ready

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    render_ready.POOL.end_all()  # what they took is counted once they are gone
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _face() -> Any:
    from evidence.packs import content

    system = content.System("Payroll", "Omar", "", "", "OFFICIAL: Sensitive")
    return content.Face("PCK-1", "Bench", (system,), "OFFICIAL: Sensitive", date(2026, 10, 1), date(2026, 10, 31), AT,
                        AT, "Australia/Sydney", 90, 6, 5000, 0)  # fmt: skip


def _html(number: int) -> str:
    """The list as one HTML document."""
    from evidence.packs.appendices import Piece
    from evidence.packs.pages import Proof, appendix_html
    from evidence.packs.section import Table

    whole = rows(number)
    piece = Piece(0, "A", Table("verdicts", COLUMNS, whole), 0, tuple(whole), wide=False)
    return appendix_html(_face(), Proof("0" * 64, 1, "bench", "0" * 64), piece)


def _document(number: int) -> bytes:
    """It, set by one child without bounds: with all that makes our pieces quick but being pieces."""
    from evidence.packs.fonts import fonts
    from evidence.packs.render import Limits, Order, render_in_child

    order = Order(_html(number), "bench", AT, fonts())
    return render_in_child(order, Limits(memory=12 << 30, cpu=1200, wall=3600))


def _plain(html: str) -> dict[str, Any]:
    """The peer: the same document as WeasyPrint's own documentation has it set, tagged and as PDF/A like ours."""
    from weasyprint import HTML  # type: ignore[import-untyped, unused-ignore]
    from weasyprint.urls import URLFetcher, URLFetcherResponse  # type: ignore[import-untyped, unused-ignore]

    from evidence.packs.fonts import fonts

    held = fonts()

    class OfPacks(URLFetcher):  # type: ignore[misc, unused-ignore]
        """Our fonts."""

        def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
            return URLFetcherResponse(url, held[url.removeprefix("pack:")], {"Content-Type": "font/ttf"})

    started, own = time.perf_counter(), time.process_time()
    HTML(string=html, base_url="pack:", url_fetcher=OfPacks()).write_pdf(pdf_variant="pdf/a-3a", pdf_tags=True)
    wall, cpu = time.perf_counter() - started, time.process_time() - own
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall": round(wall, 1), "s CPU": round(cpu, 1), "MB": round(most)}


def _built(place: Path, pages: int) -> dict[str, Any]:
    """A pack whose one list is printed on so many pages; what it took, with the pack and its unsigned document kept."""
    from evidence.packs import binder, joining, parts, seal
    from evidence.packs.section import Section, Table

    key = seal.open_seal(place.parent / "keys", at=AT)
    table = Table("verdicts", COLUMNS, rows(pages * ROWS_A_PAGE))
    sections = [Section("lists", "Lists", (), "held", "", "logs.html", None, (table,))]
    made = binder.prepared(_face(), sections, key)
    kept: list[tuple[binder.Bound, float]] = []

    def work() -> None:
        started = time.perf_counter()
        plan = binder.begin(place, made, sections, key)
        parts.make_all(plan)
        kept.append((binder.complete(plan, key), time.perf_counter() - started))

    own = time.process_time()
    cpu = _cpu(work) + time.process_time() - own
    render_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # of whatever needed most, joining too
    [(bound, wall)] = kept
    (place / "pack.zip").write_bytes(bound.archive)
    (place / "unsigned.pdf").write_bytes(seal.emptied(bound.document))
    return {"pages": joining.pages(bound.document), "wall": round(wall, 1), "s CPU": round(cpu, 1),
            "render_mb": round(render_mb)}  # fmt: skip


def _asked(*words: str, **environment: str) -> dict[str, Any]:
    """What `python -m benchmarks.packs` says of one thing, in a process that does nothing else."""
    command = [sys.executable, "-m", "benchmarks.packs", *words]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def _join(place: Path) -> dict[str, Any]:
    """The joining alone. What it needed at its fullest is its own figure: ru_maxrss counts its parent's as well."""
    from evidence.packs import joining
    from evidence.packs.joined import Field

    pieces = [place / "front.pdf", *sorted(place.glob("piece-*.pdf"))]
    with (place / "again.pdf").open("wb") as out:
        joining.join(
            pieces, out, identifier="x", seal=Field("x", "x", AT), numbers=(place / "numbers.pdf").read_bytes()
        )
    status = Path("/proc/self/status").read_text().split()
    return {"MB": round(int(status[status.index("VmHWM:") + 1]) / 1024)}


def _verified(path: Path) -> bool:
    verifier = Path(__file__).parents[1] / "evidence" / "packs" / "verify.py"
    done = subprocess.run([sys.executable, "-I", str(verifier), str(path), "--json"], capture_output=True, check=False)
    return bool(json.loads(done.stdout)["ok"])


def _real(place: Path) -> Figure:
    """The pack of a register of that size as people get it: exceptions printed, full lists attached."""
    size = str(CONNECTIONS)
    fill = [sys.executable, "-m", "benchmarks.populate", "--connections", size, "--findings", size, "--rules", size]
    subprocess.run([*fill, "--into", str(place)], check=True, capture_output=True)
    said = _asked("real", EASTWEST_VAR=str(place))
    return Figure(f"pack of {CONNECTIONS} connections", said.pop("wall"), "s wall", 30, beside=said)


def _build() -> dict[str, Any]:
    """Builds the pack of last month for all systems of the populated place."""
    from django.db import transaction
    from django.utils import timezone

    from compliance.models import System, User
    from evidence.actions import packs
    from evidence.packs import joining

    now = timezone.now()
    systems = list(System.objects.select_related("organisation"))
    asker = User.objects.order_by("pk").first()
    with transaction.atomic():
        pack = packs.asked(systems, (date(now.year, now.month, 1), now.date()), now, "", asker, now)
    started, before = time.perf_counter(), time.process_time()
    packs.build(pack)
    wall, own = time.perf_counter() - started, time.process_time() - before
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    if pack.state != pack.State.BUILT:
        pack.refresh_from_db()
    return {"wall": wall, "state": pack.state, "s CPU": round(own, 1), "s CPU of children":
            round(children.ru_utime + children.ru_stime, 1), "MB": round(pack.zip_size / 1e6, 1),
            "pages": joining.pages(packs.path_of(pack, "pdf"))}  # fmt: skip


def main(words: list[str]) -> dict[str, Any]:
    """One thing, asked for by the figures above."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.project.settings")
    import django

    django.setup()
    if words[0] == "plain":
        return _plain(Path(words[1]).read_text("utf-8"))
    if words[0] == "built":
        return _built(Path(words[1]), int(words[2]))
    return _join(Path(words[1])) if words[0] == "join" else _build()


if __name__ == "__main__":  # processes of their own, for what they need at their fullest and for their own place
    print(json.dumps(main(sys.argv[1:])))
