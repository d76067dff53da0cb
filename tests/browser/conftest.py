"""The sample organisation with its present compared and packed, and what the pages of the table are about."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import BytesIO

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.db import connection
from django.utils import timezone

from compliance.actions import catalogues, connections, delegations, jobs, people, policy, questions, risks, stages
from compliance.actions.tokens import make_token
from compliance.models import (
    ChangeRecord,
    Connection,
    Delivery,
    Job,
    Membership,
    Receiver,
    Role,
    Server,
    System,
    User,
    Zone,
)
from evidence.actions import (
    accepted,
    access,
    adding,
    asks,
    flow_logs,
    inventories,
    links,
    packs,
    paths,
    push,
    receivers,
    sheets,
    sources,
)
from evidence.actions.attestations import Statement, attest
from evidence.actions.compare import compare
from evidence.actions.receivers import Wanted
from evidence.collectors.keys import Shown
from evidence.models import BaselineGroup, Comparison, Finding, Pack, Pull, PulledArtefact, ServedShare, Source
from evidence.sheet_script import MARK
from reviews import actions as meetings
from reviews.actions import campaigns
from reviews.models import Review
from reviews.sample.load import load
from tests.browser import passkey
from tests.browser.steps import PASSWORD
from tests.factories import WHY
from tests.flowlogs.logs import V2, aws
from tests.published import NOW, catalogue

DOMAIN = "sample.example"
DUMP = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n{rules}COMMIT\n"
WHOLE = "".join(f"-A INPUT -s 10.99.0.{each}/32 -p tcp -m tcp --dport 22 -j ACCEPT\n" for each in range(1, 40))


@pytest.fixture
def references(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> dict[str, object]:
    """Name in an address of the table → what stands there. Made in a thread: this one has the browser's loop."""
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")

    def make() -> dict[str, object]:
        try:
            now = timezone.now()
            load(at=now, say=lambda text: None)
            compare(at=now)
            month = {"month": f"{now:%Y-%m}"}
            made = {**decided(), **placed(), **observed(), **reviewed(now), **let_in(), **proposed(), **published()}
            return made | month | tested() | passed_on(str(made["pack"]))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as maker:
        return maker.submit(make).result(timeout=300)


def person(name: str) -> User:
    """Somebody of the sample organisation."""
    return User.objects.get(email=f"{name}@{DOMAIN}")


def proposed() -> dict[str, int]:
    """A change of the policy that Mina proposes and nobody has decided on."""
    now = policy.in_force()
    said = policy.read(now).as_json()
    said["rules"]["cleartext"]["severity"] = "block"
    said["rules"]["cleartext"]["parameters"]["cleartext_services"].append("tcp/8080")
    because = "What travels in the clear between the web servers and the applications is to end."
    made = policy.propose(said, because=because, by=person("mina"), seen=now.number)
    return {"proposal": made.number}


def tested() -> dict[str, str]:
    """A test sheet of which one host brought something odd, and one that waits for a second person."""
    now, system, erin = timezone.now(), System.objects.get(name="Citizen Services"), person("erin")
    said = sheets.Plan("a lantern", 12, 12, now, now + timedelta(hours=2), "The assessor asked for it.")
    tried, waits = (sheets.plan(system, said, by=erin) for _ in range(2))
    sheets.decide(tried, approve=True, note="Told to those who watch.", by=person("omar"))
    host, at = sheets.hosts(tried)[0], f"at={now:%Y-%m-%dT%H:%M:%SZ}"
    mine = [pair for pair in tried.pairs if pair["from"] == host]
    rows = [f"row={pair['row']} observed=open" for pair in mine]
    lines = [f"begin sheet={tried.ref} pairs={tried.sha256} host={host}", *rows, f"end rows={len(mine)}"]
    text = "".join(f"{MARK} {line} {at}\n" for line in lines)
    sheets.bring(tried, Server.objects.get(name=host), text.encode(), by=erin)
    return {"sheet": tried.ref, "planned_test": waits.ref}


def passed_on(ref: str) -> dict[str, object]:
    """A link to the pack, something that was asked for, and its answer."""
    row, mina = Pack.objects.get(pk=int(ref.partition("-")[2])), person("mina")
    _, token = links.make_link(row, name="Kirra Webb", until=timezone.now() + timedelta(days=9), by=mina)
    wanted = asks.ask(row, text="The contract with the carrier, please.", by=person("ada"))
    given = asks.answer(wanted, text="Here it is.", file=("contract.txt", b"Signed."), by=mina)
    return {"link": token, "wanted": wanted.pk, "given": given.pk}


