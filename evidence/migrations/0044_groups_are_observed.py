"""What the last comparison saw of the members of each dynamic group."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0028_groups_are_observed"),
        ("evidence", "0043_since_when_rules_are_counted"),
    ]

    operations = [
        migrations.CreateModel(
            name="GroupObservation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("observed", models.CharField(help_text="By what its members were known then.", max_length=500)),
                ("at", models.DateTimeField(help_text="The comparison that looked.")),
                (
                    "because",
                    models.TextField(blank=True, help_text="Why they are not known as of now; empty: they are."),
                ),
                (
                    "seen_at",
                    models.DateTimeField(
                        blank=True, help_text="The last moment for which somebody saw them.", null=True
                    ),
                ),
                ("above", models.JSONField(default=list, help_text="Servers beyond the ceiling, by name.")),
                ("others", models.JSONField(default=list, help_text="Servers of other systems, by name.")),
                (
                    "strangers",
                    models.JSONField(default=list, help_text="[[words, [address]]] that no registered server has."),
                ),
                (
                    "group",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.group"
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="evidence.snapshot",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="evidence.source",
                    ),
                ),
            ],
        ),
    ]
