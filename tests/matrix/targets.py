"""The address of each route for one side of the world, and a body with which its POST does something."""

from __future__ import annotations

from secrets import token_hex
from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone
from django.views.generic import RedirectView

from compliance.forms.policy import PolicyForm
from compliance.models import Role
from compliance.policy.shipped import described, shipped
from evidence.actions import sheets
from tests.evidence.flow_site import a_file
from tests.matrix.table import OPEN_ACCOUNT, OWN_ACCOUNT, ROUTES
from tests.matrix.world import (
    NETS,
    NOTHING,
    PROPOSAL,
    RELEASE,
    Side,
    World,
    dump_file,
    in_days,
    list_file,
    material,
    printed,
)
from tests.people import PASSWORD
from tests.published import NOW, catalogue

RISK: Final = {
    "ends_on": in_days(30), "rating": "low", "reason": "Until the move.", "alternate_control": "It is watched.",
}  # fmt: skip
NOTE: Final = {"because": "Looked at by the matrix."}
# addresses of routes of allauth that take something
GIVEN: Final = {
    "calendar_feed": {"token": "ewc_nothing"},
    **{name: {"token": "ewl_nothing"} for name in ("shared", "shared_zip", "shared_pdf")},
    "shared_reply": {"token": "ewl_nothing", "reply": 1},
    "account_confirm_email": {"key": "nothing"},
    "account_reset_password_from_key": {"uidb36": "1", "key": "nothing"},
    "mfa_remove_webauthn": {"pk": 1},
    "openid_connect_login": {"provider_id": "oidc"},
    "openid_connect_callback": {"provider_id": "oidc"},
    "openid_connect_confirm": {"provider_id": "oidc"},
    "mfa_edit_webauthn": {"pk": 1},
    "filter_forget": {"number": 999},
    "help_page": {"name": "verdicts"},
    "kept_forget": {"number": 999},
    "setup_mark": {"step": "zones"},
    "control": {"name": "ism-1479"},
    "catalogue_release": {"number": RELEASE},
    **{name: {"number": PROPOSAL} for name in ("policy_version", "policy_adopt", "policy_reject")},
}
# what belongs to the whole installation: the same for both sides
INSTALLATION: Final = {
    "token_revoke": "token", "grant_confirm": "unconfirmed", "grant_end": "unconfirmed", "person_leave": "leaver",
    "person_link": "leaver",
    **dict.fromkeys(("receiver", "receiver_test", "receiver_pause", "receiver_end", "message_again"), "receiver"),
    "receiver_resume": "resting",
}  # fmt: skip
ODD: Final = {"account_closed": "/accounts/email/"}


def every_name(patterns: list[Any] | None = None) -> set[str]:
    """The name of every route of the URL configuration, those of allauth and of the API included."""
    found: set[str] = set()
    for each in get_resolver().url_patterns if patterns is None else patterns:
        if getattr(getattr(each, "callback", None), "view_class", None) is RedirectView and each.name is None:
            continue  # an old address of a library: it leads to the new one, which has a name
        found |= {str(each.name)} if isinstance(each, URLPattern) else every_name(each.url_patterns)
    return found


def routes() -> set[str]:
    """The names of all but the API's: those have a table of their own (api.py)."""
    return {name for name in every_name() if not name.startswith("api_")}


def unknown_rows() -> list[str]:
    """What the URL configuration and the table do not have in common."""
    return sorted(routes() ^ (set(ROUTES) | OPEN_ACCOUNT | OWN_ACCOUNT))


