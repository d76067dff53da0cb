"""The Job card: where long work stands, and asking it to stop."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from compliance.actions import jobs as verbs
from compliance.models import Job
from compliance.permissions import check, may
from compliance.views.changes import signed_in

TITLES = {
    "pull": "Reading",
    "read_inventory": "Reading the list",
    "fetch_flows": "Fetching a flow log",
    "roll_up_flows": "Reading a file of a flow log",
    "run_sheet": "Running a test sheet",
    "compare": "Comparing",
    "build_pack": "Building the pack",
    "set_pages": "Setting pages of a pack",
    "verify_change": "Checking the change",
    "reconcile": "Checking the records",
    "remind_dates": "Saying what falls due",
    "remind": "Reminding",
    "plan_reviews": "Planning the reviews",
    "send": "Sending a notice",
}


def card(job: Job, *, result_url: str = "", result_label: str = "", title: str = "") -> dict[str, Any]:
    """Context of parts/job.html."""
    waiting = job.state == Job.State.QUEUED and job.tries > 0
    return {
        "title": title or TITLES.get(job.kind, job.kind.replace("_", " ").capitalize()),
        "state": "failed" if waiting else job.state,
        "url": f"/jobs/{job.pk}/?result={result_url}",
        "step": job.step,
        "done": job.done,
        "of": job.of,
        "steps": [],
        "started_at": job.created_at,
        "error": job.last_error.splitlines()[0] if job.last_error else "",
        "next_step": "It is tried again by itself." if waiting else "",
        "cancel_url": f"/jobs/{job.pk}/cancel/",
        "result_url": result_url,
        "result_label": result_label,
    }


def job(request: HttpRequest, number: int) -> HttpResponse:
    """The card: alone for the page that polls it, on a page of its own for who comes by its address."""
    row = visible(request, number)
    result = request.GET.get("result", "")
    local = result if result.startswith("/") and not result.startswith("//") else ""
    alone = request.headers.get("HX-Request") == "true"
    return render(request, "parts/job.html" if alone else "compliance/job.html", {"job": card(row, result_url=local)})


@require_POST
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    """Ask the job to stop; it does at its next step."""
    verbs.cancel(visible(request, number), by=signed_in(request))
    return HttpResponseRedirect(f"/jobs/{number}/")


def visible(request: HttpRequest, number: int) -> Job:
    """The job, for who asked for it or who looks after the systems it is about; elsewhere it does not exist."""
    person = signed_in(request)
    row = get_object_or_404(Job, pk=number)
    if row.requested_by_id != person.pk:
        if may(person, "see", row) is not None:
            raise Http404
        check(person, "see_jobs", row)
    return row
