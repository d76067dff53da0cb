"""Every page a person can see, as one literal table: the route it proves, who opens it, where, and what is done there.

`test_pages.py` holds the table against the URL configuration: a route without a row, or a row whose page is another
route's, fails by name. Addresses are filled from `references` in `sample.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.browser import steps

if TYPE_CHECKING:
    from playwright.sync_api import Page, Response


class Row(NamedTuple):
    """A page: its route's name, who opens it ("" = nobody signed in), its address, the status, what is done there."""

    route: str
    who: str
    address: str
    status: int = 200
    act: Callable[[Page], Response | None] | None = None


PAGES: Final = (
    # Coming in
    Row("account_login", "", "/accounts/login/"),
    Row("account_login", "", "/accounts/login/", 200, steps.wrong_password),
    Row("mfa_authenticate", "", "/accounts/login/", 200, steps.password_of_ines),
    Row("account_inactive", "", "/accounts/inactive/"),
    Row("account_reset_password", "", "/accounts/password/reset/"),
    Row("account_reset_password_done", "", "/accounts/password/reset/done/"),
    Row("account_reset_password_from_key", "", "/accounts/password/reset/key/{reset}/"),
    Row("account_reset_password_from_key", "", "/accounts/password/reset/key/1-nothing/"),
    Row("account_reset_password_from_key_done", "", "/accounts/password/reset/key/done/"),
    Row("setup_link", "", "/setup/link/{fresh_link}/"),
    Row("setup_link", "", "/setup/link/used-up/", 410),
    # One's own account
    Row("mfa_index", "ada", "/accounts/2fa/"),
    Row("mfa_index", "ines", "/accounts/2fa/"),
    Row("mfa_activate_totp", "ada", "/accounts/2fa/totp/activate/"),
    Row("mfa_deactivate_totp", "ines", "/accounts/2fa/totp/deactivate/"),
    Row("mfa_view_recovery_codes", "ines", "/accounts/2fa/recovery-codes/"),
    Row("mfa_generate_recovery_codes", "ines", "/accounts/2fa/recovery-codes/generate/"),
    Row("mfa_list_webauthn", "ada", "/accounts/2fa/webauthn/"),
    Row("mfa_list_webauthn", "ines", "/accounts/2fa/webauthn/"),
    Row("mfa_add_webauthn", "ada", "/accounts/2fa/webauthn/add/"),
    Row("mfa_edit_webauthn", "ines", "/accounts/2fa/webauthn/keys/{passkey}/edit/"),
    Row("mfa_remove_webauthn", "ines", "/accounts/2fa/webauthn/keys/{passkey}/remove/"),
    Row("account_reauthenticate", "ada", "/accounts/reauthenticate/"),
    Row("mfa_reauthenticate", "ines", "/accounts/2fa/reauthenticate/"),
    Row("mfa_reauthenticate_webauthn", "ines", "/accounts/2fa/webauthn/reauthenticate/"),
    Row("usersessions_list", "ada", "/accounts/sessions/"),
    Row("account_change_password", "ada", "/accounts/password/change/"),
    Row("account_set_password", "rita", "/accounts/password/set/"),
    Row("account_logout", "ada", "/accounts/logout/"),
    # Deciding
    Row("inbox", "omar", "/inbox/"),
    Row("inbox", "ada", "/inbox/"),
    Row("bulk_decide", "omar", "/inbox/bulk/?change={waiting}"),
    Row("inbox_change", "omar", "/inbox/{waiting}/"),
    Row("change_approve", "omar", "/changes/{waiting}/approve/"),
    Row("change_approve", "omar", "/changes/{waiting}/approve/", 409, steps.send_what_was_read_before),
    Row("change_reject", "omar", "/changes/{waiting}/reject/"),
    Row("change_reject", "omar", "/changes/{waiting}/reject/", 422, steps.send),
    Row("help_changes", "rita", "/help/changes/"),
    Row("change_ask", "omar", "/changes/{waiting}/ask/"),
    Row("question_answer", "rita", "/changes/{waiting}/questions/{question}/"),
    Row("inbox", "rita", "/inbox/?tab=questions"),
    # The policy
    Row("audit", "ada", "/audit/"),
    Row("audit", "rita", "/audit/?verb=request"),
    Row("policy", "ada", "/policy/"),
    Row("policy_edit", "mina", "/policy/edit/"),
    Row("policy_version", "ada", "/policy/1/"),
    Row("policy_version", "chandra", "/policy/{proposal}/"),
    Row("policy_adopt", "chandra", "/policy/{proposal}/adopt/"),
    Row("policy_reject", "chandra", "/policy/{proposal}/reject/"),
    Row("change_act_first", "erin", "/changes/{urgent}/act-first/"),
    Row("delegations", "alex", "/delegations/"),
    Row("delegation_add", "omar", "/delegations/new/"),
    Row("delegation_end", "omar", "/delegations/{delegation}/end/"),
    Row("stages", "alex", "/setup/stages/{staged}/"),
    # Asking
    Row("request", "rita", "/requests/new/"),
    Row("request", "rita", "/requests/new/", 422, steps.check_nothing),
    Row("request", "rita", "/requests/new/", 200, steps.check_answers),
    Row("request_sent", "rita", "/requests/{waiting}/sent/"),
    Row("change_edit", "rita", "/changes/{draft}/edit/"),
    Row("change_submit", "rita", "/changes/{draft}/submit/"),
    Row("change", "rita", "/changes/{in_clear}/"),
    Row("change_except", "rita", "/changes/{in_clear}/except/cleartext/"),
    Row("change_withdraw", "rita", "/changes/{draft}/withdraw/"),
    Row("change_again", "rita", "/changes/{rejected}/again/"),
    # The register
    Row("connections", "rita", "/connections/"),
    Row("connections", "rita", "/connections/?q=nothing-is-called-so"),
    Row("recertify", "rita", "/connections/recertify/?due=90"),
    Row("recertify_check", "rita", "/connections/recertify/check/?connection=CON-26&connection=CON-1"),
    Row("recertify_check", "rita", "/connections/recertify/check/?connection=CON-26"),
    Row("connection", "rita", "/connections/CON-26/"),
    Row("as_of", "rita", "/connections/as-of/"),
    Row("as_of", "rita", "/connections/as-of/?at=2026-10-01T10:00"),
    Row("connection_as_of", "rita", "/connections/CON-26/as-of/"),
    Row("connection_retire", "rita", "/connections/CON-26/retire/"),
    Row("shares", "rita", "/shares/"),
    Row("servers", "erin", "/servers/"),
    Row("server", "erin", "/servers/pay-db-01/"),
    Row("address_add", "erin", "/servers/pay-db-01/address/"),
    Row("decommission", "erin", "/servers/pay-db-01/decommission/"),
    Row("zones", "erin", "/zones/"),
    Row("zone", "erin", "/zones/{zone}/"),
    Row("prefix_add", "erin", "/zones/{zone}/prefix/"),
    Row("groups", "erin", "/groups/"),
    Row("group", "erin", "/groups/{group}/"),
    Row("member_add", "erin", "/groups/{group}/member/"),
    Row("member_add", "erin", "/groups/{group}/member/", 200, steps.see_what_it_opens),
    Row("group_ceiling", "erin", "/groups/{group}/ceiling/"),
    Row("estate_end", "erin", "/estate/members/{membership}/end/"),
    Row("changes", "rita", "/changes/"),
    Row("change", "rita", "/changes/{disputed}/"),
    Row("change", "rita", "/changes/{draft}/"),
    Row("change_implement", "erin", "/changes/{approved}/implement/"),
    Row("change_dispute", "erin", "/changes/{verified}/dispute/"),
    # What is there
    Row("evidence", "mina", "/evidence/"),
    Row("findings", "erin", "/findings/"),
    Row("rule_changes", "erin", "/rule-changes/"),
    Row("finding", "erin", "/findings/{finding}/"),
    Row("finding_acknowledge", "erin", "/findings/{finding}/acknowledge/"),
    Row("finding_accept", "erin", "/findings/{finding}/accept/"),
    Row("finding", "erin", "/findings/{listening}/"),
    Row("finding_removal", "erin", "/findings/{listening}/removal/"),
    Row("risks", "erin", "/risks/"),
    Row("risk", "erin", "/risks/{risk}/"),
    Row("risk_decide", "chandra", "/risks/{risk}/decide/"),
    Row("risk_revoke", "chandra", "/risks/{accepted_risk}/revoke/"),
    Row("risk_renew", "erin", "/risks/{accepted_risk}/renew/"),
    Row("sources", "erin", "/sources/"),
    Row("source_add", "erin", "/sources/new/"),
    Row("source", "erin", "/sources/{partly}/"),
    Row("source", "erin", "/sources/{gone}/"),
    Row("source", "erin", "/sources/{pushed}/"),
    Row("push_token_add", "erin", "/sources/{pushed}/push-token/"),
    Row("push_token_revoke", "erin", "/sources/{pushed}/push-token/{push_token}/revoke/"),
    Row("source", "erin", "/sources/{keyed}/"),
    Row("source_secret", "erin", "/sources/{keyed}/secret/"),
    Row("source_key", "alex", "/sources/{keyed}/key/"),
    Row("source_accept", "erin", "/sources/{shrunk}/accept/"),
    Row("job", "erin", "/jobs/{job}/"),
    # Reviews and packs
    Row("reviews", "ada", "/reviews/"),
    Row("review", "chandra", "/reviews/{held}/"),
    Row("review", "ada", "/reviews/{missed}/"),
    Row("review", "chandra", "/reviews/{opened}/"),
    Row("review_open", "chandra", "/reviews/{planned}/open/"),
    Row("review_sign", "chandra", "/reviews/{opened}/sign/"),
    Row("review_schedule", "mina", "/reviews/schedules/new/"),
    Row("packs", "ada", "/packs/"),
    Row("pack", "ada", "/packs/{pack}/"),
    Row("pack_verify_upload", "ada", "/packs/verify/"),
    # Set-up
    Row("setup", "erin", "/setup/"),
    Row("organisation_add", "alex", "/setup/organisations/new/"),
    Row("system_add", "alex", "/setup/systems/new/"),
    Row("zone_add", "alex", "/setup/zones/new/"),
    Row("people", "alex", "/setup/people/"),
    Row("person_add", "alex", "/setup/people/new/"),
    Row("person_leave", "alex", "/setup/people/{omar}/leave/"),
    Row("role_add", "alex", "/setup/roles/new/"),
    Row("roles", "alex", "/setup/roles/"),
    Row("grant_confirm", "alex", "/setup/roles/{unconfirmed}/confirm/"),
    Row("grant_end", "alex", "/setup/roles/{unconfirmed}/end/"),
    Row("tokens", "alex", "/setup/tokens/"),
    Row("token_add", "alex", "/setup/tokens/new/"),
    Row("token_revoke", "alex", "/setup/tokens/{token}/revoke/"),
    Row("import", "erin", "/setup/import/"),
    Row("import", "erin", "/setup/import/", 200, steps.match_columns),
    Row("import", "erin", "/setup/import/", 200, steps.try_good_rows),
    Row("import", "erin", "/setup/import/", 200, steps.try_bad_rows),
    # Errors
    Row("person_add", "rita", "/setup/people/new/", 403),
    Row("change_submit", "rita", "/changes/{draft}/submit/", 403, steps.send_without_token),
    Row("change", "rita", "/changes/CHG-99999/", 404),
    Row("", "rita", "/nothing/is/here/", 404),
    Row("servers", "alex", "/servers/?q=fault", 500),
    # Last, as it ends what the others look at
    Row("bulk_decide", "omar", "/inbox/bulk/?change={waiting}", 200, steps.reject_with_a_reason),
)

