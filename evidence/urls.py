"""The addresses of the room of evidence."""

from __future__ import annotations

from django.urls import path, register_converter

from compliance.views.refs import converter
from evidence.views import (
    access,
    adding,
    admin,
    coverage,
    findings,
    inventories,
    inventory,
    members,
    month,
    packs,
    push,
    push_tokens,
    readings,
    rule_changes,
    shares,
    source_verbs,
    sources,
)

for name, prefix in (("fnd", "FND"), ("pck", "PCK")):
    register_converter(converter(prefix), name)

urlpatterns = [
    path("evidence/", month.month, name="evidence"),
    path("evidence/build/", month.build, name="evidence_build"),
    path("findings/", findings.findings, name="findings"),
    path("findings/<fnd:number>/", findings.finding, name="finding"),
    path("findings/<fnd:number>/acknowledge/", findings.acknowledge, name="finding_acknowledge"),
    path("findings/<fnd:number>/accept/", findings.accept, name="finding_accept"),
    path("findings/<fnd:number>/removal/", members.plan_removal, name="finding_removal"),
    path("admin-paths/", admin.admin_paths, name="admin_paths"),
    path("admin-paths/<str:name>/attest/", admin.attest, name="admin_attest"),
    path("shares/served/", shares.shares, name="served_shares"),
    path("shares/served/<slug:key>/", shares.share, name="served_share"),
    path("inventory/", inventory.inventory, name="inventory"),
    path("inventory/register/", inventory.register, name="inventory_register"),
    path("inventory/outside/", inventory.leave_out, name="inventory_outside"),
    path("inventory/new/", inventories.add, name="inventory_add"),
    path("inventory/<int:number>/", inventories.one, name="inventory_list"),
    path("inventory/<int:number>/bring/", inventories.bring, name="inventory_bring"),
    path("inventory/<int:number>/read/", inventories.read, name="inventory_read"),
    path("inventory/<int:number>/columns/", inventories.columns, name="inventory_columns"),
    path("inventory/<int:number>/accept/", inventories.accept, name="inventory_accept"),
    path("inventory/<int:number>/raw/<int:reading>/", inventories.raw, name="inventory_raw"),
    path("rule-changes/", rule_changes.rule_changes, name="rule_changes"),
    path("sources/", sources.sources, name="sources"),
    path("sources/new/", adding.add, name="source_add"),
    path("sources/<int:number>/", sources.source, name="source"),
    path("sources/<int:number>/upload/", source_verbs.upload, name="source_upload"),
    path("sources/<int:number>/pull/", source_verbs.pull, name="source_pull"),
    path("sources/<int:number>/accept/", source_verbs.accept, name="source_accept"),
    path("sources/<int:number>/test/", source_verbs.test, name="source_test"),
    path("sources/<int:number>/pause/", source_verbs.pause, {"on": True}, name="source_pause"),
    path("sources/<int:number>/resume/", source_verbs.pause, {"on": False}, name="source_resume"),
    path("sources/<int:number>/readings/", readings.readings, name="source_readings"),
    path("coverage/", coverage.coverage, name="coverage"),
    path("sources/<int:number>/secret/", access.secret, name="source_secret"),
    path("sources/<int:number>/key/", access.key, name="source_key"),
    path("sources/<int:number>/raw/<int:artefact>/", sources.raw, name="source_raw"),
    path("sources/<int:number>/push-token/", push_tokens.add, name="push_token_add"),
    path("sources/<int:number>/push-token/<int:token>/revoke/", push_tokens.revoke, name="push_token_revoke"),
    path("push/", push.push, name="push"),
    path("packs/", packs.packs, name="packs"),
    path("packs/build/", packs.build, name="pack_build"),
    path("packs/verify/", packs.verify_upload, name="pack_verify_upload"),
    path("packs/<pck:number>/", packs.pack, name="pack"),
    path("packs/<pck:number>/again/", packs.again, name="pack_again"),
    path("packs/<pck:number>/verify/", packs.check_again, name="pack_verify"),
    path("packs/<pck:number>/download/zip/", packs.download, {"what": "zip"}, name="pack_zip"),
    path("packs/<pck:number>/download/pdf/", packs.download, {"what": "pdf"}, name="pack_pdf"),
]
