"""Two systems with the same of everything: hosts that were read, findings, changes in each state, packs, reviews, jobs.

Each thing of a system carries the system's own word in its name, so that one word in an answer tells whose it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from compliance.actions import (
    catalogues,
    changes,
    connections,
    delegations,
    estate,
    jobs,
    policy,
    questions,
    risks,
    tokens,
)
from compliance.actions import people as accounts
from compliance.models import ChangeRecord, Delivery, RiskAcceptance, Role, RoleGrant, Server, System, User
from compliance.policy.shipped import shipped
from evidence.actions import (
    access,
    adding,
    asks,
    attestations,
    inventories,
    links,
    packs,
    paths,
    push,
    receivers,
    sheets,
    sources,
)
from evidence.actions.compare import compare
from evidence.actions.receivers import Wanted
from evidence.collectors.keys import Shown
from evidence.models import Attestation, BaselineGroup, Finding, Pack, PulledArtefact, ServedShare, Source
from evidence.sheet_script import MARK
from reviews import actions as meetings
from reviews.actions import campaigns
from reviews.models import AgendaItem, Review
from tests.evidence.flow_site import logged
from tests.evidence.site import allow_in, allow_out, put, read, save
from tests.factories import WHY
from tests.people import LONG_AGO, People, everybody
from tests.published import NOW, catalogue

NOTHING: Final = "zones: []\n"  # a register file that asks for nothing
RELEASE: Final = 1  # the number of the only release of a framework that is here
PROPOSAL: Final = 2  # the number of a version of the policy that somebody proposed; the first is the shipped one
OURS, THEIRS = "kestrel", "zanzibar"
NETS: Final = {OURS: "10.61.1", THEIRS: "10.62.2"}
NAMED: Final = "name,ip\n{word}-ghost,{net}.99\n{word}-app-01,{net}.11\n{word}-data-01,{net}.12\n"
ALL_BUT_ADMINISTRATOR: Final = tuple(role for role in Role.values if role != Role.ADMINISTRATOR)


@dataclass
class Side:
    """One system and all that belongs to it. `asker` holds every role in it but the administrator's, and asked for
    everything: what four eyes keep from them, no role gives back.
    """

    word: str
    system: System
    owner: User
    asker: User
    app: Server
    data: Server
    things: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """The two sides, and those who work for both."""

    people: People
    sides: dict[str, Side]


def build(place: Path) -> World:
    """Makes it, through the verbs of the application."""
    people = everybody()
    sides = {word: founded(people, word) for word in (OURS, THEIRS)}
    for side in sides.values():
        observed(people, side, place / side.word)
        inventoried(people, side, place / f"{side.word} lists")
        side.things |= logged(side.system, people.alex, place / f"{side.word} flows", NETS[side.word])
        asked_for(people, side)
    said = shipped().as_json()
    said["rules"]["cleartext"]["severity"] = "warn"
    made = policy.propose(said, because="Tried by the matrix.", by=people.mina, seen=0)
    if made.number != PROPOSAL:
        raise ValueError(f"the proposal has the number {made.number}")
    compare()
    if catalogues.load_release(catalogue(NOW), by=people.alex).pk != RELEASE:
        raise ValueError("the first release of a framework has another number")
    for side in sides.values():
        found(side)
        packed(people, side)
        tested(side)
        reviewed(people, side)
        worked(people, side)
    return World(people, sides)


def founded(people: People, word: str) -> Side:
    """The system, its zone, its two servers, its owner and who asks."""
    by, organisation = people.alex, people.payroll.organisation
    owner, asker = (
        accounts.make_person(f"{name}.{number}@matrix.example", f"Matrix {name} {number}", by=by, at=LONG_AGO)
        for number, name in ((NETS[word], "owner"), (NETS[word], "asker"))
    )
    system = estate.add_system(f"{word} system", organisation=organisation, owner=owner, by=by, at=LONG_AGO)
    for role in ALL_BUT_ADMINISTRATOR:
        accounts.grant(asker, role, system=system, by=by, at=LONG_AGO, until=timezone.now() + timedelta(days=90))
    number = NETS[word].replace(".", "-")  # in names that stand in addresses: the word tells what is given away
    zone = estate.add_zone(
        f"zone-{number}", title=f"{word} zone", system=system, prefixes=[f"{NETS[word]}.0/24"], by=by, at=LONG_AGO
    )
    app, data = (
        estate.add_server(
            f"{word}-{name}-01", system=system, addresses=[f"{NETS[word]}.{last}"], zone=zone, by=by, at=LONG_AGO
        )
        for name, last in (("app", 11), ("data", 12))
    )
    spare = estate.add_server(f"spare-{number}", system=system, by=by, at=LONG_AGO)
    party = estate.add_party(f"party-{number}", prefixes=[f"203.0.113.{len(word)}/32"], by=by, at=LONG_AGO)
    group = estate.add_group(
        f"group-{number}", system=system, members=[app], kind="dynamic", ceiling=4, by=by, at=LONG_AGO
    )
    things = {"party": party, "spare": spare, "zone": zone, "group": group, "membership": group.memberships.get()}
    return Side(word, system, owner, asker, app, data, things)


def observed(people: People, side: Side, place: Path) -> None:
    """A folder source that was read, with a rule nobody authorised; an upload source that waits to be accepted."""
    rules = [allow_in(f"{NETS[side.word]}.11", str(port)) for port in (5432, 9999)]
    rules.append(allow_out(f"{NETS[side.word]}.11", "5401"))  # that goes through, and nobody asked for it
    (put(place, *rules) / "ss.txt").write_text(
        f'tcp LISTEN 0 9 0.0.0.0:8123 0.0.0.0:* users:(("{side.word}d",pid=1,fd=3))\n'
    )
    (place / "exports").write_text(f"/export/{side.word} {NETS[side.word]}.11(ro) *(rw)\n")
    hosts = place.parent / f"hosts-{len(side.word)}"  # without its word: the page says again what was typed
    put(hosts / side.things["spare"].name)
    config = {"path": str(place)}
    folder = sources.add_source(
        server=side.data, kind="directory", name=f"{side.word} folder", config=config, by=people.alex
    )
    read(folder, people)
    shrunk = sources.add_source(server=side.app, kind="upload", name=f"{side.word} upload", by=people.alex)
    for ports in (range(5400, 5440), range(5400, 5401)):
        dump = save(*(allow_in(f"{NETS[side.word]}.12", str(port)) for port in ports))
        pull = sources.upload(shrunk, [("iptables-save.txt", dump.encode())], by=side.owner)
        assert pull.job_id is not None
        jobs.run_job(pull.job_id)
    shrunk.refresh_from_db()
    assert shrunk.last_pull is not None
    assert shrunk.last_pull.error_code == "unexpected_shrink", shrunk.last_pull.what
    paused = sources.add_source(server=side.app, kind="upload", name=f"{side.word} paused", by=people.alex)
    sources.pause(paused, on=True, by=people.alex)
    pushed = sources.add_source(server=side.app, kind="push", name=f"{side.word} pushed", by=people.alex)
    token, _ = push.make_push_token(pushed, until=timezone.now() + timedelta(days=30), by=people.alex)
    raw = PulledArtefact.objects.filter(pull__source=folder).order_by("pk")[0]
    config = {"host": f"{NETS[side.word]}.12", "port": 22, "user": "eastwest"}
    keyed = adding.add(server=side.data, kind="ssh", name=f"{side.word} host", config=config, by=people.alex)
    shown = Shown("ssh", f"{NETS[side.word]}.12:22", "ssh-ed25519", "AAAA", f"SHA256:{side.word}")
    side.things |= {
        "paused": paused,
        "pushed": pushed,
        "push_token": token,
        "path": paths.propose(side.app, source=side.things["zone"], target=None, because="So.", by=side.asker),
        "source": folder,
        "shrunk": shrunk,
        "hosts": str(hosts),
        "raw": raw,
        "refused": shrunk.last_pull,
        "keyed": keyed,
        "pin": access.propose_pin(keyed, shown, by=people.alex),
    }


def inventoried(people: People, side: Side, place: Path) -> None:
    """Lists that others keep: one with a server nobody registered, one that shrank, one that comes from a folder."""
    place.mkdir()
    (place / "list.csv").write_text(NAMED.format(word=side.word, net=NETS[side.word]))
    made = [
        inventories.add_inventory(
            system=side.system, name=f"{side.word} {name}", kind="cmdb", config=config, by=people.alex
        )
        for name, config in (("list", {}), ("shrunk list", {}), ("list folder", {"path": str(place)}))
    ]
    for inventory, lines in ((made[0], 4), (made[1], 4), (made[1], 2)):
        text = "\n".join(NAMED.format(word=side.word, net=NETS[side.word]).splitlines()[:lines])
        row = inventories.bring(inventory, "list.csv", text.encode(), by=side.owner)
        assert row.job_id is not None
        jobs.run_job(row.job_id)
    waiting = made[2].readings.get()
    assert waiting.job_id is not None
    jobs.run_job(waiting.job_id)
    listing = made[0].readings.get()
    side.things |= {"inventory": made[0], "shrunk_list": made[1], "foldered": made[2], "listing": listing}


def list_file(side: Side) -> SimpleUploadedFile:
    """A list to bring."""
    return SimpleUploadedFile("list.csv", NAMED.format(word=side.word, net=NETS[side.word]).encode())


def material(side: Side, port: int) -> dict[str, Any]:
    """What is asked for."""
    return {
        "kind": "network", "source": side.app.name, "destination": side.data.name, "services": [f"tcp/{port}"],
        "via": [], "expected_use": "daily", "basis": "justified", "review_by": in_days(200), "ends_on": None,
    }  # fmt: skip


def in_days(days: int) -> str:
    """A day to come, as forms have it."""
    return (timezone.localdate() + timedelta(days=days)).isoformat()


def asked(side: Side, port: int, **changed: Any) -> ChangeRecord:
    """A request of the asker's."""
    return connections.request(
        system=side.system, material=material(side, port), title=f"{side.word} needs {port}", by=side.asker,
        justification=WHY, **changed,
    )  # fmt: skip


