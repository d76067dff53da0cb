"""Gives the tests a var/ of their own, before the settings load: the real one holds keys and records.

Loaded by `-p tests.own_var` (pyproject.toml), which comes before Django's settings are read. It is a plain folder
under the system's temporary folder, removed at the end. Each xdist worker gets one within it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def _make() -> Path:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        own = Path(os.environ["EASTWEST_TEST_VAR"]) / worker
    else:
        own = Path(tempfile.mkdtemp(prefix="eastwest-test-"))
        os.environ["EASTWEST_TEST_VAR"] = str(own)
        atexit.register(shutil.rmtree, own, ignore_errors=True)
        own = own / "var"
    own.mkdir(mode=0o700)
    return own


VAR = _make()
for name in list(os.environ):
    if name == "REDIS_URL" or (name.startswith("EASTWEST_") and name != "EASTWEST_TEST_VAR"):
        del os.environ[name]  # the suite runs its own broker and its own settings, whatever this machine's are
os.environ["EASTWEST_VAR"] = str(VAR)
os.environ["EASTWEST_MENU_KEPT_S"] = "0"  # a test looks at once at what it wrote without a verb
# Playwright's driver keeps an event loop in the thread of the test; the database is used outside of it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
