"""Style sheets and scripts as they are served: gathered once, with a compressed copy that follows its file."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.http import HttpResponse
from django.test import RequestFactory
from whitenoise.middleware import WhiteNoiseMiddleware

from compliance.project.static_files import is_older


def test_a_style_sheet_is_gathered_and_served_compressed_to_who_takes_it(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT, settings.WHITENOISE_USE_FINDERS = tmp_path, False
    call_command("collectstatic", interactive=False, verbosity=0)
    served = WhiteNoiseMiddleware(lambda _: HttpResponse(status=404))
    plain = (tmp_path / "css" / "base.css").read_bytes()
    asked = RequestFactory().get("/static/css/base.css", headers={"accept-encoding": "gzip"})
    answer = served(asked)
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(b"".join(answer)) == plain
    assert b"".join(served(RequestFactory().get("/static/css/base.css"))) == plain
    assert not list(tmp_path.rglob("*.woff2.gz"))


def test_a_copy_follows_its_file(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    call_command("collectstatic", interactive=False, verbosity=0)
    file, copy = tmp_path / "css" / "base.css", tmp_path / "css" / "base.css.gz"
    assert not is_older(copy, file)
    os.utime(copy, (1, 1))  # of another age
    assert is_older(copy, file)
    call_command("collectstatic", interactive=False, verbosity=0)
    assert not is_older(copy, file)
