"""The two verbs of saved filters, by which one comes back to the list."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from compliance.actions import saved as verbs
from compliance.errors import Refused
from compliance.permissions import check
from compliance.views.changes import signed_in


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Saves the filters that the form names for the person, and goes back to them."""
    path, query = request.POST.get("path", ""), request.POST.get("query", "")
    person = signed_in(request)
    check(person, "see", None)
    try:
        row = verbs.keep(person, path=path, query=query, name=request.POST.get("name", ""))
    except Refused as refused:
        messages.error(request, f"{refused.what} {refused.why} {refused.next_step}")
        return HttpResponseRedirect(f"{path}?{query}" if verbs.is_a_list(path) else "/evidence/")
    messages.success(request, f"Saved as “{row.name}”.")
    return HttpResponseRedirect(row.url)


@require_POST
def forget(request: HttpRequest, number: int) -> HttpResponse:
    """Takes one of one's own away."""
    path = verbs.forget(signed_in(request), number)
    if not path:
        raise Http404
    messages.success(request, "It is forgotten.")
    return HttpResponseRedirect(path)