def address(route: str, side: Side) -> str:
    """Where the route is, about the side's own thing."""
    if route in ODD:
        return ODD[route]
    row = ROUTES.get(route)
    if row is None:
        return reverse(route, kwargs=GIVEN.get(route, {}))
    if route == "setup_link":
        return reverse(route, kwargs={"token": "used-up"})
    if route in INSTALLATION:
        given = {"message": side.things["message"].pk} if route == "message_again" else {}
        return reverse(route, kwargs={"number": side.things[INSTALLATION[route]].pk, **given})
    if row.thing in ("", "system"):
        return reverse(route, kwargs=GIVEN.get(route, {}))
    if row.thing == "at_system":
        return reverse(route, kwargs={"name": "ism-1479", "number": side.system.pk})
    if row.thing == "stranger":
        return f"{reverse(route)}?key={NETS[side.word]}.99"
    if row.thing == "duty":
        return f"{reverse(route)}?duty=patched-{side.things['spare'].pk}"
    thing = side.things["todo" if route == "review_action_done" else row.thing]
    if row.thing == "served":
        return reverse(route, kwargs={"key": thing.key})
    if row.thing == "learned":
        return reverse(route, kwargs={"key": thing.key, "part": thing.part})
    if row.thing in ("spare", "zone", "group", "party"):
        return reverse(route, kwargs={"name": thing.name})
    more = {
        "estate_end": {"kind": "members"},
        "sheet_script": {"host": 1},
        "sheet_run": {"host": ["", *sheets.hosts(side.things["sheet"]), side.data.name].index(side.data.name)},
        "pack_link_end": {"link": side.things["link"].pk},
        "pack_answer": {"ask": side.things["wanted"].pk},
        "pack_reply_file": {"reply": side.things["given"].pk},
        "push_token_revoke": {"token": side.things["push_token"].pk},
        "source_raw": {"artefact": side.things["raw"].pk},
        "inventory_raw": {"reading": side.things["listing"].pk},
        "flow_file_raw": {"file": side.things["flow_file"].pk},
        "flow_file_again": {"file": side.things["flow_file"].pk},
        "flow_file_aside": {"file": side.things["flow_file"].pk},
        "review_decide": {"item": side.things["item"].pk},
        "review_carry": {"item": side.things["said"].pk},
        "question_answer": {"question": side.things["question"].pk},
        "change_except": {"rule": "cleartext"},
    }
    return reverse(route, kwargs={"number": thing.pk, **more.get(route, {})})


