"""The two systems, built once in a process: from then on as the rows and the files that came of it."""

from __future__ import annotations

import shutil
from typing import Final

from tests.matrix.world import World, build
from tests.own_var import VAR
from tests.remembered import remembered

PLACE: Final = VAR / "two systems"  # the folders that their sources read
AS_BUILT: Final = VAR / "two systems as built"


def known() -> World:
    """For a test that does with them what it likes: the next one finds them as they were."""
    if AS_BUILT.exists():
        shutil.rmtree(PLACE)
        shutil.copytree(AS_BUILT, PLACE)
    return remembered("two systems", anew)


def anew() -> World:
    """Through the verbs of the application."""
    for folder in (PLACE, AS_BUILT):
        shutil.rmtree(folder, ignore_errors=True)
    world = build(PLACE)
    shutil.copytree(PLACE, AS_BUILT)
    return world
