"""Members, prefixes and addresses: given freely before anything names their owner, then only by two people.

Nothing that was written past the verbs authorises anything, and all of it is named.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from compliance.actions import changes, estate, widening
from compliance.actions.reach import effect, in_use
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import Address, ChangeRecord, Group, Membership, Server, State, Zone, ZonePrefix
from compliance.models.estate import day_of
from compliance.register import wanted
from compliance.standing import register_on
from compliance.traffic.addresses import parse_host
from tests.factories import agreed, asked, authorised, network, servers
from tests.people import LONG_AGO, People, everybody

pytestmark = pytest.mark.django_db

WHY = {"business_need": "The pay run needs a second server.", "security_implications": "One more server of the role."}


class World:
    """Payroll's web group with one member, authorised to reach the database; a second server outside the group."""

    def __init__(self) -> None:
        self.people: People = everybody()
        self.servers = servers(self.people)
        self.second = estate.add_server(
            "pay-app-02", system=self.people.payroll, addresses=["10.20.20.32"], by=self.people.alex, at=LONG_AGO
        )
        self.group = estate.add_group(
            "web", system=self.people.payroll, members=[self.servers["pay-app-01"]], by=self.people.alex, at=LONG_AGO
        )
        self.zone = Zone.objects.get(name="app")

    def use(self, source: str = "web", destination: str = "pay-db-01") -> Any:
        """Authorises a connection that names it."""
        return authorised(self.people, network(source, destination))

    def allowed(self, ip: str) -> bool:
        """Whether anything is authorised from this address today."""
        today = day_of(timezone.now())
        family, value = parse_host(ip)
        entries = wanted(register_on(today), at=today).entries
        return any(entry.family == family and box[0] <= value <= box[1] for entry in entries for box in entry.boxes)


@pytest.fixture
def world() -> World:
    return World()


def test_before_anything_names_it_there_is_no_ceremony(world: World) -> None:
    assert widening.widen(widening.member(world.group, world.second), by=world.people.omar) is None
    assert {each.name for each in world.group.members_on(timezone.now())} == {"pay-app-01", "pay-app-02"}
    assert reconcile() == []


@pytest.mark.both
def test_a_member_of_a_group_in_use_counts_only_when_everybody_agreed(world: World) -> None:
    con = world.use()
    said = widening.member(world.group, world.second)
    with pytest.raises(Refused, match="Say why it is needed"):
        widening.widen(said, by=world.people.rita)
    change = widening.widen(said, justification=WHY, by=world.people.rita)
    assert change is not None
    [opened] = change.material["opens"]
    assert opened["connection"] == con.ref
    assert opened["traffic"] == [{"src": "10.20.20.32", "dst": "10.20.30.31", "service": "tcp/5432"}]
    assert opened["example"].startswith("10.20.20.32 → 10.20.30.31 tcp/5432")
    assert opened["servers"] == ["pay-app-02"]
    with pytest.raises(Refused, match="asked for already"):
        widening.widen(said, justification=WHY, by=world.people.erin)
    with pytest.raises(Refused, match=r"Nobody decides on their own|That takes the role"):
        changes.approve(change, by=world.people.rita)
    changes.approve(change, by=world.people.omar)
    assert not world.allowed("10.20.20.32")
    changes.approve(change, by=world.people.mina)
    assert change.state == State.APPROVED
    assert world.allowed("10.20.20.32")
    assert Membership.objects.get(server=world.second).change == change
    assert reconcile() == []


@pytest.mark.both
def test_a_prefix_and_an_address_are_asked_for_as_well(world: World) -> None:
    world.use("app", "pay-db-01")
    change = widening.widen(widening.prefix(world.zone, "10.20.21.0/24"), justification=WHY, by=world.people.rita)
    assert change is not None
    assert change.material["opens"][0]["traffic"][0]["src"] == "10.20.21.0/24"
    agreed(world.people, change)
    assert world.allowed("10.20.21.200")
    world.use("pay-app-01", "pay-db-01")
    new = widening.address(world.servers["pay-app-01"], "10.20.44.9")
    with pytest.raises(Refused, match="It would widen what is authorised"):
        estate.add_address(world.servers["pay-app-01"], "10.20.44.9", by=world.people.alex)
    change = widening.widen(new, justification=WHY, by=world.people.erin)
    assert change is not None
    assert not world.allowed("10.20.44.9")
    agreed(world.people, change)
    assert world.allowed("10.20.44.9")
    assert reconcile() == []


