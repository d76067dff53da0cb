"""What Celery carries: a number of a job, and the tick. All else is in the database."""

from __future__ import annotations

from celery import shared_task

from compliance.actions import jobs


@shared_task(name="compliance.run_job")
def run_job(number: int) -> None:
    """Run this job if it is still to be run."""
    jobs.run_job(number)


@shared_task(name="compliance.tick")
def tick() -> None:
    """Schedules and rings for what is due."""
    for number in jobs.tick():
        jobs.call(number)
