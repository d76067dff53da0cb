"""Drafts: edited by who asks and nobody else, never after they are sent, never over somebody's words unread."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import changes, drafts
from compliance.actions import connections as asking
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import ChangeRecord, Connection, LedgerInbox, State, User
from compliance.models.approvals import content_hash
from tests.factories import WHY, agreed, asked, authorised, network, servers, share
from tests.people import People, everybody

OTHER = {**WHY, "business_need": "The pay run reads the hours each hour."}


@pytest.fixture
def people(db: None) -> People:
    them = everybody()
    servers(them)
    return them


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def typed(page: Any, **changed: str) -> dict[str, str]:
    """What a browser would send of the form on this page, with some answers changed."""
    form = page.context["form"]
    said = {name: form[name].value() for name in form.fields if not form.fields[name].disabled}
    return {name: "" if value is None else str(value) for name, value in said.items()} | changed


def carried(page: Any) -> dict[str, str]:
    """What the page of answers would send."""
    return {one["name"]: one["value"] for one in page.context["carried"]}


def reworded(people: People, draft: ChangeRecord, *services: str, **said: Any) -> ChangeRecord:
    material = network("pay-app-01", "pay-db-01", *services)
    return drafts.edit(
        draft, **{"material": material, "justification": OTHER, "title": "Hourly", "by": people.rita} | said
    )


def test_a_draft_is_kept_edited_and_sent_by_its_requester(people: People) -> None:
    rita = browser(people.rita)
    form = rita.get("/requests/new/")
    said = typed(
        form, title="Hours", system=str(people.payroll.pk), source="pay-app-01", destination="pay-db-01",
        services="tcp/5432", review_by="2027-05-31", **WHY,
    )  # fmt: skip
    check = rita.post("/requests/new/", said | {"step": "check"})
    kept = rita.post("/requests/new/", carried(check) | {"step": "keep"})
    draft = ChangeRecord.objects.get()
    assert kept["Location"] == f"/changes/{draft.ref}/"
    assert (draft.state, draft.needs.count()) == (State.DRAFT, 0)
    page = rita.get(kept["Location"])
    assert f"/changes/{draft.ref}/edit/" in page.content.decode()
    assert draft.ref in rita.get("/inbox/?tab=asked").content.decode()
    edit = rita.get(f"/changes/{draft.ref}/edit/")
    assert edit.context["form"]["business_need"].value() == WHY["business_need"]
    check = rita.post(
        f"/changes/{draft.ref}/edit/", typed(edit, services="tcp/5433", urgency="urgent") | {"step": "check"}
    )
    sent = rita.post(f"/changes/{draft.ref}/edit/", carried(check) | {"step": "send"})
    assert sent["Location"] == f"/requests/{draft.ref}/sent/"
    before = draft.content_hash
    draft.refresh_from_db()
    assert (draft.state, draft.urgency, draft.material["services"]) == (State.SUBMITTED, "urgent", ["tcp/5433"])
    assert draft.content_hash == content_hash(draft.material) != before
    row = LedgerInbox.objects.get(data__verb="edit").data
    assert (row["before"], row["after"]) == (before, draft.content_hash)
    agreed(people, draft)
    assert draft.state == State.APPROVED
    assert reconcile() == []


def test_what_somebody_wrote_in_between_is_never_overwritten_unread(people: People) -> None:
    draft, rita = asked(people, submit=False), browser(people.rita)
    edit = rita.get(f"/changes/{draft.ref}/edit/")
    mine = typed(edit, services="tcp/1111", business_need="My own words, typed for an hour.") | {"step": "send"}
    reworded(people, draft, "tcp/2222")  # in another window
    refused = rita.post(f"/changes/{draft.ref}/edit/", mine)
    page = refused.content.decode()
    assert refused.status_code == 409
    assert "changed by Rita Rahman at" in page
    assert "since you opened it" in page
    assert "My own words, typed for an hour." in page
    assert "In the record now: tcp/2222" in page
    draft.refresh_from_db()
    assert (draft.state, draft.material["services"]) == (State.DRAFT, ["tcp/2222"])
    again = rita.post(f"/changes/{draft.ref}/edit/", carried(refused) | {"step": "send"})
    assert again.status_code == 302
    draft.refresh_from_db()
    assert (draft.state, draft.material["services"]) == (State.SUBMITTED, ["tcp/1111"])


def test_a_draft_sent_in_between_is_not_edited_and_nothing_typed_is_lost(people: People) -> None:
    draft, rita = asked(people, submit=False), browser(people.rita)
    mine = typed(rita.get(f"/changes/{draft.ref}/edit/"), business_need="Typed for an hour.") | {"step": "keep"}
    changes.submit(draft, by=people.rita)
    refused = rita.post(f"/changes/{draft.ref}/edit/", mine)
    assert refused.status_code == 409
    assert "Typed for an hour." in refused.content.decode()
    assert "cannot be edited now" in refused.content.decode()
    assert rita.get(f"/changes/{draft.ref}/edit/").status_code == 403


def test_a_draft_shown_before_an_edit_is_not_sent(people: People) -> None:
    draft = asked(people, submit=False)
    seen = draft.version
    reworded(people, draft, "tcp/2222")
    with pytest.raises(Refused, match="changed by Rita"):
        changes.submit(draft, by=people.rita, seen_version=seen)
    assert draft.state == State.DRAFT


@pytest.mark.parametrize("name", ["omar", "mina", "erin", "ada", "alex", "sam"])
def test_nobody_else_edits_it(people: People, name: str) -> None:
    draft, person = asked(people, submit=False), getattr(people, name)
    with pytest.raises(Refused):
        reworded(people, draft, by=person)
    assert browser(person).get(f"/changes/{draft.ref}/edit/").status_code in (403, 404)
    assert draft.version == ChangeRecord.objects.get().version == 1


def test_a_wrong_answer_changes_nothing(people: People) -> None:
    draft, rita = asked(people, submit=False), browser(people.rita)
    said = typed(rita.get(f"/changes/{draft.ref}/edit/"), services="tcp/70000") | {"step": "check"}
    page = rita.post(f"/changes/{draft.ref}/edit/", said)
    assert page.status_code == 422
    assert page.context["form"].errors["services"]
    with pytest.raises(Refused):
        reworded(people, draft, "tcp/70000")
    assert ChangeRecord.objects.get().version == 1


def test_a_draft_may_become_another_thing_and_its_connection_follows(people: People) -> None:
    draft = asked(people, submit=False)
    reworded(people, draft, material=share(clients=["pay-app-01", "log-01"]))
    said = Connection.objects.get()
    assert (said.kind, str(said.destination)) == ("share", "file-01")
    edit = browser(people.rita).get(f"/changes/{draft.ref}/edit/").context["form"]
    assert (edit["source"].value(), edit["clients"].value(), edit["squash"].value()) == ("pay-app-01", "log-01", "root")
    changes.submit(draft, by=people.rita)
    agreed(people, draft)
    assert reconcile() == []


def test_the_form_loses_nothing_of_a_share_that_is_changed(people: People) -> None:
    """Opening the form of a share and sending it unchanged asks for exactly what stands."""
    material = share(clients=["pay-app-01", "log-01"], squash="all", users=["payrun"], access="rw")
    held, rita = authorised(people, material), browser(people.rita)
    address = f"/requests/new/?amend={held.ref}"
    said = typed(rita.get(address), **WHY)
    check = rita.post(address, said | {"step": "check"})
    assert check.status_code == 200, check.context["form"].errors
    rita.post(address, carried(check) | {"step": "send"})
    assert ChangeRecord.objects.get(kind="amend").material == material


def test_an_amendment_stays_about_its_connection(people: People) -> None:
    held = authorised(people)
    draft = asking.amend(held, material=network(), justification=WHY, title="Again", by=people.rita, submit=False)
    for wrong in ({"material": share()}, {"system": people.platform}):
        with pytest.raises(Refused):
            reworded(people, draft, **wrong)
    reworded(people, draft, "tcp/5433", submit=True)
    assert draft.state == State.SUBMITTED
    assert held.version_on(timezone.localdate(draft.created_at)).material["services"] == ["tcp/5432"]


def test_after_a_no_a_new_draft_is_made_from_the_old(people: People) -> None:
    old, rita = asked(people), browser(people.rita)
    with pytest.raises(Refused):
        drafts.ask_again(old, by=people.rita)
    changes.reject(old, by=people.omar, because="Which data? Say it, and ask again.")
    page = rita.get(f"/changes/{old.ref}/")
    assert f"/changes/{old.ref}/again/" in page.content.decode()
    confirm = rita.get(f"/changes/{old.ref}/again/")
    assert "Which data?" in confirm.content.decode()
    made = rita.post(f"/changes/{old.ref}/again/")
    draft = ChangeRecord.objects.exclude(pk=old.pk).get()
    assert made["Location"] == f"/changes/{draft.ref}/edit/"
    assert (draft.state, draft.connection, draft.material) == (State.DRAFT, old.connection, old.material)
    assert draft.justification.data_carried == WHY["data_carried"]
    assert rita.get(made["Location"]).status_code == 200
    with pytest.raises(Refused, match="open already"):
        drafts.ask_again(old, by=people.rita)
    agreed(people, reworded(people, draft, submit=True))
    old.refresh_from_db()
    assert (old.state, draft.state) == (State.REJECTED, State.APPROVED)
    assert reconcile() == []
