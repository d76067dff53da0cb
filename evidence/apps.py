"""The room of evidence."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """What is actually there."""

    name = "evidence"
    verbose_name = "Evidence"

    def ready(self) -> None:
        """Hears the bells of the room below."""
        from evidence import signals  # noqa: F401
