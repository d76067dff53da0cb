"""Set-up: the one-time link, the task list to the first pack, and the import of spreadsheets and register files."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.module_loading import import_string

from compliance.actions import imports, people
from compliance.errors import Refused
from compliance.forms.setup import FirstPasswordForm, ImportFileForm, MappingForm, RegisterForm
from compliance.models import Connection, Organisation, RoleGrant, Server, SetUpLink, System, Zone
from compliance.models.people import link_digest
from compliance.permissions import check, may
from compliance.views.changes import signed_in

HELD = "import"  # session key of the file between the steps


def link(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind a one-time link: a name, a password, and in."""
    row = SetUpLink.objects.filter(digest=link_digest(token)).select_related("person").first()
    if row is None or row.used_at or row.expires_at < timezone.now():
        limited: HttpResponse | None = ratelimit.consume_or_429(
            request, app="allauth.account", action="setup_link_failed", limit_get=True
        )
        if limited is not None:
            return limited
        refused = Refused(
            "This link does not open any more",
            "It was used already, or it is too old.",
            "Ask an administrator for a new one, or run ./run manage setuplink.",
        )
        return render(
            request, "compliance/setup_link.html", {"form": None, "expires_at": None, "refused": refused}, status=410
        )
    form = FirstPasswordForm(request.POST or None, initial={"name": row.person.name})
    if request.method == "POST" and form.is_valid():
        person = people.use_link(token, form.cleaned_data["password"], name=form.cleaned_data["name"])
        login(request, person, backend="allauth.account.auth_backends.AuthenticationBackend")
        record_authentication(request, person, method="password", email=person.email)
        return HttpResponseRedirect("/setup/")
    return render(request, "compliance/setup_link.html", {"form": form, "expires_at": row.expires_at, "refused": None})


def tasks(request: HttpRequest) -> HttpResponse:
    """The task list: what is done, what is next."""
    signed_in(request)
    people = RoleGrant.objects.values("person").distinct().count()
    facts = [
        ("People", "At least two who decide: nobody approves alone.", "/setup/people/new/", people - 1, "more people"),
        ("Organisation", "Yours, with its protective marking.", "/setup/organisations/new/", own(), "organisations"),
        ("Systems", "Who owns what, and its boundary.", "/setup/systems/new/", System.objects.count(), "systems"),
        ("Zones", "Where servers stand, with their prefixes.", "/setup/zones/new/", Zone.objects.count(), "zones"),
        (
            "More roles",
            "Requesters, owners, managers, engineers.",
            "/setup/roles/new/",
            people - 1,
            "people with roles",
        ),
        (
            "Servers",
            "From the spreadsheet you have.",
            "/setup/import/?kind=servers",
            Server.objects.count(),
            "servers",
        ),
        (
            "Connections and shares",
            "From the spreadsheet you have; each is approved by two people.",
            "/setup/import/?kind=connections",
            Connection.objects.count(),
            "connections",
        ),
    ]
    for dotted in settings.SETUP_TASKS:
        facts += import_string(dotted)()
    rows: list[dict[str, Any]] = []
    for title, text, url, count, noun in facts:
        upcoming = not any(row["state"] == "next" for row in rows)
        state = "done" if count > 0 else "next" if upcoming else "later"
        rows.append(
            {"title": title, "text": text, "url": url, "state": state, "said": f"{count} {noun}" if count > 0 else ""}
        )
    tokens = "" if may(request.user, "manage_tokens", None) else "/setup/tokens/"
    told = "" if may(request.user, "manage_integrations", None) else "/setup/integrations/"
    people_url = tokens and "/setup/roles/"
    context = {"tasks": rows, "tokens_url": tokens, "people_url": people_url, "integrations_url": told}
    return render(request, "compliance/setup.html", context)


def own() -> int:
    """How many organisations are described."""
    return Organisation.objects.count()


def import_rows(request: HttpRequest) -> HttpResponse:
    """Upload, match the columns, see what would happen, then import all rows or none."""
    person = signed_in(request)
    check(person, "import", None)
    step = request.POST.get("step", "")
    try:
        if step == "mapping":
            return received(request)
        if step in ("dry_run", "import"):
            return mapped(request, step)
    except Refused as refusal:
        return page(
            request, "upload", ImportFileForm(initial={"kind": request.POST.get("kind")}), refused=refusal, status=422
        )
    return page(request, "upload", ImportFileForm(initial={"kind": request.GET.get("kind", "servers")}))


def received(request: HttpRequest) -> HttpResponse:
    """Step 1 → 2: the file is kept for this session and its header matched to our columns."""
    form = ImportFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return page(request, "upload", form, status=422)
    upload = form.cleaned_data["file"]
    kind = form.cleaned_data["kind"]
    table = imports.keep(upload.name, upload.read(), kind=kind, by=signed_in(request))
    request.session[HELD] = {"kept": table.pk, "kind": kind}
    return page(request, "mapping", mapping_form(request, None))


def mapping_form(request: HttpRequest, posted: Any) -> MappingForm | RegisterForm:
    """The form that matches the kept file's header to our columns; of a register file, whose it is."""
    held = request.session.get(HELD)
    if not held:
        raise Refused("No file is waiting to be imported", "The session ended in between.", "Choose the file again.")
    person = signed_in(request)
    table = imports.kept(held["kept"], by=person)
    if held["kind"] == imports.REGISTER:
        names = list(System.objects.for_user(person).order_by("name").values_list("name", flat=True))
        return RegisterForm(posted, systems=names, guess=imports.guess(table))
    return MappingForm(posted, fields=imports.fields(held["kind"]), header=table.header, guess=imports.guess(table))


def mapped(request: HttpRequest, step: str) -> HttpResponse:
    """Step 2 → 3 and 3 → done."""
    form = mapping_form(request, request.POST)
    if not form.is_valid():
        return page(request, "mapping", form, status=422)
    held, person = request.session[HELD], signed_in(request)
    table = imports.kept(held["kept"], by=person)
    if step == "import":
        outcome = imports.carry_out(table, mapping=form.mapping(), by=person)
        del request.session[HELD]
        where = "/servers/" if held["kind"] == "servers" else "/changes/"
        return render(
            request,
            "compliance/done.html",
            {
                "title": "Imported",
                "reference": f"{outcome.new + outcome.changed} rows",
                "sentence": f"{outcome.new} new, {outcome.changed} changed, {outcome.same} as they were.",
                "steps": ["What was asked for waits for its approvals: an import authorises nothing."]
                if held["kind"] != "servers"
                else [],
                "links": [{"label": "See them", "url": where}, {"label": "Back to set-up", "url": "/setup/"}],
            },
        )
    return page(request, "dry_run", form, result=imports.dry_run(table, mapping=form.mapping(), by=person))


def page(
    request: HttpRequest, step: str, form: Any, *, result: Any = None, refused: Any = None, status: int = 200
) -> HttpResponse:
    """The import page at one of its steps."""
    carried = [{"name": key, "value": value} for key, value in request.POST.items() if key.startswith("column_")]
    context = {
        "form": form,
        "step": step,
        "result": result,
        "refused": refused,
        "carried": carried if step == "dry_run" else [],
        "example_url": "",
        "back_url": "/setup/import/",
    }
    return render(request, "compliance/import.html", context, status=status)
