"""The list of set-up: computed from what is there, steps skipped, and what four eyes will refuse, said early."""

from __future__ import annotations

import smtplib
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from compliance.actions import estate
from compliance.actions import people as accounts
from compliance.actions import setting_up as verbs
from compliance.errors import NotAllowed, Refused
from compliance.models import Organisation, Role, RoleGrant, SetUpMark, User
from compliance.setting_up import lacking, over, steps
from tests.factories import servers
from tests.people import PASSWORD, People, everybody

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def alex() -> User:
    """The first administrator of an empty installation, after their link."""
    link = accounts.first_link()
    return accounts.use_link(link.split("/")[-2], PASSWORD, name="Alex Tran", email="Alex@Example.org")


def signed(person: User) -> Client:
    """A browser of that person."""
    client = Client()
    client.force_login(person)
    return client


def states(client: Client) -> dict[str, str]:
    """Key → state, as the page shows it."""
    parts = client.get("/setup/").context["parts"]
    return {task["key"]: task["state"] for part in parts for task in part["tasks"]}


def test_the_first_administrator_says_their_address_and_lands_on_the_list(db: None) -> None:
    link = accounts.first_link().partition("/setup/")[2]
    client = Client()
    said = {"name": "Alex", "password": PASSWORD, "again": PASSWORD}
    assert client.post(f"/setup/{link}", said).status_code == 422, "without an address nobody could sign in again"
    answer = client.post(f"/setup/{link}", {**said, "email": "alex@example.org", "organisation": "Sample Affairs"})
    assert Organisation.objects.get().name == "Sample Affairs"
    assert answer["Location"] == "/setup/"
    assert client.get("/")["Location"] == "/setup/", "until the first pack, or all is skipped"
    fresh = Client()
    came = fresh.post("/accounts/login/", {"login": "alex@example.org", "password": PASSWORD})
    assert came["Location"] == "/setup/"


def test_nobody_else_changes_their_address_by_a_link(alex: User) -> None:
    rita = accounts.make_person("rita@example.org", "Rita", roles=[Role.REQUESTER], by=alex)
    token = accounts.set_up_link(rita, by=alex)
    page = Client().get(f"/setup/link/{token}/")
    assert "email" not in page.context["form"].fields
    assert "rita@example.org" in page.content.decode()
    accounts.use_link(token, PASSWORD, email="other@example.org")
    rita.refresh_from_db()
    assert rita.email == "rita@example.org"


def test_what_is_there_counts_and_nothing_is_ticked(alex: User) -> None:
    client = signed(alex)
    before = states(client)
    assert before["organisation"] == "next"
    assert set(before.values()) == {"next", "later"}
    estate.add_organisation("Sample Affairs", by=alex)
    after = states(client)
    assert (after["organisation"], after["people"]) == ("done", "next")
    page = client.get("/setup/").content.decode()
    assert "1 of 11 steps done" in page
    assert "There is neither yet" in page, "said before the first request"


def test_a_step_is_skipped_and_taken_up_again(alex: User) -> None:
    client = signed(alex)
    client.post("/setup/steps/organisation/", {"skip": "yes"})
    assert states(client)["organisation"] == "skipped"
    assert "1 skipped" in client.get("/setup/").content.decode()
    client.post("/setup/steps/organisation/", {"skip": "no"})
    assert states(client)["organisation"] == "next"
    assert client.post("/setup/steps/nothing/", {"skip": "yes"}).status_code == 403
    for step in steps(timezone.now()):
        verbs.leave_out(step.key, by=alex)
    assert over(timezone.now())
    assert client.get("/")["Location"] == "/evidence/"
    rita = accounts.make_person("rita@example.org", "Rita", roles=[Role.REQUESTER], by=alex)
    with pytest.raises(NotAllowed):
        verbs.take_up("zones", by=rita)
    assert signed(rita).get("/")["Location"] == "/evidence/"


def test_steps_of_others_name_the_role_and_are_no_links(alex: User) -> None:
    parts = signed(alex).get("/setup/").context["parts"]
    rows = {task["key"]: task for part in parts for task in part["tasks"]}
    assert (rows["connections"]["url"], rows["connections"]["who"]) == ("", "requester or system owner or engineer")
    refused = signed(alex).get("/setup/import/?kind=connections")
    assert refused.status_code == 422
    assert "requester" in refused.content.decode()


