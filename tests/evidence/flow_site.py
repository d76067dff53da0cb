"""Flow logs in the application, for the tests: files by upload or folder, and the jobs that read them."""

from __future__ import annotations

import gzip
import io
import os
import time
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from compliance.actions.jobs import run_job
from compliance.models import Job, System, User
from evidence.actions import flow_logs as verbs
from evidence.models import FlowLog, FlowPull
from tests.flowlogs.logs import V2, aws


def log_of(system: System, by: User, **said: object) -> FlowLog:
    """A flow log of a system, by upload unless `kind` says otherwise."""
    given = {"name": "payments VPC", "kind": "upload", **said}
    return verbs.add_flow_log(system=system, by=by, **given)  # type: ignore[arg-type]


def packed(*lines: str, header: str = V2) -> bytes:
    """A file of these lines as S3 keeps it."""
    return gzip.compress("".join(f"{line}\n" for line in ((header, *lines) if header else lines)).encode(), mtime=0)


def bring(log: FlowLog, by: User, **files: bytes) -> FlowPull:
    """Files that a person uploads, and their jobs done."""
    row = verbs.upload(log, [(name, io.BytesIO(content)) for name, content in files.items()], by=by)
    work()
    return row


def work(*kinds: str) -> int:
    """Does the jobs of flow logs that wait; gives how many."""
    wanted = kinds or ("fetch_flows", "roll_up_flows")
    done = 0
    while job := Job.objects.filter(kind__in=wanted, state=Job.State.QUEUED).order_by("pk").first():
        done += run_job(job.pk, now=max(timezone.now(), job.run_at))
    return done


def lay(folder: Path, name: str, content: bytes) -> Path:
    """A file in a folder that was put there a while ago."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    then = time.time() - 60
    os.utime(path, (then, then))
    return path


def logged(system: System, by: User, place: Path, net: str) -> dict[str, Any]:
    """Flow logs: one whose files a person brings, one of them not understood, one from a folder, one that rests."""
    place.mkdir()
    made = [
        log_of(system, by, name=f"{system} {name}", kind=kind, config=config)
        for name, kind, config in (
            ("flows", "upload", {}), ("flow folder", "directory", {"path": str(place)}), ("flows no more", "upload", {})
        )
    ]  # fmt: skip
    verbs.pause(made[2], on=True, because="It ended.", by=by)
    verbs.upload(made[0], [("flows.log", a_file(net).file), ("odd", io.BytesIO(b"odd\n"))], by=by)
    work()
    odd = made[0].files.get(name="odd")
    return {"flow_system": system, "flow_log": made[0], "flow_folder": made[1], "flow_rest": made[2], "flow_file": odd}


def a_file(net: str) -> SimpleUploadedFile:
    """A file of a flow log to bring: somebody speaks to the other on a service nobody authorised."""
    return SimpleUploadedFile("flows.log", f"{V2}\n{aws(f'{net}.11', f'{net}.12', 40000, 9)}\n".encode())
