"""Several findings ticked in their list, read back, and acknowledged each by its own verb."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from compliance.actions.bulk import Outcome
from compliance.permissions import check, may
from compliance.views.bulk import answered, numbers
from compliance.views.changes import signed_in
from compliance.views.step_up import held
from compliance.words import VERDICTS
from evidence.actions import findings as verbs
from evidence.forms.findings import AcknowledgeEachForm
from evidence.models import Finding


def acknowledge_each(request: HttpRequest) -> HttpResponse:
    """Say of the ticked findings of one severity who looks after them. They stay findings."""
    person = signed_in(request)
    check(person, "acknowledge", None)
    wanted = numbers(request, "finding", "FND")
    given = {row.pk: row for row in Finding.objects.for_user(person).filter(pk__in=wanted)}
    rows = [given[key] for key in wanted if key in given]
    form = AcknowledgeEachForm(request.POST or None, initial=held(request), refs={row.ref: row.pk for row in rows})
    lines = []
    for row in rows:
        why = may(person, "acknowledge", row)
        lines.append(
            {
                "ref": row.ref,
                "url": f"/findings/{row.ref}/",
                "text": row.because,
                "detail": row.subject,
                "note": VERDICTS[row.verdict].label,
                "seen": "",
                "wrong": (why.why or why.what) if why else "" if row.state == Finding.State.OPEN else "it is not open",
                "grade": row.severity,
            }
        )

    def act() -> list[Outcome]:
        return verbs.acknowledge_each(rows, because=form.reasons(), by=person)

    return answered(
        request, form, lines, act, name="finding", title="Acknowledge several findings", back="/findings/",
        consequence="They stay findings until a comparison no longer finds them.", heads=("Finding", "Concerns"),
    )  # fmt: skip
