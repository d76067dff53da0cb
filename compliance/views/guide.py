"""Pages that explain: how a change moves from the asking to the proof."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from compliance.models import TRANSITIONS, State
from compliance.steps import steps

# state → what it means for somebody who reads it for the first time
STATES = {
    State.DRAFT: "Somebody writes it. Nobody decides on it, and it authorises nothing.",
    State.SUBMITTED: "It says what it says, and waits for the people named in it. It authorises nothing yet.",
    State.APPROVED: "Everybody agreed. What it says is authorised; the rules are still to be changed.",
    State.REJECTED: "Somebody whose agreement it needed said no. It authorises nothing.",
    State.WITHDRAWN: "It was taken back. It authorises nothing.",
    State.IMPLEMENTED: "An engineer says that the rules are changed. No reading has shown it yet.",
    State.VERIFIED: "The rules as read show exactly what was approved.",
    State.DISPUTED: "A reading, or somebody who knows, says that it was not done as approved.",
    State.RETIRED: "Something else took its place. It stays in the records.",
}


def changes(request: HttpRequest) -> HttpResponse:
    """The table of steps, and what each state means."""
    labels = {step.verb: step.label for step in steps()}
    rows = [
        {
            "state": state.value,
            "means": STATES[state],
            "next": [labels[verb] for verb, step in TRANSITIONS.items() if state.value in step.sources],
        }
        for state in State
    ]
    return render(request, "compliance/help_changes.html", {"steps": steps(), "states": rows})
