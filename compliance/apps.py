"""The room of decisions."""

from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    """What is allowed and why."""

    name = "compliance"
    verbose_name = "Compliance"
