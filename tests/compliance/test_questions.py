"""Questions about a change: on the record, answered once by those who can, and no part of what is approved."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from compliance.actions import changes, questions
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import Answer, ChangeRecord, LedgerInbox, Outbound, Question, State, User
from tests.compliance.test_changes import in_state
from tests.factories import asked, servers
from tests.people import People, everybody

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(db: None) -> People:
    them = everybody()
    servers(them)
    return them


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.mark.parametrize("state", State.values)
def test_a_question_is_asked_while_somebody_decides_or_does_it(people: People, state: str) -> None:
    change = in_state(people, state)
    if state in ("submitted", "approved", "implemented", "disputed"):
        questions.ask(change, text="Why port 5432?", by=people.mina)
        assert change.questions.count() == 1
    else:
        with pytest.raises(Refused, match=change.ref):
            questions.ask(change, text="Why port 5432?", by=people.mina)
        assert not Question.objects.exists()


@pytest.mark.both
def test_it_is_asked_and_answered_on_the_record_and_changes_nothing(people: People) -> None:
    change = asked(people)
    changes.approve(change, by=people.omar)
    before = ChangeRecord.objects.values().get(pk=change.pk)
    question = questions.ask(change, text=" Why port 5432? ", by=people.mina)
    assert (
        list(Question.objects.for_answer_by(people.rita))
        == [question]
        == list(Question.objects.for_answer_by(people.dan))
    )
    assert not Question.objects.for_answer_by(people.mina).exists()
    answer = questions.answer(question, text="It is where the database listens.", by=people.rita)
    assert (question.text, answer.text) == ("Why port 5432?", "It is where the database listens.")
    assert not Question.objects.for_answer_by(people.rita).exists()
    assert ChangeRecord.objects.values().get(pk=change.pk) == before
    changes.approve(change, by=people.mina)
    assert change.state == State.APPROVED
    assert reconcile() == []
    said = LedgerInbox.objects.filter(data__verb__in=["ask_question", "answer_question"]).order_by("pk")
    assert [row.data["because"] for row in said] == [question.text, answer.text]
    told = {(row.to, row.subject.split(" about")[0]) for row in Outbound.objects.filter(path=f"/changes/{change.ref}/")}
    assert told >= {(people.rita, f"{people.mina} asks"), (people.omar, f"{people.mina} asks")}
    assert (people.mina, f"{people.rita} answered") in told


def test_who_may_not_ask_and_who_may_not_answer(people: People) -> None:
    change = asked(people, by=people.omar)
    for person in (people.omar, people.rita, people.ada, people.alex, people.sam, people.olga):
        with pytest.raises(Refused):
            questions.ask(change, text="Why?", by=person)
    with pytest.raises(Refused, match="No text"):
        questions.ask(change, text="  ", by=people.mina)
    question = questions.ask(change, text="Why?", by=people.dan)
    for person in (people.dan, people.mina, people.rita, people.erin, people.ada, people.alex, people.sam):
        with pytest.raises(Refused):
            questions.answer(question, text="So.", by=person)
    questions.answer(question, text="So.", by=people.omar)
    with pytest.raises(Refused, match="answered it"):
        questions.answer(question, text="Not so.", by=people.omar)
    assert Answer.objects.get().text == "So."


@pytest.mark.both
def test_the_database_knows_one_answer_and_not_ones_own(people: People) -> None:
    question = questions.ask(asked(people), text="Why?", by=people.mina)
    said = {"question": question, "asked_by": people.mina, "text": "So."}
    with pytest.raises(IntegrityError), transaction.atomic():
        Answer.objects.create(**said, answered_by=people.mina)
    Answer.objects.create(**said, answered_by=people.rita)
    with pytest.raises(IntegrityError), transaction.atomic():
        Answer.objects.create(**said, answered_by=people.omar)


def test_it_is_asked_and_answered_on_pages_and_nothing_typed_is_lost(people: People) -> None:
    change = asked(people)
    mina, rita = signed_in(people.mina), signed_in(people.rita)
    page = f"/changes/{change.ref}/"
    assert f"{page}ask/" in mina.get(page).content.decode()
    assert mina.post(f"{page}ask/", {"text": " "}).status_code == 422
    assert mina.post(f"{page}ask/", {"text": "Why <b>5432</b>?"}).status_code == 302
    question = change.questions.get()
    shown = rita.get(page).content.decode()
    assert "Why &lt;b&gt;5432&lt;/b&gt;?" in shown
    assert "Not answered yet" in shown
    waiting = rita.get("/inbox/?tab=questions")
    assert [item["ref"] for item in waiting.context["items"]] == [change.ref]
    address = f"{page}questions/{question.pk}/"
    late = rita.get(address)
    assert late.status_code == 200
    questions.answer(question, text="Mine first.", by=people.omar)
    lost = rita.post(address, {"text": "Typed for a long time."})
    assert lost.status_code == 409
    assert "Typed for a long time." in lost.content.decode()
    assert "Mine first." in mina.get(page).content.decode()
    other = asked(people)
    assert rita.get(f"/changes/{other.ref}/questions/{question.pk}/").status_code == 404


def test_an_empty_tab_of_the_inbox_says_nothing_about_the_others(people: People) -> None:
    """Where a decision waited, the tab beside said that none did."""
    asked(people)
    omar = signed_in(people.omar)
    said = {tab: omar.get(f"/inbox/?tab={tab}") for tab in ("for-me", "to-do", "asked", "questions")}
    assert said["for-me"].context["waiting"] == "1 decision waiting"
    for tab, title in (("to-do", "Nothing to be carried out"), ("asked", "Nothing you asked for waits"),
                       ("questions", "No question to answer")):  # fmt: skip
        text = said[tab].content.decode()
        assert title in text
        assert "decisions waiting" not in text
        assert "No decision waits" not in text
    assert "No decision waits for you" in signed_in(people.rita).get("/inbox/").content.decode()
