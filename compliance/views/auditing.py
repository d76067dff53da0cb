"""An auditor's views of evidence are recorded: which pages that is, in one table, and what sees to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.http import HttpRequest, HttpResponse

from compliance.actions.views_seen import note
from compliance.models import Role, User

# route → the kind of record it shows by its number; "" for lists and for pages of things with a name
EVIDENCE: Final[Mapping[str, str]] = {
    "evidence": "", "findings": "", "finding": "evidence.finding", "rule_changes": "", "admin_paths": "",
    "attestations": "", "server_attestations": "", "attestation_file": "evidence.attestation",
    "sources": "", "source": "evidence.source", "source_raw": "evidence.source", "source_readings": "evidence.source",
    "source_rules": "evidence.source", "coverage": "", "paths": "",
    "flows": "", "flow_log": "evidence.flowlog", "flow_files": "evidence.flowlog", "flow_file_raw": "evidence.flowlog",
    "served_shares": "", "served_share": "",
    "inventory": "", "inventory_list": "evidence.inventory", "inventory_raw": "evidence.inventory",
    "connections": "", "connection": "compliance.connection", "as_of": "", "connection_as_of": "compliance.connection",
    "shares": "", "servers": "", "server": "", "zones": "", "zone": "", "groups": "", "group": "",
    "parties": "", "party": "",
    "changes": "", "change": "compliance.changerecord", "inbox_change": "compliance.changerecord",
    "risks": "", "risk": "compliance.riskacceptance", "policy": "", "policy_version": "",
    "samples": "", "pack_asks": "evidence.pack", "pack_reply_file": "evidence.pack",
    "sheets": "", "sheet": "evidence.sheet", "sheet_script": "evidence.sheet",
    "packs": "", "pack": "evidence.pack", "reviews": "", "review": "reviews.review", "review_minutes": "reviews.review",
    "campaigns": "", "campaign": "reviews.campaign",
    "audit": "", "search": "", "controls": "", "control": "", "learn": "", "learn_left": "", "learn_group": "",
}  # fmt: skip
# What an auditor may open and that shows no evidence, or that is recorded by its own verb (the download of a pack)
NOT_EVIDENCE: Final = frozenset({
    "home", "healthz", "readyz",
    "setup_link", "help", "help_page", "help_changes", "inbox", "bulk_decide", "recertify", "setup", "delegations",
    "catalogue_releases", "catalogue_release", "request_sent", "pack_verify_upload", "pack_zip", "pack_pdf",
    "flows_examine",
})  # fmt: skip


class AuditorViews:
    """Before a page of evidence leaves for somebody who audits, the ledger has it. Others cost nothing."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer, noted where it shows evidence to an auditor."""
        response = self.answer(request)
        person, match = request.user, request.resolver_match
        shows = match is not None and request.method == "GET" and response.status_code == 200
        if match is None or not shows or not match.url_name or match.url_name not in EVIDENCE:
            return response
        if isinstance(person, User) and person.holds([Role.AUDITOR]):
            number = match.kwargs.get("number")
            as_file = response.headers.get("Content-Disposition", "").startswith("attachment")
            note(person, model=EVIDENCE[match.url_name], key=number, page=request.get_full_path(), as_file=as_file)
        return response
