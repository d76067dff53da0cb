"""HTML to PDF in a child process with limits: `python -m evidence.packs.render`, asked by `render_in_child`.

The child alone imports WeasyPrint. It gets everything on its standard input, fetches nothing (only names that begin
with `pack:` and were handed in), has bounded memory and processor time and is stopped when it takes too long. The
same input gives the same bytes. It makes a part of a document, or joins parts (joining.py) into the one that is sealed.
"""

from __future__ import annotations

import base64
import gc
import io
import json
import os
import resource
import subprocess  # the child is this very module, run by the interpreter that runs now
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from evidence.packs import joining, tagging
from evidence.packs.joined import Field, JoinError

SCHEME = "pack:"
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 240
WALL_SECONDS = 300
UNAVAILABLE, REFUSED = 3, 4  # exit statuses of the child that carry their own sentence
PANGO = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")
INSTALL_LINE = f"sudo apt-get install -y {' '.join(PANGO)}"
TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".ttf": "font/ttf", ".woff2": "font/woff2", ".css": "text/css"}


class RenderError(Exception):
    """No PDF was made; the text is one plain sentence."""


class RenderUnavailable(RenderError):
    """PDFs cannot be made on this machine as it is; the text names the line to paste."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file carried inside the PDF: its name, bytes and what it is in a few words."""

    name: str
    content: bytes
    description: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child may use: bytes of address space, seconds of processor, seconds by the clock."""

    memory: int = MEMORY_BYTES
    cpu: int = CPU_SECONDS
    wall: float = WALL_SECONDS


@dataclass(frozen=True, slots=True)
class Order:
    """What to render. `assets`: bytes by name, named in the HTML as `pack:name`. `made_at` (aware) and `identifier`
    are all the PDF says about when and which: nothing is taken from the clock or from chance. `numbered`: whether the
    pages print their own number. `following`: pages of each appendix behind this part, printed in its contents."""

    html: str
    identifier: str
    made_at: datetime
    assets: Mapping[str, bytes] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    numbered: bool = True
    following: tuple[int, ...] | None = None


JOINING = Limits(memory=1 << 30, cpu=600, wall=900)


def render_in_child(order: Order, limits: Limits | None = None, *, seal: Field | None = None) -> bytes:
    """The PDF (tagged, PDF/A-3a): a part to be joined, or, with `seal`, the whole document with its empty field.

    Raises RenderUnavailable without Pango, RenderError for anything else.
    """
    asked = {
        "html": order.html,
        "identifier": order.identifier,
        "made_at": order.made_at.astimezone(UTC).isoformat(),
        "assets": {name: _packed(content) for name, content in order.assets.items()},
        "attachments": [[one.name, _packed(one.content), one.description] for one in order.attachments],
        "numbered": order.numbered,
        "following": order.following,
        "seal": _field(seal) if seal else None,
    }
    return _asked_of_child(asked, order.made_at, limits or Limits())


def join_in_child(
    parts: Sequence[Path], numbers: Path, *, identifier: str, seal: Field, limits: Limits = JOINING
) -> bytes:
    """The whole document of parts that were rendered before, with "Page 3 of 9" on each page. Raises RenderError."""
    asked = {"parts": [str(one) for one in parts], "numbers": str(numbers), "identifier": identifier,
             "seal": _field(seal)}  # fmt: skip
    return _asked_of_child(asked, seal.at, limits)


BESIDE: Final = ("certificates", "lists", "answers")  # what a field keeps beside the signature, by its names


def _field(seal: Field) -> dict[str, Any]:
    return {"name": seal.name, "reason": seal.reason, "at": seal.at.astimezone(UTC).isoformat(),
            **{name: [_packed(one) for one in getattr(seal, name)] for name in BESIDE}}  # fmt: skip


def _unfield(said: Mapping[str, Any]) -> Field:
    kept = {name: tuple(base64.b64decode(one) for one in said[name]) for name in BESIDE}
    return Field(said["name"], said["reason"], datetime.fromisoformat(said["at"]), **kept)


def _asked_of_child(asked: dict[str, Any], made_at: datetime, bounds: Limits) -> bytes:
    """What the child gives on its standard output."""
    command = [sys.executable, "-m", "evidence.packs.render"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps({**asked, "memory": bounds.memory, "cpu": bounds.cpu}).encode(),
            capture_output=True,
            cwd=Path(__file__).resolve().parents[2],
            env=_environment(made_at),
            timeout=bounds.wall,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RenderError(
            f"The pack's pages were not ready after {bounds.wall:g} seconds, so it was stopped."
        ) from error
    told = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    if done.returncode == UNAVAILABLE:
        raise RenderUnavailable(" ".join(told))
    if done.returncode == REFUSED:
        raise RenderError(" ".join(told))
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF-"):
        raise RenderError(
            f"The pack's pages could not be made within {bounds.memory >> 20} MB of memory and {bounds.cpu} seconds "
            f"of processor time (the renderer ended with status {done.returncode})."
        )
    return done.stdout


def _environment(made_at: datetime) -> dict[str, str]:
    """Only what fontconfig and Python need; fixed seeds, so that two runs agree (fontTools reads the epoch)."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    fixed = {"SOURCE_DATE_EPOCH": str(int(made_at.timestamp())), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**kept, **fixed}