def published() -> dict[str, int]:
    """Two releases of the manual, the newer of which changed one of our controls."""
    alex = person("alex")
    catalogues.load_release(catalogue(NOW), by=alex)
    said = {**NOW, "ism-1479": "Servers talk to nobody without a decision."}
    newer = catalogues.load_release(catalogue(said, version="2026.9.8", day="2026-09-08"), by=alex)
    system = System.objects.get(name="Citizen Services")
    catalogues.state_control(system, "ISM-1182", status="partly", comment="HR is left.", by=person("omar"))
    return {"release": newer.pk, "app_system": system.pk}


def decided() -> dict[str, object]:
    """A change record in each state that has a page of its own, and a draft of Rita's."""
    of_state = {
        name: ChangeRecord.objects.filter(state=state, requested_by=person("rita")).order_by("pk").first()
        for name, state in (
            ("waiting", "submitted"), ("approved", "approved"), ("rejected", "rejected"), ("verified", "verified"),
            ("disputed", "disputed"),
        )
    }  # fmt: skip
    like = of_state["waiting"]
    assert like is not None
    draft = connections.request(
        system=like.system, material={**like.material, "services": ["tcp/8443"]}, justification=WHY,
        title="The monthly figures by a second port", by=person("rita"), submit=False,
    )  # fmt: skip
    in_clear = connections.request(
        system=like.system, material={**like.material, "services": ["tcp/80"]}, justification=WHY,
        title="The monthly figures in the clear", by=person("rita"), submit=False,
    )  # fmt: skip
    staged = like.system
    stages.set_stages(staged, [("Security officer", person("erin"))], because="PROTECTED.", by=person("alex"))
    stood_in = delegations.delegate(
        person("erin"), capacity="system_owner", system=System.objects.filter(owner=person("omar"))[0],
        until=timezone.now() + timedelta(days=9), because="Leave.", by=person("omar"),
    )  # fmt: skip
    hurried = connections.request(
        system=like.system, material={**like.material, "services": ["tcp/8445"]}, justification=WHY,
        title="The monthly figures, at once", by=person("rita"), urgency="urgent",
    )  # fmt: skip
    question = questions.ask(like, text="Why does it need a port of its own?", by=person("omar"))
    return {name: row.ref for name, row in of_state.items() if row} | {
        "draft": draft.ref, "in_clear": in_clear.ref, "question": str(question.pk), "urgent": hurried.ref,
        "delegation": stood_in.pk, "staged": staged.pk,
    }  # fmt: skip


def placed() -> dict[str, object]:
    """A zone, and a group with a member."""
    row = Membership.objects.filter(valid_to__isnull=True).order_by("pk")[0]
    return {
        "zone": Zone.objects.order_by("pk")[0].name,
        "group": row.group.name,
        "membership": row.pk,
        "omar": person("omar").pk,
    }


def observed() -> dict[str, object]:
    """Sources that were read in part, not at all and much smaller than before; a finding, a job and a pack."""
    partly, gone = (Source.objects.get(server__name=name) for name in ("dev-git-01", "test-v6-01"))
    erin = person("erin")
    shrunk = sources.add_source(server=gone.server, kind="upload", name="by hand", by=erin)
    for rules in (WHOLE, ""):
        read = sources.upload(shrunk, [("iptables-save.txt", DUMP.format(rules=rules).encode())], by=erin)
        assert read.job_id
        jobs.run_job(read.job_id)
    assert Pull.objects.get(pk=read.pk).error_code == "unexpected_shrink"
    keyed = adding.add(
        server=gone.server, kind="ssh", name="over ssh", by=erin,
        config={"host": "10.99.0.9", "port": 22, "user": "eastwest"},
    )  # fmt: skip
    shown = Shown("ssh", "10.99.0.9:22", "ssh-ed25519", "AAAA", "SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDzmtzX5bXFfuEavXA")
    access.propose_pin(keyed, shown, by=erin)
    passed = paths.propose(
        gone.server, source=Zone.objects.get(name="app"), target=Zone.objects.get(name="data"), by=erin,
        because="The drawing of the network, sheet 3.",
    )  # fmt: skip
    waiting = sources.read_now(partly, by=erin)
    pushed = sources.add_source(server=gone.server, kind="push", name="pushed", by=erin)
    token, _ = push.make_push_token(pushed, until=timezone.now() + timedelta(days=90), by=erin)
    ada, today = person("ada"), timezone.localdate()
    pack = packs.ask(systems=list(System.objects.all()), since=today.replace(day=1), until=today, by=ada)
    register = list(Connection.objects.order_by("created_at", "pk"))  # as the sample's README numbers them
    return {
        "first": register[0].ref,
        "carried": register[25].ref,
        "partly": partly.pk,
        "gone": gone.pk,
        "shrunk": shrunk.pk,
        "pushed": pushed.pk,
        **inventoried(gone.server.system, erin),
        **logged(gone.server.system, erin),
        "push_token": token.pk,
        **told(person("alex")),
        "keyed": keyed.pk,
        "path": passed.pk,
        "job": waiting.job_id,
        "raw": PulledArtefact.objects.filter(pull__source=partly)[0].pk,
        "finding": Finding.objects.filter(verdict="permits_more").order_by("pk")[0].ref,
        "learned": learned(),
        "served": ServedShare.objects.filter(protocol="smb").order_by("pk")[0].key,
        "listening": Finding.objects.filter(verdict="listener_unauthorised").order_by("pk")[0].ref,
        "pack": packs.build(pack).ref,
        **left_open(erin),
        **stated(erin),
    }


