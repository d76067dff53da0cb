"""HTML to PDF in a process of its own with limits (render_child.py), asked by `render_in_child`.

That process alone imports WeasyPrint. It gets everything in its order, fetches nothing, has bounded memory and
processor time and is stopped when it takes too long. The same order gives the same bytes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from evidence.packs import render_ready
from evidence.packs.joined import Field

SCHEME = "pack:"
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 240
WALL_SECONDS = 900  # on a machine that does much else, processor time is given by the fifth
UNAVAILABLE, REFUSED = 3, 4  # exit statuses of the child that carry their own sentence
PANGO = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")
INSTALL_LINE = f"sudo apt-get install -y {' '.join(PANGO)}"


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
    pages print their own number. `following`: what its contents lead to behind it, by the class of the link → the pages
    that come between; the contents print where that is."""

    html: str
    identifier: str
    made_at: datetime
    assets: Mapping[str, bytes] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    numbered: bool = True
    following: Mapping[str, int] | None = None


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
        "following": None if order.following is None else dict(order.following),
        "seal": _field(seal) if seal else None,
    }
    return _asked_of_child(asked, order.made_at, limits or Limits())


def join_in_child(
    parts: Sequence[Path], numbers: Path, *, total: int, identifier: str, seal: Field, limits: Limits = JOINING
) -> bytes:
    """The whole document of parts that were rendered before and have `total` pages together, with "Page 3 of 9" on
    each. Raises RenderError."""
    asked = {"parts": [str(one) for one in parts], "numbers": str(numbers), "total": total, "identifier": identifier,
             "seal": _field(seal)}  # fmt: skip
    return _asked_of_child(asked, seal.at, limits)


BESIDE: Final = ("certificates", "lists", "answers")  # what a field keeps beside the signature, by its names


def _field(seal: Field) -> dict[str, Any]:
    return {"name": seal.name, "reason": seal.reason, "at": seal.at.astimezone(UTC).isoformat(),
            **{name: [_packed(one) for one in getattr(seal, name)] for name in BESIDE}}  # fmt: skip


def read_field(said: Mapping[str, Any]) -> Field:
    """The field of an order."""
    kept = {name: tuple(base64.b64decode(one) for one in said[name]) for name in BESIDE}
    return Field(said["name"], said["reason"], datetime.fromisoformat(said["at"]), **kept)


def _asked_of_child(asked: dict[str, Any], made_at: datetime, limits: Limits) -> bytes:
    """The pages that came of an order. Raises RenderUnavailable and RenderError."""
    bounds = {"memory": limits.memory, "cpu": limits.cpu, "epoch": int(made_at.timestamp())}
    try:
        answer = render_ready.POOL.ask(json.dumps(asked).encode(), bounds, limits.wall)
    except TimeoutError as error:
        raise RenderError(
            f"The pack's pages were not ready after {limits.wall:g} seconds, so it was stopped."
        ) from error
    if answer.status == UNAVAILABLE:
        raise RenderUnavailable(answer.told)
    if answer.status == REFUSED:
        raise RenderError(answer.told)
    if answer.status != 0 or not answer.made.startswith(b"%PDF-"):
        raise RenderError(
            f"The pack's pages could not be made within {limits.memory >> 20} MB of memory and {limits.cpu} seconds "
            f"of processor time (the renderer ended with status {answer.status})."
        )
    return answer.made


def _packed(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
