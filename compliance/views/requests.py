"""Asking: the form, the answers to check, and the confirmation with what happens next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from compliance.actions import connections as verbs
from compliance.actions import drafts
from compliance.actions.material import ends_of
from compliance.actions.policy import look
from compliance.errors import NotAllowed, Refused
from compliance.forms.requests import ONLY, RequestForm
from compliance.models import ChangeRecord, Connection, System, User
from compliance.models.estate import day_of
from compliance.permissions import check, may
from compliance.policy.shipped import described
from compliance.views.changes import signed_in
from compliance.views.connections import newest_material
from compliance.views.needed import needs_of
from compliance.views.policy_panel import change as policy_and_preview
from compliance.views.policy_panel import shown
from compliance.views.shown import ends, facts, services
from compliance.views.verbs import confirm
from compliance.what_if import preview

# What a link may put into the form: a finding leads here with its server and service
GIVEN: Final = ("source", "destination", "services", "clients", "path", "protocol", "access")
LONGEST_GIVEN: Final = 200
NOT_CARRIED: Final = ("csrfmiddlewaretoken", "step", "seen")


class Asking(NamedTuple):
    """What the form is opened for: its title, what it starts with, what stays, and the verb that takes the answers."""

    title: str
    back_url: str
    start: dict[str, Any]
    fixed: tuple[str, ...]
    send: Callable[[RequestForm, bool], ChangeRecord]
    draft: ChangeRecord | None = None
    amended: Connection | None = None

    def about(self) -> int | None:
        """The connection it is about, where there is one already."""
        if self.amended is not None:
            return self.amended.pk
        return self.draft.connection_id if self.draft is not None else None


def new(request: HttpRequest) -> HttpResponse:
    """A new connection or share, or a change to one that stands (?amend=CON-42)."""
    person = signed_in(request)
    check(person, "request", None)
    amended = named(request)

    def send(form: RequestForm, submit: bool) -> ChangeRecord:
        said = {**answered(form), "by": person, "submit": submit}
        if amended is not None:
            return verbs.amend(amended, **said)
        return verbs.request(system=form.cleaned_data["system"], **said)

    title = f"Change {amended.ref}" if amended else "Request a connection or a share"
    fixed = ("kind", "system") if amended else ()
    start = initial(request, amended)
    return ask(request, Asking(title, "/connections/", start, fixed, send, amended=amended))


def edit(request: HttpRequest, number: int) -> HttpResponse:
    """The same form for a draft: kept, or sent for approval."""
    person = signed_in(request)
    draft = get_object_or_404(ChangeRecord.objects.for_user(person).select_related("justification"), pk=number)
    if request.method != "POST":
        check(person, "edit", draft)  # on POST the verb says it beside what was typed

    def send(form: RequestForm, submit: bool) -> ChangeRecord:
        home, seen = form.cleaned_data["system"], form.cleaned_data["seen"]
        return drafts.edit(draft, system=home, seen_version=seen, by=person, submit=submit, **answered(form))

    fixed = () if draft.kind == ChangeRecord.Kind.NEW else ("kind", "system")
    return ask(request, Asking(f"Edit {draft.ref}", f"/changes/{draft.ref}/", told(draft), fixed, send, draft))


def again(request: HttpRequest, number: int) -> HttpResponse:
    """A new draft from a request that was turned down: confirmed, then edited."""
    person = signed_in(request)
    old = get_object_or_404(ChangeRecord.objects.for_user(person), pk=number)
    if request.method != "POST":
        check(person, "ask_again", old)
    return confirm(
        request,
        form=Form(request.POST if request.method == "POST" else None),
        act=lambda _: drafts.ask_again(old, by=person),
        done=lambda draft: f"/changes/{draft.ref}/edit/",
        context={
            "title": f"Ask again: {old.ref}",
            "crumb": [old.ref, old.get_state_display()],
            "back_url": f"/changes/{old.ref}/",
            "subject": old.title,
            "consequence": f"A new draft with the same answers is made, for you to edit. {old.ref} stays as it is.",
            "facts": [*facts(old.material), {"label": "Reason given", "text": old.closing_note, "mono": False}],
            "warning": None,
            "submit": "Make a new draft",
            "danger": False,
        },
    )


def ask(request: HttpRequest, asking: Asking) -> HttpResponse:
    """The form (GET), its answers to check (step=check), back to it (edit), kept as a draft (keep) or sent (send)."""
    step = request.POST.get("step", "")
    form = RequestForm(
        request.POST if step else None, person=signed_in(request), initial=asking.start, fixed=asking.fixed
    )
    step, rule = except_from(step)
    if step in ("check", "keep", "send") and form.is_valid():
        if step == "check":
            said = answers(request.POST, form, asking.draft, None) | weighed(form, asking, signed_in(request))
            return render(request, "compliance/request_check.html", said)
        try:
            change = asking.send(form, step == "send")
        except Refused as refusal:
            status = 403 if isinstance(refusal, NotAllowed) else 409
            said = answers(request.POST, form, asking.draft, refusal) | weighed(form, asking, signed_in(request))
            return render(request, "compliance/request_check.html", said, status=status)
        kept = f"/changes/{change.ref}/except/{rule}/" if rule else f"/changes/{change.ref}/"
        return HttpResponseRedirect(f"/requests/{change.ref}/sent/" if step == "send" else kept)
    if step == "edit":
        form.is_valid()
    return render(
        request,
        "compliance/request_form.html",
        {
            "title": asking.title,
            "sections": [
                {"title": title, "lead": lead, "fields": [form[name] for name in names]}
                for title, lead, names in form.SECTIONS
            ],
            "form": form,
            "covered": None,
            "back_url": asking.back_url,
        },
        status=422 if form.errors and step in ("check", "keep", "send") else 200,
    )


def except_from(step: str) -> tuple[str, str]:
    """The step and the rule: to ask for an exception the request is kept as a draft first, which it is then about."""
    what, _, rule = step.partition(":")
    return ("keep", rule) if what == "except" and rule in {one.id for one in described()} else (step, "")


def named(request: HttpRequest) -> Connection | None:
    """The connection to be changed, where the address names one."""
    ref = request.GET.get("amend", "")
    if not ref.startswith("CON-") or not ref[4:].isdigit():
        return None
    return get_object_or_404(Connection.objects.for_user(request.user), pk=int(ref[4:]))


def initial(request: HttpRequest, amended: Connection | None) -> dict[str, Any]:
    """What the form starts with: nothing, a kind from the address, or what stands today."""
    if amended is None:
        asked = {name: request.GET[name][:LONGEST_GIVEN] for name in GIVEN if request.GET.get(name)}
        return {**asked, "kind": "share" if request.GET.get("kind") == "share" else "network"}
    version = amended.version_on(day_of(timezone.now()))
    material = dict(version.material) if version else newest_material(amended)
    return {**typed(material), "system": amended.system_id, "title": f"Change {amended}"[:200]}


def told(draft: ChangeRecord) -> dict[str, Any]:
    """Every answer of a draft, as the form has them."""
    why = draft.justification
    return {
        **typed(draft.material),
        **{key: getattr(why, key) for key in drafts.REASONS},
        **{key: getattr(draft, key) for key in ("title", *drafts.CARRIED)},
        "system": draft.system_id,
        "seen": draft.version,
    }


def typed(material: Mapping[str, Any]) -> dict[str, Any]:
    """The material as somebody would type it."""
    kept = ("kind", "path", "protocol", "access", "security", "squash", "expected_use", "review_by", "ends_on")
    sources, destination = ends_of(material)
    return {
        **{key: material[key] for key in kept if material.get(key)},
        **{key: ", ".join(material.get(key, [])) for key in ("services", "via", "users")},
        "source": sources[0],
        "destination": destination,
        "clients": ", ".join(sources[1:]),
    }


def answered(form: RequestForm) -> dict[str, Any]:
    """The answers as the verbs take them."""
    said = {key: form.cleaned_data[key] for key in ("title", *drafts.CARRIED)}
    return {"material": form.material(), "justification": form.justification(), **said}


def answers(
    posted: QueryDict, form: RequestForm, draft: ChangeRecord | None, refused: Refused | None
) -> dict[str, Any]:
    """Context of the page on which the answers are checked.

    After a refusal, what the draft says by now stands beside what was typed, and sending again takes its place.
    """
    hidden = {"network": ONLY["share"], "share": ONLY["network"]}[form.cleaned_data["kind"]]
    owner = form.cleaned_data["system"].owner
    stands = standing(draft, form) if draft and refused else {}
    carried = [(name, value) for name, values in posted.lists() for value in values if name not in NOT_CARRIED]
    if draft:
        carried.append(("seen", str(draft.version) if refused else posted.get("seen", "")))
    return {
        "title": "Check your answers",
        "sections": [
            {
                "title": title,
                "answers": [
                    {
                        "label": form[name].label,
                        "text": spoken(form, name),
                        "mono": name in ("services", "path"),
                        "stands": stands.get(name),
                    }
                    for name in names
                    if name not in hidden
                ],
            }
            for title, _, names in form.SECTIONS
        ],
        "carried": [{"name": name, "value": value} for name, value in carried],
        "opens": None,
        "approvers": [
            {"capacity": f"System owner of {form.cleaned_data['system']}", "person": str(owner)},
            {"capacity": "A manager", "person": "anybody who holds the role, but you"},
        ],
        "form": form,
        "refused": refused,
    }


def weighed(form: RequestForm, asking: Asking, person: User) -> dict[str, Any]:
    """What the policy says of the answers, and what they would open: before anything is sent."""
    material, about, home = form.material(), asking.about(), form.cleaned_data["system"]
    checked = look(material, form.justification(), system_id=home.pk, connection_id=about)
    return {
        "policy": shown(checked.hits, checked.version.ref)
        | {"except_form": "send-form" if may(person, "request_exception", home) is None else ""},
        "preview": preview(material, person, beside=about),
    }


def standing(draft: ChangeRecord, form: RequestForm) -> dict[str, str]:
    """What the draft says by now where that differs from what was typed: the form's name of it → text."""
    draft.refresh_from_db()
    now = told(draft)
    choices = {name: dict(getattr(form.fields[name], "choices", None) or {}) for name in ("kind", *form.fields)}
    found = {}
    for name, value in form.cleaned_data.items():
        key = getattr(value, "pk", value) if name == "system" else str(value or "")
        there = now.get(name) or ""
        if name != "seen" and str(key) != str(there):
            found[name] = str(System.objects.get(pk=there) if name == "system" else choices[name].get(there, there))
    return found


def spoken(form: RequestForm, name: str) -> str:
    """An answer as text."""
    value = form.cleaned_data.get(name)
    if value in (None, ""):
        return ""
    if isinstance(value, date):
        return f"{value.day} {value:%B %Y}"
    choices = dict(getattr(form.fields[name], "choices", None) or {}) if isinstance(value, str) else {}
    return str(choices.get(value, value))


def sent(request: HttpRequest, number: int) -> HttpResponse:
    """The reference, and what happens next."""
    person = signed_in(request)
    change = get_object_or_404(ChangeRecord.objects.for_user(person), pk=number)
    source, destination = ends(change.material)
    deciding = [f"{need.label[:1].upper()}{need.label[1:]} decides." for need in needs_of(change)]
    return render(
        request,
        "compliance/done.html",
        {
            "title": "Request sent",
            "reference": change.ref,
            "sentence": f"{source} → {destination}, {services(change.material)}. Those who decide have been told.",
            "steps": [*deciding, "The engineer changes the firewall; the next reading of the rules proves it."],
            "links": [
                {"label": f"See {change.ref}", "url": f"/changes/{change.ref}/"},
                {"label": "Request another", "url": "/requests/new/"},
            ],
            **policy_and_preview(change, person),
        },
    )
