"""The start command itself, in a clone of its own with a blank in its path, without the network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import TOP

TOOL = """
import os, sys
print(os.getcwd(), *sys.argv[1:], sep="|")
sys.exit(3)
"""
# A Python as Debian ships it: no ensurepip.
BARE_PYTHON = f"""#!/bin/sh
case "$2" in
    *realpath*) echo "$0" ;;
    *ensurepip*) exit 1 ;;
    *) exec "{sys.executable}" "$@" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The start command beside a warm venv and a tool that says how it was called."""
    top = tmp_path / ("a long way down " * 6) / "clone"
    shutil.copytree(TOP / "requirements", top / "requirements")
    shutil.copy2(TOP / "run", top / "run")
    (top / "evidence").mkdir()
    (top / "evidence" / "__init__.py").touch()
    (top / "evidence" / "cli.py").write_text(TOOL)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", top / ".venv"], check=True)
    python = (top / ".venv" / "bin" / "python").resolve()
    (top / ".venv" / "eastwest.origin").write_text(f"{top / '.venv'}\n{python}\n")
    for lock in ("run", "uv"):
        shutil.copy(top / "requirements" / f"{lock}.txt", top / ".venv" / f"eastwest.{lock}.txt")
    return top


def call(clone: Path, *words: str, cwd: Path | None = None, path: str = "") -> subprocess.CompletedProcess[str]:
    """`./run …`, with a PATH that begins with `path`."""
    env = {"PATH": f"{path}:{os.environ['PATH']}".lstrip(":"), "HOME": str(clone)}
    command = [clone / "run", *words]
    nobody = subprocess.DEVNULL
    return subprocess.run(command, cwd=cwd or clone, env=env, stdin=nobody, capture_output=True, text=True, check=False)


def stubs(folder: Path, **programs: str) -> str:
    """A folder of small programs to put in front of the PATH."""
    folder.mkdir()
    for name, text in programs.items():
        (folder / name.replace("_", "-")).write_text(text)
        (folder / name.replace("_", "-")).chmod(0o755)
    return str(folder)


def test_the_tool_is_silent_when_warm_and_keeps_folder_words_and_exit_code(clone: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "where I am"
    (elsewhere / "evidence").mkdir(parents=True)
    (elsewhere / "evidence" / "__init__.py").write_text("raise SystemExit('a folder of the person was imported')")
    done = call(clone, "eastwest", "read", "a file.txt", "--json", cwd=elsewhere)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == f"{elsewhere}|read|a file.txt|--json\n"


def test_an_unknown_sub_command_is_refused(clone: Path) -> None:
    done = call(clone, "dance")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'dance'" in done.stderr


def test_a_moved_clone_makes_its_venv_again_and_says_what_it_lacks(clone: Path, tmp_path: Path) -> None:
    moved = clone.rename(clone.with_name("moved"))
    path = stubs(tmp_path / "stubs", python3=BARE_PYTHON, apt_get="#!/bin/sh\nexit 100\n")
    done = call(moved, "eastwest", path=path)
    assert done.returncode == 1
    assert "Making .venv" in done.stderr
    assert "Paste this line, then start again: sudo apt-get install -y python3-venv" in done.stderr
    assert done.stdout == ""


def test_a_changed_lock_is_installed_and_a_failure_is_said(clone: Path, tmp_path: Path) -> None:
    with (clone / "requirements" / "run.txt").open("a") as lock:
        lock.write("\n# changed\n")
    done = call(clone, "eastwest")
    assert done.returncode == 1
    assert "Installing the packages of requirements/run.txt" in done.stderr
    assert "could not be installed" in done.stderr
    assert (clone / ".venv" / "eastwest.run.txt").read_bytes() != (clone / "requirements" / "run.txt").read_bytes()


def test_a_broken_venv_is_made_again(clone: Path, tmp_path: Path) -> None:
    (clone / ".venv" / "bin" / "python").unlink()
    path = stubs(tmp_path / "stubs", python3=BARE_PYTHON, apt_get="#!/bin/sh\nexit 100\n")
    assert "Making .venv" in call(clone, "eastwest", path=path).stderr
