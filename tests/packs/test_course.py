"""The course of a change record in a pack: stages, in whose place, questions, carried out first, rules that changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.template import Context
from django.utils import timezone

from compliance.actions import changes, delegations, questions, stages
from evidence.packs import content
from evidence.packs.pages import engine
from evidence.packs.section import Scope, Section
from evidence.packs.sections import changes as section
from tests.evidence.site import APP, DATA, Site, allow_in, allow_out, put
from tests.factories import asked, network, servers
from tests.people import People, everybody

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
FACE = {"zone": "Australia/Sydney"}


def started() -> People:
    people = everybody()
    servers(people)
    return people


def built(at: datetime | None = None, systems: tuple[str, ...] = ("Payroll", "Platform")) -> Section:
    moment = at or timezone.now()
    day = timezone.localdate(moment)
    return section.build(Scope(systems, day - 20 * DAY, day, moment))


def printed(one: Section, ref: str) -> content.Change:
    assert isinstance(one.data, content.Changes)
    [found] = [row for row in one.data.changes if row.id == ref]
    return found


def rows(one: Section, name: str) -> list[dict[str, object]]:
    [table] = [table for table in one.tables if table.name == name]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def on_paper(one: Section) -> str:
    """The section as the page has it."""
    page: str = engine().get_template("changes.html").render(Context({"data": one.data, "face": FACE}))
    return page


def test_stages_and_delegates_are_named_and_who_is_waited_for_as_well() -> None:
    people = started()
    wanted = [("Security officer", people.dan)]
    stages.set_stages(people.payroll, wanted, because="Payments.", by=people.alex)
    until = timezone.now() + 5 * DAY
    delegations.delegate(
        people.erin, capacity="system_owner", system=people.payroll, until=until, because="Leave.", by=people.omar
    )
    change = asked(people)
    before = printed(built(), change.ref)
    called = [one.partition(" of ")[0] for one in before.course.waiting]
    assert called == ["system owner", "manager", "Security officer"]
    changes.approve(change, by=people.erin, because="For Omar.")
    seen = timezone.now()
    changes.approve(change, by=people.mina)
    changes.approve(change, by=people.dan)
    now, then = built(), built(seen)
    assert {one.capacity: one.person for one in printed(now, change.ref).decisions} == {
        "System owner": "Erin Walsh, in place of Omar Haddad",
        "Manager": str(people.mina),
        "Security officer, stage 2": str(people.dan),
    }
    assert printed(now, change.ref).course.waiting == ()
    assert [one.partition(" of ")[0] for one in printed(then, change.ref).course.waiting] == [
        "manager", "Security officer",
    ]  # fmt: skip
    assert printed(then, change.ref).course.waiting[1].endswith(", stage 2")
    assert rows(now, "changes")[0]["in_place_of"] == "Erin Walsh for Omar Haddad"
    assert "in place of Omar Haddad" in on_paper(now)
    assert "Waiting for" in on_paper(then)


def test_questions_stand_with_their_answers_as_far_as_they_were_given_by_then() -> None:
    people = started()
    change = asked(people)
    question = questions.ask(change, text="Why port <5432>?", by=people.mina)
    between = timezone.now()
    questions.answer(question, text="The driver's default.", by=people.rita)
    [one] = printed(built(), change.ref).course.asked
    assert (one.person, one.answered_by, one.answer) == (str(people.mina), str(people.rita), "The driver's default.")
    [early] = printed(built(between), change.ref).course.asked
    assert (early.answered_by, early.answered_at, early.answer) == ("", None, "")
    assert "Not answered by the cut-off" in on_paper(built(between))
    assert "Why port &lt;5432&gt;?" in on_paper(built())
    [line] = rows(built(), "change-questions")
    assert (line["change"], line["question"]) == (change.ref, "Why port <5432>?")
    assert rows(built(), "changes")[0]["questions"] == 1


def test_what_was_carried_out_first_is_said_and_not_called_undone() -> None:
    people = started()
    change = asked(people, network("pay-app-01", "pay-db-01", "tcp/5440"), urgency="urgent")
    changes.act_first(change, by=people.erin, because="The pay run stands still.")
    waiting, between = printed(built(), change.ref), timezone.now()
    assert waiting.course.first.endswith("not decided by the cut-off.")
    assert str(people.erin) in waiting.implemented
    assert rows(built(), "changes")[0]["carried_out_before_approval"] is True
    for by in (people.omar, people.mina):
        changes.approve(change, by=by)
    assert ", decided " in printed(built(), change.ref).course.first
    assert printed(built(between), change.ref).course.first == waiting.course.first
    assert "Carried out first" in on_paper(built())


def test_an_urgent_change_that_waited_for_its_approval_was_not_carried_out_first() -> None:
    people = started()
    change = asked(people, urgency="urgent")
    for by in (people.omar, people.mina):
        changes.approve(change, by=by)
    changes.implement(change, by=people.erin)
    assert printed(built(), change.ref).course.first == ""
    assert rows(built(), "changes")[0]["carried_out_before_approval"] is False


def test_the_rules_that_changed_for_a_record_stand_with_it_and_what_goes_beyond_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    put(site.app)
    put(site.data)
    site.read()
    site.compare()
    put(site.app, allow_out(DATA, "5432"))
    put(site.data, allow_in(APP, "1:65535").replace(" -j ", f" -m comment --comment {site.change.ref} -j "))
    site.read()
    site.compare()
    one = printed(built(), site.change.ref)
    shown = {moved.where: (moved.direction, moved.outcome, moved.because != "") for moved in one.course.moved}
    assert shown["pay-app-01/OUTPUT"] == ("opened", "As a change record says", False)
    assert shown["pay-db-01/INPUT"] == ("opened", "Beyond its change record", True)
    hosts = [moved.where.split("/")[0] for moved in one.course.moved]
    assert [row["host"] for row in rows(built(), "change-rules")] == hosts
    assert "Beyond its change record" in on_paper(built())
    elsewhere = printed(built(systems=("Payroll",)), site.change.ref)
    owned = {site.servers[name].system.name for name in ("pay-app-01", "pay-db-01")}
    assert (len(elsewhere.course.moved), elsewhere.course.elsewhere) == ((2, 0) if owned == {"Payroll"} else (1, 1))
