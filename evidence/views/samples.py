"""Samples an assessor draws: a population, a period and a seed of their own, and the rows with their whole trail.

Nothing is stored: the same address gives the same rows again, and an auditor's visit stands in the ledger with it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from compliance.models import System, User
from compliance.views.changes import signed_in
from evidence.actions.packs import cut_off
from evidence.forms.samples import SampleForm
from evidence.packs.section import Scope
from evidence.packs.sections import sampling, trail
from evidence.packs.verify_sampling import digest, rank

STEPS = dict(zip(trail.STEPS, ("Asked", "Agreed", "Version", "Rule", "Seen", "Verdict"), strict=True))


@require_safe
def samples(request: HttpRequest) -> HttpResponse:
    """The form, and by its fields the sample: as a page, or with `format=json` as the file that draws itself again."""
    person = signed_in(request)
    asked = "seed" in request.GET
    form = SampleForm(request.GET if asked else None, person=person)
    context: dict[str, Any] = {"form": form, "sample": None}
    if asked and form.is_valid():
        said = form.cleaned_data
        scope = scope_of(person, said["system"], said["month"])
        drawn = sampling.sample(scope, said["population"], said["seed"], said["size"])
        if request.GET.get("format") == "json":
            answer = HttpResponse(sampling.document(scope, [drawn], ids=True), content_type="application/json")
            answer["Content-Disposition"] = 'attachment; filename="sample.json"'
            return answer
        context |= shown(drawn, scope)
        context["json_url"] = f"?{request.GET.urlencode()}&format=json"
    return render(request, "evidence/samples.html", context, status=422 if form.errors else 200)


def scope_of(person: User, system: System | None, month: str) -> Scope:
    """The systems a person may see (or the one), and the month up to its end or to now."""
    names = (system.name,) if system else tuple(System.objects.for_user(person).values_list("name", flat=True))
    since = date.fromisoformat(f"{month}-01")
    until = (since.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return Scope(tuple(sorted(names)), since, until, cut_off(until, timezone.now()))


def shown(drawn: sampling.Sample, scope: Scope) -> dict[str, Any]:
    """What the page takes of a sample."""
    rows = [
        {
            "id": row.id,
            "url": f"/{WHERE[row.id.partition('-')[0]]}/{row.id}/",
            "what": row.what,
            "rank": rank(drawn.seed, row.id),
            "steps": list(zip(STEPS.values(), row.short, strict=True)),
        }
        for row in drawn.rows
    ]
    return {"sample": drawn, "rows": rows, "as_of": scope.as_of, "digest": digest(drawn.ids)}


WHERE = {"CON": "connections", "CHG": "changes", "FND": "findings"}