def _packed(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def main() -> int:
    """The child: an order on standard input, a PDF on standard output; gives the exit status."""
    asked: dict[str, Any] = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (asked["memory"], asked["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu"], asked["cpu"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if "parts" in asked:
        return _joined([Path(one) for one in asked["parts"]], Path(asked["numbers"]).read_bytes(), asked)
    gc.disable()  # the process ends with the document; collecting costs a fifth of the time
    try:
        import weasyprint  # type: ignore[import-untyped, unused-ignore]  # noqa: F401
    except OSError as error:
        sys.stderr.write(f"PDFs cannot be made on this machine: {_first_line(error)} Paste this line: {INSTALL_LINE}\n")
        return UNAVAILABLE
    pdf, refused = _document(asked)
    if refused:
        sys.stderr.write(
            f"The pack's pages ask for something that is not part of the pack: {', '.join(refused)[:300]}\n"
        )
        return REFUSED
    if asked["seal"]:
        return _joined([pdf], None, asked)
    sys.stdout.buffer.write(pdf)
    return 0


def _joined(parts: Sequence[bytes | Path], numbers: bytes | None, asked: dict[str, Any]) -> int:
    """Writes the joined document to standard output; gives the exit status."""
    out = io.BytesIO()
    try:
        joining.join(parts, out, identifier=asked["identifier"], seal=_unfield(asked["seal"]), numbers=numbers)
    except JoinError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    sys.stdout.buffer.write(out.getbuffer())
    return 0


def _first_line(error: OSError) -> str:
    """The first sentence of a loader's complaint, ended by a full stop."""
    return str(error).splitlines()[0].split(".  ")[0].rstrip(".")[:200] + "."


def _document(asked: dict[str, Any]) -> tuple[bytes, list[str]]:
    """The PDF and the addresses that were asked for and refused (WeasyPrint swallows a refusal inside SVG)."""
    from weasyprint import HTML
    from weasyprint import Attachment as Attached
    from weasyprint.urls import URLFetcher, URLFetcherResponse  # type: ignore[import-untyped, unused-ignore]

    assets = {name: base64.b64decode(content) for name, content in asked["assets"].items()}
    refused: list[str] = []

    class PackOnly(URLFetcher):  # type: ignore[misc, unused-ignore]
        """Serves what was handed in by name; everything else is refused and remembered."""

        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
            name = url.removeprefix(SCHEME)
            if not url.startswith(SCHEME) or name not in assets:
                refused.append(url[:120])
                raise ValueError("not part of the pack")
            return URLFetcherResponse(url, assets[name], {"Content-Type": TYPES.get(Path(name).suffix, "text/plain")})

    fetcher = PackOnly()
    made_at = datetime.fromisoformat(asked["made_at"])
    attached = [
        Attached(file_obj=io.BytesIO(base64.b64decode(content)), name=name, description=description, created=made_at,
                 modified=made_at, relationship="Data", url_fetcher=fetcher)
        for name, content, description in asked["attachments"]
    ]  # fmt: skip
    said = {"pdf_variant": "pdf/a-3a", "pdf_tags": True, "pdf_identifier": asked["identifier"].encode(),
            "attachments": attached}  # fmt: skip
    page = HTML(string=asked["html"], base_url=SCHEME, url_fetcher=fetcher)
    set_pages = page.render(stylesheets=_styles(asked, 0), **said)
    while asked["following"] is not None:  # where the appendices begin is known when the pages before them are set
        before = len(set_pages.pages)
        set_pages = page.render(stylesheets=_styles(asked, before), **said)
        if len(set_pages.pages) == before:
            break
    pdf = set_pages.write_pdf(finisher=tagging.put_right, **said)
    return bytes(pdf), refused


def _styles(asked: dict[str, Any], before: int) -> list[Any]:
    """Page numbers that come later are left out; those of appendices, `before` pages on, are put in the contents."""
    from weasyprint import CSS

    rules = [] if asked["numbered"] else ["@page { @bottom-right { content: none !important } }"]
    at = before + 1
    for number, long in enumerate(asked["following"] or ()):
        rules.append(f'.appendix-{number}::after {{ content: "{at if before else "000"}" }}')
        at += long
    return [CSS(string="\n".join(rules))] if rules else []


if __name__ == "__main__":
    sys.exit(main())
