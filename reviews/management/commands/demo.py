"""`./run demo`: the sample organisation from nothing to a signed pack. The last line of stdout is one JSON object."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.errors import Refused
from compliance.models import Job, Organisation, System, User
from compliance.project.supervise import stack
from evidence.actions import packs, sources
from evidence.models import Comparison, Pack, Source
from evidence.packs import verify
from reviews.sample import site
from reviews.sample.load import load

PATIENCE_S = 240.0
ENDED = (Job.State.DONE, Job.State.DEAD, Job.State.CANCELLED)


class Command(BaseCommand):
    """Load (once), read, compare, build, verify: through the real broker and workers."""

    help = "The sample organisation, from nothing to a signed pack."

    def handle(self, *args: Any, **options: Any) -> None:
        """Says on stderr how far it is, and on stdout what came of it. Exit 1 and a sentence when anything failed."""
        try:
            said = demonstrate()
        except Refused as refused:
            raise CommandError(" ".join(filter(None, (refused.what, refused.why, refused.next_step)))) from refused
        self.stdout.write(json.dumps(said))


def demonstrate() -> dict[str, Any]:
    """The whole way: {"pack", "pdf": paths, "verdicts": {verdict: count}, "seconds"}. Raises Refused, CommandError."""
    begun = time.monotonic()
    if not Organisation.objects.exists():
        load(at=timezone.now(), say=say)
    if not Organisation.objects.filter(is_sample=True).exists():
        raise CommandError("This var/ holds an organisation of your own. Set EASTWEST_VAR to an empty folder.")
    site.arrive("now", timezone.now())  # before anything runs: a reading must not meet a folder that is half there
    site.lose()
    with stack(settings.VAR):
        comparison = compared()
        pack = packed()
    report = verify.verify(packs.path_of(pack), pack.fingerprint)
    if not report.ok:
        raise CommandError(f"The pack does not verify: {'; '.join(report.members.values())}")
    say(f"{pack.ref} is signed and verifies")
    return {
        "pack": str(packs.path_of(pack)),
        "pdf": str(packs.path_of(pack, "pdf")),
        "verdicts": comparison.counts,
        "seconds": round(time.monotonic() - begun, 1),
    }


def say(text: str) -> None:
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


def compared() -> Comparison:
    """Every source is read by the workers, then all is compared."""
    erin = User.objects.get(email="erin@sample.example")
    with transaction.atomic():
        rows = [sources.read_now(source, by=erin) for source in Source.objects.filter(enabled=True)]
    until_done([row.job_id for row in rows if row.job_id], "sources read")
    with transaction.atomic():
        job = enqueue("compare", key=f"compare:demo:{timezone.now().isoformat()}", args={})
    until_done([job.pk], "comparison")
    found = Comparison.objects.filter(published=True, job=job).first()
    if found is None:
        raise CommandError("No comparison was published. Run ./run doctor.")
    return found


def packed() -> Pack:
    """The pack of the month that ends today, asked for by the auditor."""
    ada = User.objects.get(email="ada@sample.example")
    today = timezone.localdate()
    pack = packs.ask(systems=list(System.objects.all()), since=today - timedelta(days=30), until=today, by=ada)
    until_done([pack.job_id] if pack.job_id else [], "pack")
    pack.refresh_from_db()
    if pack.state != Pack.State.BUILT:
        raise CommandError(f"{pack.ref} was not built: {pack.problem or 'its job ended without it'}")
    return pack


def failing(numbers: list[int]) -> bool:
    """A job that failed twice the same way will not mend itself while somebody waits for it."""
    return Job.objects.filter(pk__in=numbers, tries__gte=2).exclude(last_error="").exists()


def until_done(numbers: list[int], what: str) -> None:
    """Waits until these jobs have ended; a job that was given up is an error, said with its last words."""
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE_S:
        states = list(Job.objects.filter(pk__in=numbers).values_list("state", flat=True))
        if all(state in ENDED for state in states) or failing(numbers):
            break
        time.sleep(0.1)
    bad = Job.objects.filter(pk__in=numbers).exclude(state=Job.State.DONE).first()
    if bad is not None:
        raise CommandError(f"{what}: {bad.get_state_display().lower()} after {bad.tries} tries. {bad.last_error}")
    say(f"{what}: {len(numbers)} job{'s' if len(numbers) != 1 else ''} done in {time.monotonic() - begun:.1f} s")
