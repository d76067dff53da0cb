"""Chromium as the tests and the benchmarks start it. Nothing else is imported or set here: a benchmark that takes it
from tests/conftest.py would run with the settings of tests."""

from __future__ import annotations

import shutil
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
# Quiet: no updates, no sync, no second process tree; a container has neither a sandbox nor a GPU to offer.
OPTIONS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def program() -> str | None:
    """Where it is installed; None where it is not."""
    return next(filter(None, map(shutil.which, NAMES)), None)
