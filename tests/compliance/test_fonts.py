"""The web fonts are cut once, hold the signs the interface uses, and are left alone the second time."""

from __future__ import annotations

from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from compliance.project import fonts


def test_fonts_are_made_once_and_mended_when_lost(tmp_path: Path) -> None:
    mono = fonts.FONTS[1:]
    target = tmp_path / "out" / mono[0].target
    assert fonts.build(tmp_path / "out", mono) == [target]
    with TTFont(target) as font:
        assert font.flavor == "woff2"
        assert {ord(sign) for sign in "Aaé0–→←↔≤…“”·│"} <= set(font.getBestCmap())
    assert target.stat().st_size < 120_000
    assert "SIL" in target.with_suffix(".OFL.txt").read_text()

    assert fonts.build(tmp_path / "out", mono) == []
    target.unlink()
    assert fonts.build(tmp_path / "out", mono) == [target]


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    missing = fonts.Font("fontpkg_not_there", "x.ttf", "x.woff2")
    with pytest.raises(FileNotFoundError, match="fontpkg_not_there"):
        fonts.build(tmp_path, [missing])


def test_wrong_use_is_refused() -> None:
    assert fonts.main([]) == 2
