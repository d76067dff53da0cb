"""The kinds of jobs about flow logs, and their schedule."""

from __future__ import annotations

from datetime import datetime

from compliance.models import Job
from compliance.run import Run
from evidence.actions import flow_files, flow_logs, flow_pulls
from evidence.models import FlowFile, FlowLog, FlowPull


def fetch(run: Run) -> None:
    """Fetches what is new of one flow log."""
    log = FlowLog.objects.select_related("through__server").get(pk=run.args["log"])
    flow_pulls.fetch(log, FlowPull.objects.select_related("by", "log").get(pk=run.args["pull"]), run=run)


def roll_up(run: Run) -> None:
    """Reads one file of a flow log."""
    flow_files.roll_up(FlowFile.objects.select_related("stored", "log").get(pk=run.args["file"]), run=run)


def fetch_abandoned(job: Job) -> None:
    """The fetching ends as failed: the flow log is free for the next one."""
    flow_pulls.abandoned(job)


def roll_up_abandoned(job: Job) -> None:
    """The file could not be read, and says so."""
    flow_files.abandoned(job)


def systems_of_fetch(job: Job) -> list[int]:
    """The system whose flow log it is."""
    return list(FlowLog.objects.filter(pk=job.args["log"]).values_list("system_id", flat=True))


def systems_of_file(job: Job) -> list[int]:
    """The system whose flow log the file is of."""
    return list(FlowFile.objects.filter(pk=job.args["file"]).values_list("log__system_id", flat=True))


def due_fetches(now: datetime) -> None:
    """The fetchings whose time has come, each once."""
    flow_logs.due(now)