def body(route: str, side: Side, world: World) -> dict[str, Any]:
    """What is posted: valid, so that whoever may gets it done."""
    things, today = side.things, timezone.localdate()
    month = f"{today:%Y-%m}"
    bodies: dict[str, dict[str, Any]] = {
        "request": {**answers(side), "step": "send"},
        "change_edit": {**answers(side), "step": "keep", "seen": things["draft"].version},
        "address_add": {"address": f"{NETS[side.word]}.77", "step": "send"},
        "prefix_add": {"network": f"{NETS[side.word].rpartition('.')[0]}.9.0/24", "step": "send"},
        "party_prefix_add": {"network": "198.51.100.0/28", "step": "send"},
        "member_add": {"server": side.data.pk, "step": "send"},
        "group_ceiling": {"ceiling": 9, "step": "send"},
        "group_observed": {
            "kind": "tag", "name": "role=web", "account": "123456789012", "region": "ap-southeast-2", "step": "send",
        },
        "decommission": {"business_need": "It is old.", "security_implications": "Less is let through."},
        "change_ask": {"text": "Why this port?"},
        "question_answer": {"text": "It listens there."},
        "policy_edit": proposal_form(),
        "control_state": {"status": "partly", "comment": "Two servers are left."},
        "catalogue_releases": {"file": SimpleUploadedFile("ism.json", catalogue(NOW, version=token_hex(6)))},
        "delegation_add": {
            "capacity": "system_owner", "system": side.system.pk, "to": world.people.erin.pk, "until": in_days(5),
            "because": "Leave.",
        },
        "stages": {"title1": "Security officer", "person1": world.people.erin.pk, "because": "So.", "seen": ""},
        "risk_decide": {"decision": "accept"},
        "risk_renew": RISK,
        "change_except": RISK,
        "finding_acknowledge": NOTE,
        "finding_accept": RISK,
        "filter_save": {"path": "/changes/", "query": "state=draft", "name": "Drafts"},
        "register_plan": {"file": SimpleUploadedFile("matrix.yaml", NOTHING.encode())},
        "learn_group": {**RISK, "business_need": "It copies the day.", "security_implications": "Two servers."},
        "admin_attest": {"says": "A key.", "seen_on": f"{today:%Y-%m-%d}"},
        "attest": {
            "held_on": f"{today:%Y-%m-%d}", "in_order": "yes", "says": "All of them.",
            f"seen-patched-{things['spare'].pk}": 0,
        },
        "finding_removal": {"due": in_days(9), **NOTE},
        "organisation_add": {"name": "Matrix agency", "kind": "agency", "marking": "OFFICIAL"},
        "system_add": {
            "name": "Matrix system", "organisation": side.system.organisation_id, "owner": side.owner.pk,
            "classification": "OS",
        },
        "zone_add": {"name": "matrix", "system": side.system.pk, "prefixes": "10.99.0.0/24"},
        "person_leave": {"because": "Tried by the matrix."},
        "person_add": {"name": "New", "email": "new@matrix.example", "role": Role.REQUESTER, "system": side.system.pk},
        "role_add": {"person": side.owner.pk, "role": Role.REQUESTER, "system": side.system.pk},
        "source_folders": {"path": things["hosts"], "fresh_hours": 48, "step": "add"},
        "source_add": {"server": side.app.pk, "kind": "upload", "fresh_hours": 48},
        "inventory_register": {
            "name": f"{side.word}-ghost", "system": side.system.pk, "environment": "production",
            "key": f"{NETS[side.word]}.99",
        },
        "inventory_outside": RISK,
        "inventory_add": {"system": side.system.pk, "name": "Matrix list", "kind": "cmdb", "fresh_days": 8},
        "inventory_bring": {"file": list_file(side)},
        "inventory_columns": {"name": "name", "addresses": "ip"},
        "flow_log_add": {"system": side.system.pk, "name": "Matrix flows", "kind": "upload", "fresh_hours": 48},
        "flows_examine": {"noted": "All was as it should be."},
        "flow_log_upload": {"logs": a_file(NETS[side.word])},
        "flow_file_aside": {"since": f"{today}", "until": f"{today}", "because": "It is a note, not a log."},
        "flow_log_watches": {"watches": "10.0.0.0/8", "because": "It is the only way in."},
        "source_upload": {"dumps": dump_file(side)},
        "source_secret": {"how": "made", "use": "key"},
        "source_key": {"decision": "confirm", "because": "At the console.", "fingerprint": things["pin"].fingerprint},
        "source_accept": {**NOTE, "seen": things["refused"].pk},
        "evidence_build": {"month": month},
        "pack_link_new": {"name": "An assessor", "until": f"{in_days(5)}T10:00"},
        "pack_asks": {"text": "The plan of the network, please."},
        "pack_answer": {"text": "Here it is.", "file": SimpleUploadedFile("plan.txt", b"The plan.")},
        "sheet_new": {
            "system": side.system.pk, "authorised": 3, "others": 3, "seed": "matrix", "because": "Looked at.",
            "window_from": f"{in_days(1)}T10:00", "window_to": f"{in_days(1)}T12:00",
        },
        "sheet_decide": {"decision": "refuse", "because": "Not now."},
        "sheet_results": {"host": sheets.hosts(things["sheet"])[0], "file": printed(side)},
        "pack_build": {"month": month, "system": side.system.pk},
        "review_schedule": {
            "system": side.system.pk, "chair": world.people.mina.pk, "how": "monthly", "week": 3, "weekday": 2,
            "hour": 10, "on_holiday": "next",
        },
        "campaign_new": {"title": "Matrix", "systems": [side.system.pk], "which": "all", "due": in_days(9)},
        "campaign_close": {"because": "Tried by the matrix."},
        "campaign_decide": {
            "connection": [things["connection"].ref], "what": "revoke", "because": "Not used.", "until": "",
            f"seen-{things['connection'].ref}": things["connection"].versions.get().material_hash,
        },
        "review_holidays": {"lines": "2031-01-01 New Year"},
        "review_decide": {f"i{things['item'].pk}-what": "fix", f"i{things['item'].pk}-note": "By Friday."},
        "review_attendees": {"people": [side.owner.pk]},
        "review_action": {"text": "Close the port", "owner": side.owner.pk, "due": in_days(3)},
        "review_sign": {"notes": ""},
        "review_countersign": {"seen": things["signing"].minutes_hash},
        "review_back": {"because": "That is not what was said."},
        "push_token_add": {"until": in_days(30)},
        "paths": {"device": side.data.pk, "source": things["zone"].pk, "because": "Drawn so."},
        "token_add": {"name": "pipeline", "roles": ["requester"], "systems": [side.system.pk], "until": in_days(30)},
        "receiver_add": {
            "name": "Lake", "kind": "webhook", "address": "https://lake.example/in", "events": ["pack.ready"],
            "systems": [side.system.pk],
        },
        "import": {"step": "upload", "kind": "servers"},
        "setup_link": {"name": "Nobody", "password": PASSWORD, "again": PASSWORD},
        "review_open": {"sure": "yes"},
        "review_rest": {"sure": "yes"},
        "review_carry": {"sure": "yes"},
    }  # fmt: skip
    return bodies.get(route, NOTE)


def proposal_form() -> dict[str, Any]:
    """The shipped policy with one rule switched off, as the form sends it."""
    form = PolicyForm(policy=shipped(), described=described(), initial={"seen": 0})
    said = {field.html_name: field.value() for field in form}
    said = {name: value for name, value in said.items() if value is not None and value is not False}
    return {name: value for name, value in said.items() if name != "wide-ports:on"} | {
        "because": "Tried by the matrix."
    }


def answers(side: Side) -> dict[str, Any]:
    """A whole request."""
    said = material(side, 5999)
    return {
        "kind": "network", "title": "Asked by the matrix", "system": side.system.pk, "source": said["source"],
        "destination": said["destination"], "services": "tcp/5999", "business_need": "The pay run reads the hours.",
        "security_implications": "Read only, one service, from one server.", "expected_use": "daily",
        "review_by": said["review_by"], "urgency": "routine",
    }  # fmt: skip
