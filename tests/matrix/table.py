"""Who may do what, once more and by hand: every verb and every address. A new one without a row fails.

Letters: R requester, O system owner, M manager, E engineer, A auditor, X administrator. A role counts in its scope.
The walk holds each row against the running application, and `VERBS` and `TRANSITIONS` are held against WHO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ALL: Final = "ROMEAX"
NOBODY: Final = ""
ASKER: Final = "!"  # the one whose request it is, and nobody else

# verb → the letters that may
WHO: Final[dict[str, str]] = {
    # the steps of a change record
    "edit": "ROE",
    "submit": "ROE",
    "approve": "OM",
    "reject": "OM",
    "act_first": "E",
    "withdraw": "ROE",
    "implement": "E",
    "verify": NOBODY,
    "dispute": "OE",
    "retire": NOBODY,
    # everything else
    "see": ALL,
    "request": "ROE",
    "amend": "ROE",
    "retire_connection": "ROE",
    "ask_again": "ROE",
    "ask_question": "OME",
    "answer_question": "ROE",
    "propose_policy": "OM",
    "adopt_policy": "OM",
    "import": "OEX",
    "widen": "ROE",
    "narrow": "OEX",
    "decommission": "ROE",
    "add_server": "OEX",
    "manage_estate": "X",
    "manage_people": "X",
    "set_up": "X",
    "set_stages": "X",
    "load_catalogue": "X",
    "state_control": "OM",
    "delegate": "OM",
    "manage_tokens": "X",
    "manage_integrations": "X",
    "add_source": "EX",
    "edit_source": "EX",
    "pull": "OEX",
    "confirm_pin": "OEX",
    "say_path": "OE",
    "set_aside": "OE",
    "accept_shrink": "OE",
    "compare": "OMEX",
    "examine_logs": "OMEA",
    "see_jobs": "EX",
    "cancel_job": "EX",
    "acknowledge": "OME",
    "request_risk": "OME",
    "request_exception": "ROME",
    "plan_removal": "OME",
    "attest_login": "OEX",
    "attest": "OEX",
    "download_attestation": "OMEA",
    "build_pack": "OMA",
    "download_pack": "OMA",
    "share_pack": "OM",
    "ask_evidence": "A",
    "answer_evidence": "OME",
    "plan_test": "OME",
    "decide_test": "OM",
    "plan_review": "OM",
    "set_holidays": "MX",
    "run_review": "OM",
    "close_review": "OM",
    "start_campaign": "MX",
    "decide_campaign": "O",
    "close_campaign": "MX",
    "add_action": "OME",
    "close_action": "OME",
}


@dataclass(frozen=True)
class Row:
    """`sees`: who gets the page by GET (None: it takes POST only). `does`: for whom POST does it (None: it has none).

    `thing`: the object it is about, by its name in the world; "" where it is about none.
    """

    sees: str | None
    does: str | None = None
    thing: str = ""
    everybody: bool = False  # whoever is signed in gets the page: it says that there is nothing for them
    open: bool = False  # needs no sign-in
    four_eyes: bool = False  # never by the one whose request it is
    whole: bool = False  # takes the role for the whole organisation


def lists() -> Row:
    """A page for everybody who is signed in, with the records of their systems."""
    return Row(ALL, everybody=True)


ROUTES: Final[dict[str, Row]] = {
    "home": Row(ALL, everybody=True),
    "healthz": Row(ALL, everybody=True, open=True),
    "readyz": Row(ALL, everybody=True, open=True),
    "setup_link": Row(ALL, everybody=True, open=True),
    "help_changes": lists(),
    "help": Row(ALL, everybody=True),
    "help_page": Row(ALL, everybody=True),
    # The policy holds for all: who decides on it holds their role for all
    "policy": Row(ALL),
    "policy_version": Row(ALL),
    "policy_edit": Row("OM", "OM", whole=True),
    "policy_adopt": Row("OM", "OM", whole=True),
    "policy_reject": Row("OM", "OM", whole=True),
    # Frameworks are the same for all; how a control stands is said for a system
    "controls": Row(ALL),
    "control": Row(ALL),
    "control_state": Row("OM", "OM", thing="at_system"),
    "catalogue_releases": Row(ALL, "X"),
    "catalogue_release": Row(ALL),
    "inbox": lists(),
    "bulk_decide": Row(ALL, ALL),  # of nothing: what is ticked is decided by the verbs of each
    "recertify": lists(),
    "recertify_check": Row("ROE", "ROE"),
    "changes": lists(),
    "audit": lists(),
    "connections": lists(),
    "as_of": lists(),
    "shares": lists(),
    "servers": lists(),
    "zones": lists(),
    "groups": lists(),
    "parties": lists(),
    "setup": lists(),
    "evidence": lists(),
    "rule_changes": lists(),
    "served_shares": lists(),
    "admin_paths": lists(),
    "inventory": lists(),
    "search": Row(ALL, everybody=True),
    "filter_save": Row(None, ALL),
    "kept_forget": Row(None, NOBODY),  # of nobody: tests/compliance/test_typed.py
    "filter_forget": Row(None, NOBODY),  # of nobody: tests/compliance/test_saved.py
    "register_plan": Row("OEX", "OEX"),
    "learn": lists(),
    "learn_left": lists(),
    "learn_tell": Row(None, "ROE"),
    "learn_group": Row(ALL, "ROE", thing="learned"),
    "findings": lists(),
    "findings_acknowledge": Row("OME", "OME"),
    "sources": lists(),
    "coverage": lists(),
    "packs": lists(),
    "reviews": lists(),
    # Asking and deciding
    "request": Row("ROE", "ROE", thing="system"),
    "request_sent": Row(ALL, thing="submitted"),
    "inbox_change": Row(ALL, thing="submitted"),
    "change": Row(ALL, thing="submitted"),
    "change_approve": Row("OM", "OM", thing="submitted", four_eyes=True),
    "change_reject": Row("OM", "OM", thing="submitted", four_eyes=True),
    "change_ask": Row("OME", "OME", thing="submitted", four_eyes=True),
    "question_answer": Row("O" + ASKER, "O" + ASKER, thing="submitted"),
    "change_except": Row("ROME", "ROME", thing="in_clear"),
    "change_submit": Row("ROE", "ROE", thing="draft"),
    "change_edit": Row(ASKER, ASKER, thing="draft"),
    "change_again": Row("ROE", "ROE", thing="rejected"),
    "change_withdraw": Row("O" + ASKER, "O" + ASKER, thing="submitted"),
    "change_implement": Row("E", "E", thing="approved"),
    "change_act_first": Row("E", "E", thing="urgent"),
    "change_dispute": Row("OE", "OE", thing="done"),
    "connection": Row(ALL, thing="connection"),
    "connection_retire": Row("ROE", "ROE", thing="connection"),
    "connection_as_of": Row(ALL, thing="connection"),
    # Servers, zones and groups; nothing is authorised by these names, so what is added is added at once
    "server": Row(ALL, thing="spare"),
    "zone": Row(ALL, thing="zone"),
    "group": Row(ALL, thing="group"),
    "party": Row(ALL, thing="party"),
    "address_add": Row("ROEX", "OEX", thing="spare"),
    "prefix_add": Row("ROEX", "OEX", thing="zone"),
    "party_prefix_add": Row("ROEX", "X", thing="party"),  # nothing is authorised by this name: then it is the estate's
    "member_add": Row("ROEX", "OEX", thing="group"),
    "group_ceiling": Row("ROEX", "OEX", thing="group"),
    "group_observed": Row("ROEX", "OEX", thing="group"),
    "estate_end": Row("OEX", "OEX", thing="membership"),
    "decommission": Row("ROE", "ROE", thing="spare"),
    # Set-up
    "organisation_add": Row("X", "X"),
    "system_add": Row("X", "X"),
    "zone_add": Row("X", "X"),
    "people": Row("X"),
    "person_add": Row("X", "X"),
    "person_leave": Row("X", "X"),
    "person_link": Row(None, "X"),
    "role_add": Row("X", "X"),
    "roles": Row("X"),
    "grant_confirm": Row("X", "X"),
    "grant_end": Row("X", "X"),
    "tokens": Row("X"),
    "token_add": Row("X", "X"),
    "token_revoke": Row("X", "X"),
    "receivers": Row("X"),
    "receiver_add": Row("X", "X"),
    "receiver": Row("X"),
    "receiver_test": Row(None, "X"),
    "receiver_pause": Row("X", "X"),
    "receiver_resume": Row("X", "X"),
    "receiver_end": Row("X", "X"),
    "message_again": Row(None, "X"),
    "import": Row("OEX", "OEX"),
    "setup_mark": Row(None, "X"),
    "setup_installation": Row("X", "X"),
    "job": Row("EX", thing="job"),
    "job_cancel": Row(None, "EX", thing="job"),
    # What is there
    "evidence_build": Row(None, "OMA"),
    "finding": Row(ALL, thing="finding"),
    "finding_acknowledge": Row("OME", "OME", thing="finding"),
    "finding_accept": Row("OME", "OME", thing="finding"),
    "admin_attest": Row("OEX", "OEX", thing="spare"),
    "attestations": lists(),
    "attest": Row("OEX", "OEX", thing="duty"),
    "server_attestations": Row(ALL, thing="spare"),
    "attestation_file": Row("OMEA", thing="stated"),
    "served_share": Row(ALL, thing="served"),
    "finding_removal": Row("OME", "OME", thing="listening"),
    "risks": lists(),
    "delegations": lists(),
    "delegation_add": Row("OM", "O", thing="system"),  # the body names an owner's delegate
    "delegation_end": Row("X" + ASKER, "X" + ASKER, thing="delegation"),
    "stages": Row("X", "X", thing="our_system"),
    "risk": Row(ALL, thing="risk"),
    "risk_decide": Row(NOBODY, NOBODY, thing="risk"),  # the authorising officer: tests/compliance/test_risks.py
    "risk_revoke": Row(NOBODY, NOBODY, thing="risk"),
    "risk_renew": Row("ROME", "ROME", thing="refused_risk"),
    "source_add": Row("EX", "EX", thing="system"),
    "source_folders": Row("EX", "EX", thing="system"),
    "source": Row(ALL, thing="source"),
    "source_upload": Row(None, "OEX", thing="shrunk"),
    "source_pull": Row(None, "OEX", thing="source"),
    "source_accept": Row("OE", "OE", thing="shrunk"),
    "source_test": Row(None, "OEX", thing="source"),
    "source_pause": Row("EX", "EX", thing="source"),
    "source_resume": Row("EX", "EX", thing="paused"),
    "source_readings": Row(ALL, thing="source"),
    "source_rules": Row(ALL, thing="source"),
    "paths": Row(ALL, "OE", thing="system", everybody=True),
    "path_confirm": Row("OE", "OE", thing="path", four_eyes=True),
    "path_end": Row("OE", "OE", thing="path"),
    "push": Row(None),  # asks for the token of one source itself
    "metrics": Row(NOBODY),  # asks for a service token itself: tests/compliance/test_watching.py
    "push_token_add": Row("EX", "EX", thing="pushed"),
    "push_token_revoke": Row("EX", "EX", thing="pushed"),
    "source_secret": Row("EX", "EX", thing="keyed"),
    "source_key": Row("OEX", "OEX", thing="keyed"),  # nobody their own: tests/evidence/test_knowing.py
    "source_raw": Row(ALL, thing="source"),
    # What was seen against the register
    "inventory_register": Row("OEX", "OEX", thing="stranger"),
    "inventory_outside": Row("OME", "OME", thing="stranger"),
    "inventory_add": Row("EX", "EX", thing="system"),
    "inventory_list": Row(ALL, thing="inventory"),
    "inventory_bring": Row(None, "OEX", thing="inventory"),
    "inventory_read": Row(None, "OEX", thing="foldered"),
    "inventory_columns": Row("EX", "EX", thing="inventory"),
    "inventory_accept": Row("OE", "OE", thing="shrunk_list"),
    "inventory_raw": Row(ALL, thing="inventory"),
    # Flow logs
    "flows": lists(),
    "flows_examine": Row("OMEA", "OMEA", thing="flow_system"),
    "flow_log_add": Row("EX", "EX", thing="system"),
    "flow_log": Row(ALL, thing="flow_log"),
    "flow_log_upload": Row(None, "OEX", thing="flow_log"),
    "flow_log_read": Row(None, "OEX", thing="flow_folder"),
    "flow_log_pause": Row("EX", "EX", thing="flow_folder"),
    "flow_log_resume": Row("EX", "EX", thing="flow_rest"),
    "flow_log_watches": Row("EX", "EX", thing="flow_log"),
    "flow_files": Row(ALL, thing="flow_log"),
    "flow_file_raw": Row(ALL, thing="flow_log"),
    "flow_file_again": Row(None, "OEX", thing="flow_log"),
    "flow_file_aside": Row("EX", "EX", thing="flow_log"),
    "samples": lists(),
    "sheets": lists(),
    "sheet_new": Row("OME", "OME", thing="system"),
    "sheet": Row(ALL, thing="sheet"),
    "sheet_decide": Row("OM", "OM", thing="planned_test", four_eyes=True),
    "sheet_script": Row(ALL, thing="sheet"),
    "sheet_run": Row(None, "OME", thing="sheet"),
    "sheet_results": Row("OME", "OME", thing="sheet"),
    "pack_verify_upload": Row(ALL, everybody=True),
    "pack_build": Row(None, "OMA", thing="system"),
    "pack": Row(ALL, thing="pack"),
    "pack_link_new": Row("OM", "OM", thing="pack"),
    "pack_link_end": Row(None, "OM", thing="pack"),
    "pack_asks": Row(ALL, "A", thing="pack"),
    "pack_answer": Row("OME", "OME", thing="pack"),
    "pack_reply_file": Row(ALL, thing="pack"),
    "pack_again": Row(None, "OMA", thing="failed"),
    "pack_verify": Row(None, ALL, thing="pack"),
    "pack_zip": Row("OMA", thing="pack"),
    "pack_pdf": Row("OMA", thing="pack"),
    # Campaigns
    "campaigns": lists(),
    "campaign_new": Row("MX", "MX", thing="system"),
    "campaign": Row(ALL, thing="campaign"),
    "campaign_decide": Row("O", "O", thing="campaign"),
    "campaign_close": Row("MX", "MX", thing="campaign"),
    # Reviews
    "review_schedule": Row("OM", "OM", thing="system"),
    "review_holidays": Row("MX", "MX", whole=True),
    "review": Row(ALL, thing="opened"),
    "review_open": Row("OM", "OM", thing="planned"),
    "review_decide": Row(None, "OM", thing="opened"),
    "review_carry": Row("OME", "OME", thing="opened"),  # of the finding: who may acknowledge it
    "review_rest": Row("OM", "OM", thing="opened"),
    "review_attendees": Row(None, "OM", thing="opened"),
    "review_action": Row(None, "OM", thing="opened"),
    "review_action_done": Row(None, "OME", thing="opened"),
    "review_sign": Row("OM", ASKER, thing="ready"),  # its chair
    "review_countersign": Row(ASKER, ASKER, thing="signing"),  # who was there, and is not the chair
    "review_back": Row(ASKER, ASKER, thing="signing"),
    "review_present": Row(None, ASKER, thing="opened"),
    "review_minutes": Row(ALL, thing="signed"),
}

# Forms that offer the names of all endpoints: a connection may lead into another system, whose owner then decides too.
DIRECTORY: Final = frozenset({"request", "change_edit"})

# Routes about no record of ours: the ways in, and one's own account. Open ones answer whoever comes; the others lead
# who is not signed in to the sign-in page. None changes a row by any method but a POST that says what to change.
OPEN_ACCOUNT: Final = frozenset({
    "account_closed", "account_login", "account_logout", "account_inactive", "account_signup", "account_email",
    "account_email_verification_sent", "account_reset_password", "account_confirm_login_code",
    "account_confirm_email", "account_reset_password_from_key_done", "account_reset_password_from_key",
    "account_reset_password_done", "mfa_authenticate", "mfa_login_webauthn", "openid_connect_login",
    "openid_connect_callback", "openid_connect_confirm", "socialaccount_login_cancelled",
    "shared", "shared_zip", "shared_pdf", "shared_reply",  # open by a link alone: tests/packs/test_links.py
    "calendar_feed",  # opens by its token alone: tests/reviews/test_feeds.py
    "socialaccount_login_error", "socialaccount_signup", "socialaccount_connections",
})  # fmt: skip
OWN_ACCOUNT: Final = frozenset({
    "account_reauthenticate", "account_change_password", "account_set_password", "mfa_index", "mfa_reauthenticate",
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn", "mfa_edit_webauthn", "usersessions_list", "notices", "notices_read", "notice_preferences",
    "calendar",
})  # fmt: skip