def asked_for(people: People, side: Side) -> None:
    """A change record in each state that has a verb of its own."""
    draft, in_clear = (asked(side, port, submit=False) for port in (5440, 80))
    waiting, agreed, done, turned_down = (asked(side, port) for port in (5441, 5432, 5443, 5444))
    for change in (agreed, done):
        changes.approve(change, by=side.owner)
        changes.approve(change, by=people.mina)
    changes.implement(done, by=people.erin)
    changes.reject(turned_down, by=side.owner, because=f"{side.word} does without.")
    side.things |= {"draft": draft, "submitted": waiting, "approved": agreed, "done": done, "rejected": turned_down}
    side.things |= {"connection": agreed.connection, "in_clear": in_clear}
    side.things["our_system"] = side.system
    connections.request(  # a party is seen by whom a connection with it is seen; a draft authorises nothing
        system=side.system, material={**material(side, 443), "source": side.things["party"].name}, justification=WHY,
        title=f"{side.word} serves a party", by=side.asker, submit=False,
    )  # fmt: skip
    side.things["delegation"] = delegations.delegate(
        side.asker, capacity="system_owner", system=side.system, until=timezone.now() + timedelta(days=9),
        because=side.word, by=side.owner,
    )  # fmt: skip
    side.things["urgent"] = asked(side, 5447, urgency="urgent")
    side.things["question"] = questions.ask(waiting, text=f"Why does {side.word} need it?", by=people.mina)


