"""A folder with a folder for each host: a source for each at once, and what is nobody's is named, not guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from compliance.actions import estate, people
from compliance.errors import Refused
from compliance.models import Role
from evidence.actions import folders
from evidence.models import Pull, Source
from tests.browser.session import cookie
from tests.evidence.site import put
from tests.factories import servers
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def them(db: None) -> People:
    """Everybody, with the servers of two systems."""
    them = everybody()
    servers(them)
    return them


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Folders of two servers (one by its whole name), of nobody, a link, a file and a hidden one."""
    for name in ("pay-app-01", "PAY-DB-01.example.org", "old-fax-01", ".hidden"):
        put(tmp_path / name)
    (tmp_path / "linked").symlink_to(tmp_path / "pay-app-01")
    (tmp_path / "README").write_text("hello")
    return tmp_path


def test_each_folder_is_its_servers_or_is_said_to_be_nobodys(them: People, place: Path) -> None:
    found = folders.look(str(place), by=them.erin)
    assert sorted(server.name for server, _ in found.new) == ["pay-app-01", "pay-db-01"]
    assert (found.nobody, sorted(found.files)) == (["old-fax-01"], ["README", "linked"])
    assert "log-01" in found.without
    assert not Source.objects.exists(), "looking adds nothing"
    added = folders.add_all(str(place), by=them.erin, fresh_hours=24)
    assert sorted(row.config["path"] for row in added) == [
        str(place / "PAY-DB-01.example.org"), str(place / "pay-app-01"),
    ]  # fmt: skip
    assert Pull.objects.filter(state=Pull.State.QUEUED).count() == 2, "their first reading is asked for"
    assert [len(folders.look(str(place), by=them.erin).known), len(folders.look(str(place), by=them.erin).new)] == [
        2,
        0,
    ]
    with pytest.raises(Refused, match="bears the name"):
        folders.add_all(str(place), by=them.erin)


def test_a_folder_that_cannot_be_trusted_adds_nothing(them: People, place: Path) -> None:
    place.chmod(0o777)
    with pytest.raises(Refused, match="written by everybody"):
        folders.add_all(str(place), by=them.erin)
    for path in ("dumps", str(place / "nothing")):
        with pytest.raises(Refused):
            folders.look(path, by=them.erin)
    assert not Source.objects.exists()


def test_servers_of_other_systems_are_nobodys(them: People, place: Path) -> None:
    here = people.make_person("fern@example.org", "Fern", roles=[Role.ENGINEER], system=them.platform, by=them.alex)
    estate.add_server("plat-01", system=them.platform, by=them.alex)
    put(place / "plat-01")
    found = folders.look(str(place), by=here)
    assert [server.name for server, _ in found.new] == ["plat-01"]
    assert "pay-app-01" in found.nobody
    assert "pay-app-01" not in found.without


def test_the_page_shows_first_and_then_adds(them: People, place: Path) -> None:
    client = Client()
    client.cookies["sessionid"] = cookie(them.erin)
    shown = client.post("/sources/folders/", {"path": str(place), "fresh_hours": 48, "step": "check"})
    assert "2 sources would be added" in shown.content.decode()
    assert not Source.objects.exists()
    done = client.post("/sources/folders/", {"path": str(place), "fresh_hours": 48, "step": "add"})
    assert "2 sources" in done.content.decode()
    assert Source.objects.count() == 2
    nothing = client.post("/sources/folders/", {"path": str(place / "nothing"), "fresh_hours": 48, "step": "check"})
    assert nothing.status_code == 422
    assert "is not there" in nothing.content.decode()
