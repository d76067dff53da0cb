"""What must stay apart: the keys from other people, the pack's printer from the web and the workers."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import TOP


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_var_and_its_keys_are_the_owners_alone(own_var: Path) -> None:
    from django.conf import settings

    assert own_var == settings.VAR
    assert mode(own_var) == mode(own_var / "keys") == 0o700
    keys = list((own_var / "keys").iterdir())
    assert keys
    assert {mode(key) for key in keys if key.is_file()} == {0o600}
    assert {mode(key) for key in keys if key.is_dir()} <= {0o700}


def test_a_postgresql_for_tests_opens_no_folder_of_ours(own_var: Path) -> None:
    from tests.postgres import missing, postgres

    if missing():
        pytest.skip(missing())
    before = {path: mode(path) for path in (own_var, TOP, *TOP.parents)}
    with postgres() as url:
        assert str(own_var) not in url
    assert {path: mode(path) for path in before} == before


@pytest.mark.parametrize("process", ["compliance.project.wsgi", "compliance.project.celery"])
def test_the_printer_is_never_loaded_by_web_or_worker(process: str) -> None:
    """WeasyPrint reads hostile text with a large library: it lives in a child process with limits."""
    code = (
        f"import sys, {process}, django\n"
        "django.setup()\n"
        "from django.conf import settings\n"
        "from django.urls import get_resolver\n"
        "from django.utils.module_loading import import_module, import_string\n"
        "get_resolver().url_patterns\n"
        "import_module('compliance.tasks')\n"
        "[import_string(path) for path in (*settings.JOB_KINDS.values(), *settings.SCHEDULES)]\n"
        "sys.exit('weasyprint' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or "WeasyPrint was imported"
