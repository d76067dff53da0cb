"""Secrets of sources: referred to or sealed, opened by the collector alone, bound to what they are for, rotated."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, transaction

from compliance.errors import Refused
from compliance.models import LedgerEntry, LedgerInbox
from evidence import sealing
from evidence.actions import access
from evidence.actions.access import Given
from evidence.actions.sources import add_source
from evidence.collectors.collected import PullError
from evidence.collectors.secrets import secret_of, wrong
from evidence.models import Source, SourceSecret
from evidence.models.sources import ErrorCode
from tests.factories import servers
from tests.house.source import name, room_files, tree
from tests.people import People, everybody

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = b"canary-7f3a-in-the-coal-mine"
LATER = 9e18  # a deadline nobody meets


@pytest.fixture
def people() -> People:
    return everybody()


@pytest.fixture
def source(people: People) -> Source:
    host = servers(people)["pay-db-01"]
    config = {"host": "10.20.30.31", "port": 22, "user": "eastwest"}
    return add_source(server=host, kind="ssh", name="pay-db-01 ssh", config=config, by=people.erin)


@pytest.fixture(autouse=True)
def no_keys_yet() -> None:
    (Path(settings.KEYS) / sealing.FILE).unlink(missing_ok=True)


def password(value: bytes = CANARY) -> Given:
    return Given("password", value=value)


def refused(held: SourceSecret) -> PullError:
    with pytest.raises(PullError) as caught:
        secret_of(held, LATER)
    assert caught.value.next_step
    assert CANARY.decode() not in f"{caught.value!r}{caught.value.what}{caught.value.next_step}"
    return caught.value


@pytest.mark.both
def test_a_typed_value_is_sealed_and_only_the_collector_opens_it(people: People, source: Source) -> None:
    held = access.set_secret(source, password(), by=people.erin)
    assert CANARY.decode() not in held.sealed
    assert secret_of(held, LATER) == CANARY
    file = Path(settings.KEYS) / sealing.FILE
    assert file.stat().st_mode & 0o777 == 0o600
    for table in (LedgerInbox, LedgerEntry):
        assert CANARY.decode() not in str(list(table.objects.values_list("data")))
    assert repr(password()) == "Given(password, a value)"


def test_only_collectors_open_secrets() -> None:
    """What opens a value is named in two files of the rooms: where it is written, and in the collectors."""
    opening = {"secret_of", "unseal", "referred"}
    found = {
        name(path)
        for path in room_files()
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in opening)
        or (isinstance(node, ast.Name) and node.id in opening)
    }
    assert {path for path in found if not path.startswith("evidence/collectors/")} == set()
    assert "evidence/collectors/secrets.py" in found


def test_a_made_key_shows_its_public_half_only(people: People, source: Source) -> None:
    held = access.set_secret(source, Given("key"), by=people.erin)
    assert held.public.startswith("ssh-ed25519 AAAA")
    assert b"OPENSSH PRIVATE KEY" in secret_of(held, LATER)
    with pytest.raises(Refused, match="none"):
        access.set_secret(source, Given("key", value=b"rubbish " + CANARY), by=people.erin)


@pytest.mark.both
def test_rotation_seals_anew_and_destroys_what_seals_nothing(people: People, source: Source) -> None:
    held = access.set_secret(source, password(), by=people.erin)
    first = held.sealed_with
    assert access.rotate(by=people.alex, because="Erin left") == (1, [])
    held.refresh_from_db()
    assert held.sealed_with != first
    assert secret_of(held, LATER) == CANARY
    count, gone = access.rotate(by=people.alex, because="and once more")
    assert (count, gone) == (1, [first])
    held.refresh_from_db()
    assert secret_of(held, LATER) == CANARY
    said = LedgerInbox.objects.filter(verb="rotate_secret")
    assert [row.data["because"] for row in said.order_by("pk")] == ["Erin left", "and once more"]


def test_the_command_rotates_and_says_no_secret(
    people: People, source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    access.set_secret(source, password(), by=people.erin)
    call_command("secrets", "rotate", by=people.alex.email, because="yearly")
    call_command("secrets")
    said = capsys.readouterr()
    assert "1 sealed anew" in said.out
    assert "1 sealed with" in said.out
    assert CANARY.decode() not in said.out + said.err


def test_a_lost_altered_or_open_key_file_raises_with_a_sentence(people: People, source: Source) -> None:
    held = access.set_secret(source, password(), by=people.erin)
    file = Path(settings.KEYS) / sealing.FILE
    kept = file.read_bytes()
    file.chmod(0o640)
    assert "chmod 600" in refused(held).next_step
    file.unlink()
    assert "cannot be read" in refused(held).what
    with pytest.raises(Refused, match="cannot be read"):
        access.rotate(by=people.alex, because="without keys")
    file.unlink(missing_ok=True)
    sealing.write(file, [sealing.fresh()])
    assert "could not be decrypted" in refused(held).what
    sealing.write(file, [sealing.Key("0" * 12, sealing.fresh().value)])
    assert "damaged" in refused(held).what
    file.write_bytes(kept)
    assert secret_of(held, LATER) == CANARY


def test_a_sealed_value_opens_for_nothing_else(people: People, source: Source) -> None:
    """Who may write to the database, and edit a source, still cannot send a secret elsewhere."""
    held = access.set_secret(source, password(), by=people.erin)
    former = held.sealed
    source.config = source.config | {"host": "10.20.40.66"}
    source.save()
    assert "another host" in refused(SourceSecret.objects.get()).what
    source.config = source.config | {"host": "10.20.30.31"}
    source.save()
    held = access.set_secret(source, password(b"a newer one"), by=people.erin)
    SourceSecret.objects.update(sealed=former)
    assert "older one" in refused(SourceSecret.objects.get()).what


@pytest.mark.both
def test_the_database_takes_neither_both_nor_none(people: People, source: Source) -> None:
    access.set_secret(source, password(), by=people.erin)
    for wanted in ({"reference": "env:SOURCE_SECRET_A"}, {"sealed": "", "sealed_with": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            SourceSecret.objects.update(**wanted)


def test_a_variable_is_read_where_the_worker_runs(
    people: People, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = access.set_secret(source, Given("password", reference="env:SOURCE_SECRET_DB"), by=people.erin)
    assert held.sealed == ""
    assert refused(held).code == ErrorCode.CONFIG
    monkeypatch.setenv("SOURCE_SECRET_DB", CANARY.decode())
    assert secret_of(held, LATER) == CANARY
    monkeypatch.setenv("SOURCE_SECRET_DB", " ")
    assert "nothing in" in refused(held).what


def test_a_file_is_read_in_the_named_folders_only(
    people: People, source: Source, tmp_path: Path, settings: object
) -> None:
    folder, outside = tmp_path / "secrets", tmp_path / "outside"
    folder.mkdir()
    outside.write_bytes(CANARY)
    settings.SECRET_FOLDERS = [folder]  # type: ignore[attr-defined]
    place = folder / "db"
    held = access.set_secret(source, Given("password", reference=f"file:{place}"), by=people.erin)
    assert refused(held).code == ErrorCode.CONFIG
    place.write_bytes(CANARY + b"\n")
    place.chmod(0o644)
    assert refused(held).code == ErrorCode.PERMISSION
    place.chmod(0o600)
    assert secret_of(held, LATER) == CANARY
    place.unlink()
    place.symlink_to(outside)
    assert "leads elsewhere" in refused(held).what
    place.unlink()
    place.mkdir()
    assert refused(held).code == ErrorCode.CONFIG


@pytest.mark.parametrize(
    "reference",
    [
        "env:DATABASE_URL", "env:EASTWEST_SECRET_KEY", "env:PATH", "env:SOURCE_SECRET_", "env:SOURCE_SECRET_A B",
        "file:/etc/shadow", "file:/run/secrets/../../etc/shadow", "file:run/secrets/x", "file:",
        "vault:secret/a#b", "https://elsewhere", "", "aws-role:arn", "stored",
    ],
)  # fmt: skip
def test_no_reference_leads_to_what_the_service_knows_beside(people: People, source: Source, reference: str) -> None:
    assert wrong(reference)
    if reference:
        with pytest.raises(Refused):
            access.set_secret(source, Given("password", reference=reference), by=people.erin)
    assert not SourceSecret.objects.exists()


@pytest.mark.parametrize("reference", ["vault:a#b", "vault:secret/../x#y", "vault:secret/a", "vault:secret/a?b#c"])
def test_a_path_in_the_vault_cannot_climb(reference: str, settings: object) -> None:
    settings.VAULT_ADDR = "https://vault.example.org"  # type: ignore[attr-defined]
    assert wrong(reference)
    assert wrong("vault:secret/hosts/db-01#password") == ""


def test_who_may_not_edit_sources_sets_no_secret(people: People, source: Source) -> None:
    for person in (people.rita, people.mina, people.ada, people.sam):
        with pytest.raises(Refused):
            access.set_secret(source, password(), by=person)
    folder = add_source(server=source.server, kind="upload", name="up", by=people.erin)
    with pytest.raises(Refused, match="not read over a network"):
        access.set_secret(folder, password(), by=people.erin)


def test_the_environment_of_the_tests_holds_none() -> None:
    assert not [variable for variable in os.environ if variable.startswith("SOURCE_SECRET_")]
