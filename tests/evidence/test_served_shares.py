"""The register of what servers share: read, compared, listed, filtered, exported, and for its own system alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from evidence.models import ServedShare
from tests.evidence.site import Site

pytestmark = pytest.mark.django_db(transaction=True)

SMB = """# Global parameters
[global]
	server min protocol = SMB3

[pay$]
	path = /srv/pay
	read only = No
	guest ok = Yes
	comment = <script>alert(1)</script>
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    (site.data / "exports").write_text("/export/pay 10.20.20.31(ro) *(rw)\n/export/<b> 10.20.20.31(ro)\n")
    (site.data / "testparm.txt").write_text(SMB)
    (site.app / "mounts").write_text("pay-db-01:/export/pay /srv/pay nfs4 rw,vers=4.2,sec=sys,addr=10.20.30.31 0 0\n")
    site.read()
    site.compare()
    return site


def rows(site: Site, address: str, *, person: object = None) -> str:
    """The page as somebody sees it."""
    client = Client()
    client.force_login(person or site.people.erin)  # type: ignore[arg-type]
    return client.get(address).content.decode()


@pytest.mark.both
def test_every_share_is_a_row_of_the_last_comparison_alone(site: Site) -> None:
    site.compare()
    found = {row.name: row for row in ServedShare.objects.all()}
    assert set(found) == {"/export/pay", "/export/<b>", "pay$"}
    pay = found["/export/pay"]
    assert (pay.who, pay.everyone, pay.access, pay.through, pay.users_now) == ("everyone", True, "rw", "closed", 1)
    assert (pay.verdict, pay.certainty, pay.authorised) == ("share_wider", "definite", False)
    assert (found["pay$"].guest, found["pay$"].security) == (True, "")


def test_the_list_is_searched_filtered_and_exported(site: Site) -> None:
    whole = rows(site, "/shares/served/")
    assert whole.count('class="row-name') == 3
    assert "&lt;b&gt;" in whole
    assert "<b>" not in whole
    for asked, names in (
        ("q=pay-app-01", {"/export/pay", "/export/&lt;b&gt;"}),
        ("exposed=everyone", {"/export/pay", "pay$"}),
        ("exposed=guest", {"pay$"}),
        ("exposed=unused", {"/export/&lt;b&gt;", "pay$"}),
        ("network=open", set()),
        ("protocol=smb", {"pay$"}),
        ("verdict=share_wider&protocol=nfs&q=pay", {"/export/pay", "/export/&lt;b&gt;"}),
    ):
        page = rows(site, f"/shares/served/?{asked}")
        found = {name for name in ("/export/pay", "/export/&lt;b&gt;", "pay$") if f"pay-db-01:{name}<" in page}
        assert found == names, asked
    csv = rows(site, "/shares/served/?format=csv")
    assert "pay-app-01 (the client says)" in csv
    assert csv.count("\n") == 4


def test_the_page_of_a_share_shows_its_lines_network_and_users(site: Site) -> None:
    pay = ServedShare.objects.get(name="/export/pay")
    page = rows(site, f"/shares/served/{pay.key}/")
    for words in ("contained by INPUT", "the client says", "on <code>/srv/pay</code>", "line 1 of exports",
                  "/requests/new/?kind=share&amp;destination=pay-db-01"):  # fmt: skip
        assert words in page, words
    smb = ServedShare.objects.get(name="pay$")
    assert "<script>alert" not in rows(site, f"/shares/served/{smb.key}/")


def test_it_is_for_the_people_of_its_system(site: Site) -> None:
    pay = ServedShare.objects.get(name="/export/pay")
    stranger = Client()
    stranger.force_login(site.people.sam)
    assert stranger.get(f"/shares/served/{pay.key}/").status_code == 404
    assert "/export/pay" not in stranger.get("/shares/served/").content.decode()
    assert "/export/pay" not in stranger.get("/shares/served/?format=csv").content.decode()


def test_what_users_share_by_themselves_and_nobody_read_is_said(site: Site) -> None:
    smb, nfs = (ServedShare.objects.get(name=name) for name in ("pay$", "/export/pay"))
    said = "What users share by themselves was not read"
    assert said in (whole := rows(site, "/shares/served/"))
    assert "pay-db-01: it stands neither in smb.conf" in whole
    beside = "What users of pay-db-01 share by themselves was not read"
    assert beside in rows(site, f"/shares/served/{smb.key}/")
    assert beside not in rows(site, f"/shares/served/{nfs.key}/")
    assert said not in rows(site, "/shares/served/", person=site.people.sam)
    mine = "[mine]\npath=/srv/kim/mine\ncomment=\nusershare_acl=Everyone:R,\nguest_ok=n\n"
    (site.data / "usershare.txt").write_text(mine)
    assert [row.state for row in site.read()][1] == "ok"
    site.compare()
    assert said not in rows(site, "/shares/served/")
    assert beside not in rows(site, f"/shares/served/{smb.key}/")
