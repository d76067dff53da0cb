"""Sends the corpus through every field of every page that takes one, by POST through the real views, as who may."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from compliance.actions import people
from tests.matrix.table import OPEN_ACCOUNT, OWN_ACCOUNT, ROUTES
from tests.matrix.targets import address, answers, body
from tests.matrix.world import OURS, Side, World
from tests.payloads.corpus import FIELDS
from tests.payloads.heard import Heard, named
from tests.payloads.tally import Tally
from tests.people import PASSWORD

DONE: Final = (200, 302)
SERVERS: Final = b"name,addresses,role\nnew-01,10.61.1.77,web\n"
REGISTER: Final = b"servers: [{name: new-02, addresses: [10.61.1.78]}]\n"
KINDS: Final = {  # each way of reading asks for fields of its own
    "ssh": {"host": "10.61.1.99", "port": 22, "user": "eastwest"},
    "git": {"url": "https://lists.example/configs.git", "branch": "main", "inside": "hosts/a", "alive_by": "file"},
    "directory": {"path": "/nowhere", "pattern": "*.txt"},
    "aws": {"regions": "ap-southeast-2", "role": "arn:aws:iam::123456789012:role/eastwest", "external_id": "of-us",
            "endpoint_url": ""},
    "push": {}, "upload": {}, "local": {},
}  # fmt: skip

FLOW_KINDS: Final = {  # and so does each way a flow log comes
    "directory": {"path": "/nowhere", "pattern": "*.log"},
    "git": {"url": "https://lists.example/flows.git", "branch": "main", "inside": "edge", "pattern": "*.log",
            "through": ""},
    "upload": {},
}  # fmt: skip
ACCOUNT: Final = {
    "account_login": {"login": "erin@example.org", "password": PASSWORD},
    "account_reset_password": {"email": "erin@example.org"},
    "account_change_password": {"oldpassword": PASSWORD, "password1": PASSWORD, "password2": PASSWORD},
    "account_reauthenticate": {"password": PASSWORD},
    "mfa_activate_totp": {"code": "123456"},
    "mfa_add_webauthn": {"name": "Key", "credential": "{}"},
}


@dataclass
class Door:
    """A POST that works: the route, by whom, with what, and what the view asked of it."""

    route: str
    path: str
    client: Client
    said: dict[str, Any]
    before: list[dict[str, Any]] = field(default_factory=list)  # what is posted first, for the steps of one page
    texts: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    forms: list[forms.BaseForm] = field(default_factory=list)

    def send(self, changed: dict[str, Any]) -> HttpResponse:
        """The answer to the body with these changes; nothing of it is kept."""
        cookies = self.client.cookies.copy()
        with transaction.atomic():
            for said in self.before:
                self.client.post(self.path, fresh(said))
            answer: HttpResponse = self.client.post(self.path, fresh(self.said | changed))  # type: ignore[assignment]
            transaction.set_rollback(True)
        self.client.cookies = cookies
        return answer


def fresh(said: dict[str, Any]) -> dict[str, Any]:
    """A body whose files are read from their beginning."""
    for value in said.values():
        if isinstance(value, SimpleUploadedFile):
            value.seek(0)
    return said


def doors(world: World, clients: Sequence[Client], heard: Heard) -> Iterator[Door]:
    """Each page that takes a POST, in each of its ways, opened by the first of the people for whom it works."""
    side = world.sides[OURS]
    posts = {route for route, row in ROUTES.items() if row.does is not None} | {"pack_verify_upload"}
    for route in sorted(posts):
        for before, said in bodies(route, side, world):
            yield opened(route, address(route, side), said, before, clients, heard)
    link = people.set_up_link(world.people.erin, by=world.people.alex)
    password = {"name": "Erin", "password": PASSWORD, "again": PASSWORD}
    nobody = Client(raise_request_exception=False)
    yield opened("setup_link", reverse("setup_link", kwargs={"token": link}), password, [], [nobody], heard)
    for route in sorted(OPEN_ACCOUNT | OWN_ACCOUNT):  # ways in, and one's own account
        who = [nobody] if route in OPEN_ACCOUNT else clients[:1]
        yield opened(route, address(route, side), dict(ACCOUNT.get(route, {})), [], who, heard)


def bodies(route: str, side: Side, world: World) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Valid bodies of a route: (what is posted before, what is posted); several where a page has several ways."""
    said = body(route, side, world)
    if route == "import":
        yield from imports()
    elif route == "source_add":
        for kind, more in KINDS.items():
            yield [], {"server": side.app.pk, "kind": kind, "fresh_hours": 48, **more}
    elif route == "flow_log_add":
        for kind, more in FLOW_KINDS.items():
            yield [], said | {"kind": kind, "watches": "10.0.0.0/8", **more}
    elif route == "bulk_decide":
        ref = side.things["submitted"].ref
        yield [], {"change": [ref], f"seen-{ref}": 2, "verb": "approve", "because": "Seen.", f"because-{ref}": "So."}
    elif route == "recertify_check":
        ref = side.things["connection"].ref
        yield [], {"connection": [ref], "what": "revoke", "because": "Not used.", f"because-{ref}": "So.", "until": ""}
    elif route == "findings_acknowledge":
        ref = side.things["finding"].ref
        yield [], {"finding": [ref], "because": "Erin, by Friday.", f"because-{ref}": "So."}
    elif route == "campaign_decide":
        yield [], said | {f"because-{side.things['connection'].ref}": "So."}
    elif route == "campaign_new":
        yield [], said | {"which": "due", "before": f"{int(said['due'][:4]) + 2}-01-01", "zone": ""}
    elif route == "attest":
        yield [], said | {"file": SimpleUploadedFile("report.txt", b"It came back.")}
    elif route == "request":
        yield [], said
        yield [], {**answers(side), "kind": "share", "step": "send", "server": side.data.name, "path": "/export/x",
                   "protocol": "nfs", "access": "ro", "clients": side.app.name, "security": "krb5p"}  # fmt: skip
    elif route == "register_plan":
        brought = {"file": SimpleUploadedFile("register.yaml", REGISTER), "system": "", "remove": ""}
        yield [], brought
        yield [brought], {"digest": "a" * 64}
    elif route == "pack_verify_upload":
        yield [], {"pack": SimpleUploadedFile("pack.zip", b"PK\x05\x06" + b"\x00" * 18), "fingerprint": "a" * 64}
    elif route == "source_secret":
        yield [], said
        yield [], {"how": "typed", "use": "token", "secret": "a secret of many letters", "name": "reader"}
    else:
        yield [], said


