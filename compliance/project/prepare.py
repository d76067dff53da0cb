"""Makes a var/ ready to run from: private folders, fonts, tables, the rate limiter's cache table."""

from __future__ import annotations

import os
from pathlib import Path

from compliance.project import fonts

BASE_DIR = Path(__file__).resolve().parents[2]


def prepare() -> None:
    """Brings files and tables up to date. The second run changes nothing and asks nothing."""
    os.umask(0o077)
    from django.conf import settings  # loading the settings makes var/ and its keys

    private(settings.VAR)
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise looks there first
    fonts.build(BASE_DIR / "static" / "fonts")

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)


def private(folder: Path) -> None:
    """Makes a folder that only its owner may enter, or closes the one that is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
