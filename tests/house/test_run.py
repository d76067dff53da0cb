"""The start command itself, in a clone of its own with a blank in its path, without the network."""

from __future__ import annotations

import os
import pty
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
# Notes that it was called, with what, and for which var/.
SAID = """
import os, sys
with open("called", "a") as notes:
    print("{}", sys.argv[1], os.environ["EASTWEST_VAR"], file=notes)
print("its own output")
"""
# A Python as Debian ships it: no ensurepip.
BARE_PYTHON = f"""#!/bin/sh
case "$2" in
    *realpath*) echo "$0" ;;
    *ensurepip*) exit 1 ;;
    *) exec "{sys.executable}" "$@" ;;
esac
"""

NEW_AND_WHOLE = "import ensurepip, sys; ensurepip.version(); sys.exit(sys.version_info < (3, 11))"
DISTRIBUTIONS_OWN = (
    subprocess.run(["/usr/bin/python3", "-c", NEW_AND_WHOLE], capture_output=True, check=False).returncode == 0
    if Path("/usr/bin/python3").exists()
    else False
)


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


def call(
    clone: Path, *words: str, cwd: Path | None = None, path: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """`./run …`, with a PATH that begins with `path`."""
    env = {"PATH": f"{path}:{os.environ['PATH']}".lstrip(":"), "HOME": str(clone), **settings}
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


def started(clone: Path, answer: str | None, **settings: str) -> tuple[list[str], str]:
    """`./run` with a terminal on which somebody types (None: without one). What was called, and what was said."""
    (clone / "compliance" / "project").mkdir(parents=True)
    (clone / "compliance" / "project" / "__main__.py").write_text(SAID.format("project"))
    (clone / "manage.py").write_text(SAID.format("manage"))
    env = {"PATH": os.environ["PATH"], "HOME": str(clone), **settings}
    ours, theirs = pty.openpty()
    if answer is not None:
        os.write(ours, answer.encode())
    told = theirs if answer is not None else subprocess.DEVNULL
    command = [clone / "run"]
    ran = subprocess.Popen(command, cwd=clone, env=env, stdin=told, stdout=subprocess.PIPE, stderr=theirs)
    said = ran.communicate(timeout=60)[0].decode()
    os.close(theirs)
    screen = b""
    while chunk := read_end(ours):
        screen += chunk
    os.close(ours)
    assert ran.returncode == 0, screen.decode()
    assert said.splitlines()[:-1] == []  # stdout belongs to what is started
    return (clone / "called").read_text().splitlines(), screen.decode()


def read_end(terminal: int) -> bytes:
    """What is still to be read of a terminal whose other side is closed."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_the_first_start_offers_the_sample_organisation(clone: Path) -> None:
    called, screen = started(clone, "y\n")
    demo = clone / "var" / "demo"
    assert called == [f"project prepare {demo}", f"manage demo {demo}", f"project start {demo}"]
    assert "[y/N]" in screen
    assert "SAMPLE" in screen


@pytest.mark.parametrize("answer", ["\n", "n\n", "what?\n", "\x04"], ids=["return", "no", "nonsense", "end of input"])
def test_anything_but_yes_starts_ones_own(clone: Path, answer: str) -> None:
    called, screen = started(clone, answer)
    assert called == [f"project start {clone / 'var'}"]
    assert "[y/N]" in screen


def test_without_a_terminal_nothing_is_asked_and_the_way_is_said(clone: Path) -> None:
    called, screen = started(clone, None)
    assert called == [f"project start {clone / 'var'}"]
    assert "[y/N]" not in screen
    assert "sample organisation: ./run demo" in screen


@pytest.mark.parametrize("chosen", ["DATABASE_URL", "EASTWEST_VAR"])
def test_the_sample_never_goes_where_ones_own_is_to_be(clone: Path, chosen: str) -> None:
    place = str(clone / "elsewhere")
    called, screen = started(clone, "y\n", **{chosen: place})
    assert called == [f"project start {place if chosen == 'EASTWEST_VAR' else clone / 'var'}"]
    assert "[y/N]" not in screen


def test_the_second_start_asks_nothing(clone: Path) -> None:
    (clone / "var" / "keys").mkdir(parents=True)
    called, screen = started(clone, "y\n")
    assert called == [f"project start {clone / 'var'}"]
    assert "sample" not in screen


def test_an_unknown_sub_command_is_refused(clone: Path) -> None:
    done = call(clone, "dance")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'dance'" in done.stderr


def test_a_moved_clone_makes_its_venv_again_and_says_what_it_lacks(clone: Path, tmp_path: Path) -> None:
    moved = clone.rename(clone.with_name("moved"))
    path = stubs(tmp_path / "stubs", python3=BARE_PYTHON, apt_get="#!/bin/sh\nexit 100\n")
    done = call(moved, "eastwest", path=path, PYTHON=f"{path}/python3")
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
    assert "Making .venv" in call(clone, "eastwest", path=path, PYTHON=f"{path}/python3").stderr


@pytest.mark.skipif(not DISTRIBUTIONS_OWN, reason="the distribution's Python is too old or cannot make a venv")
def test_the_distribution_s_python_comes_before_what_is_first_in_the_path(clone: Path, tmp_path: Path) -> None:
    (clone / ".venv" / "bin" / "python").unlink()
    path = stubs(tmp_path / "stubs", python3=BARE_PYTHON)
    assert f"Making .venv with {Path('/usr/bin/python3').resolve()} …" in call(clone, "eastwest", path=path).stderr


def test_a_python_that_is_asked_for_by_name_and_too_old_is_refused(clone: Path, tmp_path: Path) -> None:
    (clone / ".venv" / "bin" / "python").unlink()
    old = stubs(tmp_path / "stubs", python3="#!/bin/sh\nexit 1\n") + "/python3"
    done = call(clone, "eastwest", PYTHON=old)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"PYTHON={old} is no Python 3.11 or newer." in done.stderr
