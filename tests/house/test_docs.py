"""The documentation names what exists: every setting, verdict, format, state, section."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.house.source import TOP, files, name, tree


@cache
def docs() -> str:
    """All of docs/ and the README."""
    return "\n".join(path.read_text() for path in files(".md") if name(path).startswith(("docs/", "README")))


def settings_read() -> set[str]:
    """The environment variables that the settings and the broker read."""
    found = set()
    for path in files(".py"):
        if name(path).startswith("tests/"):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"\bEASTWEST_[A-Z_]+\b|^DATABASE_URL$|^REDIS_URL$", node.value))
    return {variable for variable in found if not variable.endswith("_")}


def test_every_setting_is_described() -> None:
    text = (TOP / "docs" / "settings.md").read_text()
    described = set(re.findall(r"`(EASTWEST_[A-Z_]+|DATABASE_URL|REDIS_URL)`", text))
    assert settings_read() <= described, "not described"
    assert described <= settings_read(), "described, but nothing reads it"


def test_every_verdict_is_explained() -> None:
    from evidence.rules import Verdict

    text = docs()
    assert [verdict.value for verdict in Verdict if f"`{verdict.value}`" not in text] == []


def test_every_format_is_named() -> None:
    from evidence.formats.table import FORMATS

    text = docs()
    assert [entry.NAME for entry in FORMATS if f"`{entry.NAME}`" not in text] == []


def test_every_job_kind_and_pack_section_is_named() -> None:
    from django.conf import settings

    text = docs()
    assert [kind for kind in settings.JOB_KINDS if f"`{kind}`" not in text] == []
    assert [path for path in settings.PACK_SECTIONS if f"`{path.rsplit('.', 2)[-2]}`" not in text] == []


def test_every_sub_command_of_run_is_named() -> None:
    script = (TOP / "run").read_text()
    commands = re.findall(r"^    ([a-z]+(?: \| [a-z]+)*)\)$", script, re.M)
    names = [word for group in commands for word in group.split(" | ")]
    assert {"demo", "eastwest", "doctor"} <= set(names)
    text = (TOP / "docs" / "commands.md").read_text()
    assert [word for word in names if word != "start" and f"| `./run {word}" not in text] == []


@pytest.mark.parametrize("path", files(".md"), ids=name)
def test_every_link_between_documents_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