def test_every_owner_of_what_becomes_wider_agrees(world: World) -> None:
    authorised(world.people, network("web", "log-01"))  # log-01 is Olga's
    change = widening.widen(widening.member(world.group, world.second), justification=WHY, by=world.people.rita)
    assert change is not None
    needs = {(need.capacity, str(need.system)) for need in change.needs.all()}
    assert needs == {("system_owner", "Payroll"), ("manager", "Payroll"), ("other_owner", "Platform")}


def test_what_would_open_something_else_by_now_is_asked_for_anew(world: World) -> None:
    world.use()
    change = widening.widen(widening.member(world.group, world.second), justification=WHY, by=world.people.rita)
    assert change is not None
    changes.approve(change, by=world.people.omar)
    world.use("web", "file-01")
    with pytest.raises(Refused, match="opens something else by now"):
        changes.approve(change, by=world.people.mina)
    change.refresh_from_db()
    assert change.state == State.SUBMITTED
    assert not world.allowed("10.20.20.32")


def test_a_request_that_waits_counts_as_use_and_a_placeholder_is_described_freely(world: World) -> None:
    waits = asked(world.people, network("web", "pay-db-01"))
    said = widening.member(world.group, world.second)
    assert in_use(said, timezone.now()) == f"{waits.ref} waits for a decision about it."
    bare = estate.add_server("new-01", system=world.people.payroll, status="placeholder", by=world.people.alex)
    about = asked(world.people, network("new-01", "pay-db-01"))
    given = widening.address(bare, "10.20.20.77")
    assert in_use(given, timezone.now()) == ""
    changes.approve(about, by=world.people.omar)
    assert "waits for a decision" in in_use(given, timezone.now())


@pytest.mark.both
@pytest.mark.parametrize("what", ["member", "prefix", "address", "reopened", "rejected", "other server"])
def test_what_was_written_past_the_verbs_authorises_nothing_and_is_named(world: World, what: str) -> None:
    world.use()
    world.use("app", "file-01")
    now, ip = timezone.now(), "10.99.0.1"
    with database.cursor() as sql:
        if what == "member":
            sql.execute(
                "INSERT INTO compliance_membership (group_id, server_id, valid_from, seal) VALUES (%s, %s, %s, '')",
                [world.group.pk, world.second.pk, now],
            )
            ip = "10.20.20.32"
        elif what == "prefix":
            sql.execute(
                "INSERT INTO compliance_zoneprefix (zone_id, prefix, valid_from, seal) VALUES (%s, %s, %s, %s)",
                [world.zone.pk, "10.99.0.0/24", now, "f" * 64],
            )
        elif what == "address":
            row = Address.objects.get(ip="10.20.20.31")
            sql.execute(
                "INSERT INTO compliance_address (server_id, space_id, ip, interface, valid_from, seal)"
                " VALUES (%s, %s, %s, '', %s, %s)",
                [row.server_id, row.space_id, ip, now, row.seal],
            )
        elif what == "other server":
            sql.execute("UPDATE compliance_membership SET server_id = %s", [world.second.pk])
            ip = "10.20.20.32"
    if what == "reopened":
        widening.widen(widening.member(Group.objects.create(name="x", system=world.people.payroll), world.second),
                       by=world.people.omar)  # fmt: skip
        row = Membership.objects.get(server=world.second)
        Membership.objects.filter(pk=row.pk).update(group=world.group)
        ip = "10.20.20.32"
    if what == "rejected":
        change = widening.widen(widening.member(world.group, world.second), justification=WHY, by=world.people.rita)
        assert change is not None
        changes.reject(change, by=world.people.omar, because="Not needed.")
        Membership(group=world.group, server=world.second, change=change).sealed().save()
        ip = "10.20.20.32"
    today = day_of(timezone.now())
    register = register_on(today)
    assert not any(ip in row["addresses"] and row["name"] in str(register["groups"]) for row in register["servers"])
    assert "10.99.0.0/24" not in str(register["zones"])
    assert {one.kind for one in reconcile()} & {"member", "prefix", "address"}
    if what != "other server":
        assert not any(
            box[0] <= parse_host(ip)[1] <= box[1]
            for entry in wanted(register, at=today).entries
            if entry.id == "CON-1"
            for box in entry.boxes
        )


