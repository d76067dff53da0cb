"""What every drawing is made of: the colours of print, and text that can only be text.

A page overrides the colours by class, so a dark page needs no second drawing.
"""

from __future__ import annotations

from html import escape
from typing import Final

MONO: Final = 0.6  # width of a sign of Plex Mono in em
INK, QUIET, ACCENT, PALE = "#15222e", "#566573", "#2b5c86", "#f3f7fa"
WIDER, NOBODY, UNKNOWN = "#8a5200", "#a8231c", "#566573"
SANS, MONOSPACE = "'IBM Plex Sans', sans-serif", "'IBM Plex Mono', monospace"


def text(
    x: float, y: float, words: str, size: float, kind: str, fill: str, *,
    mono: bool = False, bold: bool = False, anchor: str = "start",
) -> str:  # fmt: skip
    """One line of text at a place, of class `kind`."""
    weight = ' font-weight="600"' if bold else ""
    at = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-family="{MONOSPACE if mono else SANS}" font-size="{size}" '
        f'fill="{fill}"{weight}{at}>{said(words)}</text>'
    )


def cut(words: str, most: int) -> str:
    """At most `most` signs; what was cut is in the lists beside the drawing."""
    return words if len(words) <= most else words[: max(1, most - 1)] + "…"


def said(words: str) -> str:
    """Text that can only be text in SVG: escaped, and without signs XML does not allow."""
    return escape("".join(sign if sign.isprintable() else " " for sign in words), quote=True)
