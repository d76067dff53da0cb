"""Setting up who and what there is: organisation, systems, zones, people and roles. One page, one verb each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from compliance.actions import estate, people
from compliance.errors import Refused
from compliance.forms.estate import OrganisationForm, PersonForm, RoleForm, SystemForm, ZoneForm, given
from compliance.permissions import check
from compliance.views.changes import signed_in
from compliance.views.step_up import held

Act = Callable[[Any], HttpResponse]


def asked(
    request: HttpRequest,
    form: forms.Form,
    act: Act,
    *,
    verb: str,
    title: str,
    lead: str,
    submit: str,
    more: str = "",
) -> HttpResponse:
    """A form page: shown, or carried out by one verb. A refusal keeps what was typed. `more`: to add another one."""
    check(signed_in(request), verb, None)
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            return act(form)
        except Refused as refusal:
            refused = refusal
    crumb = [{"label": "Set-up", "url": "/setup/"}]
    context = {
        "title": title,
        "lead": lead,
        "form": form,
        "submit": submit,
        "more": more,
        "back_url": "/setup/",
        "multipart": False,
        "crumb": crumb,
        "refused": refused,
    }
    return render(request, "compliance/form.html", context, status=422 if form.errors or refused else 200)


def back(_: Any) -> HttpResponse:
    """To the task list."""
    return HttpResponseRedirect("/setup/")


def another(request: HttpRequest, made: Any, page: str) -> HttpResponse:
    """To the task list, or to the same page for the next one, with what was added said."""
    if not request.POST.get("more"):
        return back(made)
    messages.success(request, f"{made} is added.")
    return HttpResponseRedirect(page)


def organisation(request: HttpRequest) -> HttpResponse:
    """Add an organisation."""
    by = signed_in(request)
    return asked(
        request,
        OrganisationForm(request.POST or None),
        lambda form: back(estate.add_organisation(by=by, **given(form))),
        verb="manage_estate",
        title="Add an organisation",
        lead="Your own first; others own ends of connections that leave it.",
        submit="Add the organisation",
    )


def system(request: HttpRequest) -> HttpResponse:
    """Add a system."""
    by = signed_in(request)
    return asked(
        request,
        SystemForm(request.POST or None),
        lambda form: another(request, estate.add_system(by=by, **given(form)), "/setup/systems/new/"),
        verb="manage_estate",
        title="Add a system",
        lead="Its owner and a manager decide on every connection of it.",
        submit="Add the system",
        more="Add it, and another",
    )


def zone(request: HttpRequest) -> HttpResponse:
    """Add a zone."""
    by = signed_in(request)
    return asked(
        request,
        ZoneForm(request.POST or None),
        lambda form: another(request, estate.add_zone(by=by, **given(form)), "/setup/zones/new/"),
        verb="manage_estate",
        title="Add a zone",
        lead="Servers whose addresses lie in its prefixes belong to it.",
        submit="Add the zone",
        more="Add it, and another",
    )


def person(request: HttpRequest) -> HttpResponse:
    """Add a person; the page that follows shows their one-time link, once."""
    by = signed_in(request)

    def act(form: forms.Form) -> HttpResponse:
        said = given(form)
        role = said.pop("role")
        made = people.make_person(said.pop("email"), said.pop("name"), roles=[role], by=by, **said)
        token = people.set_up_link(made, by=by)
        link = f"{settings.SITE_URL}/setup/link/{token}/"
        return render(request, "compliance/person_added.html", {"person": made, "link": link, "form": PersonForm()})

    return asked(
        request,
        PersonForm(request.POST or None, initial=held(request)),
        act,
        verb="manage_people",
        title="Add a person",
        lead="At least two people who decide: nobody approves their own request, and nobody approves alone.",
        submit="Add the person",
    )


def role(request: HttpRequest) -> HttpResponse:
    """Give somebody another role."""
    by = signed_in(request)

    def act(form: forms.Form) -> HttpResponse:
        said = given(form)
        last = said.pop("until", None)
        until = timezone.make_aware(datetime.combine(last + timedelta(days=1), time())) if last else None
        people.grant(said.pop("person"), said.pop("role"), by=by, until=until, **said)
        return HttpResponseRedirect("/setup/roles/")

    return asked(
        request,
        RoleForm(request.POST or None, initial=held(request)),
        act,
        verb="manage_people",
        title="Give a role",
        lead="Nobody gives one to themselves, and administrators never approve. A role that decides or administers "
        "counts once a second administrator confirmed it; given by the only one, it decides nothing for a day.",
        submit="Give the role",
    )
