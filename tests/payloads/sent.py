"""What leaves the application by other ways than pages: mail, packs, dumps as they were pulled, exports, the API."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Final

from django.core import mail
from django.core.mail import BadHeaderError
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.actions import jobs
from compliance.models import Job, Outbound
from compliance.register import RegisterError
from compliance.register_file import read_text
from evidence.actions import packs, sources
from evidence.actions.compare import compare
from evidence.models import Pack, PulledArtefact
from tests.evidence.site import save
from tests.matrix.world import OURS, World
from tests.payloads.corpus import PLANTED
from tests.payloads.leaks import in_file, in_mail, in_zip
from tests.payloads.tally import Tally

HEADER: Final = "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process"


def hostile_dumps(world: World) -> None:
    """A host whose rules, chains, comments and processes are called after payloads, read and compared."""
    side = world.sides[OURS]
    shown = [one.replace("\n", " ").replace("\r", " ").replace('"', '\\"') for one in PLANTED]
    rules = [
        f'-A INPUT -s 10.61.1.11/32 -p tcp -m tcp --dport {7000 + number} -m comment --comment "{text[:200]}" -j ACCEPT'
        for number, text in enumerate(shown)
    ]
    chains = "".join(f":{text.replace(' ', '')[:28]} - [0:0]\n" for text in shown)
    listening = "".join(
        f'tcp LISTEN 0 128 0.0.0.0:{7000 + number} 0.0.0.0:* users:(("{text[:80]}",pid=1,fd=3))\n'
        for number, text in enumerate(shown)
    )
    shares = "".join(f'"/export/{text[:60]}" 10.61.1.11(ro) {text[:40].replace(" ", "")}(rw)\n' for text in shown)
    source = sources.add_source(server=side.data, kind="upload", name="hostile upload", by=world.people.alex)
    for files in (
        [("iptables-save.txt", save(*rules).replace("*filter\n", f"*filter\n{chains}").encode())],
        [("iptables-save.txt", save(*rules).encode()), ("ss.txt", f"{HEADER}\n{listening}".encode()),
         ("exports", shares.encode()), ("<img src onerror=window.lk7x=1>.txt", b"=1+1")],
    ):  # fmt: skip
        pull = sources.upload(source, files, by=side.owner)
        if pull.job_id is not None:
            jobs.run_job(pull.job_id)
    compare()


def mails(tally: Tally) -> int:
    """Every message that waits is sent, one by one and in the mail of the day; each is looked at as rendered."""
    mail.outbox = []
    waiting = Outbound.objects.select_related("to").filter(to__is_active=True, to__is_service=False)
    waiting.update(sent_at=None, how="at_once")
    Job.objects.filter(kind="send").delete()
    for row in waiting:
        job = jobs.enqueue("send", key=f"tried:{row.pk}", args={"outbound": row.pk})
        before = len(mail.outbox)
        try:
            jobs.run_job(job.pk)
        except BadHeaderError:
            tally.leaks.append(f"mail {row.pk}: cannot be sent ({row.subject[:60]!r})")
        looked(tally, f"mail {row.pk}", before, [row.to.email])
        if len(mail.outbox) == before:
            job.refresh_from_db()
            tally.leaks.append(f"mail {row.pk}: was not sent ({job.last_error[-120:]!r})")
    return len(mail.outbox)


def looked(tally: Tally, where: str, before: int, to: list[str]) -> None:
    """What is wrong with the messages since."""
    for message in mail.outbox[before:]:
        tally.outputs += 1
        tally.leaks += [f"{where}: {one}" for one in in_mail(message.message().as_bytes(), to)]


def packed(world: World, tally: Tally) -> int:
    """A pack of both systems: each member of the ZIP and the PDF; gives how many members."""
    today = timezone.localdate()
    pack = packs.ask(
        systems=[side.system for side in world.sides.values()], since=today - timedelta(days=20), until=today,
        by=world.people.ada,
    )  # fmt: skip
    packs.build(pack)
    pack.refresh_from_db()
    if pack.state == Pack.State.FAILED:
        tally.leaks.append(f"pack: was not built ({pack.problem[-200:]})")
        return 0
    found, members = in_zip(packs.path_of(pack, "zip").read_bytes())
    pdf = packs.path_of(pack, "pdf")
    if pdf.exists():
        found += in_file("pack.pdf", pdf.read_bytes())
        members += 1
    tally.outputs += members
    tally.leaks += [f"pack {one}" for one in found]
    return members


def raw_dumps(client: Client, tally: Tally) -> None:
    """Each artefact as it was pulled is text that no browser runs."""
    for row in PulledArtefact.objects.select_related("pull"):
        path = reverse("source_raw", kwargs={"number": row.pull.source_id, "artefact": row.pk})
        tally.look(f"raw {row.pk}", client.get(path))


def register(tally: Tally) -> None:
    """The register as a file, which other programs read: whole YAML, nothing of it a tag or an alias."""
    out = io.StringIO()
    call_command("register", stdout=out)
    tally.outputs += 1
    try:
        read_text(out.getvalue())
    except (RegisterError, ValueError) as error:
        tally.leaks.append(f"register: {type(error).__name__}: {str(error)[:200]}")
