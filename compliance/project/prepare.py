"""Makes a var/ ready to run from: private folders, fonts, tables, the rate limiter's cache table."""

from __future__ import annotations

import os
from pathlib import Path

from compliance.project import fonts

BASE_DIR = Path(__file__).resolve().parents[2]


def prepare() -> None:
    """Brings files and tables up to date. The second run changes nothing and asks nothing. Raises Refused."""
    os.umask(0o077)
    from django.conf import settings  # loading the settings makes var/ and its keys

    private(settings.VAR)
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    fonts.build(BASE_DIR / "static" / "fonts")

    import django
    from django.core.management import call_command
    from django.db import OperationalError, connection

    from compliance.errors import Refused

    django.setup()
    call_command("collectstatic", interactive=False, verbosity=0)
    try:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA optimize=0x10002")  # counts anew what grew: nothing else does, as in PostgreSQL
    except OperationalError as error:
        said = " ".join(str(error).split())
        next_step = "Is DATABASE_URL right, and does the server run?"
        raise Refused("The database cannot be used.", said, next_step) from error


def private(folder: Path) -> None:
    """Makes a folder that only its owner may enter, or closes the one that is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