def test_a_single_approver_is_told_before_the_first_request(alex: User) -> None:
    ours = estate.add_organisation("Sample Affairs", approvers_need_mfa=False, by=alex)
    omar = accounts.make_person("omar@example.org", "Omar Haddad", roles=[Role.SYSTEM_OWNER, Role.MANAGER], by=alex)
    estate.add_system("Payroll", organisation=ours, owner=omar, by=alex)
    only = lacking(timezone.now())
    assert [one.what for one in only] == ["No request for Payroll can be approved yet."]
    assert "Only Omar Haddad decides" in only[0].why
    mina = accounts.make_person("mina@example.org", "Mina Kowalski", roles=[Role.MANAGER], by=alex)
    assert "nobody else to ask" in lacking(timezone.now())[0].why
    accounts.make_person("rita@example.org", "Rita", roles=[Role.REQUESTER], by=alex)
    assert lacking(timezone.now()) == []
    accounts.deactivate(mina, by=alex)
    assert "Only Omar Haddad decides" in lacking(timezone.now())[0].why
    RoleGrant.objects.filter(person=omar, role=Role.SYSTEM_OWNER).delete()
    assert "administrators never decide" in lacking(timezone.now())[0].why


def test_who_decides_without_a_second_step_is_named(db: None) -> None:
    everybody(mfa=True)
    said = lacking(timezone.now())
    assert "Dan Okafor, Mina Kowalski, Olga Lind and Omar Haddad cannot approve yet." in [one.what for one in said]


def test_who_decides_goes_from_the_link_to_their_second_step(db: None) -> None:
    people = everybody(mfa=True)
    for person, place in ((people.mina, "/accounts/2fa/totp/activate/"), (people.erin, "/setup/")):
        token = accounts.set_up_link(person, by=people.alex)
        said = {"name": person.name, "password": PASSWORD, "again": PASSWORD}
        client = Client()
        assert client.post(f"/setup/link/{token}/", said)["Location"] == place
        assert client.get(place).status_code == 200, "and is not asked for the password they have just chosen"


def test_the_mail_is_tried(alex: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed(alex)
    said = client.post("/setup/installation/", follow=True).content.decode()
    assert "only written down" in said, "a backend that reaches nobody is no mail"
    assert [one.to for one in mail.outbox] == [["alex@example.org"]]
    assert not SetUpMark.objects.exists()

    class Post:
        """A server that takes it, or not."""

        says: Exception | None = smtplib.SMTPRecipientsRefused({"alex@example.org": (550, b"nobody here")})

        def send_messages(self, messages: list[Any]) -> int:
            if self.says:
                raise self.says
            return len(messages)

    monkeypatch.setattr("compliance.actions.setting_up.get_connection", lambda **_: Post())
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    refused = client.post("/setup/installation/")
    assert refused.status_code == 409
    assert "nobody here" in refused.content.decode()
    assert states(client)["mail"] != "done"
    Post.says = None
    client.post("/setup/installation/")
    assert states(client)["mail"] == "done"
    User.objects.filter(pk=alex.pk).update(email="administrator@localhost")
    alex.refresh_from_db()
    with pytest.raises(Refused, match="reaches nobody"):
        verbs.try_mail(by=alex)


def test_a_page_returns_to_the_list_and_an_import_leads_on(people: People) -> None:
    erin = signed(people.erin)
    file = __import__("io").BytesIO(b"Hostname,Application,IP\nhr-app-01,Payroll,10.20.20.41\n")
    file.name = "servers.csv"
    tried = erin.post("/setup/import/", {"step": "mapping", "kind": "servers", "file": file})
    assert tried.context["step"] == "dry_run", "the header told which column is which"
    assert [(one["ours"], one["theirs"]) for one in tried.context["matched"]][:2] == [
        ("Server", "Hostname"), ("System", "Application"),
    ]  # fmt: skip
    carried = {one["name"]: one["value"] for one in tried.context["carried"]}
    again = erin.post("/setup/import/", {"step": "columns", **carried})
    assert again.context["step"] == "mapping"
    done = erin.post("/setup/import/", {"step": "import", **carried})
    labels = [link["label"] for link in done.context["links"]]
    assert labels == ["Next: Connections and file shares", "Back to set-up", "See them"]


@pytest.fixture
def people(db: None) -> People:
    """Everybody, with a few servers."""
    them = everybody()
    servers(them)
    return them