def imports() -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """The three steps of an import: the file, the columns, the register file."""
    for kind, name, content in (("servers", "servers.csv", SERVERS), ("register", "register.yaml", REGISTER)):
        chosen = {"step": "mapping", "kind": kind, "file": SimpleUploadedFile(name, content)}
        yield [], chosen
        mapped = {"column_name": "name", "column_addresses": "addresses", "column_role": "role", "system": ""}
        yield [chosen], {"step": "dry_run", **mapped}


def opened(
    route: str, path: str, said: dict[str, Any], before: list[dict[str, Any]], clients: Sequence[Client], heard: Heard
) -> Door:
    """The door as the first of them finds it open, else as most of it was read."""
    best: Door | None = None
    for client in clients:
        door = Door(route, path, client, said, before)
        heard.begin()
        answer = door.send({})
        door.texts, door.files, door.forms = heard.texts, heard.files, list(heard.forms)
        if answer.status_code in DONE and not answer.headers.get("Location", "").startswith("/accounts/"):
            return door
        if best is None or (len(door.forms), len(door.texts)) > (len(best.forms), len(best.texts)):
            best = door
    assert best is not None
    return best


def fill(door: Door, payloads: Sequence[str], tally: Tally, heard: Heard, turn: int, seen: set[str]) -> None:
    """Sends payloads through each name the view asked for; `turn` shifts which, so that a small share differs."""
    kinds, known = {name: type(each) for form in door.forms for name, each in inputs(form)}, set(seen)
    for number, name in enumerate(sorted({*door.texts, *door.files, *kinds})):
        label = label_of(door, name)
        if label in seen:
            continue  # the same field of the same form on another page
        seen.add(label)
        tally.fields.add(label)
        file = name in door.files or issubclass(kinds.get(name, forms.Field), forms.FileField)
        for step in range(len(payloads)):
            payload = payloads[(step + turn + number) % len(payloads)]
            tally.post(
                f"{door.route} {name} ← {payload[:60]!r}", door.send({name: upload(payload) if file else payload})
            )
            tally.payloads.add(payload)
    for form in door.forms:
        for name, each in inputs(form):
            if f"{named(type(form))} {name}" in known:
                continue
            foreign(door, form, name, each, tally, heard, few=len(payloads) < len(FIELDS))


