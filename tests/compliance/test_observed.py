"""By what a dynamic group's members are known: two people decide on it, and nobody joins past them or the ceiling."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.utils import timezone

from compliance.actions import changes, estate, widening
from compliance.actions.observing import follow
from compliance.actions.reconcile import reconcile
from compliance.actions.reconcile_rows import altered_rows
from compliance.actions.register_places import known_by
from compliance.errors import Refused
from compliance.models import ChangeRecord, Group, LedgerInbox, Membership, State
from compliance.models.estate import day_of
from compliance.register import wanted
from compliance.standing import register_on
from tests.compliance.test_widening import WHY, World, signed_in

pytestmark = pytest.mark.django_db

TAG = "aws:tag/123456789012/ap-southeast-2/role=web"
OTHER = "aws:autoscaling/123456789012/ap-southeast-2/web"
BY = "reading 7 of aws-payroll"


class Pool(World):
    """The same, with a dynamic group of at most two whose members are known by a tag."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = estate.add_group(
            "pool", system=self.people.payroll, members=[self.servers["pay-app-01"]], kind="dynamic", ceiling=2,
            observed=TAG, by=self.people.alex,
        )  # fmt: skip

    def members(self) -> set[str]:
        """By rows that count."""
        return {one.name for one in self.pool.members_on(timezone.now())}

    def follow(self, *names: str) -> None:
        """A reading that shows these."""
        known = {**self.servers, "pay-app-02": self.second}
        follow(self.pool, [known[name] for name in names], reading=BY, at=timezone.now())

    def say(self, text: str) -> None:
        """Past the verbs."""
        with database.cursor() as sql:
            sql.execute("UPDATE compliance_group SET observed = %s WHERE id = %s", [text, self.pool.pk])


@pytest.fixture
def world() -> Pool:
    return Pool()


@pytest.mark.both
def test_what_members_are_known_by_takes_two_people_once_the_group_is_in_use(world: Pool) -> None:
    said = widening.observed(world.pool, OTHER)
    assert widening.widen(said, by=world.people.omar) is None, "nothing is authorised by it yet"
    con = world.use("pool", "pay-db-01")
    again = widening.observed(world.pool, TAG)
    with pytest.raises(Refused, match="Say why it is needed"):
        widening.widen(again, by=world.people.erin)
    change = widening.widen(again, justification=WHY, by=world.people.erin)
    assert change is not None
    assert [one["connection"] for one in change.material["opens"]] == [con.ref]
    with pytest.raises(Refused, match=r"Nobody decides on their own|That takes the role"):
        changes.approve(change, by=world.people.erin)
    changes.approve(change, by=world.people.omar)
    world.pool.refresh_from_db()
    assert world.pool.observed == OTHER, "one person changes nothing"
    changes.approve(change, by=world.people.mina)
    world.pool.refresh_from_db()
    assert (world.pool.observed, world.pool.observed_change, change.state) == (TAG, change, State.APPROVED)
    assert world.pool.observed_holds()
    assert reconcile() == altered_rows() == []
    with pytest.raises(Refused, match="known by this already"):
        widening.widen(again, justification=WHY, by=world.people.erin)


def test_servers_join_and_leave_by_what_is_seen_up_to_the_ceiling(world: Pool) -> None:
    world.use("pool", "pay-db-01")
    world.follow("pay-app-01", "pay-app-02", "file-01", "log-01")
    assert world.members() == {"pay-app-01", "file-01"}, "by name, no more than two, and none of another system"
    joined = LedgerInbox.objects.filter(verb="add_membership").latest("pk").data
    assert joined["actor"]["name"] == "Eastwest"
    assert all(words in joined["because"] for words in (BY, "role=web"))
    world.follow("pay-app-02", "log-01")
    assert world.members() == {"pay-app-02"}
    assert LedgerInbox.objects.filter(verb="remove_member").count() == 2
    assert reconcile() == altered_rows() == []


def test_a_group_that_nobody_is_seen_in_authorises_nothing_and_breaks_nothing(world: Pool) -> None:
    con = world.use("pool", "pay-db-01")
    other = world.use("pay-app-01", "pay-db-01").ref
    world.follow()
    today = day_of(timezone.now())
    assert {one.id for one in wanted(register_on(today), at=today).entries} == {other}
    raised = widening.ask(widening.ceiling(world.pool, 3), justification=WHY, by=world.people.erin)
    wider = widening.ask(
        widening.address(world.servers["pay-db-01"], "10.20.44.9"), justification=WHY, by=world.people.erin
    )
    assert con.ref in raised.refs
    assert {con.ref, other} == set(wider.refs)
    world.follow("pay-app-02")
    assert world.allowed("10.20.20.32")


@pytest.mark.both
def test_what_was_written_past_the_verbs_lets_nobody_in_and_is_named(world: Pool) -> None:
    world.use("pool", "pay-db-01")
    world.say(OTHER)
    with pytest.raises(Refused, match="Nobody joins pool"):
        world.follow("pay-app-01", "pay-app-02")
    assert [(one.kind, one.ref) for one in reconcile()] == [("ceiling", "group pool members")]
    change = widening.ask(widening.ceiling(world.pool, 3), justification=WHY, by=world.people.rita)
    changes.approve(change, by=world.people.omar)
    changes.approve(change, by=world.people.mina)
    with pytest.raises(Refused, match="Nobody joins pool"):  # a ceiling that was agreed to vouches for nothing else
        world.follow("pay-app-01", "pay-app-02")
    world.say(TAG)
    world.follow("pay-app-01", "pay-app-02")
    assert world.members() == {"pay-app-01", "pay-app-02"}
    Group.objects.filter(pk=world.pool.pk).update(ceiling=40)
    with pytest.raises(Refused, match="Nobody joins pool"):
        world.follow("pay-app-01", "pay-app-02", "file-01")