@pytest.mark.both
def test_narrowing_takes_effect_at_once_but_leaves_nobody_without_a_meaning(world: World) -> None:
    con = world.use()
    agreed(world.people, widening.ask(
        widening.member(world.group, world.second), justification=WHY, by=world.people.rita))  # fmt: skip
    row = Membership.objects.get(server=world.second)
    with pytest.raises(Refused, match="No reason"):
        widening.take_out(row, by=world.people.omar, because=" ")
    widening.take_out(row, by=world.people.omar, because="It serves another role now.")
    assert not world.allowed("10.20.20.32")
    assert reconcile() == []
    with pytest.raises(Refused, match=f"{con.ref} would not mean anything"):
        widening.take_out(Membership.objects.get(valid_to=None), by=world.people.omar, because="Gone.")
    Membership.objects.filter(pk=row.pk).update(valid_to=None)
    assert not world.allowed("10.20.20.32")
    assert [one.kind for one in reconcile()] == ["member"]


def test_a_dynamic_group_grows_to_its_ceiling_and_the_ceiling_takes_two_people(world: World) -> None:
    pool = estate.add_group(
        "pool", system=world.people.payroll, members=[world.servers["pay-app-01"]], kind="dynamic", ceiling=2,
        by=world.people.alex,
    )  # fmt: skip
    world.use("pool", "pay-db-01")
    assert widening.widen(widening.member(pool, world.second), by=world.people.erin) is None
    third = widening.member(pool, world.servers["file-01"])
    assert "which is its ceiling" in widening.why_ask(third, timezone.now())
    change = widening.widen(widening.ceiling(pool, 3), justification=WHY, by=world.people.erin)
    assert change is not None
    agreed(world.people, change)
    pool.refresh_from_db()
    assert (pool.ceiling, pool.ceiling_holds()) == (3, True)
    Group.objects.filter(pk=pool.pk).update(ceiling=40)
    assert [one.kind for one in reconcile()] == ["ceiling"]
    assert widening.why_ask(third, timezone.now()), "a ceiling nobody agreed to lets nobody in"


def test_an_address_used_again_too_soon_inside_an_authorisation_is_named(world: World) -> None:
    world.use("app", "pay-db-01")
    held = Address.objects.get(ip="10.20.20.32")
    estate.end_address(held, by=world.people.alex)
    again = Address(server=world.servers["file-01"], space=held.space, ip=held.ip, zone=world.zone)
    again.sealed().save()
    [found] = reconcile()
    assert found.kind == "address"
    assert "was pay-app-02's until" in found.sentence


def test_a_widening_has_its_page_and_its_line_in_the_inbox(world: World) -> None:
    world.use()
    change = widening.ask(widening.member(world.group, world.second), justification=WHY, by=world.people.rita)
    client = Client()
    client.force_login(world.people.omar, backend="allauth.account.auth_backends.AuthenticationBackend")
    for path in ("/inbox/", f"/inbox/{change.ref}/", f"/changes/{change.ref}/", f"/changes/{change.ref}/approve/"):
        text = client.get(path).content.decode()
        assert change.ref in text
        if path == "/inbox/":
            assert f'hx-get="/inbox/{change.ref}/"' in text, "the page fetches what it would open by itself"
        else:
            assert "10.20.20.32 → 10.20.30.31 tcp/5432" in text, path
    csv = client.get("/changes/?format=csv").content.decode()
    assert change.ref in csv


