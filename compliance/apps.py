"""The room of decisions."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ComplianceConfig(AppConfig):
    """What is allowed and why."""

    name = "compliance"
    verbose_name = "Compliance"

    def ready(self) -> None:
        """What migrations wrote is said in the ledger once all have run; who comes back finds what they had typed."""
        from django.contrib.auth.signals import user_logged_in

        from compliance.actions.ledger_adopt import after_migrations
        from compliance.views.typed import signed_in_again

        post_migrate.connect(after_migrations, sender=self, dispatch_uid="ledger")
        user_logged_in.connect(signed_in_again, dispatch_uid="kept_forms")
