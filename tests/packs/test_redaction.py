"""The redacted profile: no host name, address or configuration in any member; the executive one: four pages."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from django.utils import timezone

from compliance.errors import Refused
from compliance.models import Address, Server
from evidence.actions import packs
from evidence.actions.compare import compare
from evidence.models import Pack, Source
from evidence.packs import binder, redaction, verify
from evidence.packs.redaction import ADDRESS, PATH, Aliases
from tests.evidence.site import APP, allow_in, put, read
from tests.packs import content
from tests.packs.conftest import Genuine, need
from tests.packs.test_sections import Month, listed, members, month  # noqa: F401  the fixture

NAMES = {
    "db-1": "server-1",
    "db-12": "server-2",
    "web": "server-3",
    "Bank (north)": "party-4",
    "db-1.example.org": "server-5",
    "Straße-1": "server-6",
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("db-12 asks db-1, DB-1 answers", "server-2 asks server-1, server-1 answers"),
        ("web-11 and website; web.", "server-3-11 and website; server-3."),  # a word of letters alone, as a word
        ("rules/db-12/2026-10-31T120000Z", "rules/server-2/2026-10-31T120000Z"),
        ("x-db-1-eth0, db-1.example.org", "x-server-1-eth0, server-5"),
        ("the bank (NORTH)", "the party-4"),
        ("10.20.9.9/32 to 10.0.0.0-10.0.0.255.", f"{ADDRESS} to {ADDRESS}-{ADDRESS}."),
        ("fe80::1%eth0, 2001:db8::/32 and ::ffff:10.1.2.3", f"{ADDRESS}, {ADDRESS} and ::ffff:{ADDRESS}"),
        ("ip-10-20-30-4, 52:54:00:ab:cd:ef", f"{ADDRESS}, {ADDRESS}"),
        ("10:23 and 10:23:45, release 2025.12.9, tcp/5432", "10:23 and 10:23:45, release 2025.12.9, tcp/5432"),
        ("shares /srv/www of NFS, IPv4/IPv6", f"shares {PATH} of NFS, IPv4/IPv6"),
        ("nfs:/srv/www#5 (CON-62)", f"nfs:{PATH}#5 (CON-62)"),
        ("Straße-1 and STRASSE-1", "server-6 and STRASSE-1"),
        ("", ""),
    ],
)  # fmt: skip
def test_names_addresses_and_paths_leave_a_text(text: str, said: str) -> None:
    assert Aliases(NAMES).text(text) == said


def test_no_names_at_all_still_takes_addresses_out() -> None:
    assert Aliases({}).text("10.1.2.3 is web") == f"{ADDRESS} is web"


def test_verdicts_and_ids_stay_whatever_a_server_is_called() -> None:
    """A server of the name of a verdict, a state or a column's word changes none of them."""
    aliases = Aliases({"permits_more": "server-1", "open": "server-2", "FND-61": "server-3"})
    face, sections = redaction.redacted(content.face(), content.sections(), aliases)
    before = {one.slug: one for one in content.sections()}
    for one in sections:
        for table in one.tables:
            kept = next(each for each in before[one.slug].tables if each.name == table.name)
            for at, name in enumerate(table.columns):
                if name in ("id", "verdict", "state"):
                    assert [row[at] for row in table.rows] == [row[at] for row in kept.rows]
    assert face.pack == content.face().pack


def texts(held: dict[str, bytes], folder: Path) -> dict[str, str]:
    """Every member as text: the workbooks unpacked, the PDF as it reads and every stream of it."""
    found = {}
    for path, data in held.items():
        if path.endswith(".xlsx"):
            with zipfile.ZipFile(io.BytesIO(data)) as book:
                found[path] = " ".join(book.read(name).decode() for name in book.namelist())
        elif path == "pack.pdf":
            place = folder / "redacted.pdf"
            place.write_bytes(data)
            done = subprocess.run([need("pdftotext"), str(place), "-"], capture_output=True, text=True, check=True)
            found[path] = done.stdout
            with pikepdf.open(place) as document:
                for number, each in enumerate(document.objects):
                    if isinstance(each, pikepdf.Stream) and each.get("/Subtype") != "/CIDFontType0C":
                        found[f"{path} object {number}"] = each.read_bytes().decode("latin-1")
                    else:
                        found[f"{path} object {number}"] = str(each) if not isinstance(each, pikepdf.Stream) else ""
        else:
            found[path] = data.decode("utf-8", "replace")
    return found


@pytest.mark.django_db(transaction=True)
def test_no_member_of_a_redacted_pack_names_a_host_or_an_address(month: Month, tmp_path: Path) -> None:  # noqa: F811
    month.read("pay-app-01", "pay-db-01")
    put(month.place / "pay-db-01", allow_in(APP, "5432:5439"))
    read(Source.objects.get(server__name="pay-db-01"), month.people)
    compare()
    with pytest.raises(Refused, match="no profile"):
        month.pack(profile="public")
    pack = month.pack(profile="redacted")
    assert pack.state == Pack.State.BUILT, pack.problem
    held = members(pack)
    secrets = {name.lower() for name in Server.objects.values_list("name", flat=True)}
    secrets |= {str(ip) for ip in Address.objects.values_list("ip", flat=True)}
    assert len(secrets) > 6
    said = texts(held, tmp_path)
    for path, text in said.items():
        low = text.lower()
        assert [one for one in secrets if one in low] == [], path
        if "object" not in path:
            assert re.findall(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", text) == [], path
    assert not [path for path in held if path.startswith(("rules/", "minutes"))]
    assert "Ledger entries" in said["pack.pdf"]
    assert "redacted" in said["pack.pdf"]
    report = verify.verify(packs.path_of(pack), pack.fingerprint)
    assert report.ok, report.members
    key = Server.objects.get(name="pay-db-01").pk
    [wide] = [row for row in listed(pack, "findings") if row["verdict"] == "permits_more"]
    assert wide["point"] == f"server-{key}/INPUT"
    full = month.pack()
    assert report.counts == verify.verify(packs.path_of(full), full.fingerprint).counts
    assert [row["id"] for row in listed(full, "findings")] == [row["id"] for row in listed(pack, "findings")]
    assert pack.built_at < timezone.now()


def test_the_executive_document_has_four_pages(genuine: Genuine) -> None:
    long = "a very long reason that goes on and on " * 30
    sections = [replace(one, because=one.because and long) for one in content.sections()]
    bound = binder.bind(content.face(profile="executive"), sections, genuine.key)
    place = genuine.folder / "executive.pdf"
    place.write_bytes(bound.document)
    told = subprocess.run([need("pdfinfo"), str(place)], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Pages:\s+4\n", told)
    text = subprocess.run([need("pdftotext"), str(place), "-"], capture_output=True, text=True, check=True).stdout
    assert len(re.findall(r"PCK-42, executive +SHA-256", text)) == 4
    assert "Shortened; whole in data/findings.csv" in re.sub(r"\s+", " ", text)
    with zipfile.ZipFile(io.BytesIO(bound.archive)) as archive:
        assert set(genuine.members()) == set(archive.namelist())  # the same lists: nothing is lost with the pages