def found(side: Side) -> None:
    """A finding of this system, and one of a service that listens."""
    mine = Finding.objects.filter(system=side.system).order_by("pk")
    side.things["finding"] = mine.exclude(verdict="listener_unauthorised")[0]
    side.things["learned"] = BaselineGroup.objects.get(system=side.system)
    side.things["served"] = ServedShare.objects.get(system=side.system)
    side.things["listening"] = mine.get(verdict="listener_unauthorised")
    said = attestations.Statement(
        "logs", timezone.localdate(), in_order=True, says=side.word, file=f"{side.word}.txt", content=side.word.encode()
    )
    attestations.attest([(side.things["spare"], 0)], said, by=side.owner)
    side.things["stated"] = Attestation.objects.get(server=side.things["spare"])
    for name in ("refused_risk", "risk"):
        side.things[name] = left_open(side, name)
        if name == "refused_risk":
            RiskAcceptance.objects.filter(pk=side.things[name].pk).update(state="refused")


def left_open(side: Side, name: str) -> RiskAcceptance:
    """An exception that is asked for."""
    return risks.request(
        system=side.system, kind="rule", key=f"{side.word} {name}", about=f"{side.word} exception", rating="low",
        reason=side.word, alternate_control="Watched.", by=side.owner,
        ends_on=timezone.localdate() + timedelta(days=30),
    )  # fmt: skip


def packed(people: People, side: Side) -> None:
    """A pack that was built and one whose building failed."""
    today = timezone.localdate()
    built, failed = (
        packs.ask(systems=[side.system], since=today - timedelta(days=20), until=today, by=people.ada) for _ in range(2)
    )
    packs.build(built)
    until = timezone.now() + timedelta(days=9)
    link, _ = links.make_link(built, name=f"{side.word} assessor", until=until, by=people.mina)
    wanted = asks.ask(built, text=f"More of {side.word}", by=people.ada)
    given = asks.answer(wanted, text=side.word, file=("more.txt", side.word.encode()), by=side.owner)
    side.things |= {"link": link, "wanted": wanted, "given": given}
    Pack.objects.filter(pk=failed.pk).update(state=Pack.State.FAILED, problem=f"{side.word} was not printed.")
    side.things |= {"pack": built, "failed": failed}


def tested(side: Side) -> None:
    """A test sheet that was approved and one that waits for a second person."""
    now = timezone.now()
    for name in ("sheet", "planned_test"):
        said = sheets.Plan(f"{side.word} seed", 3, 3, now, now + timedelta(hours=1), f"{side.word} is looked at.")
        side.things[name] = sheets.plan(side.system, said, by=side.asker)
    sheets.decide(side.things["sheet"], approve=True, note=side.word, by=side.owner)


