"""The confirmation page before a verb: read back, reason, and one click. Opening it does nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from compliance.errors import NotAllowed, Refused


def confirm(
    request: HttpRequest,
    *,
    form: forms.Form,
    act: Callable[[Any], Any],
    done: Callable[[Any], str],
    context: dict[str, Any],
    template: str = "compliance/verb_form.html",
) -> HttpResponse:
    """Shows the confirmation (GET), or carries the verb out (POST) and goes to `done`. Nothing typed is lost."""
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(done(act(form)))
        except Refused as refusal:
            refused = refusal
    status = 403 if isinstance(refused, NotAllowed) else 409 if refused else 422 if form.errors else 200
    return render(request, template, {**context, "form": form, "refused": refused}, status=status)