def inputs(form: forms.BaseForm) -> Iterator[tuple[str, forms.Field]]:
    """Each field of a form: the name it is posted under, and the field."""
    for name, each in form.fields.items():
        yield form.add_prefix(name), each


def label_of(door: Door, name: str) -> str:
    """A field as it is counted: of its form, wherever that stands; else of its page."""
    for form in door.forms:
        if name in {one for one, _ in inputs(form)}:
            return f"{named(type(form))} {name}"
    return f"{door.route} {name}"


def upload(payload: str) -> SimpleUploadedFile:
    """A file whose name and content are the payload."""
    content = payload.encode("utf-8", "replace") or b"x"
    name = payload[:200]
    if PurePosixPath(name).name in ("", "..") or name.endswith(("/", "/.")):
        name += "x"  # no file is without a name of its own, and Django makes none
    return SimpleUploadedFile(name, content, content_type="text/html")


def foreign(
    door: Door, form: forms.BaseForm, name: str, each: forms.Field, tally: Tally, heard: Heard, few: bool
) -> None:
    """Sends the ids of objects that the form does not offer; none may be taken. Of the wrong ids a `few` are sent, each
    field another, or all."""
    if not isinstance(each, forms.ModelChoiceField) or each.queryset is None:
        return
    offered = set(each.queryset.values_list("pk", flat=True))
    model: Any = each.queryset.model
    others = [key for key in model._base_manager.values_list("pk", flat=True) if key not in offered]
    strange = [*others[1:3], 10**9, "-1", "1 OR 1=1"]
    for value in (*others[:1], *([strange[len(tally.fields) % len(strange)]] if few else strange)):
        heard.begin()
        tally.post(f"{door.route} {name} ← foreign {value}", door.send({name: str(value)}))
        bare = name.removeprefix(f"{form.prefix}-") if form.prefix else name
        if any(type(read) is type(form) and bare in getattr(read, "cleaned_data", {}) for read in heard.forms):
            tally.leaks.append(f"{door.route} {name}: takes the foreign id {value}")


def keep(door: Door, payloads: Sequence[str], turn: int, tries: int) -> int:
    """Posts for good, each free text a payload that the form takes; gives how many fields kept one."""
    taken: dict[str, Any] = {}
    texts = [name for form in door.forms for name, each in inputs(form) if type(each) is forms.CharField]
    for number, name in enumerate(texts):
        for step in range(tries):
            payload = payloads[(turn + number * 5 + step) % len(payloads)]
            if door.send(taken | {name: payload}).status_code == 302:
                taken[name] = payload
                break
    if taken:
        for said in door.before:
            door.client.post(door.path, fresh(said))
        door.client.post(door.path, fresh(door.said | taken))
    return len(taken)
