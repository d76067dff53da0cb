"""Adding to a group, a zone or a server: a form, what it opens read back, then done or asked for; and taking away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions import decommission as leaving_verbs
from compliance.actions import widening as verbs
from compliance.actions.leaving import plan
from compliance.actions.policy import look
from compliance.actions.policy_widening import WIDENED
from compliance.errors import NotAllowed, Refused
from compliance.forms.decisions import ReasonForm
from compliance.forms.widening import (
    AddressForm,
    CeilingForm,
    DecommissionForm,
    MemberForm,
    ObservedForm,
    PrefixForm,
    WideningForm,
)
from compliance.models import Address, Endpoint, Group, Membership, PartyPrefix, Server, User, Zone, ZonePrefix
from compliance.observed import PEOPLE, parse
from compliance.permissions import check, may
from compliance.views.changes import signed_in
from compliance.views.panels import panel
from compliance.views.places import parties
from compliance.views.policy_panel import shown as policy_shown
from compliance.views.requests import except_from
from compliance.views.shown import facts
from compliance.views.verbs import confirm

NOT_CARRIED: Final = ("csrfmiddlewaretoken", "step")
Said = Callable[[Any], dict[str, Any]]


def member(request: HttpRequest, name: str) -> HttpResponse:
    """A server joins a group."""
    person = signed_in(request)
    group = get_object_or_404(Group.objects.for_user(person), name=name)
    form = MemberForm(request.POST or None, group=group, person=person)
    return add(
        request, group, form, lambda one: verbs.member(group, one.cleaned_data["server"]), f"Add a member to {name}"
    )


def prefix(request: HttpRequest, name: str) -> HttpResponse:
    """A zone gets a prefix."""
    zone = get_object_or_404(Zone.objects.for_user(signed_in(request)), name=name)
    form = PrefixForm(request.POST or None)
    return add(
        request, zone, form, lambda one: verbs.prefix(zone, one.cleaned_data["network"]), f"Add a prefix to {name}"
    )


def party_prefix(request: HttpRequest, name: str) -> HttpResponse:
    """A party outside gets a prefix."""
    party = get_object_or_404(parties(signed_in(request)), name=name)
    form = PrefixForm(request.POST or None)
    said = lambda one: verbs.party_prefix(party, one.cleaned_data["network"])  # noqa: E731
    return add(request, party, form, said, f"Add a prefix to {name}")


def address(request: HttpRequest, name: str) -> HttpResponse:
    """A server gets an address."""
    server = get_object_or_404(Server.objects.for_user(signed_in(request)), name=name)
    form = AddressForm(request.POST or None, person=signed_in(request))

    def said(one: AddressForm) -> dict[str, Any]:
        given = one.cleaned_data
        return verbs.address(server, given["address"], zone=given["zone"], interface=given["interface"])

    return add(request, server, form, said, f"Add an address to {name}")


def ceiling(request: HttpRequest, name: str) -> HttpResponse:
    """A dynamic group may grow further."""
    group = get_object_or_404(Group.objects.for_user(signed_in(request)), name=name)
    form = CeilingForm(request.POST or None, initial={"ceiling": group.ceiling})
    return add(
        request,
        group,
        form,
        lambda one: verbs.ceiling(group, one.cleaned_data["ceiling"]),
        f"Raise the ceiling: {name}",
    )


def observed(request: HttpRequest, name: str) -> HttpResponse:
    """By what a dynamic group's members are known."""
    group = get_object_or_404(Group.objects.for_user(signed_in(request)), name=name)
    form = ObservedForm(request.POST or None, initial=parts(group))
    return add(
        request,
        group,
        form,
        lambda one: verbs.observed(group, one.cleaned_data["observed"]),
        f"How members are known: {name}",
    )


def parts(group: Group) -> dict[str, str]:
    """What the form shows of what holds today."""
    try:
        return parse(group.observed)._asdict()
    except ValueError:
        return {"kind": PEOPLE}


def add(request: HttpRequest, thing: verbs.Owner, form: WideningForm, said: Said, title: str) -> HttpResponse:
    """The form (GET), what it opens (step=check), and the verb (step=send): directly, or as a change record."""
    person = signed_in(request)
    if may(person, *verbs.adding(thing)) is not None:
        check(person, "widen", thing)
    refused, now, back = None, timezone.now(), page_of(thing)
    step, rule = except_from(request.POST.get("step", ""))
    if step in ("check", "keep", "send") and form.is_valid():
        try:
            material = said(form)
            verbs.refuse_there(material, now)
            refuse_direct(person, thing, material)
            if rule:
                draft = verbs.ask(material, by=person, justification=form.justification(), submit=False)
                return HttpResponseRedirect(f"/changes/{draft.ref}/except/{rule}/")
            if step == "send":
                change = verbs.widen(material, by=person, justification=form.justification())
                return HttpResponseRedirect(f"/changes/{change.ref}/" if change else back)
            return render(request, "compliance/widen_check.html", checked(request, thing, material, form, title))
        except NotAllowed:
            raise
        except Refused as refusal:
            refused = refusal
    context = {
        "title": title, "lead": "You see what it opens before anything is done.", "form": form, "refused": refused,
        "back_url": back, "crumb": [{"label": str(thing), "url": back}],
    }  # fmt: skip
    status = 409 if refused else 422 if form.errors and step else 200
    return render(request, "compliance/widen_form.html", context, status=status)