# Routes that show no page of their own, each with what GET answers there instead; that is tried as well.
POSTS_ONLY, FILE, LEADS_ON, GONE = "405 to GET", "no HTML", "leads to another page", "no such page here"
OTHERS: Final = {
    "home": ("rita", "/", LEADS_ON),
    "healthz": ("", "/healthz", FILE),
    "account_closed": ("", "/accounts/signup/", GONE),
    "account_signup": ("", "/accounts/signup/", GONE),
    "account_email": ("ada", "/accounts/email/", GONE),
    "account_email_verification_sent": ("ada", "/accounts/confirm-email/", GONE),
    "account_confirm_email": ("ada", "/accounts/confirm-email/nothing/", GONE),
    "openid_connect_login": ("", "/accounts/oidc/oidc/login/", POSTS_ONLY),
    "openid_connect_callback": ("", "/accounts/oidc/oidc/login/callback/", GONE),
    "socialaccount_login_cancelled": ("", "/accounts/3rdparty/login/cancelled/", GONE),
    "socialaccount_login_error": ("", "/accounts/3rdparty/login/error/", GONE),
    "socialaccount_signup": ("", "/accounts/3rdparty/signup/", GONE),
    "socialaccount_connections": ("ada", "/accounts/3rdparty/", GONE),
    "account_confirm_login_code": ("", "/accounts/login/code/confirm/", LEADS_ON),
    "mfa_download_recovery_codes": ("ines", "/accounts/2fa/recovery-codes/download/", FILE),
    "mfa_login_webauthn": ("", "/accounts/2fa/webauthn/login/", LEADS_ON),
    "job_cancel": ("erin", "/jobs/{job}/cancel/", POSTS_ONLY),
    "evidence_build": ("ada", "/evidence/build/", POSTS_ONLY),
    "source_upload": ("erin", "/sources/{partly}/upload/", POSTS_ONLY),
    "source_pull": ("erin", "/sources/{partly}/pull/", POSTS_ONLY),
    "source_raw": ("erin", "/sources/{partly}/raw/{raw}/", FILE),
    "push": ("", "/push/", POSTS_ONLY),
    "pack_build": ("ada", "/packs/build/", POSTS_ONLY),
    "pack_again": ("ada", "/packs/{pack}/again/", POSTS_ONLY),
    "pack_verify": ("ada", "/packs/{pack}/verify/", POSTS_ONLY),
    "pack_zip": ("ada", "/packs/{pack}/download/zip/", FILE),
    "pack_pdf": ("ada", "/packs/{pack}/download/pdf/", FILE),
    "review_action_done": ("erin", "/reviews/actions/1/done/", POSTS_ONLY),
    "review_decide": ("chandra", "/reviews/{opened}/items/1/", POSTS_ONLY),
    "review_attendees": ("chandra", "/reviews/{opened}/attendees/", POSTS_ONLY),
    "review_action": ("chandra", "/reviews/{opened}/actions/", POSTS_ONLY),
    "review_minutes": ("chandra", "/reviews/{held}/minutes.md", FILE),
}
