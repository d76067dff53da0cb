"""The pipeline of docs/register-as-code.md as it stands there: what opens more than is authorised fails the build."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.evidence.site import allow_in, put
from tests.house.source import TOP

REGISTER = """
servers: [{name: web-01, addresses: [10.20.20.31]}, {name: pay-db-01, addresses: [10.20.30.31]}]
connections: [{id: CON-1, source: web-01, destination: pay-db-01, services: [tcp/5432]}]
"""


def script(job: str) -> str:
    """The lines of one job of the documented pipeline."""
    text = (TOP / "docs" / "register-as-code.md").read_text()
    [pipeline] = re.findall(r"```yaml\n(# \.gitlab-ci\.yml.*?)```", text, re.S)
    return "\n".join(yaml.safe_load(pipeline)[job]["script"])


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a register and the rules of one host, and `eastwest` as a command."""
    (tmp_path / "register.yaml").write_text(REGISTER)
    put(tmp_path / "rules" / "pay-db-01", allow_in("10.20.20.31", "5432"))
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "eastwest"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{TOP}" exec "{sys.executable}" -m evidence.cli "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run(repository: Path) -> subprocess.CompletedProcess[str]:
    """What the runner of a pipeline does with the job."""
    env = {**os.environ, "PATH": f"{repository / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-ec", script("rules")], cwd=repository, env=env, capture_output=True, text=True, check=False
    )


def test_rules_that_open_exactly_what_is_authorised_pass(repository: Path) -> None:
    done = run(repository)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_that_open_more_fail_the_build_with_an_example(repository: Path) -> None:
    put(repository / "rules" / "pay-db-01", allow_in("10.20.20.31", "5432"), allow_in("10.20.20.31", "22"))
    done = run(repository)
    assert done.returncode == 1
    assert "10.20.20.31" in done.stdout + done.stderr
    put(repository / "rules" / "web-01", "-A INPUT -m comment --comment x -m nobody-knows -j ACCEPT")
    put(repository / "rules" / "pay-db-01", allow_in("10.20.20.31", "5432"))
    assert run(repository).returncode == 1, "what cannot be read passes no build"
