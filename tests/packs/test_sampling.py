"""A seed chooses the same rows on every machine, and whatever else a sample holds is named."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from evidence import cli
from evidence.packs import verify, verify_sampling
from evidence.packs.verify_sampling import FORMAT, MEMBER, RULE, digest, draw, rank, wrong_with
from tests.factories import agreed, asked, servers
from tests.packs.conftest import Genuine
from tests.people import everybody

IDS = [f"CON-{number}" for number in range(1, 61)]
SEED = "a lantern"


def sample(ids: list[str] = IDS, seed: str = SEED, size: int = 5, *, own: bool = True) -> dict[str, Any]:
    """A document with one sample, drawn as it says."""
    one: dict[str, Any] = {
        "population": "connections", "list": "data/connections.csv", "population_size": len(ids),
        "population_sha256": digest(ids), "seed": seed, "size": size,
        "rows": [{"id": key, "rank": rank(seed, key)} for key in draw(ids, seed, size)],
    }  # fmt: skip
    return {"format": FORMAT, "rule": RULE, "samples": [one | ({"ids": ids} if own else {})]}


def nothing(path: str) -> list[str] | None:
    return None


def test_the_rule_is_the_one_a_shell_can_follow() -> None:
    said = subprocess.run(["sh", "-c", r"printf 'a lantern\0CON-42' | sha256sum"], capture_output=True, check=True)
    assert said.stdout.decode().split()[0] == rank(SEED, "CON-42")
    assert draw(IDS, SEED, 5) == ["CON-8", "CON-13", "CON-29", "CON-41", "CON-38"], "written down once, for ever"


def test_the_order_of_the_rows_and_those_that_are_not_chosen_do_not_matter() -> None:
    chance = random.Random(1479)
    for turn in range(200):
        ids, seed, size = chance.sample(IDS, chance.randrange(1, 61)), f"seed {turn}", chance.randrange(0, 70)
        chosen = draw(ids, seed, size)
        assert chosen == draw([*reversed(ids), *ids], seed, size)
        assert len(chosen) == min(size, len(ids))
        kept = [key for key in ids if key in chosen or chance.random() < 0.5]
        assert draw(kept, seed, size)[: len(chosen)] == chosen, "leaving out what was not chosen changes nothing"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda one: one["rows"].reverse(), "their order or rank"),
        (lambda one: one["rows"].pop(), "chooses other rows"),
        (lambda one: one["rows"][0].update(id="CON-1"), "chooses other rows: CON-1"),
        (lambda one: one["rows"][0].update(rank="0" * 64), "their order or rank"),
        (lambda one: one.update(seed="another"), "chooses other rows"),
        (lambda one: one.update(size=4), "chooses other rows"),
        (lambda one: one["ids"].remove(draw(IDS, SEED, 1)[0]), "what it was drawn from"),
        (lambda one: one.update(population_size=61), "what it was drawn from"),
        (lambda one: one.pop("ids"), "is not there"),
    ],
)
def test_whatever_was_not_drawn_so_is_named(harm: Callable[[dict[str, Any]], object], said: str) -> None:
    document = sample(list(IDS))
    assert wrong_with(copy.deepcopy(document), nothing) == []
    harm(document["samples"][0])
    assert said in " ".join(wrong_with(document, nothing))


def test_the_lists_of_the_pack_count_and_not_what_the_sample_says_of_them() -> None:
    assert wrong_with(sample(own=False), lambda path: IDS) == []
    assert "what it was drawn from" in wrong_with(sample(IDS[:30], own=False), lambda path: IDS)[0]
    assert "its ids are not those" in wrong_with(sample(IDS[:30]), lambda path: IDS)[0]


def test_a_pack_with_a_sample_of_other_rows_is_not_sound(genuine: Genuine) -> None:
    members = genuine.members()
    listed = verify_sampling.column(members["data/connections.csv"]) if "data/connections.csv" in members else IDS
    read = {**members, "data/connections.csv": ("id\n" + "\n".join(listed) + "\n").encode()}
    for document, sound in ((sample(listed, own=False), True), (sample(listed[1:], own=False), False), ({}, False)):
        report = verify.Report("pack.zip")
        held = {**read, MEMBER: json.dumps(document).encode()}
        verify_sampling.check_pack(report, list(held), held.__getitem__)
        assert (report.members == {}) is sound
    report = verify.Report("pack.zip")
    verify_sampling.check_pack(report, ["pack.pdf"], read.__getitem__)
    assert report.not_checked == ["samples: the pack holds none"]


def test_the_command_and_the_file_alone_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, alone = tmp_path / "sample.json", str(verify_sampling.__file__)
    other = sample()
    other["samples"][0]["rows"].reverse()
    for document, status in ((sample(), 0), (other, 1), ({}, 2), ([1], 2)):
        path.write_text(json.dumps(document))
        assert cli.main(["sample", str(path)]) == status
        ran = subprocess.run([sys.executable, "-I", alone, str(path)], capture_output=True, check=False)
        assert ran.returncode == status
        assert ran.stdout.decode() == capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_the_page_draws_what_the_file_it_gives_draws_again(tmp_path: Path) -> None:
    people = everybody()
    servers(people)
    change = agreed(people, asked(people))
    page = Client()
    page.force_login(people.ada, backend="allauth.account.auth_backends.AuthenticationBackend")
    asks = {"population": "connections", "month": f"{timezone.localdate():%Y-%m}", "system": "", "size": "3"}
    text = page.get("/samples/", asks | {"seed": "<b>mine"}).content.decode()
    assert change.connection is not None
    assert f"/connections/{change.connection.ref}/" in text
    assert change.ref in text
    assert "Omar" in text
    assert "not known: nothing was compared" in text
    assert "<b>mine" not in text
    given = page.get("/samples/", asks | {"seed": "mine", "format": "json"})
    assert given.headers["Content-Disposition"].startswith("attachment")
    path = tmp_path / "sample.json"
    path.write_bytes(given.content)
    assert verify_sampling.check_file(str(path))[0] == []
    assert json.loads(given.content)["samples"][0]["rows"][0]["id"] == change.connection.ref
    for wrong in ({"seed": ""}, {"seed": "x", "size": "101"}, {"seed": "x", "population": "people"}):
        assert page.get("/samples/", asks | wrong).status_code == 422
    earlier = (timezone.localdate().replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    text = page.get("/samples/", asks | {"seed": "mine", "month": earlier}).content.decode()
    assert "There was nothing to draw from" in text, "it was not authorised at the end of that month"
    page.force_login(people.sam, backend="allauth.account.auth_backends.AuthenticationBackend")
    foreign = page.get("/samples/", asks | {"seed": "mine"}).content.decode()
    assert f"/connections/{change.connection.ref}/" not in foreign
