"""The short way of a new installation ends at the same tables as the long way of one that was there from the first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.compliance.old_way import PREFIXES, tables

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
@pytest.mark.slow
@pytest.mark.beside
def test_old_installations_have_the_same_tables_and_lose_nothing_on_their_way(tmp_path: Path) -> None:
    own = {"EASTWEST_VAR": str(tmp_path / "var"), "DJANGO_SETTINGS_MODULE": "compliance.project.settings"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.compliance.old_way"],
        cwd=ROOT,
        env={**os.environ, **own, "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    old = json.loads(done.stdout)
    assert (old["prefixes"], old["seals_hold"]) == (list(PREFIXES), [True, True]), "what a party was known by, of 0014"
    new = tables(connection)
    assert set(new) == set(old["tables"])
    for name, what in new.items():
        assert what == old["tables"][name], name
