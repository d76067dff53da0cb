"""Makes the web fonts: `python -m compliance.project.fonts OUTDIR` writes subset WOFF2 files and their licences.

The fonts come from installed packages (fontpkg_inter, fontpkg_jetbrains_mono; both under the SIL Open Font
License) and are cut to the signs the interface shows, so no font is committed and none is fetched by a browser
from elsewhere. A second run with the same packages writes nothing and takes milliseconds.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# Latin with its supplements, the punctuation, arrows, signs and box lines the templates use.
RANGES = (
    (0x0020, 0x007E), (0x00A0, 0x024F), (0x2010, 0x2027), (0x2030, 0x203A), (0x20AC, 0x20AC), (0x2122, 0x2122),
    (0x2190, 0x2199), (0x21C4, 0x21C6), (0x21D0, 0x21D4), (0x2212, 0x2212), (0x2215, 0x2215), (0x2248, 0x2248),
    (0x2260, 0x2265), (0x2282, 0x2287), (0x2500, 0x257F), (0x25A0, 0x25CF), (0x2713, 0x2717),
)  # fmt: skip
WEIGHTS = (400, 700)  # what the style sheets use: the others would weigh a third more
RECIPE = "2"  # raise it when the subset itself is made differently


class Font(NamedTuple):
    """One web font: the package and file it is cut from and the name it is written under."""

    package: str
    source: str
    target: str


FONTS = (
    Font("fontpkg_inter", "Inter[opsz,wght].ttf", "inter.woff2"),
    Font("fontpkg_jetbrains_mono", "JetBrainsMono[wght].ttf", "jetbrains-mono.woff2"),
)


def build(outdir: Path, fonts: Iterable[Font] = FONTS) -> list[Path]:
    """Writes what is missing or out of date into `outdir` (made if need be); gives the paths written.

    Each font is written with its licence (`<name>.OFL.txt`) and a stamp (`<name>.stamp`) that tells a later run
    what it was made from. Raises FileNotFoundError naming the package when a font is not installed.
    """
    outdir.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for font in fonts:
        home = _home(font.package)
        target = outdir / font.target
        stamp = _stamp(home / "files" / font.source)
        stamp_file = target.with_suffix(".stamp")
        if target.exists() and stamp_file.exists() and stamp_file.read_text() == stamp:
            continue
        _subset(home / "files" / font.source, target)
        target.with_suffix(".OFL.txt").write_bytes((home / "LICENSE").read_bytes())
        stamp_file.write_text(stamp)
        written.append(target)
    return written


def _home(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"{package} is not installed; install the requirements, then run this again.")
    return Path(spec.origin).parent


def _stamp(source: Path) -> str:
    made_from = f"{RECIPE} {RANGES} {source.name} {source.stat().st_size}"
    return hashlib.sha256(made_from.encode()).hexdigest()


def _subset(source: Path, target: Path) -> None:
    from fontTools import subset  # slow to import, needed only when a font is made
    from fontTools.varLib import instancer

    options = subset.Options(flavor="woff2", layout_features=["kern", "liga", "calt", "tnum", "zero", "ccmp", "mark"])
    font = subset.load_font(str(source), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[code for first, last in RANGES for code in range(first, last + 1)])
    cutter.subset(font)
    font = instancer.instantiateVariableFont(font, {"wght": WEIGHTS})
    half_written = target.with_suffix(".part")
    subset.save_font(font, str(half_written), options)
    os.replace(half_written, target)


def main(argv: list[str]) -> int:
    """The command: one argument, the folder to write to. 0 when the fonts are there, 2 on wrong use or no package."""
    if len(argv) != 1:
        sys.stderr.write("usage: python -m compliance.project.fonts OUTDIR\n")
        return 2
    try:
        build(Path(argv[0]))
    except FileNotFoundError as missing:
        sys.stderr.write(f"{missing}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
