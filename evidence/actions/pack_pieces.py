"""A pack whose lists are printed is set in pieces, a job each: handed out to all workers, waited for, and put together.

The folder of the pack (evidence/packs/parts.py) is the truth: what lies there is made. The job of the pack waits for
its pieces without holding a worker, and the last piece calls it. Whatever becomes of the pack, its folder goes with it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from compliance.actions.jobs import abandon, enqueue_all
from compliance.errors import Later
from compliance.models import Job
from compliance.run import Run
from evidence.artefacts import write_whole
from evidence.models import Pack
from evidence.packs import parts
from evidence.packs.render import RenderError

KIND: Final = "set_pages"
AGAIN: Final = timedelta(seconds=20)  # should the last piece not call, because its worker died just then
WRONG, SUMMARY = "wrong.txt", "sections.json"


def folder_of(pack: Pack) -> Path:
    """Where a pack is laid out while its pieces are made."""
    return Path(settings.PACKS) / "building" / pack.ref


def hand_out(pack: Pack, plan: parts.Plan, summary: Sequence[dict[str, Any]]) -> None:
    """A job for each piece; `summary`: what the row of the pack will say of its sections."""
    write_whole(plan.folder / SUMMARY, json.dumps(summary).encode())
    enqueue_all(KIND, {f"pack:{pack.pk}:piece:{at}": {"pack": pack.pk, "piece": at} for at in parts.missing(plan)})


def summary_of(pack: Pack) -> list[dict[str, Any]]:
    """What was said of the sections when the pack was laid out."""
    said: list[dict[str, Any]] = json.loads((folder_of(pack) / SUMMARY).read_bytes())
    return said


def wait(pack: Pack, plan: parts.Plan, run: Run) -> None:
    """Goes on when every piece is made. Raises Later while some are not, RenderError when one cannot be made."""
    wrong = plan.folder / WRONG
    if wrong.exists():
        raise RenderError(wrong.read_text("utf-8"))
    missing, of = parts.missing(plan), len(plan.pieces)
    if missing:
        hand_out(pack, plan, summary_of(pack))  # those that are there already stay as they are
        run.step(progress(of - len(missing), of), of - len(missing), of)
        raise Later(timezone.now() + AGAIN, progress(of - len(missing), of))


def progress(made: int, of: int) -> str:
    """How far it is, for a person."""
    return f"Setting the pages of the lists: {made} of {of} pieces are made"


def make(run: Run) -> None:
    """One piece. One that cannot be made says why, and the pack ends with that sentence."""
    pack = Pack.objects.get(pk=run.args["pack"])
    plan = parts.read(folder_of(pack))
    if pack.state != Pack.State.QUEUED or plan is None:
        return  # cancelled meanwhile: nothing waits for it
    try:
        parts.make(plan, run.args["piece"])
    except RenderError as error:
        write_whole(plan.folder / WRONG, str(error).encode())
    if parts.read(plan.folder) is None:  # the pack ended meanwhile, and its folder went before this piece came into it
        shutil.rmtree(plan.folder, ignore_errors=True)
        return
    with run.finish():
        call(pack, plan)


def call(pack: Pack, plan: parts.Plan) -> None:
    """Tells the waiting job of the pack how far its pieces are, and that it may go on. In the caller's transaction."""
    made = len(plan.pieces) - len(parts.missing(plan))
    waiting = Job.objects.filter(pack=pack, state=Job.State.QUEUED)
    waiting.update(step=progress(made, len(plan.pieces)), done=made, of=len(plan.pieces))
    if made == len(plan.pieces) or (plan.folder / WRONG).exists():
        waiting.update(run_at=timezone.now())


def abandoned(job: Job) -> None:
    """A piece that was given up takes the pack with it, which says so."""
    pack = Pack.objects.get(pk=job.args["pack"])
    plan = parts.read(folder_of(pack))
    if pack.state == Pack.State.QUEUED and plan is not None:
        said = f"Piece {job.args['piece'] + 1} of its pages was given up after {job.tries} tries. {job.said}"
        write_whole(plan.folder / WRONG, said.strip().encode())
        call(pack, plan)


def clear(pack: Pack) -> None:
    """The folder goes, and with it the pieces that still wait; one that is being made finds nobody who waits for it."""
    shutil.rmtree(folder_of(pack), ignore_errors=True)
    left = Job.objects.filter(kind=KIND, key__startswith=f"pack:{pack.pk}:piece:")
    abandon(left.filter(state=Job.State.QUEUED), Job.State.CANCELLED, timezone.now())
