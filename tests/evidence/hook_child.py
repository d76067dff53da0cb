"""A worker that is killed after a message was sent and before anything is noted of it."""

from __future__ import annotations

import ipaddress
import os
import signal
from pathlib import Path
from typing import Any

from django.conf import settings

from compliance.actions.jobs import run_job
from evidence.collectors import https


def work(job_id: int, authority: str) -> None:
    """What a worker does with the number of a job, until the message is out."""
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.1")]
    settings.RECEIVERS_CA_FILE = Path(authority)
    whole = https.post

    def and_killed(*args: Any, **kinds: Any) -> None:
        whole(*args, **kinds)
        os.kill(os.getpid(), signal.SIGKILL)

    https.post = and_killed  # type: ignore[assignment]
    run_job(job_id)
