"""The words and signs of the interface cover every state there is, and tell none by colour alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from compliance.templatetags.eastwest import ago, icon, short_hash, verdict_label, verdict_tone
from compliance.words import KINDS, status
from evidence.rules import Certainty, Verdict

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_every_verdict_and_certainty_has_words_and_nothing_else_has() -> None:
    assert set(KINDS["verdict"]) == {verdict.value for verdict in Verdict}
    assert set(KINDS["certainty"]) == {certainty.value for certainty in Certainty}


def test_only_implemented_looks_fine() -> None:
    assert [name for name, shown in KINDS["verdict"].items() if shown.tone == "ok"] == ["implemented"]
    assert verdict_label("permits_more") == "Over-permissive rule"
    assert verdict_tone("permits_more") == "bad"


@pytest.mark.parametrize("kind", KINDS)
def test_states_of_a_kind_are_told_apart_without_colour(kind: str) -> None:
    shown = set(KINDS[kind].values())
    assert len({found.label for found in shown}) == len(shown)
    for found in shown:
        assert icon(found.icon).startswith("<svg")


def test_an_unknown_state_is_shown_as_it_is_and_never_as_fine() -> None:
    found = status("verdict", "brand_new<b>")
    assert (found.label, found.tone) == ("Brand new<b>", "off")


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=38), "38 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=400), "1 year ago"),
        (-timedelta(hours=2), "in 2 h"),
    ],
)
def test_ago(gone: timedelta, words: str) -> None:
    assert ago(NOON - gone, NOON) == words


def test_ago_of_nothing_is_never() -> None:
    assert ago(None) == "never"


def test_short_hash_is_said_in_groups() -> None:
    assert short_hash("9f86d081884c7d659a2f") == "9f86 d081 884c"


def test_icons_are_hidden_from_screen_readers() -> None:
    svg = icon("inbox", 18, "tone-ok")
    for part in ('aria-hidden="true"', 'width="18"', 'class="icon tone-ok"'):
        assert part in svg