def printed(side: Side) -> SimpleUploadedFile:
    """What the script of one host prints: nothing could be tried there."""
    sheet, host = side.things["sheet"], sheets.hosts(side.things["sheet"])[0]
    at, rows = f"at={timezone.now():%Y-%m-%dT%H:%M:%SZ}", [row["row"] for row in sheet.pairs if row["from"] == host]
    first = f"begin sheet={sheet.ref} pairs={sheet.sha256} host={host}"
    tries = [f"row={row} observed=untried" for row in rows]
    said = "".join(f"{MARK} {line} {at}\n" for line in [first, *tries, f"end rows={len(rows)}"])
    return SimpleUploadedFile("printed.txt", said.encode())


def reviewed(people: People, side: Side) -> None:
    """A review that is planned, one in session with an action, one ready to be signed, and one that was signed."""
    now = timezone.now()
    planned, opened, ready, signed = (
        meetings.add_review(side.system, due_at=now + timedelta(minutes=each), chair=side.asker, by=people.mina)
        for each in range(4)
    )
    for review in (opened, ready, signed):
        meetings.open_review(review, by=people.mina)
        meetings.attend(review, people=[side.asker, side.owner], by=people.mina)
    item = AgendaItem.objects.create(review=opened, position=90, kind="finding", title=f"{side.word} finding")
    said = AgendaItem.objects.create(
        review=opened, position=91, kind="finding", title="To be mended", finding=side.things["finding"]
    )
    meetings.decide(said, what="fix", note="By Friday.", by=people.mina)
    todo = meetings.add_action(
        opened, text=f"{side.word} to do", owner=side.owner, due=timezone.localdate(), by=people.mina
    )
    for review in (ready, signed):
        decided(people, review)
    meetings.sign(signed, by=side.asker, notes=f"{side.word} went well.")
    meetings.countersign(signed, by=side.owner, seen=signed.minutes_hash)
    side.things["signing"] = waiting_for_a_second(people, side, now)
    side.things |= {"planned": planned, "opened": opened, "ready": ready, "signed": signed, "item": item, "todo": todo}
    side.things["said"] = said
    side.things["campaign"] = campaigns.start(
        title=f"{side.word} campaign", systems=[side.system], which="all", due=timezone.localdate() + timedelta(days=9),
        by=people.mina,
    )  # fmt: skip


def waiting_for_a_second(people: People, side: Side, now: Any) -> Review:
    """Minutes that Mina signed, and the asker of the side may sign as the second."""
    row = meetings.add_review(side.system, due_at=now + timedelta(minutes=9), chair=people.mina, by=people.mina)
    meetings.open_review(row, by=people.mina)
    meetings.attend(row, people=[people.mina, side.asker], by=people.mina)
    decided(people, row)
    return meetings.sign(row, by=people.mina)


def decided(people: People, review: Review) -> None:
    """A decision on every item of the agenda."""
    for item in review.agenda.all():
        meetings.decide(item, what="fix", note="By Friday.", by=people.mina)


def worked(people: People, side: Side) -> None:
    """A reading that waits for a worker."""
    source = Source.objects.get(pk=side.things["source"].pk)
    until = timezone.now() + timedelta(days=30)
    leaver = accounts.make_person(f"leaver.{NETS[side.word]}@matrix.example", "Matrix leaver", by=people.alex)
    unconfirmed = accounts.grant(leaver, Role.MANAGER, by=people.alex)
    RoleGrant.objects.filter(pk=unconfirmed.pk).update(awaits_second=True)
    side.things |= {"leaver": leaver, "unconfirmed": unconfirmed}
    side.things["token"], side.things["bearer"] = tokens.make_token(
        "matrix program", roles=["requester", "engineer"], until=until, by=people.alex
    )
    receiver, resting = (
        receivers.add_receiver(
            Wanted(name, "webhook", ["pack.ready"], address="https://lake.example/"), by=people.alex
        )[0]
        for name in ("Matrix lake", "Matrix pond")
    )
    receivers.pause(resting, by=people.alex)
    message = receivers.try_out(receiver, by=people.alex)
    Delivery.objects.filter(pk=message.pk).update(state=Delivery.State.DEAD)
    side.things |= {"receiver": receiver, "resting": resting, "message": message}
    side.things["job"] = sources.read_now(source, by=side.owner).job


def dump_file(side: Side) -> SimpleUploadedFile:
    """A dump to upload."""
    return SimpleUploadedFile("iptables-save.txt", save(allow_in(f"{NETS[side.word]}.12", "5400")).encode())
