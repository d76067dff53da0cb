"""Kept answers change nothing but the time: nights of edits judged with and without them, and spoilt answers."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.register import Wanted, wanted
from evidence import kept as keeping
from evidence import reading_json
from evidence.judgement import Judgement
from evidence.kept import Files, Kept
from evidence.rules import Reading
from evidence.verdicts import judge
from tests.bench.estate import DAY, connection, host, table, v6

SECRET = b"of the tests"
ADDRESSES = {"web-01": ["10.20.4.11", "fd00:4::11"], "web-02": ["10.20.4.12"], "db-01": ["10.20.8.1", "fd00:8::1"]}
MOVED = {**ADDRESSES, "web-02": ["10.20.4.13", "fd00:4::13"]}
RULES = (
    "-A INPUT -s 10.20.4.11/32 -p tcp -m tcp --dport 5432 -j ACCEPT",
    "-A INPUT -s 10.20.4.0/24 -p tcp -m tcp --dport 22 -j ACCEPT",
    "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT",
    "-A INPUT -s 10.20.4.0/28 -j SUB",
    "-A OUTPUT -d 10.20.8.1/32 -p tcp -m tcp --dport 5432 -j ACCEPT",
    "-A FORWARD -s 10.20.4.11/32 -d 10.20.8.1/32 -j ACCEPT",
    "-A INPUT -m string --string x --algo bm --to 65535 -j ACCEPT",
    "-A INPUT --strange",
)
RULES6 = (
    "-A INPUT -s fd00:4::11/128 -p tcp -m tcp --dport 5432 -j ACCEPT",
    "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT",
)
CONNECTIONS: tuple[dict[str, Any], ...] = (
    connection("CON-1", "web-01", "db-01", "tcp/5432"),
    {**connection("CON-2", "web-02", "db-01", "tcp/22"), "ends_on": (DAY + timedelta(days=3)).isoformat()},
    connection("CON-3", "db-01", "web-01", "tcp/443", "udp/53"),
    connection("CON-4", "web-01", "web-02", "any"),
)


class Night(NamedTuple):
    """What one comparison is asked."""

    asked: Wanted
    readings: dict[str, Reading]
    before: dict[str, Reading]
    day: date


@st.composite
def hosts(draw: st.DrawFn) -> Reading:
    """A host with some of the rules."""

    def dump(rules: tuple[str, ...]) -> str:
        heads = [
            f":{point} {draw(st.sampled_from(('DROP', 'ACCEPT')))} [0:0]" for point in ("INPUT", "FORWARD", "OUTPUT")
        ]
        chosen = draw(st.lists(st.sampled_from(rules), unique=True, max_size=4))
        return "\n".join([*heads, ":SUB - [0:0]", *chosen, "-A SUB -p tcp -m tcp --dport 8000:8010 -j ACCEPT", ""])

    return host(v4=table(dump(RULES)), v6=v6(dump(RULES6)) if draw(st.booleans()) else "")


@st.composite
def nights(draw: st.DrawFn) -> list[Night]:
    """Comparisons one after another out of a few readings and registers, so that much of each comes again."""
    seen = draw(st.lists(hosts(), min_size=2, max_size=4))
    found = []
    for _ in range(draw(st.integers(2, 6))):
        day = DAY + timedelta(days=draw(st.sampled_from((0, 10))))
        addresses = draw(st.sampled_from((ADDRESSES, ADDRESSES, MOVED)))
        register = {
            "servers": [{"name": name, "addresses": held} for name, held in addresses.items()],
            "connections": draw(st.lists(st.sampled_from(CONNECTIONS), unique_by=lambda one: one["id"])),
        }
        now, before = (
            draw(st.dictionaries(st.sampled_from(tuple(ADDRESSES)), st.sampled_from(seen), max_size=3))
            for _ in range(2)
        )
        found.append(Night(wanted(register, at=day), now, before, day))
    return found


def digests(readings: Mapping[str, Reading]) -> dict[str, str]:
    """The digests of readings."""
    return {name: hashlib.sha256(reading_json.dump(reading)).hexdigest() for name, reading in readings.items()}


def judged(night: Night, kept: Kept | None) -> tuple[Judgement, ...]:
    """The judgements of a night."""
    return judge(night.asked, night.readings, before=night.before or None, flows=None, at=night.day, kept=kept)


@settings(max_examples=60, deadline=None)
@given(nights())
def test_every_night_says_the_same_with_what_was_kept_and_without(found: list[Night]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for night in found:
            fresh = judged(night, None)
            kept = Kept(Files(Path(folder), SECRET), digests(night.readings))
            assert judged(night, kept) == fresh
            again = Kept(Files(Path(folder), SECRET), digests(night.readings))
            assert judged(night, again) == fresh
            assert (again.found, again.made) == (kept.found + kept.made, 0)


@pytest.fixture
def night() -> Night:
    """Two hosts with something beyond the authorised."""
    asked = wanted(
        {
            "servers": [{"name": name, "addresses": held} for name, held in ADDRESSES.items()],
            "connections": [CONNECTIONS[0]],
        },
        at=DAY,
    )
    wide = host(v4=table(f":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n{RULES[1]}\n"))
    return Night(asked, {"db-01": wide, "web-01": wide}, {}, DAY)


def fill(folder: Path, night: Night) -> int:
    """Keeps the answers of a night; gives how many."""
    kept = Kept(Files(folder, SECRET), digests(night.readings))
    judged(night, kept)
    return kept.made


@pytest.mark.parametrize("spoil", ["cut", "flipped", "emptied", "swapped", "exchanged"])
def test_a_spoilt_answer_is_worked_out_anew(tmp_path: Path, night: Night, spoil: str) -> None:
    made = fill(tmp_path, night)
    places = sorted(tmp_path.iterdir())
    assert len(places) == made > 2
    contents = [place.read_bytes() for place in places]
    for number, place in enumerate(places):
        held = contents[number]
        place.write_bytes(
            {
                "cut": held[:-1],
                "flipped": bytes([*held[:-2], held[-2] ^ 1, held[-1]]),
                "emptied": b"",
                "swapped": contents[number - 1],
                "exchanged": held[: keeping.SEAL] + b"[ ]",  # nothing goes beyond: the answer a forger would like
            }[spoil]
        )
    kept = Kept(Files(tmp_path, SECRET), digests(night.readings))
    assert judged(night, kept) == judged(night, None)
    assert kept.found == 0


def test_another_program_or_installation_finds_nothing(
    tmp_path: Path, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fill(tmp_path, night)
    other = Kept(Files(tmp_path, b"another secret"), digests(night.readings))
    assert judged(night, other) == judged(night, None)
    assert (other.found, other.made) == (0, made)
    monkeypatch.setattr(keeping, "PROGRAM", "newer")
    newer = Kept(Files(tmp_path, SECRET), digests(night.readings))
    judged(night, newer)
    assert (newer.found, newer.made) == (0, made)


def test_what_is_asked_no_more_is_removed_and_only_what_changed_is_made(tmp_path: Path, night: Night) -> None:
    made = fill(tmp_path, night)
    changed = host(v4=table(f":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n{RULES[2]}\n"))
    later = night._replace(readings={**night.readings, "web-01": changed})
    kept = Kept(Files(tmp_path, SECRET), digests(later.readings))
    assert judged(later, kept) == judged(later, None)
    assert 0 < kept.made < made
    kept.files.forget_others()
    assert len(list(tmp_path.iterdir())) == made
    assert judged(night, Kept(Files(tmp_path, SECRET), digests(night.readings))) == judged(night, None)


def test_answers_that_cannot_be_kept_are_given_all_the_same(tmp_path: Path, night: Night) -> None:
    (tmp_path / "file").write_text("no folder")
    kept = Kept(Files(tmp_path / "file", SECRET), digests(night.readings))
    assert judged(night, kept) == judged(night, None)
    kept.files.forget_others()
