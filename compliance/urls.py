"""The addresses of the room of decisions."""

from __future__ import annotations

from django.urls import path, register_converter

from compliance.views import (
    changes,
    connections,
    estate,
    guide,
    jobs,
    places,
    policy,
    questions,
    requests,
    server,
    servers,
    setup,
    widening,
)
from compliance.views.refs import converter

for name, prefix in (("con", "CON"), ("chg", "CHG")):
    register_converter(converter(prefix), name)

urlpatterns = [
    path("healthz", jobs.healthz, name="healthz"),
    path("inbox/", changes.inbox, name="inbox"),
    path("inbox/<chg:number>/", changes.inbox, name="inbox_change"),
    path("changes/", changes.changes, name="changes"),
    path("changes/<chg:number>/", changes.record, name="change"),
    path("changes/<chg:number>/approve/", changes.verb, {"name": "approve"}, name="change_approve"),
    path("changes/<chg:number>/reject/", changes.verb, {"name": "reject"}, name="change_reject"),
    path("changes/<chg:number>/submit/", changes.verb, {"name": "submit"}, name="change_submit"),
    path("changes/<chg:number>/edit/", requests.edit, name="change_edit"),
    path("changes/<chg:number>/again/", requests.again, name="change_again"),
    path("changes/<chg:number>/ask/", questions.ask, name="change_ask"),
    path("changes/<chg:number>/questions/<int:question>/", questions.answer, name="question_answer"),
    path("changes/<chg:number>/withdraw/", changes.verb, {"name": "withdraw"}, name="change_withdraw"),
    path("changes/<chg:number>/implement/", changes.verb, {"name": "implement"}, name="change_implement"),
    path("changes/<chg:number>/dispute/", changes.verb, {"name": "dispute"}, name="change_dispute"),
    path("help/changes/", guide.changes, name="help_changes"),
    path("policy/", policy.policy, name="policy"),
    path("policy/edit/", policy.propose, name="policy_edit"),
    path("policy/<int:number>/", policy.version, name="policy_version"),
    path("policy/<int:number>/adopt/", policy.decide, {"name": "adopt"}, name="policy_adopt"),
    path("policy/<int:number>/reject/", policy.decide, {"name": "reject"}, name="policy_reject"),
    path("requests/new/", requests.new, name="request"),
    path("requests/<chg:number>/sent/", requests.sent, name="request_sent"),
    path("connections/", connections.register, {"kind": "network"}, name="connections"),
    path("connections/<con:number>/", connections.connection, name="connection"),
    path("connections/<con:number>/retire/", connections.retire, name="connection_retire"),
    path("shares/", connections.register, {"kind": "share"}, name="shares"),
    path("servers/", servers.servers, name="servers"),
    path("servers/<str:name>/", server.server, name="server"),
    path("servers/<str:name>/address/", widening.address, name="address_add"),
    path("servers/<str:name>/decommission/", widening.decommission, name="decommission"),
    path("zones/", places.places, {"kind": "zones"}, name="zones"),
    path("zones/<str:name>/", places.place, {"kind": "zones"}, name="zone"),
    path("zones/<str:name>/prefix/", widening.prefix, name="prefix_add"),
    path("groups/", places.places, {"kind": "groups"}, name="groups"),
    path("groups/<str:name>/", places.place, {"kind": "groups"}, name="group"),
    path("groups/<str:name>/member/", widening.member, name="member_add"),
    path("groups/<str:name>/ceiling/", widening.ceiling, name="group_ceiling"),
    path("estate/<str:kind>/<int:number>/end/", widening.end, name="estate_end"),
    path("setup/", setup.tasks, name="setup"),
    path("setup/organisations/new/", estate.organisation, name="organisation_add"),
    path("setup/systems/new/", estate.system, name="system_add"),
    path("setup/zones/new/", estate.zone, name="zone_add"),
    path("setup/people/new/", estate.person, name="person_add"),
    path("setup/roles/new/", estate.role, name="role_add"),
    path("setup/import/", setup.import_rows, name="import"),
    path("setup/link/<str:token>/", setup.link, name="setup_link"),
    path("jobs/<int:number>/", jobs.job, name="job"),
    path("jobs/<int:number>/cancel/", jobs.cancel, name="job_cancel"),
]
