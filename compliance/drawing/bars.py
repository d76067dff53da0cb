"""A row of bars, one a month: how a number went. The table beside it says the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from compliance.drawing.marks import QUIET, said

WIDTH, HEIGHT, GAP = 360, 56, 6
LEAST: Final = 2.0  # a bar that is not nothing is seen
FILLS: Final = {"ok": "#2b5c86", "warn": "#8a5200", "bad": "#a8231c"}


def bars(values: Sequence[int | None], tone: str, title: str) -> str:
    """The bars as SVG. None: nothing was recorded then, drawn as a dot on the line; nought is a line."""
    top = max((value for value in values if value), default=1)
    step = WIDTH / max(len(values), 1)
    parts = [
        f'<svg class="bars" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said(title)}">',
        f'<path class="bars-line" d="M0 {HEIGHT - 1}H{WIDTH}" stroke="{QUIET}" stroke-width="1"/>',
    ]
    for number, value in enumerate(values):
        x = number * step + GAP / 2
        if value is None:
            centre = x + (step - GAP) / 2
            parts.append(f'<circle class="bars-none" cx="{centre:.1f}" cy="{HEIGHT - 6}" r="2" fill="{QUIET}"/>')
        elif value:
            height = max(value / top * (HEIGHT - 4), LEAST)
            parts.append(
                f'<rect class="bars-{tone}" x="{x:.1f}" y="{HEIGHT - 1 - height:.1f}" width="{step - GAP:.1f}" '
                f'height="{height:.1f}" fill="{FILLS[tone]}"/>'
            )
    return "".join([*parts, "</svg>"])
