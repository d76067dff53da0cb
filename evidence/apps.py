"""The room of evidence."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """What is actually there."""

    name = "evidence"
    verbose_name = "Evidence"
