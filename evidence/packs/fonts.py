"""The fonts of a pack: IBM Plex Sans and Mono (SIL Open Font License), from their installed packages."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

FACES = (
    ("plex-sans.ttf", "fontpkg_ibm_plex_sans", "IBMPlexSans[wdth,wght].ttf"),
    ("plex-mono.ttf", "fontpkg_ibm_plex_mono", "IBMPlexMono-Regular.ttf"),
    ("plex-mono-600.ttf", "fontpkg_ibm_plex_mono", "IBMPlexMono-SemiBold.ttf"),
)
# What names them in a style sheet: the renderer serves `pack:` names out of its order.
FONT_FACES = """
@font-face{font-family:"IBM Plex Sans";src:url(pack:plex-sans.ttf);font-weight:100 700}
@font-face{font-family:"IBM Plex Mono";src:url(pack:plex-mono.ttf);font-weight:400}
@font-face{font-family:"IBM Plex Mono";src:url(pack:plex-mono-600.ttf);font-weight:600}
"""


@functools.cache
def fonts() -> dict[str, bytes]:
    """Font files by the name pack.css gives them. Raises FileNotFoundError naming the package that is missing."""
    return {name: (_home(package) / "files" / file).read_bytes() for name, package, file in FACES}


def _home(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"{package} is not installed; install the requirements, then build the pack again.")
    return Path(spec.origin).parent
