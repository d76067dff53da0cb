"""The addresses of the API's first version, of this room."""

from __future__ import annotations

from django.urls import path

from evidence.api import findings

urlpatterns = [
    path("findings/", findings.Findings.as_view(), name="api_findings"),
    path("findings/<fnd:number>/", findings.OneFinding.as_view(), name="api_finding"),
    path("rule-changes/", findings.RuleChanges.as_view(), name="api_rule_changes"),
]
