"""The room of decisions."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ComplianceConfig(AppConfig):
    """What is allowed and why."""

    name = "compliance"
    verbose_name = "Compliance"

    def ready(self) -> None:
        """What migrations write to governed rows is said in the ledger once all have run."""
        from compliance.actions.ledger_adopt import after_migrations

        post_migrate.connect(after_migrations, sender=self, dispatch_uid="ledger")