@pytest.mark.both
def test_a_member_that_was_written_past_the_verb_counts_for_nothing_and_stays_found(world: Pool) -> None:
    world.use("pool", "pay-db-01")
    with database.cursor() as sql:
        sql.execute(
            "INSERT INTO compliance_membership (group_id, server_id, valid_from, seal) VALUES (%s, %s, %s, '')",
            [world.pool.pk, world.second.pk, timezone.now()],
        )
    world.follow("pay-app-01", "pay-app-02")
    assert world.members() == {"pay-app-01"}
    assert [(one.kind, one.ref) for one in reconcile()] == [("member", "pay-app-02 in pool")]
    assert Membership.objects.filter(group=world.pool, valid_to=None).count() == 2


def test_a_member_is_put_in_by_hand_only_with_two_people_and_leaves_when_nobody_sees_it(world: Pool) -> None:
    world.use("pool", "pay-db-01")
    by_hand = widening.member(world.pool, world.servers["log-01"])
    change = widening.widen(by_hand, justification=WHY, by=world.people.erin)
    assert change is not None, "the ceiling was agreed to for those who are seen"
    assert {need.capacity for need in change.needs.all()} == {"system_owner", "manager", "other_owner"}
    for person in (world.people.omar, world.people.mina, world.people.olga):
        changes.approve(change, by=person)
    world.follow("pay-app-01", "log-01")
    assert world.members() == {"pay-app-01", "log-01"}
    world.follow("pay-app-01")
    assert world.members() == {"pay-app-01"}


def test_the_form_reads_back_what_it_means_and_asks(world: Pool) -> None:
    world.use("pool", "pay-db-01")
    client = signed_in(world.people.erin)
    said = {"kind": "autoscaling", "name": "web", "account": "123456789012", "region": "ap-southeast-2", **WHY}
    page = "/groups/pool/observed/"
    assert "role=web" in client.get(page).content.decode()
    wrong = client.post(page, {**said, "account": "12", "step": "check"})
    assert (wrong.status_code, "twelve digits" in wrong.content.decode()) == (422, True)
    text = client.post(page, {**said, "step": "check"}).content.decode()
    assert "autoscaling group web in AWS account 123456789012, ap-southeast-2" in text
    assert "Who would join is not known" in text
    sent = client.post(page, {**said, "step": "send"})
    shown = signed_in(world.people.omar).get(sent["Location"]).content.decode()
    assert "for each server that is seen there, up to the ceiling" in shown
    assert "Who would join is not known" in shown
    assert "tag role=web in AWS account" in client.get("/groups/pool/").content.decode()


@pytest.mark.both
def test_two_people_take_it_back_and_people_name_the_members_again(world: Pool) -> None:
    con = world.use("pool", "pay-db-01")
    client, page = signed_in(world.people.erin), "/groups/pool/observed/"
    wrong = client.post(page, {"kind": "tag", **WHY, "step": "check"})
    assert (wrong.status_code, wrong.content.decode().count("Say which: it is what shows the members.")) == (422, 6)
    text = client.post(page, {"kind": "people", **WHY, "step": "check"}).content.decode()
    assert "Who is in it stays: 1 server. People add others without asking anybody, up to 2 members in all." in text
    sent = client.post(page, {"kind": "people", **WHY, "step": "send"})
    change = ChangeRecord.objects.latest("pk")
    assert [one["connection"] for one in change.material["opens"]] == [con.ref]
    shown = signed_in(world.people.omar).get(sent["Location"]).content.decode()
    assert "for each server that people add without asking, up to the ceiling" in shown
    for person in (world.people.omar, world.people.mina):
        changes.approve(change, by=person)
    world.pool.refresh_from_db()
    assert (world.pool.observed, world.pool.observed_change, world.pool.observed_holds()) == ("", change, True)
    assert world.members() == {"pay-app-01"}, "who was seen last stays"
    assert "people, who name them" in client.get("/groups/pool/").content.decode()
    assert reconcile() == altered_rows() == []
    world.say(TAG)
    assert reconcile() != [], "what it was known by before does not hold any more"


def test_it_is_not_taken_back_while_nobody_is_in_the_group(world: Pool) -> None:
    world.follow()
    assert world.members() == set()
    with pytest.raises(Refused, match="Nobody is in pool now"):
        widening.widen(widening.observed(world.pool, ""), by=world.people.omar)


def test_a_register_file_says_it_beside_the_ceiling() -> None:
    assert known_by({"observed": f" {TAG} ", "ceiling": 3}) == TAG
    assert known_by({"ceiling": 3}) is None
    assert known_by({"observed": "people", "ceiling": 3}) == ""
    for row, why in (({"observed": TAG}, "no ceiling"), ({"observed": "role=web", "ceiling": 3}, "not of the form")):
        with pytest.raises(Refused, match=why):
            known_by(row)