def stated(erin: User) -> dict[str, object]:
    """Duties that Erin stated: one with a file, one that was not in order."""
    server, today = Server.objects.get(name="pay-db-01"), timezone.localdate()
    for said in (
        Statement("patched", today - timedelta(days=50), in_order=True, says="The October updates, by hand."),
        Statement("time", today - timedelta(days=3), in_order=True, says="It follows time-01.", file="time.txt",
                  content=b"^* 10.20.50.5"),
        Statement("restored", today - timedelta(days=2), in_order=False, says="The tape was empty.", offline=False),
    ):  # fmt: skip
        attest([(server, 0)], said, by=erin)
    return {"server": server.pk}


def told(alex: User) -> dict[str, object]:
    """A program that takes its messages and one that does not, with their logs."""
    found: dict[str, object] = {}
    for key, name, state in (("receiver", "Evidence lake", "dead"), ("resting", "Change bot", "sent")):
        wanted = Wanted(name, "webhook", ["change.decided", "pack.ready"], address=f"https://{key}.example/in")
        row, _ = receivers.add_receiver(wanted, by=alex)
        for status in (None, 500):
            message = receivers.try_out(row, by=alex)
            Delivery.objects.filter(pk=message.pk).update(
                state=state if status else "waiting", tries=9, tried_at=timezone.now(), status=status,
                answer="<h1>out of order</h1>" if status else "", problem="" if status else "No answer.",
            )  # fmt: skip
        found[key] = row.pk
    receivers.pause(Receiver.objects.get(pk=found["resting"]), by=alex)
    return found


def inventoried(system: System, erin: User) -> dict[str, object]:
    """A list with servers nobody registered and with bad lines, and one that shrank."""
    found: dict[str, object] = {"stranger": "10.20.40.77"}
    good = "Name;IP Address;Status\nold-wiki;10.20.20.200;In use\nprinter-7;192.0.2.77;In use\n{more}"
    bad = "pay-db-01;;In use\nodd;10.20.20.300;In use\nodd;1;2;3\n"
    for key, name, kind, lists in (
        ("cmdb", "CMDB", "cmdb", [good.format(more=bad)]),
        ("vms", "vCenter", "hypervisor", [good.format(more="a;10.20.20.201;\nb;10.20.20.202;\nc;;"), good[:40]]),
    ):
        row = inventories.add_inventory(system=system, name=name, kind=kind, by=erin)
        for text in lists:
            reading = inventories.bring(row, "list.csv", text.encode(), by=erin)
            assert reading.job_id
            jobs.run_job(reading.job_id)
        found |= {key: row.pk, f"{key}_file": reading.pk}
    return found


def logged(system: System, erin: User) -> dict[str, object]:
    """A flow log with files that were read, read in part and not understood, and one whose folder is not there."""
    flows = flow_logs.add_flow_log(system=system, name="payments VPC", kind="upload", watches=["10.20.0.0/16"], by=erin)
    hours = int(timezone.now().timestamp()) // 3600 - 30
    lines = [V2, *(aws("10.20.20.11", "10.20.30.11", 40000, 5432, at=(hours + at) * 3600) for at in range(24))]
    texts = {"2026-11-20.log": lines, "2026-11-21.log": [*lines[:9], "2 of another kind"], "notes.txt": ["not a log"]}
    brought = [(name, BytesIO("".join(f"{line}\n" for line in text).encode())) for name, text in texts.items()]
    flow_logs.upload(flows, brought, by=erin)
    folder = flow_logs.add_flow_log(
        system=system, name="edge firewall", kind="directory", config={"path": "/srv/nothing-is-here"}, by=erin
    )  # fmt: skip
    for job in Job.objects.filter(kind__in=("fetch_flows", "roll_up_flows"), state=Job.State.QUEUED).order_by("pk"):
        jobs.run_job(job.pk)
    flow_logs.pause(folder, on=True, because="Nobody writes there.", by=erin)
    odd = flows.files.get(name="notes.txt")
    return {"flow_system": system.pk, "flows": flows.pk, "flow_folder": folder.pk, "flow_file": odd.pk}


