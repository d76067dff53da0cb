"""The tables of 0001_the_first to 0045_what_verdicts_add_up_to, made at once: a new installation need not go the way that old ones went."""

import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.utils.timezone
import uuid
from importlib import import_module

from django.conf import settings
from django.db import migrations, models

from compliance.migrating import OnPostgreSQL, Tables

THREES = import_module("evidence.migrations.0042_threes_of_words")


class Migration(migrations.Migration):
    initial = True

    replaces = [
        ("evidence", "0001_the_first"),
        ("evidence", "0002_smaller_readings"),
        ("evidence", "0003_cures_name_snapshots"),
        ("evidence", "0004_proposals"),
        ("evidence", "0005_rule_changes"),
        ("evidence", "0006_last_seen_before"),
        ("evidence", "0007_against_policy"),
        ("evidence", "0008_risks_of_their_own"),
        ("evidence", "0009_review_overdue"),
        ("evidence", "0010_access"),
        ("evidence", "0011_run_model"),
        ("evidence", "0012_members_of_findings"),
        ("evidence", "0013_pushing"),
        ("evidence", "0014_inventories"),
        ("evidence", "0015_beside"),
        ("evidence", "0016_shares_and_admin_paths"),
        ("evidence", "0017_what_is_set_aside"),
        ("evidence", "0018_baseline_groups"),
        ("evidence", "0019_reviews_not_held"),
        ("evidence", "0020_trends"),
        ("evidence", "0021_attestations"),
        ("evidence", "0022_tickets"),
        ("evidence", "0023_statements_keep_their_files"),
        ("evidence", "0024_large_registers"),
        ("evidence", "0025_pack_profiles"),
        ("evidence", "0026_test_sheets"),
        ("evidence", "0027_printed_packs"),
        ("evidence", "0028_pack_links"),
        ("evidence", "0029_words_of_findings"),
        ("evidence", "0030_sheet_runs"),
        ("evidence", "0031_flows_show_addresses"),
        ("evidence", "0032_aws_accounts"),
        ("evidence", "0033_objects_edited"),
        ("evidence", "0034_flow_logs"),
        ("evidence", "0035_flows_at_comparisons"),
        ("evidence", "0036_flow_logs_of_aws"),
        ("evidence", "0037_device_paths"),
        ("evidence", "0038_devices_over_https"),
        ("evidence", "0039_rule_counters"),
        ("evidence", "0040_files_set_aside"),
        ("evidence", "0041_who_came_by_flow_logs"),
        ("evidence", "0042_threes_of_words"),
        ("evidence", "0043_since_when_rules_are_counted"),
        ("evidence", "0044_groups_are_observed"),
        ("evidence", "0045_what_verdicts_add_up_to"),
    ]

    # Of those it replaces, each names what it needed: nothing later, or an installation halfway could not go on.
    dependencies = [
        ("compliance", "0028_groups_are_observed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Tables(
            [
                migrations.CreateModel(
                    name="Delta",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "since",
                            models.DateTimeField(
                                blank=True, help_text="When the source was last seen as it was before.", null=True
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="DeviceLease",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "key",
                            models.CharField(help_text="server:42, or host:10.20.30.31.", max_length=300, unique=True),
                        ),
                        ("token", models.UUIDField()),
                        ("until", models.DateTimeField(help_text="A worker that died holds it no longer than this.")),
                    ],
                ),
                migrations.CreateModel(
                    name="StoredArtefact",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("sha256", models.CharField(max_length=64, unique=True)),
                        ("size", models.PositiveBigIntegerField()),
                        ("kept_at", models.DateTimeField(default=django.utils.timezone.now)),
                    ],
                ),
                migrations.CreateModel(
                    name="Comparison",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("token", models.UUIDField(blank=True, null=True)),
                        ("register_digest", models.CharField(max_length=64)),
                        (
                            "counts",
                            models.JSONField(
                                default=dict,
                                help_text="{verdict: subjects}: one for each connection or share, and each extra.",
                            ),
                        ),
                        (
                            "trend",
                            models.JSONField(
                                default=dict,
                                help_text="{system: [individually justified, provisional, permitted and not authorised]}.",
                            ),
                        ),
                        (
                            "burned",
                            models.JSONField(
                                default=dict,
                                help_text="{system: how far its provisional baseline is worked off}; see compliance/baseline.py.",
                            ),
                        ),
                        (
                            "heads",
                            models.JSONField(
                                default=dict,
                                help_text="{system: {verdict: [counted ones about a connection, about something else]}}.",
                            ),
                        ),
                        ("published", models.BooleanField(default=False)),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.job"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-at", "-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Finding",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("fingerprint", models.CharField(max_length=64, unique=True)),
                        (
                            "verdict",
                            models.CharField(
                                choices=[
                                    ("implemented", "implemented"),
                                    ("permits_more", "permits more"),
                                    ("not_implemented", "not implemented"),
                                    ("unfiltered", "unfiltered"),
                                    ("share_wider", "share wider"),
                                    ("listener_unauthorised", "listener unauthorised"),
                                    ("no_listener", "no listener"),
                                    ("changed_without_record", "changed without record"),
                                    ("approved_not_done", "approved not done"),
                                    ("used_outside", "used outside"),
                                    ("attempted", "attempted"),
                                    ("unused", "unused"),
                                    ("usage_unknown", "usage unknown"),
                                    ("silent_baseline", "silent baseline"),
                                    ("against_policy", "against policy"),
                                    ("review_overdue", "review overdue"),
                                    ("review_missed", "review missed"),
                                    ("unknown_server", "unknown server"),
                                    ("not_verifiable", "not verifiable"),
                                    ("stale", "stale"),
                                    ("unreachable", "unreachable"),
                                ],
                                max_length=24,
                            ),
                        ),
                        (
                            "certainty",
                            models.CharField(
                                choices=[("definite", "definite"), ("possible", "possible"), ("unproven", "unproven")],
                                max_length=10,
                            ),
                        ),
                        (
                            "severity",
                            models.CharField(
                                choices=[("high", "High"), ("medium", "Medium"), ("low", "Low")],
                                default="medium",
                                max_length=6,
                            ),
                        ),
                        ("subject", models.CharField(max_length=300)),
                        ("point", models.CharField(blank=True, max_length=200)),
                        ("rule", models.CharField(blank=True, max_length=300)),
                        ("rule_file", models.CharField(blank=True, max_length=200)),
                        ("rule_line", models.PositiveIntegerField(default=0)),
                        ("rule_text", models.TextField(blank=True)),
                        ("family", models.PositiveSmallIntegerField(default=4)),
                        (
                            "extent",
                            models.JSONField(default=list, help_text="The excess boxes, apart from the fingerprint."),
                        ),
                        ("witness", models.JSONField(blank=True, null=True)),
                        ("because", models.TextField()),
                        (
                            "proposal",
                            models.TextField(
                                blank=True, help_text="What to do: in words, and below the commands to type."
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("open", "Open"),
                                    ("acknowledged", "Acknowledged"),
                                    ("accepted", "Accepted risk"),
                                    ("cured", "Cured"),
                                ],
                                default="open",
                                max_length=12,
                            ),
                        ),
                        ("first_seen", models.DateTimeField()),
                        ("last_seen", models.DateTimeField()),
                        ("cured_at", models.DateTimeField(blank=True, null=True)),
                        ("cured_because", models.TextField(blank=True)),
                        (
                            "unseen_since",
                            models.DateTimeField(
                                blank=True,
                                help_text="It stands, but since then nothing could be looked at that would show it.",
                                null=True,
                            ),
                        ),
                        ("unseen_because", models.TextField(blank=True)),
                        ("accepted_until", models.DateField(blank=True, null=True)),
                        ("accepted_extent", models.JSONField(default=list)),
                        ("accepted_rating", models.CharField(blank=True, max_length=20)),
                        ("alternate_control", models.TextField(blank=True)),
                        (
                            "rank",
                            models.GeneratedField(
                                db_persist=True,
                                expression=models.Case(
                                    models.When(severity="high", then=0),
                                    models.When(severity="medium", then=1),
                                    models.When(severity="low", then=2),
                                    default=3,
                                ),
                                output_field=models.PositiveSmallIntegerField(),
                            ),
                        ),
                        (
                            "words",
                            models.GeneratedField(
                                db_persist=True,
                                expression=django.db.models.functions.text.Lower(
                                    django.db.models.functions.text.Concat(
                                        django.db.models.functions.text.Concat(
                                            django.db.models.functions.text.Concat(
                                                django.db.models.functions.comparison.Coalesce(
                                                    django.db.models.functions.comparison.Cast(
                                                        models.F("because"), models.TextField()
                                                    ),
                                                    models.Value(" ", output_field=models.TextField()),
                                                    output_field=models.TextField(),
                                                ),
                                                models.Value(" ", output_field=models.TextField()),
                                                output_field=models.TextField(),
                                            ),
                                            django.db.models.functions.text.Concat(
                                                django.db.models.functions.comparison.Coalesce(
                                                    django.db.models.functions.comparison.Cast(
                                                        models.F("subject"), models.TextField()
                                                    ),
                                                    models.Value(" ", output_field=models.TextField()),
                                                    output_field=models.TextField(),
                                                ),
                                                django.db.models.functions.text.Concat(
                                                    models.Value(" ", output_field=models.TextField()),
                                                    django.db.models.functions.comparison.Coalesce(
                                                        django.db.models.functions.comparison.Cast(
                                                            models.F("point"), models.TextField()
                                                        ),
                                                        models.Value(" ", output_field=models.TextField()),
                                                        output_field=models.TextField(),
                                                    ),
                                                    output_field=models.TextField(),
                                                ),
                                                output_field=models.TextField(),
                                            ),
                                            output_field=models.TextField(),
                                        ),
                                        django.db.models.functions.text.Concat(
                                            django.db.models.functions.text.Concat(
                                                models.Value(" ", output_field=models.TextField()),
                                                django.db.models.functions.comparison.Coalesce(
                                                    django.db.models.functions.comparison.Cast(
                                                        models.F("rule_text"), models.TextField()
                                                    ),
                                                    models.Value(" ", output_field=models.TextField()),
                                                    output_field=models.TextField(),
                                                ),
                                                output_field=models.TextField(),
                                            ),
                                            django.db.models.functions.text.Concat(
                                                models.Value(" ", output_field=models.TextField()),
                                                django.db.models.functions.text.Concat(
                                                    django.db.models.functions.comparison.Coalesce(
                                                        django.db.models.functions.comparison.Cast(
                                                            models.F("witness"), models.TextField()
                                                        ),
                                                        models.Value(" ", output_field=models.TextField()),
                                                        output_field=models.TextField(),
                                                    ),
                                                    models.Value(" ", output_field=models.TextField()),
                                                    output_field=models.TextField(),
                                                ),
                                                output_field=models.TextField(),
                                            ),
                                            output_field=models.TextField(),
                                        ),
                                        output_field=models.TextField(),
                                    )
                                ),
                                output_field=models.TextField(),
                            ),
                        ),
                        (
                            "accepted_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="risks_accepted",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "comparison",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                to="evidence.comparison",
                            ),
                        ),
                        (
                            "connection",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="findings",
                                to="compliance.connection",
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="findings",
                                to="compliance.server",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="findings",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["state", "severity", "-first_seen"],
                    },
                ),
                migrations.CreateModel(
                    name="FlowLog",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=120, unique=True)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("upload", "Files uploaded by a person"),
                                    ("directory", "Folder on this machine"),
                                    ("git", "Git repository"),
                                    ("s3", "S3 bucket"),
                                    ("cloudwatch", "CloudWatch Logs group"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("config", models.JSONField(blank=True, default=dict)),
                        ("watches", models.JSONField(blank=True, default=list)),
                        ("every_minutes", models.PositiveIntegerField(default=60)),
                        (
                            "fresh_hours",
                            models.PositiveIntegerField(
                                default=48, help_text="Nothing newer than this is a gap, and a finding."
                            ),
                        ),
                        ("enabled", models.BooleanField(default=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "last_seen_at",
                            models.DateTimeField(
                                blank=True, null=True, verbose_name="last fetched, whether or not anything was new"
                            ),
                        ),
                        (
                            "next_at",
                            models.DateTimeField(
                                blank=True, db_index=True, null=True, verbose_name="when it is fetched next"
                            ),
                        ),
                        (
                            "cursor",
                            models.CharField(
                                blank=True,
                                help_text="Where the next fetching goes on; its kind's own.",
                                max_length=1000,
                            ),
                        ),
                        ("failures", models.PositiveIntegerField(default=0, verbose_name="failed in a row")),
                        (
                            "paused_code",
                            models.CharField(blank=True, max_length=20, verbose_name="why it paused by itself"),
                        ),
                        ("paused_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="flow_logs",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["name"],
                    },
                ),
                migrations.CreateModel(
                    name="FlowPicture",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("data", models.JSONField(default=dict)),
                        (
                            "comparison",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="flow_picture",
                                to="evidence.comparison",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="FlowPull",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("queued", "Waiting"),
                                    ("running", "Running"),
                                    ("ok", "Read"),
                                    ("unchanged", "Unchanged"),
                                    ("partial", "Read in part"),
                                    ("failed", "Failed"),
                                ],
                                default="queued",
                                max_length=10,
                            ),
                        ),
                        (
                            "error_code",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("unreachable", "Could not be reached"),
                                    ("timeout", "Took too long"),
                                    ("auth", "Sign-in refused"),
                                    ("hostkey_changed", "Host key changed"),
                                    ("tls", "Certificate refused"),
                                    ("permission", "Not permitted"),
                                    ("rate_limited", "Asked too often"),
                                    ("truncated", "Cut short"),
                                    ("empty", "Empty"),
                                    ("unexpected_shrink", "Much smaller than before"),
                                    ("parse", "Not understood"),
                                    ("dependency", "A program is missing"),
                                    ("config", "Set up wrongly"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("what", models.TextField(blank=True)),
                        ("next_step", models.TextField(blank=True)),
                        ("queued_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.job"
                            ),
                        ),
                        (
                            "log",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="pulls", to="evidence.flowlog"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.AddField(
                    model_name="flowlog",
                    name="last_pull",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="evidence.flowpull",
                    ),
                ),
                migrations.CreateModel(
                    name="Inventory",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=120, unique=True)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("cmdb", "CMDB"),
                                    ("hypervisor", "Hypervisor"),
                                    ("directory", "Directory (Active Directory, LDAP)"),
                                    ("dhcp", "DHCP or address management"),
                                    ("scanner", "Scanner"),
                                    ("other", "Another list"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("config", models.JSONField(blank=True, default=dict)),
                        ("columns", models.JSONField(blank=True, default=dict)),
                        ("every_minutes", models.PositiveIntegerField(default=1440)),
                        (
                            "fresh_hours",
                            models.PositiveIntegerField(
                                default=192, help_text="What is older is said to be, and a finding."
                            ),
                        ),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "last_seen_at",
                            models.DateTimeField(blank=True, null=True, verbose_name="last read, changed or not"),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="inventories",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "inventories",
                        "ordering": ["name"],
                    },
                ),
                migrations.CreateModel(
                    name="InventoryReading",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("queued", "Waiting"),
                                    ("running", "Running"),
                                    ("ok", "Read"),
                                    ("unchanged", "Unchanged"),
                                    ("partial", "Read in part"),
                                    ("failed", "Failed"),
                                ],
                                default="queued",
                                max_length=10,
                            ),
                        ),
                        (
                            "error_code",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("unreachable", "Could not be reached"),
                                    ("timeout", "Took too long"),
                                    ("auth", "Sign-in refused"),
                                    ("hostkey_changed", "Host key changed"),
                                    ("tls", "Certificate refused"),
                                    ("permission", "Not permitted"),
                                    ("rate_limited", "Asked too often"),
                                    ("truncated", "Cut short"),
                                    ("empty", "Empty"),
                                    ("unexpected_shrink", "Much smaller than before"),
                                    ("parse", "Not understood"),
                                    ("dependency", "A program is missing"),
                                    ("config", "Set up wrongly"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("what", models.TextField(blank=True)),
                        ("next_step", models.TextField(blank=True)),
                        ("file", models.CharField(blank=True, max_length=200, verbose_name="file name")),
                        ("queued_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "digest",
                            models.CharField(
                                blank=True, max_length=64, verbose_name="digest of the file and its columns"
                            ),
                        ),
                        ("names", models.PositiveIntegerField(default=0, verbose_name="rows that name something")),
                        ("lines_total", models.PositiveIntegerField(default=0)),
                        ("lines_unread", models.PositiveIntegerField(default=0)),
                        (
                            "problems",
                            models.JSONField(
                                default=list, help_text="[{line, text, problem}]: what was not understood."
                            ),
                        ),
                        (
                            "accepts",
                            models.OneToOneField(
                                blank=True,
                                help_text="The reading that was refused for being much smaller, and that a person stands for.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="accepted_as",
                                to="evidence.inventoryreading",
                            ),
                        ),
                        (
                            "by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "inventory",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="readings",
                                to="evidence.inventory",
                            ),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.job"
                            ),
                        ),
                        (
                            "stored",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="evidence.storedartefact",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.AddField(
                    model_name="inventory",
                    name="last_good",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="evidence.inventoryreading",
                    ),
                ),
                migrations.AddField(
                    model_name="inventory",
                    name="last_reading",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="evidence.inventoryreading",
                    ),
                ),
                migrations.CreateModel(
                    name="LogExamination",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("since", models.DateField()),
                        ("until", models.DateField()),
                        (
                            "seen",
                            models.JSONField(
                                default=dict, help_text="{pairs, new, gaps, unwatched}: what was to be seen then."
                            ),
                        ),
                        ("noted", models.TextField()),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "comparison",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="evidence.comparison",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="log_examinations",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-at", "-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="LoginAttestation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("says", models.TextField()),
                        ("seen_on", models.DateField(help_text="When it was looked at.")),
                        ("attested_at", models.DateTimeField()),
                        (
                            "attested_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="logins_attested",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="login_attestations",
                                to="compliance.server",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="compliance.system"),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Pack",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("since", models.DateField()),
                        ("until", models.DateField()),
                        ("as_of", models.DateTimeField()),
                        (
                            "profile",
                            models.CharField(
                                choices=[
                                    ("full", "Full"),
                                    ("redacted", "Redacted, for a third party (ISM-1178)"),
                                    ("executive", "Executive, a short document over the same lists"),
                                    ("printed", "Full, with every list printed as an appendix"),
                                ],
                                default="full",
                                max_length=20,
                            ),
                        ),
                        ("marking", models.CharField(max_length=60)),
                        ("sample", models.BooleanField(default=False)),
                        (
                            "state",
                            models.CharField(
                                choices=[("queued", "Waiting"), ("built", "Built and signed"), ("failed", "Failed")],
                                default="queued",
                                max_length=8,
                            ),
                        ),
                        ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("built_at", models.DateTimeField(blank=True, null=True)),
                        ("zip_sha256", models.CharField(blank=True, max_length=64)),
                        ("pdf_sha256", models.CharField(blank=True, max_length=64)),
                        ("manifest_sha256", models.CharField(blank=True, max_length=64)),
                        ("fingerprint", models.CharField(blank=True, max_length=64)),
                        ("zip_size", models.PositiveBigIntegerField(default=0)),
                        ("sections", models.JSONField(default=list, help_text="[{slug, title, state, because}]")),
                        ("counts", models.JSONField(default=dict)),
                        ("problem", models.TextField(blank=True)),
                        (
                            "asked_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "comparison",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="evidence.comparison",
                            ),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.job"
                            ),
                        ),
                        ("systems", models.ManyToManyField(related_name="packs", to="compliance.system")),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="PackDownload",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("what", models.CharField(default="zip", max_length=4)),
                        (
                            "pack",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="downloads",
                                to="evidence.pack",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
                        ),
                    ],
                    options={
                        "ordering": ["-at"],
                    },
                ),
                migrations.CreateModel(
                    name="PackLink",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=120, verbose_name="who it is for")),
                        ("digest", models.CharField(max_length=64, unique=True)),
                        ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("expires_at", models.DateTimeField()),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "ended_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "made_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "pack",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="links", to="evidence.pack"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="EvidenceAsk",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("text", models.TextField()),
                        (
                            "asked_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "pack",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="asks", to="evidence.pack"
                            ),
                        ),
                        (
                            "link",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="asks",
                                to="evidence.packlink",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Pull",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "token",
                            models.UUIDField(
                                blank=True, help_text="The claim that wrote it; unpublished until finished.", null=True
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("queued", "Waiting"),
                                    ("running", "Running"),
                                    ("ok", "Read"),
                                    ("unchanged", "Unchanged"),
                                    ("partial", "Read in part"),
                                    ("failed", "Failed"),
                                ],
                                default="queued",
                                max_length=10,
                            ),
                        ),
                        (
                            "error_code",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("unreachable", "Could not be reached"),
                                    ("timeout", "Took too long"),
                                    ("auth", "Sign-in refused"),
                                    ("hostkey_changed", "Host key changed"),
                                    ("tls", "Certificate refused"),
                                    ("permission", "Not permitted"),
                                    ("rate_limited", "Asked too often"),
                                    ("truncated", "Cut short"),
                                    ("empty", "Empty"),
                                    ("unexpected_shrink", "Much smaller than before"),
                                    ("parse", "Not understood"),
                                    ("dependency", "A program is missing"),
                                    ("config", "Set up wrongly"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("what", models.TextField(blank=True)),
                        ("next_step", models.TextField(blank=True)),
                        ("queued_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("started_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "seen_at",
                            models.DateTimeField(
                                blank=True, help_text="The last moment for which what it brought speaks.", null=True
                            ),
                        ),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "digest",
                            models.CharField(blank=True, max_length=64, verbose_name="digest of what it brought"),
                        ),
                        (
                            "device",
                            models.JSONField(
                                default=dict, help_text="What the host says of itself: boot_id, host_key."
                            ),
                        ),
                        ("published", models.BooleanField(default=False)),
                        (
                            "rules",
                            models.PositiveIntegerField(
                                blank=True, null=True, verbose_name="rules, shares and listeners it holds"
                            ),
                        ),
                        (
                            "accepts",
                            models.OneToOneField(
                                blank=True,
                                help_text="The reading that was refused for being much smaller, and that a person stands for.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="accepted_as",
                                to="evidence.pull",
                            ),
                        ),
                        (
                            "by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.job"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Removal",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("because", models.TextField()),
                        ("due", models.DateField()),
                        ("commands", models.TextField(help_text="What was to be typed, as it was shown.")),
                        ("decided_at", models.DateTimeField()),
                        (
                            "decided_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="removals_decided",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "finding",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="removals",
                                to="evidence.finding",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="RuleChange",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("at", models.DateTimeField(help_text="When the reading that shows it was made.")),
                        ("point", models.CharField(max_length=200)),
                        ("family", models.PositiveSmallIntegerField()),
                        (
                            "direction",
                            models.CharField(choices=[("opened", "Opened"), ("closed", "Closed")], max_length=6),
                        ),
                        ("rule", models.CharField(max_length=300)),
                        ("rule_file", models.CharField(blank=True, max_length=200)),
                        ("rule_line", models.PositiveIntegerField(default=0)),
                        ("rule_text", models.TextField(blank=True)),
                        (
                            "cause",
                            models.CharField(
                                blank=True,
                                help_text="The edit of an object that it comes of; empty: the rule itself changed.",
                                max_length=500,
                            ),
                        ),
                        ("boxes", models.JSONField(default=list)),
                        (
                            "sure",
                            models.BooleanField(
                                default=True, help_text="False: whether the rule does so could not be determined."
                            ),
                        ),
                        (
                            "outcome",
                            models.CharField(
                                choices=[
                                    ("recorded", "As a change record says"),
                                    ("surplus", "Beyond its change record"),
                                    ("unrecorded", "No change record"),
                                    ("repair", "Closed what nobody authorised"),
                                ],
                                max_length=10,
                            ),
                        ),
                        (
                            "matched",
                            models.JSONField(default=list, help_text="By what it matched: ticket, content, window."),
                        ),
                        (
                            "surplus",
                            models.JSONField(default=list, help_text="What goes beyond the record, or has none."),
                        ),
                        ("because", models.TextField()),
                        (
                            "change",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="rule_changes",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "delta",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="evidence.delta"
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="rule_changes",
                                to="compliance.server",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="rule_changes",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-at", "-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="ServedShare",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "key",
                            models.CharField(
                                help_text="The same share in every comparison: its place in the address.", max_length=16
                            ),
                        ),
                        ("protocol", models.CharField(max_length=3)),
                        ("name", models.CharField(max_length=300)),
                        ("path", models.TextField()),
                        ("access", models.CharField(max_length=2)),
                        ("who", models.TextField()),
                        ("everyone", models.BooleanField(default=False)),
                        ("guest", models.BooleanField(default=False)),
                        ("security", models.CharField(blank=True, max_length=60)),
                        (
                            "through",
                            models.CharField(
                                choices=[
                                    ("open", "Open to all its clients"),
                                    ("some", "Open to some of its clients"),
                                    ("closed", "Closed: contained by the packet filter"),
                                    ("unknown", "Not known"),
                                ],
                                max_length=8,
                            ),
                        ),
                        (
                            "users_now",
                            models.PositiveIntegerField(default=0, help_text="How many say that it is mounted."),
                        ),
                        (
                            "authorised",
                            models.BooleanField(default=False, help_text="Whether any authorisation names it."),
                        ),
                        (
                            "verdict",
                            models.CharField(
                                choices=[
                                    ("implemented", "implemented"),
                                    ("permits_more", "permits more"),
                                    ("not_implemented", "not implemented"),
                                    ("unfiltered", "unfiltered"),
                                    ("share_wider", "share wider"),
                                    ("listener_unauthorised", "listener unauthorised"),
                                    ("no_listener", "no listener"),
                                    ("changed_without_record", "changed without record"),
                                    ("approved_not_done", "approved not done"),
                                    ("used_outside", "used outside"),
                                    ("attempted", "attempted"),
                                    ("unused", "unused"),
                                    ("usage_unknown", "usage unknown"),
                                    ("silent_baseline", "silent baseline"),
                                    ("against_policy", "against policy"),
                                    ("review_overdue", "review overdue"),
                                    ("review_missed", "review missed"),
                                    ("unknown_server", "unknown server"),
                                    ("not_verifiable", "not verifiable"),
                                    ("stale", "stale"),
                                    ("unreachable", "unreachable"),
                                ],
                                max_length=24,
                            ),
                        ),
                        (
                            "certainty",
                            models.CharField(
                                choices=[("definite", "definite"), ("possible", "possible"), ("unproven", "unproven")],
                                max_length=10,
                            ),
                        ),
                        ("because", models.TextField(blank=True)),
                        ("refs", models.JSONField(default=list)),
                        ("lines", models.JSONField(default=list)),
                        ("mounts", models.JSONField(default=list)),
                        (
                            "comparison",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="shares",
                                to="evidence.comparison",
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="served_shares",
                                to="compliance.server",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="compliance.system"),
                        ),
                    ],
                    options={
                        "ordering": ["server__name", "protocol", "name"],
                    },
                ),
                migrations.CreateModel(
                    name="SetAside",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.CharField(max_length=200)),
                        ("because", models.TextField()),
                        ("until", models.DateField()),
                        ("at", models.DateTimeField()),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.system"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Sheet",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("seed", models.CharField(max_length=100)),
                        ("pairs", models.JSONField()),
                        ("sha256", models.CharField(max_length=64, verbose_name="SHA-256 of the pairs")),
                        ("because", models.TextField()),
                        ("window_from", models.DateTimeField()),
                        ("window_to", models.DateTimeField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waiting for a second person"),
                                    ("approved", "Approved"),
                                    ("refused", "Refused"),
                                ],
                                default="waiting",
                                max_length=8,
                            ),
                        ),
                        ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        ("note", models.TextField(blank=True)),
                        (
                            "asked_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sheets_asked",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "decided_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sheets_decided",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sheets",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Sighting",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("rules", "rules"),
                                    ("shares", "shares"),
                                    ("interfaces", "interfaces"),
                                    ("listeners", "listeners"),
                                    ("neighbours", "neighbours"),
                                    ("inventory", "inventory"),
                                    ("flows", "flows"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("place", models.CharField(blank=True, max_length=120)),
                        ("ip", models.GenericIPAddressField(blank=True, null=True, unpack_ipv4=True)),
                        ("name", models.CharField(blank=True, max_length=200)),
                        (
                            "short",
                            models.CharField(
                                blank=True, max_length=200, verbose_name="name without its domain, in small letters"
                            ),
                        ),
                        ("where", models.CharField(max_length=400)),
                        ("first_seen", models.DateTimeField()),
                        (
                            "gone_at",
                            models.DateTimeField(
                                blank=True, help_text="Read again, and not named any more.", null=True
                            ),
                        ),
                        (
                            "inventory",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sightings",
                                to="evidence.inventory",
                            ),
                        ),
                        (
                            "reading",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.inventoryreading",
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sightings",
                                to="compliance.server",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                help_text="Whose zone it is in, else whose evidence.",
                                on_delete=django.db.models.deletion.PROTECT,
                                to="compliance.system",
                            ),
                        ),
                        (
                            "zone",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sightings",
                                to="compliance.zone",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Snapshot",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "digest",
                            models.CharField(db_index=True, max_length=64, verbose_name="digest of the artefacts"),
                        ),
                        ("observed_at", models.DateTimeField()),
                        (
                            "tier",
                            models.CharField(
                                choices=[
                                    ("good", "good: read from the system itself"),
                                    ("fair", "fair: a copy of the configuration"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("lines_total", models.PositiveIntegerField(default=0)),
                        ("lines_unread", models.PositiveIntegerField(default=0)),
                        (
                            "points",
                            models.JSONField(default=list, help_text="[{name, rules, default4, default6, unread}]"),
                        ),
                        ("unread", models.JSONField(default=list, help_text="[{name, line, text, reason, point}]")),
                        (
                            "networks",
                            models.JSONField(
                                default=list,
                                help_text="Prefixes of its interfaces, where it filters what passes through between them.",
                            ),
                        ),
                        ("published", models.BooleanField(default=False)),
                        (
                            "pull",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT, related_name="snapshot", to="evidence.pull"
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="snapshots",
                                to="compliance.server",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-observed_at"],
                    },
                ),
                migrations.AddField(
                    model_name="finding",
                    name="cured_by",
                    field=models.ManyToManyField(
                        blank=True, help_text="The snapshots that cure.", related_name="cures", to="evidence.snapshot"
                    ),
                ),
                migrations.AddField(
                    model_name="delta",
                    name="before",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="evidence.snapshot",
                    ),
                ),
                migrations.AddField(
                    model_name="delta",
                    name="snapshot",
                    field=models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="delta", to="evidence.snapshot"
                    ),
                ),
                migrations.CreateModel(
                    name="Source",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=120, unique=True)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("directory", "Folder on this machine"),
                                    ("upload", "File uploaded by a person"),
                                    ("local", "This machine's own commands"),
                                    ("git", "Git repository of configurations"),
                                    ("push", "Pushed by the host over HTTPS"),
                                    ("ssh", "Linux host over SSH"),
                                    ("aws", "AWS account"),
                                    ("cisco", "Cisco router or firewall over SSH"),
                                    ("fortios", "FortiGate over its REST API"),
                                    ("panos", "Palo Alto firewall or Panorama over its XML API"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("config", models.JSONField(blank=True, default=dict)),
                        ("every_minutes", models.PositiveIntegerField(default=1440)),
                        (
                            "fresh_hours",
                            models.PositiveIntegerField(default=48, help_text="Older evidence than this is a finding."),
                        ),
                        ("enabled", models.BooleanField(default=True)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "last_seen_at",
                            models.DateTimeField(blank=True, null=True, verbose_name="last read, changed or not"),
                        ),
                        (
                            "next_at",
                            models.DateTimeField(
                                blank=True, db_index=True, null=True, verbose_name="when it is read next"
                            ),
                        ),
                        ("failures", models.PositiveIntegerField(default=0, verbose_name="failed in a row")),
                        (
                            "paused_code",
                            models.CharField(
                                blank=True,
                                help_text="Empty: it runs, or a person paused it.",
                                max_length=20,
                                verbose_name="why it paused by itself",
                            ),
                        ),
                        ("paused_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "last_good",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.snapshot",
                            ),
                        ),
                        (
                            "last_pull",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.pull",
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sources",
                                to="compliance.server",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sources",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["name"],
                    },
                ),
                migrations.AddField(
                    model_name="snapshot",
                    name="source",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="snapshots", to="evidence.source"
                    ),
                ),
                migrations.CreateModel(
                    name="SheetRun",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Being run"),
                                    ("came", "Its result came"),
                                    ("not_reached", "Not reached"),
                                ],
                                default="waiting",
                                max_length=12,
                            ),
                        ),
                        ("command", models.CharField(blank=True, max_length=100)),
                        (
                            "told_sha256",
                            models.CharField(
                                blank=True, max_length=64, verbose_name="SHA-256 of what the host was told"
                            ),
                        ),
                        ("said", models.TextField(blank=True)),
                        ("next_step", models.TextField(blank=True)),
                        (
                            "asked_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.job"
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.server"
                            ),
                        ),
                        (
                            "sheet",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="evidence.sheet"
                            ),
                        ),
                        (
                            "source",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="evidence.source"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="RuleUse",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("rule", models.CharField(max_length=300)),
                        ("hits", models.BigIntegerField()),
                        (
                            "quiet_since",
                            models.DateTimeField(
                                help_text="Its counter shows no use from then until the source was read last."
                            ),
                        ),
                        (
                            "told",
                            models.BooleanField(
                                default=False, help_text="The device itself says that it was met last at that moment."
                            ),
                        ),
                        (
                            "counted_since",
                            models.DateTimeField(
                                help_text="The first reading that counted it; none: before that was kept.", null=True
                            ),
                        ),
                        (
                            "set_back_at",
                            models.DateTimeField(
                                help_text="The last reading by which its counter stood lower than before.", null=True
                            ),
                        ),
                        (
                            "source",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="uses", to="evidence.source"
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="PushToken",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("digest", models.CharField(max_length=64, unique=True)),
                        ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("expires_at", models.DateTimeField()),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "made_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "source",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="push_tokens",
                                to="evidence.source",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.AddField(
                    model_name="pull",
                    name="source",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pulls", to="evidence.source"
                    ),
                ),
                migrations.CreateModel(
                    name="Pin",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[("ssh", "SSH host key"), ("tls", "TLS certificate")], max_length=3
                            ),
                        ),
                        ("address", models.CharField(help_text="Where it was shown, host and port.", max_length=300)),
                        ("algorithm", models.CharField(max_length=60)),
                        ("public", models.TextField(help_text="The key or certificate itself, base64.")),
                        (
                            "fingerprint",
                            models.CharField(help_text="SHA256:… as ssh-keygen -lf says it.", max_length=100),
                        ),
                        ("proposed_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "ended_at",
                            models.DateTimeField(blank=True, help_text="Refused, or replaced by another.", null=True),
                        ),
                        (
                            "confirmed_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "ended_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "proposed_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "source",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="pins", to="evidence.source"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="GroupObservation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "observed",
                            models.CharField(help_text="By what its members were known then.", max_length=500),
                        ),
                        ("at", models.DateTimeField(help_text="The comparison that looked.")),
                        (
                            "because",
                            models.TextField(
                                blank=True, help_text="Why they are not known as of now; empty: they are."
                            ),
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
                            models.JSONField(
                                default=list, help_text="[[words, [address]]] that no registered server has."
                            ),
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
                migrations.AddField(
                    model_name="flowlog",
                    name="through",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="flow_logs",
                        to="evidence.source",
                    ),
                ),
                migrations.CreateModel(
                    name="SourceSecret",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "use",
                            models.CharField(choices=[("key", "Private key"), ("password", "Password")], max_length=8),
                        ),
                        (
                            "reference",
                            models.CharField(
                                blank=True, help_text="env:NAME, file:/path or vault:path#key", max_length=300
                            ),
                        ),
                        (
                            "sealed",
                            models.TextField(
                                blank=True, default="", help_text="The value under MultiFernet; its key is in var/keys."
                            ),
                        ),
                        (
                            "sealed_with",
                            models.CharField(
                                blank=True, default="", help_text="Id of the key that sealed it.", max_length=16
                            ),
                        ),
                        (
                            "serial",
                            models.UUIDField(default=uuid.uuid4, help_text="Stands inside the sealed value as well."),
                        ),
                        (
                            "public",
                            models.TextField(
                                blank=True, help_text="The public half of a private key, as authorized_keys has it."
                            ),
                        ),
                        ("set_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "set_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "source",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT, related_name="secret", to="evidence.source"
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="SourceTest",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "outcome",
                            models.CharField(
                                choices=[
                                    ("waiting", "Being tried"),
                                    ("reached", "All steps went well"),
                                    ("failed", "A step failed"),
                                ],
                                default="waiting",
                                max_length=10,
                            ),
                        ),
                        ("steps", models.JSONField(default=list, help_text="[{what, outcome, said, next_step}]")),
                        (
                            "by",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.job"
                            ),
                        ),
                        (
                            "source",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="tests", to="evidence.source"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.AddField(
                    model_name="snapshot",
                    name="reading",
                    field=models.ForeignKey(
                        help_text="The reading, as JSON.",
                        on_delete=django.db.models.deletion.PROTECT,
                        to="evidence.storedartefact",
                    ),
                ),
                migrations.CreateModel(
                    name="SheetResult",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("began_at", models.DateTimeField(help_text="By the host's own clock.")),
                        ("outcomes", models.JSONField()),
                        ("whole", models.BooleanField(help_text="Whether the script came to its end.")),
                        ("sha256", models.CharField(max_length=64, verbose_name="SHA-256 of what it printed")),
                        ("brought_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "brought_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.server"
                            ),
                        ),
                        (
                            "sheet",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="results", to="evidence.sheet"
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
                        (
                            "stored",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.storedartefact",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="PulledArtefact",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=200)),
                        ("command", models.CharField(blank=True, max_length=300)),
                        ("observed_at", models.DateTimeField()),
                        ("format", models.CharField(blank=True, max_length=40)),
                        (
                            "redacted",
                            models.PositiveIntegerField(default=0, verbose_name="secrets taken out before it was kept"),
                        ),
                        (
                            "beside",
                            models.BooleanField(default=False, verbose_name="kept as evidence, read by no format"),
                        ),
                        (
                            "pull",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="artefacts",
                                to="evidence.pull",
                            ),
                        ),
                        (
                            "stored",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, to="evidence.storedartefact"
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="FlowFile",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=1024, verbose_name="object")),
                        ("mark", models.CharField(blank=True, max_length=200)),
                        ("head", models.CharField(max_length=64, verbose_name="digest of its first bytes")),
                        (
                            "received_at",
                            models.DateTimeField(
                                help_text="When it came, as its place says: a later record has a wrong clock."
                            ),
                        ),
                        ("kept_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waiting to be read"),
                                    ("read", "Read"),
                                    ("again", "The same records as another file"),
                                    ("replaced", "Held by a later version"),
                                    ("refused", "Not understood"),
                                    ("failed", "Could not be read"),
                                    ("aside", "Set aside, its days not known"),
                                ],
                                default="waiting",
                                max_length=10,
                            ),
                        ),
                        ("what", models.TextField(blank=True)),
                        ("next_step", models.TextField(blank=True)),
                        ("read_at", models.DateTimeField(blank=True, null=True)),
                        ("format", models.CharField(blank=True, max_length=40)),
                        (
                            "alike",
                            models.CharField(blank=True, max_length=64, verbose_name="digest of its rolled-up records"),
                        ),
                        ("records", models.PositiveBigIntegerField(default=0)),
                        ("lines_total", models.PositiveBigIntegerField(default=0)),
                        ("lines_ignored", models.PositiveBigIntegerField(default=0, verbose_name="left out")),
                        ("lines_unread", models.PositiveBigIntegerField(default=0, verbose_name="not understood")),
                        (
                            "unread",
                            models.JSONField(default=list, help_text="[{line, text, reason}], the first thousand."),
                        ),
                        ("unknown", models.JSONField(default=list, verbose_name="columns nobody knows")),
                        (
                            "first_at",
                            models.DateTimeField(blank=True, null=True, verbose_name="beginning of its first hour"),
                        ),
                        (
                            "last_at",
                            models.DateTimeField(blank=True, null=True, verbose_name="beginning of its last hour"),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.job"
                            ),
                        ),
                        (
                            "same_as",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.flowfile",
                            ),
                        ),
                        (
                            "log",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="files", to="evidence.flowlog"
                            ),
                        ),
                        (
                            "pull",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="files",
                                to="evidence.flowpull",
                            ),
                        ),
                        (
                            "stored",
                            models.ForeignKey(
                                help_text="The raw bytes.",
                                on_delete=django.db.models.deletion.PROTECT,
                                to="evidence.storedartefact",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="EvidenceReply",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("text", models.TextField()),
                        (
                            "file",
                            models.CharField(blank=True, max_length=200, verbose_name="file name, as it was brought"),
                        ),
                        ("sha256", models.CharField(blank=True, max_length=64, verbose_name="SHA-256 of the file")),
                        ("answered_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "answered_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "ask",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="replies",
                                to="evidence.evidenceask",
                            ),
                        ),
                        (
                            "other",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.pack",
                            ),
                        ),
                        (
                            "stored",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.storedartefact",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Attestation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("patched", "Patched"),
                                    ("restored", "Restore tested"),
                                    ("logs", "Logs forwarded"),
                                    ("time", "Time source"),
                                    ("services", "Services inspected"),
                                    ("bastion_mfa", "Second factor at the bastion"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("held_on", models.DateField(help_text="The day on which it was so.")),
                        ("in_order", models.BooleanField(help_text="Whether it was as it should be.")),
                        ("offline", models.BooleanField(blank=True, null=True, verbose_name="an offline copy is kept")),
                        ("says", models.TextField()),
                        (
                            "file",
                            models.CharField(blank=True, max_length=200, verbose_name="file name, as it was brought"),
                        ),
                        ("sha256", models.CharField(blank=True, max_length=64, verbose_name="SHA-256 of the file")),
                        (
                            "host_sign",
                            models.CharField(max_length=8, verbose_name="whether the host agreed, when it was stated"),
                        ),
                        ("host_said", models.TextField(verbose_name="what the host said, when it was stated")),
                        ("attested_at", models.DateTimeField()),
                        (
                            "attested_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="attestations",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="attestations",
                                to="compliance.server",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="compliance.system"),
                        ),
                        (
                            "stored",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.storedartefact",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="TicketReading",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.CharField(max_length=60)),
                        ("found", models.CharField(blank=True, max_length=60, verbose_name="the key it has now")),
                        ("title", models.CharField(blank=True, max_length=300)),
                        ("status", models.CharField(blank=True, max_length=100)),
                        ("problem", models.CharField(blank=True, max_length=300)),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("heard_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("next_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "change",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="ticket_readings",
                                to="compliance.changerecord",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Unlearned",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("point", models.CharField(max_length=200)),
                        ("rule", models.CharField(max_length=300)),
                        ("wholly", models.BooleanField(help_text="Nothing of it is learned.")),
                        ("because", models.TextField()),
                        (
                            "comparison",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="unlearned",
                                to="evidence.comparison",
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.server"
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="compliance.system"),
                        ),
                    ],
                    options={
                        "ordering": ["-wholly", "point", "rule", "pk"],
                    },
                ),
                migrations.CreateModel(
                    name="VerdictRow",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "verdict",
                            models.CharField(
                                choices=[
                                    ("implemented", "implemented"),
                                    ("permits_more", "permits more"),
                                    ("not_implemented", "not implemented"),
                                    ("unfiltered", "unfiltered"),
                                    ("share_wider", "share wider"),
                                    ("listener_unauthorised", "listener unauthorised"),
                                    ("no_listener", "no listener"),
                                    ("changed_without_record", "changed without record"),
                                    ("approved_not_done", "approved not done"),
                                    ("used_outside", "used outside"),
                                    ("attempted", "attempted"),
                                    ("unused", "unused"),
                                    ("usage_unknown", "usage unknown"),
                                    ("silent_baseline", "silent baseline"),
                                    ("against_policy", "against policy"),
                                    ("review_overdue", "review overdue"),
                                    ("review_missed", "review missed"),
                                    ("unknown_server", "unknown server"),
                                    ("not_verifiable", "not verifiable"),
                                    ("stale", "stale"),
                                    ("unreachable", "unreachable"),
                                ],
                                max_length=24,
                            ),
                        ),
                        (
                            "certainty",
                            models.CharField(
                                choices=[("definite", "definite"), ("possible", "possible"), ("unproven", "unproven")],
                                max_length=10,
                            ),
                        ),
                        ("subject", models.CharField(max_length=300)),
                        ("point", models.CharField(blank=True, max_length=200)),
                        ("rule", models.CharField(blank=True, max_length=300)),
                        ("family", models.PositiveSmallIntegerField(default=4)),
                        ("excess", models.JSONField(default=list)),
                        ("witness", models.JSONField(blank=True, null=True)),
                        ("because", models.TextField()),
                        (
                            "headline",
                            models.BooleanField(
                                default=False, help_text="Counted: the worst of a connection's points, or an extra."
                            ),
                        ),
                        (
                            "comparison",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="verdicts",
                                to="evidence.comparison",
                            ),
                        ),
                        (
                            "connection",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="compliance.connection",
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="compliance.server",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="compliance.system"),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Verification",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "outcome",
                            models.CharField(
                                choices=[
                                    ("verified", "As approved"),
                                    ("disputed", "Not as approved"),
                                    ("undecided", "Could not be determined"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("because", models.TextField()),
                        ("missing", models.JSONField(default=list)),
                        ("extra", models.JSONField(default=list)),
                        ("witness", models.JSONField(blank=True, null=True)),
                        ("proof", models.CharField(max_length=64)),
                        (
                            "change",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="verifications",
                                to="compliance.changerecord",
                            ),
                        ),
                        ("snapshots", models.ManyToManyField(blank=True, to="evidence.snapshot")),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="BaselineGroup",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "key",
                            models.CharField(
                                help_text="The same for the same group in every comparison.", max_length=64
                            ),
                        ),
                        ("source", models.CharField(help_text="What the sources have in common.", max_length=200)),
                        ("destination", models.CharField(max_length=200)),
                        ("services", models.JSONField(default=list)),
                        ("severity", models.CharField(max_length=6)),
                        (
                            "part",
                            models.PositiveSmallIntegerField(default=1, help_text="Of a group of more than a hundred."),
                        ),
                        ("rows", models.JSONField(default=list)),
                        ("rules", models.PositiveIntegerField(default=0, help_text="How many rules let it through.")),
                        (
                            "system",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="compliance.system"),
                        ),
                        (
                            "comparison",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="baseline_groups",
                                to="evidence.comparison",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-rules", "key", "part"],
                        "constraints": [
                            models.UniqueConstraint(fields=("comparison", "key", "part"), name="one_group_of_a_kind")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AdminPathRow",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("bastion", models.BooleanField(default=False)),
                        (
                            "reach",
                            models.CharField(
                                choices=[
                                    ("others", "Others than bastions come through"),
                                    ("possible", "Not proven that only bastions do"),
                                    ("unknown", "Not known"),
                                    ("bastions", "Bastions only"),
                                    ("nobody", "Nobody comes through"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("services", models.JSONField(default=list)),
                        (
                            "sockets_read",
                            models.BooleanField(default=False, help_text="Whether it is known who listens."),
                        ),
                        ("bastions", models.JSONField(default=list)),
                        ("others", models.JSONField(default=list)),
                        ("outside", models.BooleanField(default=False)),
                        ("rule", models.CharField(blank=True, max_length=300)),
                        (
                            "place",
                            models.CharField(blank=True, help_text="Line and file of that rule.", max_length=300),
                        ),
                        ("example", models.CharField(blank=True, max_length=200)),
                        ("because", models.TextField(blank=True)),
                        (
                            "login",
                            models.JSONField(
                                default=dict, help_text="keyword → values, as the SSH server prints them."
                            ),
                        ),
                        (
                            "seen",
                            models.JSONField(
                                default=dict,
                                help_text="What flow logs saw (evidence/admin_flows.py); {}: none is read.",
                            ),
                        ),
                        (
                            "seen_from",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("others", "Others than bastions"),
                                    ("bastions", "Bastions only"),
                                    ("nobody", "Nobody, in the hours watched"),
                                    ("unknown", "Not watched"),
                                ],
                                max_length=10,
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="admin_paths",
                                to="compliance.server",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="compliance.system"),
                        ),
                        (
                            "comparison",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="admin_paths",
                                to="evidence.comparison",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["server__name"],
                        "constraints": [
                            models.UniqueConstraint(fields=("comparison", "server"), name="one_admin_path_a_server")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="DevicePath",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("because", models.TextField()),
                        ("proposed_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "confirmed_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "device",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="device_paths",
                                to="compliance.server",
                            ),
                        ),
                        (
                            "ended_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "proposed_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "source",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.zone",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="device_paths",
                                to="compliance.system",
                            ),
                        ),
                        (
                            "target",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.zone",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("confirmed_by__isnull", True),
                                    models.Q(("confirmed_by", models.F("proposed_by")), _negated=True),
                                    _connector="OR",
                                ),
                                name="a_path_is_confirmed_by_somebody_else",
                                violation_error_message="Somebody else than who said it confirms it.",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="FindingMember",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("subject", models.CharField(max_length=300)),
                        ("point", models.CharField(max_length=200)),
                        (
                            "certainty",
                            models.CharField(
                                choices=[("definite", "definite"), ("possible", "possible"), ("unproven", "unproven")],
                                max_length=10,
                            ),
                        ),
                        ("rule", models.CharField(blank=True, max_length=300)),
                        ("extent", models.JSONField(default=list)),
                        ("witness", models.JSONField(blank=True, null=True)),
                        ("because", models.TextField()),
                        ("commands", models.TextField(blank=True, help_text="What to type there to mend it.")),
                        ("first_seen", models.DateTimeField()),
                        ("last_seen", models.DateTimeField()),
                        ("unseen_since", models.DateTimeField(blank=True, null=True)),
                        ("unseen_because", models.TextField(blank=True)),
                        ("gone_at", models.DateTimeField(blank=True, null=True)),
                        ("gone_because", models.TextField(blank=True)),
                        (
                            "finding",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="members",
                                to="evidence.finding",
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="memberships_of_findings",
                                to="compliance.server",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["subject", "pk"],
                        "constraints": [
                            models.UniqueConstraint(fields=("finding", "subject"), name="one_member_a_subject")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="FlowDay",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("day", models.DateField()),
                        ("hours", models.PositiveIntegerField(default=0)),
                        ("size", models.PositiveBigIntegerField(default=0)),
                        ("rows", models.BooleanField(default=True)),
                        (
                            "file",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="days", to="evidence.flowfile"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["day"],
                        "indexes": [models.Index(fields=["day"], name="days_of_flow_logs")],
                        "constraints": [
                            models.UniqueConstraint(fields=("file", "day"), name="a_day_of_a_flow_file_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="FlowGap",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=10)),
                        ("sensor", models.CharField(blank=True, max_length=200)),
                        ("first_hour", models.PositiveIntegerField(verbose_name="hours since 1970")),
                        ("last_hour", models.PositiveIntegerField(verbose_name="hours since 1970")),
                        ("records", models.PositiveBigIntegerField(default=0)),
                        ("because", models.TextField()),
                        (
                            "file",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="gaps", to="evidence.flowfile"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["first_hour", "sensor"],
                        "indexes": [models.Index(fields=["last_hour"], name="gaps_of_flow_logs")],
                    },
                ),
                migrations.CreateModel(
                    name="FlowUse",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("first_at", models.DateTimeField(blank=True, null=True)),
                        ("last_at", models.DateTimeField(blank=True, null=True)),
                        ("days", models.PositiveIntegerField(default=0)),
                        ("flows", models.PositiveBigIntegerField(default=0)),
                        ("packets", models.PositiveBigIntegerField(default=0)),
                        ("bytes", models.PositiveBigIntegerField(default=0)),
                        (
                            "watched",
                            models.PositiveIntegerField(default=0, verbose_name="hours in which all of it was watched"),
                        ),
                        ("hours", models.PositiveIntegerField(default=0)),
                        (
                            "comparison",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="flow_uses",
                                to="evidence.comparison",
                            ),
                        ),
                        (
                            "connection",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="flow_uses",
                                to="compliance.connection",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["connection", "comparison"], name="uses_of_connections")],
                    },
                ),
                migrations.CreateModel(
                    name="HostSaid",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("said", models.JSONField(default=dict)),
                        ("read_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "comparison",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="hosts_said",
                                to="evidence.comparison",
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="said", to="compliance.server"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("comparison", "server"), name="one_host_says_once_a_comparison"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Met",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("ip", models.GenericIPAddressField(unpack_ipv4=True)),
                        ("where", models.CharField(max_length=300)),
                        ("mac", models.CharField(blank=True, max_length=60)),
                        ("first_seen", models.DateTimeField()),
                        ("last_seen", models.DateTimeField()),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="met", to="compliance.server"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("server", "ip"), name="a_host_met_an_address_once")
                        ],
                    },
                ),
                migrations.AddConstraint(
                    model_name="evidenceask",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("asked_by__isnull", False), ("link__isnull", True)),
                            models.Q(("asked_by__isnull", True), ("link__isnull", False)),
                            _connector="OR",
                        ),
                        name="evidence_is_asked_for_by_a_person_or_through_a_link",
                    ),
                ),
                migrations.AddIndex(
                    model_name="rulechange",
                    index=models.Index(fields=["outcome", "at"], name="evidence_ru_outcome_8fa61a_idx"),
                ),
                migrations.AddIndex(
                    model_name="rulechange",
                    index=models.Index(fields=["-at", "-id"], name="evidence_ru_at_b0c614_idx"),
                ),
                migrations.AddIndex(
                    model_name="servedshare",
                    index=models.Index(fields=["comparison", "system"], name="evidence_se_compari_68056c_idx"),
                ),
                migrations.AddConstraint(
                    model_name="servedshare",
                    constraint=models.UniqueConstraint(fields=("comparison", "key"), name="one_row_a_share"),
                ),
                migrations.AddConstraint(
                    model_name="sheet",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("decided_by", models.F("asked_by")), _negated=True),
                        name="nobody_approves_the_test_they_planned",
                        violation_error_message="Nobody decides on the test they planned: a second person does.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="sheet",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("state", "waiting"),
                            models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_decided_test_was_decided_by_somebody",
                    ),
                ),
                migrations.AddIndex(
                    model_name="sighting",
                    index=models.Index(fields=["ip"], name="evidence_si_ip_3aa0e2_idx"),
                ),
                migrations.AddIndex(
                    model_name="sighting",
                    index=models.Index(fields=["kind", "gone_at"], name="evidence_si_kind_b8cf12_idx"),
                ),
                migrations.AddIndex(
                    model_name="sighting",
                    index=models.Index(fields=["place", "gone_at"], name="evidence_si_place_c1a42b_idx"),
                ),
                migrations.AddConstraint(
                    model_name="sighting",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(
                            ("gone_at__isnull", True), ("inventory__isnull", True), ("server__isnull", False)
                        ),
                        fields=("kind", "server", "ip"),
                        name="a_host_shows_an_address_once_a_kind",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="sighting",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(
                            ("gone_at__isnull", True), ("inventory__isnull", True), ("server__isnull", True)
                        ),
                        fields=("kind", "ip"),
                        name="what_is_registered_is_noted_once_a_kind",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="sighting",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("inventory__isnull", False), ("kind", "inventory"), ("reading__isnull", False)),
                            models.Q(
                                models.Q(("kind", "inventory"), _negated=True),
                                ("inventory__isnull", True),
                                ("reading__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="an_inventory_is_named_where_it_saw",
                    ),
                ),
                migrations.AddIndex(
                    model_name="finding",
                    index=models.Index(
                        fields=["system", "state", "verdict", "severity", "first_seen", "id"], name="findings_as_listed"
                    ),
                ),
                migrations.AddIndex(
                    model_name="finding",
                    index=models.Index(fields=["state", "verdict"], name="findings_of_everybody"),
                ),
                migrations.AddIndex(
                    model_name="finding",
                    index=models.Index(
                        fields=["rank", "-first_seen", "id", "state", "system", "verdict"], name="findings_worst_first"
                    ),
                ),
                migrations.AddIndex(
                    model_name="finding",
                    index=models.Index(
                        fields=["state", "rank", "-first_seen", "id", "system"], name="findings_that_wait"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="ruleuse",
                    constraint=models.UniqueConstraint(
                        fields=("source", "rule"), name="a_rule_of_a_source_has_one_counter"
                    ),
                ),
                migrations.AddIndex(
                    model_name="pull",
                    index=models.Index(
                        models.F("source"),
                        django.db.models.functions.comparison.Coalesce("seen_at", "finished_at"),
                        name="pulls_by_what_they_show",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="pin",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("confirmed_by", models.F("proposed_by")), _negated=True),
                        name="nobody_confirms_the_pin_they_proposed",
                        violation_error_message="Nobody confirms a key they proposed: a second person compares it.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="pin",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("confirmed_at__isnull", True), ("confirmed_by__isnull", True)),
                            models.Q(("confirmed_at__isnull", False), ("confirmed_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_confirmed_pin_says_by_whom_and_when",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="pin",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("confirmed_at__isnull", False), ("ended_at__isnull", True)),
                        fields=("source", "kind"),
                        name="a_source_has_one_pin_of_a_kind_in_force",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="pin",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("confirmed_at__isnull", True), ("ended_at__isnull", True)),
                        fields=("source", "kind"),
                        name="a_source_has_one_open_pin_of_a_kind",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="sourcesecret",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("reference", ""),
                                models.Q(("sealed", ""), _negated=True),
                                models.Q(("sealed_with", ""), _negated=True),
                            ),
                            models.Q(models.Q(("reference", ""), _negated=True), ("sealed", ""), ("sealed_with", "")),
                            _connector="OR",
                        ),
                        name="a_secret_is_referred_to_or_sealed",
                    ),
                ),
                migrations.AddIndex(
                    model_name="flowfile",
                    index=models.Index(fields=["log", "name"], name="objects_of_a_flow_log"),
                ),
                migrations.AddIndex(
                    model_name="flowfile",
                    index=models.Index(fields=["log", "head"], name="beginnings_of_flow_files"),
                ),
                migrations.AddConstraint(
                    model_name="flowfile",
                    constraint=models.UniqueConstraint(fields=("log", "stored"), name="bytes_of_a_flow_log_once"),
                ),
                migrations.AddConstraint(
                    model_name="flowfile",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("state", "read"), models.Q(("alike", ""), _negated=True)),
                        fields=("alike",),
                        name="records_of_flow_logs_count_once",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="evidencereply",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sha256", ""), ("stored__isnull", True)),
                            models.Q(("stored__isnull", False), models.Q(("sha256", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="a_file_of_an_answer_is_named_by_its_hash",
                    ),
                ),
                migrations.AddIndex(
                    model_name="attestation",
                    index=models.Index(fields=["server", "kind"], name="evidence_at_server__937149_idx"),
                ),
                migrations.AddConstraint(
                    model_name="attestation",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "restored"), ("offline__isnull", False)),
                            models.Q(models.Q(("kind", "restored"), _negated=True), ("offline__isnull", True)),
                            _connector="OR",
                        ),
                        name="a_restore_says_whether_a_copy_is_offline",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="attestation",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sha256", ""), ("stored__isnull", True)),
                            models.Q(("stored__isnull", False), models.Q(("sha256", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="a_file_is_named_by_its_hash",
                    ),
                ),
                migrations.AddIndex(
                    model_name="verdictrow",
                    index=models.Index(fields=["comparison", "verdict"], name="evidence_ve_compari_0e7c4c_idx"),
                ),
                migrations.AddIndex(
                    model_name="verdictrow",
                    index=models.Index(
                        fields=["comparison", "headline", "system", "verdict", "connection"], name="verdicts_as_counted"
                    ),
                ),
            ]
        ),
        OnPostgreSQL(THREES.ORDERS, THREES.BACK),
    ]
