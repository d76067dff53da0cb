"""Two dumps of consecutive days: `eastwest diff` names exactly the rules that changed, however many stand around."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest

from evidence import cli
from tests.bench.two_days import KINDS, Edit, Firewall, Line, drawn, edited

Form = Literal["save", "nft"]
KINDS_OF_ROWS = ("permitted", "denied", "unproven")
SIZE = 3_000
SLOW = 30.0  # CPU seconds: none of it is meant to take a tenth of that


class Days:
    """Both dumps in a folder, and what the command says of them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._paths = folder / "monday", folder / "tuesday"
        self._capsys = capsys

    def compared(self, old: Firewall, new: Firewall, form: Form) -> dict[str, list[dict[str, Any]]]:
        """The answer of `eastwest diff`."""
        for day, (path, wall) in enumerate(zip(self._paths, (old, new), strict=True), start=1):
            path.write_text(wall.save(day) if form == "save" else wall.nft(day))
        started = time.process_time()
        cli.main(["diff", *map(str, self._paths), "--json"])
        assert time.process_time() - started < SLOW
        found: dict[str, list[dict[str, Any]]] = json.loads(self._capsys.readouterr().out)
        return found


@pytest.fixture
def days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Days:
    return Days(tmp_path, capsys)


def reads(line: Line, form: Form) -> str:
    """What tells a rule in an answer: its line, or its expressions without the counter."""
    if form == "save":
        return line.save()
    return json.dumps([line.chain, _steady(line.expression(0)), line.shown])


def _steady(expressions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in expressions if "counter" not in one]


def told(text: str, form: Form) -> str:
    """The same of a rule as the answer repeats it."""
    if form == "save" or not text:
        return text
    rule = json.loads(text)["rule"]
    return json.dumps([rule["chain"], _steady(rule["expr"]), rule.get("comment", "")])


def named(found: dict[str, list[dict[str, Any]]], form: Form) -> tuple[set[str], set[str]]:
    """The rules of the rows about traffic, and those of which only the text is another."""
    rows = [line["text"] for kind in KINDS_OF_ROWS for row in found[kind] for line in row["lines"]]
    texts = [row[side] for row in found["text_only"] for side in ("old", "new")]
    return {told(text, form) for text in rows}, {told(text, form) for text in texts} - {""}


def check(found: dict[str, list[dict[str, Any]]], done: Sequence[Edit], form: Form) -> None:
    """Every edit is named, in rows or as text, and nothing else is. A move may be without effect."""
    rows, texts = named(found, form)
    assert all(row["lines"] for kind in KINDS_OF_ROWS for row in found[kind])
    touched = [({reads(one, form) for one in (*edit.before, *edit.after)}, edit) for edit in done]
    assert rows | texts <= set().union(*(lines for lines, _ in touched))
    for lines, edit in touched:
        if edit.kind == "comment":
            assert not lines & rows, edit
            assert lines <= texts, edit
        elif edit.kind == "moved":
            assert not lines & texts, edit
        else:
            assert lines & (rows | texts), edit


@pytest.mark.parametrize("form", ["save", "nft"])
def test_a_day_on_which_only_counters_and_handles_moved_is_no_change(days: Days, form: Form) -> None:
    wall = drawn(Random("quiet"), SIZE)
    found = days.compared(wall, wall, form)
    assert not any(found.values())


@pytest.mark.parametrize("form", ["save", "nft"])
@pytest.mark.parametrize("kind", KINDS)
def test_one_edit_is_named_and_nothing_else(days: Days, form: Form, kind: str) -> None:
    wall = drawn(Random(f"one/{kind}"), SIZE // 2)
    newer, done = edited(wall, [kind])
    check(days.compared(wall, newer, form), done, form)


@pytest.mark.parametrize("form", ["save", "nft"])
@pytest.mark.parametrize("seed", range(2))
def test_many_edits_of_one_night_are_all_named_and_nothing_else(days: Days, form: Form, seed: int) -> None:
    wall = drawn(Random(f"many/{seed}"), SIZE)
    newer, done = edited(wall, KINDS * 4)
    check(days.compared(wall, newer, form), done, form)
