"""A worker of its own for the kill tests: claims one job and works on it, slowly, in a process that can be killed."""

from __future__ import annotations

import time

from django.conf import settings

from compliance.actions.jobs import run_job
from compliance.models import LedgerInbox
from compliance.run import Run


def slow(run: Run) -> None:
    """Says that it has begun, takes its time, and publishes one row."""
    run.step("begun", 1, 2)
    time.sleep(float(run.args["seconds"]))
    with run.finish():
        LedgerInbox.objects.create(data={"verb": "effect", "job": run.job.pk})


def work(job_id: int) -> None:
    """What a Celery worker does with the number of a job. Its database is the one DATABASE_URL names."""
    settings.JOB_KINDS = {"slow": "tests.compliance.job_child.slow"}
    settings.JOB_LEASE_S = 2
    run_job(job_id)
