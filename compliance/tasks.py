"""Celery's two tasks: the word that there is work, and the work. The database decides what is really to be done."""

from __future__ import annotations

from contextlib import ExitStack

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from compliance.actions import jobs


@shared_task(name="compliance.tick")  # type: ignore[untyped-decorator]
def tick() -> None:
    """Every two seconds: frees what dead workers held, asks the schedules what is due, and tells the workers."""
    now = timezone.now()
    with ExitStack() as all_of_these:  # each is called even when the one before it failed; the error comes after
        all_of_these.callback(dispatch)
        for dotted in settings.SCHEDULES:
            all_of_these.callback(lambda path: import_string(path)(now), dotted)
        all_of_these.callback(jobs.free_lost, now)


def dispatch() -> None:
    """Sends the number of each due job to the workers of its kind. Twice is harmless: one of them claims it."""
    for key, kind in jobs.due(timezone.now()):
        run_job.apply_async((key,), queue=settings.JOB_QUEUES.get(kind, settings.CELERY_TASK_DEFAULT_QUEUE))


@shared_task(name="compliance.run_job")  # type: ignore[untyped-decorator]
def run_job(job_id: int) -> None:
    """Claims the job and does it; nothing when somebody else has it."""
    jobs.run_job(job_id)