def test_the_effect_is_nothing_where_the_traffic_is_authorised_already(world: World) -> None:
    world.use("app", "pay-db-01")  # the whole zone
    narrower = widening.prefix(world.zone, "10.20.20.0/25")
    [said] = effect(narrower, timezone.now())
    assert said["traffic"] == []
    assert said["example"] == ""
    assert ZonePrefix.objects.count() == 2
    assert ChangeRecord.objects.filter(kind="widen").count() == 0
    assert Server.objects.filter(retired_at__isnull=False).count() == 0


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_the_pages_of_server_zone_and_group_say_what_is_authorised_and_what_one_step_reaches(world: World) -> None:
    con, own = world.use(), world.use("pay-app-01", "log-01")
    client = signed_in(world.people.omar)
    text = client.get("/servers/pay-app-01/").content.decode()
    assert con.ref in text
    assert own.ref in text
    assert "2 other servers" in text
    assert "10.20.20.31" in text
    text = client.get("/groups/web/").content.decode()
    assert con.ref in text
    assert own.ref not in text
    assert "10.20.20.0/24" in client.get("/zones/app/").content.decode()
    assert "web" in client.get("/groups/?q=pay-app-01").content.decode()
    assert client.get("/zones/?format=csv").content.decode().count("\n") == 3
    Membership.objects.create(group=world.group, server=world.second)
    assert "Authorises nothing" in client.get("/groups/web/").content.decode()
    assert signed_in(world.people.sam).get("/servers/pay-app-01/").status_code == 404
    assert signed_in(world.people.olga).get("/groups/web/").status_code == 404


def test_a_member_is_added_by_its_pages_directly_or_as_a_request(world: World) -> None:
    client, third = signed_in(world.people.omar), world.servers["file-01"]
    said = {"server": third.pk, "step": "check"}
    assert "It is added at once" in client.post("/groups/web/member/", said).content.decode()
    assert client.post("/groups/web/member/", {**said, "step": "send"})["Location"] == "/groups/web/"
    world.use()
    said = {"server": world.second.pk, "step": "check"}
    answer = client.post("/groups/web/member/", said)
    assert answer.status_code == 409
    assert "Say why it is needed" in answer.content.decode()
    text = client.post("/groups/web/member/", {**said, **WHY}).content.decode()
    assert "10.20.20.32 → 10.20.30.31 tcp/5432" in text
    assert not ChangeRecord.objects.filter(kind="widen").exists()
    sent = client.post("/groups/web/member/", {**said, **WHY, "step": "send"})
    change = ChangeRecord.objects.get(kind="widen")
    assert sent["Location"] == f"/changes/{change.ref}/"
    assert "10.20.20.32" in client.get(sent["Location"]).content.decode()
    row = Membership.objects.get(server=third)
    assert client.get(f"/estate/members/{row.pk}/end/").status_code == 200
    assert client.post(f"/estate/members/{row.pk}/end/", {"because": "It holds files."}).status_code == 302
    row.refresh_from_db()
    assert row.valid_to is not None


def test_a_prefix_an_address_and_a_decommissioning_are_asked_for_by_their_pages(world: World) -> None:
    world.use("app", "pay-db-01")
    client = signed_in(world.people.omar)
    for path, said in (
        ("/zones/app/prefix/", {"network": "10.20.21.0/24"}),
        ("/servers/pay-db-01/address/", {"address": "10.20.30.99"}),
    ):
        assert client.get(path).status_code == 200
        assert "Two people decide" in client.post(path, {**said, **WHY, "step": "check"}).content.decode()
        assert "/changes/CHG-" in client.post(path, {**said, **WHY, "step": "send"})["Location"]
    assert client.post("/zones/app/prefix/", {"network": "10.20.21.1/24", "step": "check"}).status_code == 409
    page = client.get("/servers/pay-db-01/decommission/").content.decode()
    assert "CON-" in page
    assert "is retired" in page
    assert client.post("/servers/pay-db-01/decommission/", WHY)["Location"].startswith("/changes/CHG-")