def refuse_direct(person: User, thing: verbs.Owner, material: Mapping[str, Any]) -> None:
    """Who may ask for it may not always add it where nothing is asked for, and the other way round."""
    now = timezone.now()
    if verbs.why_ask(material, now):
        check(person, "widen", verbs.home(thing, material, now, person))
    else:
        check(person, *verbs.adding(thing))


def checked(
    request: HttpRequest, thing: verbs.Owner, material: Mapping[str, Any], form: WideningForm, title: str
) -> dict[str, Any]:
    """Context of the page that reads back what it opens."""
    now = timezone.now()
    why = verbs.why_ask(material, now)
    if why:
        verbs.refuse_unsaid(form.justification())
    carried = [(name, value) for name, values in request.POST.lists() for value in values if name not in NOT_CARRIED]
    return {
        "title": title,
        "facts": facts({**material, "opens": verbs.opened(material, now)}),
        "why": why,
        "reasons": form.justification() if why else {},
        "carried": [{"name": name, "value": value} for name, value in carried],
        "back_url": page_of(thing),
        "policy": weighed(signed_in(request), thing, material, form) if why else None,
        **panel("widening", material, signed_in(request)),
    }


def weighed(person: User, thing: verbs.Owner, material: Mapping[str, Any], form: WideningForm) -> dict[str, Any] | None:
    """What the policy says of what it newly authorises; nothing where it names no server (a ceiling)."""
    if material["kind"] not in WIDENED:
        return None
    home = verbs.home(thing, material, timezone.now(), person)
    found = look(material, form.justification(), system_id=home.pk)
    ask = "send-form" if may(person, "request_exception", home) is None else ""
    return policy_shown(found.hits, found.version.ref) | {"except_form": ask}


def page_of(thing: verbs.Owner) -> str:
    """The page of a group, zone, party or server."""
    part = {Server: "servers", Zone: "zones", Group: "groups", Endpoint: "parties"}[type(thing)]
    return f"/{part}/{thing.name}/"


def end(request: HttpRequest, kind: str, number: int) -> HttpResponse:
    """Takes a member, a prefix or an address away: at once, with a reason."""
    person = signed_in(request)
    row = find(kind, number, person)
    thing = verbs.thing_of(row)
    if request.method != "POST":
        check(person, *verbs.narrowing(thing))
    named = row.server.name if isinstance(row, Membership) else str(row)
    return confirm(
        request,
        form=ReasonForm(request.POST or None),
        act=lambda form: verbs.take_out(row, by=person, because=form.cleaned_data["because"]),
        done=lambda _: page_of(thing),
        context={
            "title": f"Take {named} out of {thing}",
            "crumb": [str(thing)],
            "back_url": page_of(thing),
            "subject": f"{named}, since {timezone.localtime(row.valid_from):%-d %B %Y}",
            "consequence": "It takes effect at once: what is authorised becomes narrower. Rules that still let it "
            f"through become findings.{again(row)}",
            "facts": [],
            "warning": None,
            "submit": "Take it out",
            "danger": True,
        },
    )


def again(row: verbs.Row) -> str:
    """That a member who is observed comes back, where it is so."""
    if isinstance(row, Membership) and row.group.observed:
        return " It joins again at the next comparison while it is seen: take it out of there as well."
    return ""


def find(kind: str, number: int, person: User) -> verbs.Row:
    """The row, where this person may see its owner."""
    if kind == "members":
        rows = Membership.objects.select_related("group__system", "server")
        return get_object_or_404(rows, pk=number, group__in=Group.objects.for_user(person))
    if kind == "prefixes":
        zones = Zone.objects.for_user(person)
        return get_object_or_404(ZonePrefix.objects.select_related("zone__system"), pk=number, zone__in=zones)
    if kind == "party-prefixes":
        rows_of = PartyPrefix.objects.select_related("end")
        return get_object_or_404(rows_of, pk=number, end__in=parties(person))
    servers = Server.objects.for_user(person)
    return get_object_or_404(Address.objects.select_related("server__system"), pk=number, server__in=servers)


def decommission(request: HttpRequest, name: str) -> HttpResponse:
    """A server leaves service: what goes with it is listed before it is asked for."""
    person = signed_in(request)
    server = get_object_or_404(Server.objects.for_user(person).select_related("system"), name=name)
    if request.method != "POST":
        check(person, "decommission", server)
    found = plan(server, timezone.now())
    blockers = " ".join(text for text, _ in found.blockers)
    return confirm(
        request,
        form=DecommissionForm(request.POST or None),
        act=lambda form: leaving_verbs.ask(server, justification=form.cleaned_data, by=person),
        done=lambda change: f"/changes/{change.ref}/",
        context={
            "title": f"Decommission {name}",
            "crumb": [name],
            "back_url": page_of(server),
            "subject": "One record retires what names it, both ways. Until everybody has agreed all of it stands.",
            "consequence": "Owner and manager of its system decide, and the owner of each other system concerned.",
            "facts": facts(found.material(server)),
            "warning": {"title": "Something has to be settled first", "text": blockers} if blockers else None,
            "submit": "Send for approval",
            "danger": True,
        },
    )
