"""The processes that stand ready to set pages (render_child.py)."""

from __future__ import annotations

import os
from typing import Final

from evidence.ready import Pool

COMMAND: Final = ("-m", "evidence.packs.render_child")
# What fontconfig and Python need of the environment; where compiled modules are kept halves the loading.
KEPT: Final = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")


def environment() -> dict[str, str]:
    """Little of what this process has, and a fixed seed, so that two runs agree."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PYTHONHASHSEED": "0"}


POOL: Final = Pool(COMMAND, environment)
