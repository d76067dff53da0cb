"""Repositories whose history was rewritten: what was read from them once is not in it any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from compliance.models import Server
from evidence.judgement import Judgement
from evidence.models import Pull
from evidence.rules import Certainty, Verdict

SAID_FOR: Final = timedelta(days=90)  # as long as for a record that was altered


def rewritten(at: datetime) -> list[Judgement]:
    """Repositories whose history does not hold any more what was read from it: said for a quarter after it was seen."""
    rows = Pull.objects.filter(device__has_key="rewritten", published=True, finished_at__gte=at - SAID_FOR)
    found = []
    for pull in rows.exclude(source__server__status=Server.Status.RETIRED).select_related("source__server"):
        gone, name = str(pull.device["rewritten"])[:12], pull.source.server.name
        point = f"{name}/source {pull.source.name}"[:200]
        because = (
            f"The history of {pull.device.get('branch')} was rewritten: commit {gone}, read before"
            f" {timezone.localtime(pull.finished_at):%d %b %Y, %H:%M}, is not in it any more. Who did it can have"
            " changed what was said of any day."
        )
        subject = f"{name} history without {gone}"
        found.append(
            Judgement(Verdict.changed_without_record, Certainty.definite, subject, point, "", (), None, because)
        )
    return found