def learned() -> str:
    """A group that runs and nobody authorised, as a comparison would write it; the sample has none."""
    comparison = Comparison.objects.filter(published=True)[0]
    system = Server.objects.get(name="pay-db-01").system
    rows = [
        {"source": f"app-0{number}", "destination": "pay-db-01",
         "rules": [["pay-db-01/INPUT", f"iptables:filter/INPUT#{number}"]]}
        for number in (1, 2)
    ]  # fmt: skip
    row = BaselineGroup.objects.create(
        comparison=comparison, system=system, key="5" * 64, source="role app of ERP", destination="role database of "
        "Payroll", services=["tcp/5433"], severity="high", rows=rows, rules=2,
    )  # fmt: skip
    return f"{row.key}/{row.part}"


def left_open(by: User) -> dict[str, object]:
    """A risk that waits for its decision, and one that was accepted."""
    found = Finding.objects.standing().exclude(extent=[]).order_by("pk")[:2]
    day = timezone.localdate() + timedelta(days=60)
    waiting, decided = (
        accepted.ask(
            each, ends_on=day, rating="medium", reason="Until the servers move to the new zone.", by=by,
            alternate_control="The intrusion sensor watches this segment.", plan="POAM-12",
        )
        for each in found
    )  # fmt: skip
    risks.accept(decided, by=decided.system.authorising_officer, because="Seen with the owner.")
    return {"risk": waiting.ref, "accepted_risk": decided.ref}


def reviewed(now: datetime) -> dict[str, object]:
    """A review that was held, one that was missed, and one going on beside one to be opened."""
    chandra = person("chandra")
    first = System.objects.order_by("pk")[0]
    opened, _ = (meetings.add_review(first, due_at=now + timedelta(each), chair=chandra, by=chandra) for each in (0, 1))
    meetings.open_review(opened, by=chandra)
    of_state = {
        name: Review.objects.filter(state=state).order_by("pk")[0].ref
        for name, state in (("held", "closed"), ("missed", "missed"), ("planned", "planned"))
    }
    due = opened.agenda.exclude(connection=None)[0]
    meetings.decide(due, what="revoke", note="Nobody uses it.", by=chandra)
    second = meetings.add_review(first, due_at=now + timedelta(hours=1), chair=chandra, by=chandra)
    meetings.open_review(second, by=chandra)
    meetings.attend(second, people=[chandra, person("omar")], by=chandra)
    for item in second.agenda.filter(kind="finding"):
        meetings.decide(item, what="fix", by=chandra)
    meetings.sign(second, by=chandra)
    going_on, ended = (
        campaigns.start(title=title, systems=list(System.objects.all()), which="all",
                        due=timezone.localdate() + timedelta(days=20), by=person("mina"))
        for title in ("Spring recertification", "Winter recertification")
    )  # fmt: skip
    campaigns.close(ended, because="It was begun with the wrong day.", by=person("mina"))
    of_state |= {"campaign": going_on.ref, "ended": ended.ref}
    return {**of_state, "opened": opened.ref, "line": due.pk, "signing": second.ref}


def let_in() -> dict[str, object]:
    """Ines has password, code and passkey, Ada a password; Nina has a fresh link; Rita a way to a new password."""
    ines, rita, alex = person("ines"), person("rita"), person("alex")
    for each in (ines, person("ada")):
        each.set_password(PASSWORD)
        each.save()
    TOTP.activate(ines, "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(ines)
    laptop = WebAuthn.add(ines, "Laptop", passkey.made()).instance
    asked_at = timezone.now() - timedelta(minutes=1)
    nina = people.make_person(f"nina@{DOMAIN}", "Nina Novak", roles=[Role.AUDITOR], by=alex, at=asked_at)
    second = people.make_person(f"astrid@{DOMAIN}", "Astrid Berg", roles=[Role.ADMINISTRATOR], by=alex)
    unconfirmed = people.grant(nina, Role.MANAGER, by=second)
    until = timezone.now() + timedelta(days=90)
    one = System.objects.all()[:1]
    token, _ = make_token("NetBox import", roles=[Role.REQUESTER], systems=one, until=until, by=alex)
    return {
        "token": token.pk,
        "unconfirmed": unconfirmed.pk,
        "passkey": laptop.pk,
        "fresh_link": people.set_up_link(nina, by=alex),
        "reset": f"{user_pk_to_url_str(rita)}-{default_token_generator.make_token(rita)}",
    }
