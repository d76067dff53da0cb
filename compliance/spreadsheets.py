"""Cells that no spreadsheet takes for a formula, in every list and in every pack."""

from __future__ import annotations

from typing import Final

# A cell that begins with one of these, odd blanks aside, is run or ended by Excel, LibreOffice or Sheets.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BLANKS: Final = " \u00a0\u200b\ufeff"


def guarded(text: str) -> str:
    """The text with an apostrophe before it where it begins like a formula (OWASP, CSV injection), and without NUL,
    at which readers of CSV stop.
    """
    if text[:1].isalnum() and "\x00" not in text:  # nearly all: neither an odd blank nor the begin of a formula
        return text
    shown = text.replace("\x00", "")
    return f"'{shown}" if shown.lstrip(BLANKS).startswith(FORMULA_STARTS) else shown
