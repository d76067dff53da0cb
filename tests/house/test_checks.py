"""The machines that read the source: style, types, import contracts, shell. One test each, named when it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import beside
from tests.house.source import TOP
from tests.postgres import missing

BIN = Path(sys.executable).parent


def outcome(*command: str | Path, **env: str) -> tuple[int, str]:
    """Exit code and everything a program said, run from the top of the repository."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=TOP,
        env=os.environ | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def passes(*command: str | Path, **env: str) -> None:
    """Fails with what the program said."""
    code, said = outcome(*command, **env)
    assert code == 0, said[-8000:]


def test_ruff() -> None:
    passes(sys.executable, "-m", "ruff", "check", "--no-cache", ".")


@pytest.mark.slow
def test_mypy() -> None:
    passes(sys.executable, "-m", "mypy")


def test_import_contracts() -> None:
    # Not `bin/lint-imports`: its first line is a path, which a long or blank-ridden folder breaks.
    passes(sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache")


def test_the_shell_script() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: apt-get install shellcheck")
    passes("shellcheck", "run", ".ci/run", "deploy/linux/eastwest-pull", "deploy/linux/onboard.sh")


@pytest.mark.django_db
def test_django_finds_nothing_to_say() -> None:
    passes(sys.executable, "manage.py", "check", "--fail-level", "WARNING")


@pytest.mark.slow
def test_both_on_postgresql(record_property: Callable[[str, object], None]) -> None:
    """Everything marked `both`, once more, on a real PostgreSQL (begun with the run, which is a long one)."""
    if os.environ.get("DATABASE_URL"):
        pytest.skip("this run is on the database of DATABASE_URL already")
    if missing():
        pytest.skip(missing())
    if not beside.has_begun():
        pytest.skip("only the whole suite takes that long; by hand: .venv/bin/python -m tests.postgres -m both")
    for run in (beside.BOTH, beside.BOTH_WAITS):
        code, said = beside.outcome(run)
        record_property("postgresql", said.strip().splitlines()[-1])
        assert code == 0, said[-12000:]
