"""The tables of 0001_the_first to 0028_groups_are_observed, made at once: a new installation need not go the way that old ones went."""

import compliance.models.estate
import django.db.models.deletion
import django.db.models.fields.json
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.db.models.lookups
import django.utils.timezone
import uuid
from importlib import import_module

from django.conf import settings
from django.db import migrations, models

from compliance.migrating import OnPostgreSQL, Tables

THREES = import_module("compliance.migrations.0027_threes_of_words")


class Migration(migrations.Migration):
    initial = True

    replaces = [
        ("compliance", "0001_the_first"),
        ("compliance", "0002_imports"),
        ("compliance", "0003_shares_are_imported"),
        ("compliance", "0004_carried_rows"),
        ("compliance", "0005_ledger"),
        ("compliance", "0006_questions"),
        ("compliance", "0007_policy"),
        ("compliance", "0008_service_tokens"),
        ("compliance", "0009_risks"),
        ("compliance", "0010_stages_and_delegates"),
        ("compliance", "0011_second_administrator"),
        ("compliance", "0012_by_groups"),
        ("compliance", "0013_kinds_of_risks"),
        ("compliance", "0014_notices"),
        ("compliance", "0015_party_prefixes"),
        ("compliance", "0016_parties_hold_prefixes"),
        ("compliance", "0017_provisional_baselines"),
        ("compliance", "0018_saved_filters"),
        ("compliance", "0019_receivers"),
        ("compliance", "0020_shipments"),
        ("compliance", "0021_large_registers"),
        ("compliance", "0022_set_up_marks"),
        ("compliance", "0023_kept_forms"),
        ("compliance", "0024_frameworks_and_statements"),
        ("compliance", "0025_needs_of_a_system"),
        ("compliance", "0026_words_of_changes"),
        ("compliance", "0027_threes_of_words"),
        ("compliance", "0028_groups_are_observed"),
    ]

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        Tables(
            [
                migrations.CreateModel(
                    name="AddressSpace",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=60, unique=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="Connection",
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
                                choices=[("network", "Network connection"), ("share", "File share")],
                                default="network",
                                max_length=8,
                            ),
                        ),
                        (
                            "standard_service",
                            models.BooleanField(default=False, help_text="Approved once, inherited by role."),
                        ),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "source_row",
                            models.JSONField(blank=True, null=True, verbose_name="row it was imported from"),
                        ),
                        ("last_seen_at", models.DateTimeField(blank=True, null=True)),
                        ("drift", models.CharField(blank=True, max_length=24)),
                        ("drift_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Endpoint",
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
                                    ("server", "Server"),
                                    ("static_group", "Static group"),
                                    ("dynamic_group", "Dynamic group"),
                                    ("zone", "Zone"),
                                    ("managed_service", "Managed service"),
                                    ("external_party", "External party"),
                                    ("user_network", "User network"),
                                ],
                                max_length=16,
                            ),
                        ),
                        ("name", models.CharField(help_text="As the register writes it.", max_length=120, unique=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="LedgerCheckpoint",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("size", models.PositiveBigIntegerField()),
                        ("note", models.TextField()),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("because", models.CharField(blank=True, max_length=60)),
                        ("published_to", models.JSONField(default=list)),
                        ("problems", models.JSONField(default=dict)),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="LedgerEntry",
                    fields=[
                        ("seq", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                        ("uid", models.UUIDField(unique=True)),
                        ("data", models.TextField(help_text="Canonical JSON.")),
                        ("leaf_hash", models.CharField(max_length=64)),
                    ],
                    options={
                        "verbose_name_plural": "ledger entries",
                        "ordering": ["seq"],
                    },
                ),
                migrations.CreateModel(
                    name="LedgerHead",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("size", models.PositiveBigIntegerField(default=0)),
                        (
                            "frontier",
                            models.TextField(
                                blank=True, help_text="Roots of the complete subtrees, hex, one after the other."
                            ),
                        ),
                        ("root", models.CharField(max_length=64)),
                        ("seal", models.TextField(help_text="The signed note: origin, size, root, time.")),
                        ("key", models.CharField(help_text="SHA-256 of the public key that signs.", max_length=64)),
                        ("at", models.DateTimeField()),
                    ],
                ),
                migrations.CreateModel(
                    name="LedgerShipment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("place", models.CharField(max_length=20, unique=True)),
                        ("seq", models.PositiveBigIntegerField(default=0)),
                        ("at", models.DateTimeField(blank=True, null=True)),
                        ("problem", models.CharField(blank=True, max_length=300)),
                        ("problem_since", models.DateTimeField(blank=True, null=True)),
                        ("failures", models.PositiveIntegerField(default=0)),
                    ],
                ),
                migrations.CreateModel(
                    name="Organisation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=160, unique=True)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("own", "Own organisation"),
                                    ("agency", "Other agency"),
                                    ("provider", "Service provider"),
                                    ("vendor", "Vendor"),
                                ],
                                default="own",
                                max_length=10,
                            ),
                        ),
                        (
                            "is_sample",
                            models.BooleanField(
                                default=False, help_text="Packs of a sample organisation are marked SAMPLE."
                            ),
                        ),
                        (
                            "marking",
                            models.CharField(default="OFFICIAL", max_length=60, verbose_name="protective marking"),
                        ),
                        ("approvers_need_mfa", models.BooleanField(default=True)),
                        ("agreement", models.CharField(blank=True, max_length=160, verbose_name="agreement reference")),
                        ("agreement_ends", models.DateField(blank=True, null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="Server",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=120)),
                        ("role", models.CharField(blank=True, max_length=60)),
                        ("environment", models.CharField(default="production", max_length=20)),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("in_service", "In service"),
                                    ("placeholder", "Named, not yet described"),
                                    ("retired", "Decommissioned"),
                                ],
                                default="in_service",
                                max_length=12,
                            ),
                        ),
                        ("critical", models.BooleanField(default=False, verbose_name="critical server")),
                        ("high_value", models.BooleanField(default=False, verbose_name="high-value server")),
                        (
                            "source_row",
                            models.JSONField(blank=True, null=True, verbose_name="row it was imported from"),
                        ),
                        ("retired_at", models.DateTimeField(blank=True, null=True, verbose_name="decommissioned")),
                    ],
                    options={
                        "ordering": ["name"],
                    },
                ),
                migrations.CreateModel(
                    name="User",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("password", models.CharField(max_length=128, verbose_name="password")),
                        ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                        (
                            "is_superuser",
                            models.BooleanField(
                                default=False,
                                help_text="Designates that this user has all permissions without explicitly assigning them.",
                                verbose_name="superuser status",
                            ),
                        ),
                        (
                            "is_staff",
                            models.BooleanField(
                                default=False,
                                help_text="Designates whether the user can log into this admin site.",
                                verbose_name="staff status",
                            ),
                        ),
                        (
                            "is_active",
                            models.BooleanField(
                                default=True,
                                help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                                verbose_name="active",
                            ),
                        ),
                        (
                            "date_joined",
                            models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined"),
                        ),
                        ("email", models.EmailField(max_length=254, unique=True, verbose_name="e-mail address")),
                        ("name", models.CharField(max_length=120)),
                        ("title", models.CharField(blank=True, max_length=120, verbose_name="position")),
                        (
                            "is_service",
                            models.BooleanField(
                                default=False, help_text="A program with a token: it decides and manages nothing."
                            ),
                        ),
                        (
                            "groups",
                            models.ManyToManyField(
                                blank=True,
                                help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                                related_name="user_set",
                                related_query_name="user",
                                to="auth.group",
                                verbose_name="groups",
                            ),
                        ),
                        (
                            "user_permissions",
                            models.ManyToManyField(
                                blank=True,
                                help_text="Specific permissions for this user.",
                                related_name="user_set",
                                related_query_name="user",
                                to="auth.permission",
                                verbose_name="user permissions",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "user",
                        "verbose_name_plural": "users",
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="CatalogueRelease",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "framework",
                            models.CharField(help_text="The short name in compliance/catalogue.", max_length=60),
                        ),
                        ("version", models.CharField(max_length=60)),
                        ("published", models.DateField()),
                        ("oscal_version", models.CharField(blank=True, max_length=20)),
                        ("sha256", models.CharField(help_text="Of the file.", max_length=64)),
                        ("loaded_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "loaded_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "a release of a framework",
                        "ordering": ["framework", "-published", "-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="ChangeRecord",
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
                                    ("new", "New connection"),
                                    ("amend", "Change to a connection"),
                                    ("retire", "Removal"),
                                    ("widen", "Widening"),
                                    ("decommission", "Decommissioning"),
                                ],
                                default="new",
                                max_length=12,
                            ),
                        ),
                        (
                            "urgency",
                            models.CharField(
                                choices=[("routine", "Routine change"), ("urgent", "Urgent change")],
                                default="routine",
                                max_length=7,
                            ),
                        ),
                        ("title", models.CharField(max_length=200)),
                        (
                            "material",
                            models.JSONField(help_text="What would be authorised, in the shape of a version."),
                        ),
                        ("content_hash", models.CharField(max_length=64)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("draft", "Draft"),
                                    ("submitted", "Waiting for approval"),
                                    ("approved", "Approved"),
                                    ("rejected", "Rejected"),
                                    ("withdrawn", "Withdrawn"),
                                    ("implemented", "Implemented"),
                                    ("verified", "Verified"),
                                    ("disputed", "Disputed"),
                                    ("retired", "Retired"),
                                ],
                                default="draft",
                                max_length=11,
                            ),
                        ),
                        ("version", models.PositiveIntegerField(default=1)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("submitted_at", models.DateTimeField(blank=True, null=True)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        ("implemented_at", models.DateTimeField(blank=True, null=True)),
                        ("verified_at", models.DateTimeField(blank=True, null=True)),
                        ("proof", models.CharField(blank=True, max_length=64, verbose_name="digest of the proof")),
                        (
                            "closing_note",
                            models.TextField(
                                blank=True, verbose_name="reason given on rejection, withdrawal or dispute"
                            ),
                        ),
                        (
                            "ticket",
                            models.CharField(blank=True, max_length=60, verbose_name="ticket in another system"),
                        ),
                        ("window", models.CharField(blank=True, max_length=120, verbose_name="change window")),
                        ("rollback", models.TextField(blank=True, verbose_name="how to undo it")),
                        ("due", models.DateField(blank=True, null=True)),
                        (
                            "words",
                            models.GeneratedField(
                                db_persist=True,
                                expression=django.db.models.functions.text.Lower(
                                    django.db.models.functions.text.Left(
                                        django.db.models.functions.text.Concat(
                                            django.db.models.functions.text.Concat(
                                                django.db.models.functions.comparison.Coalesce(
                                                    django.db.models.functions.comparison.Cast(
                                                        models.F("title"), models.TextField()
                                                    ),
                                                    models.Value(" ", output_field=models.TextField()),
                                                    output_field=models.TextField(),
                                                ),
                                                django.db.models.functions.text.Concat(
                                                    models.Value(" ", output_field=models.TextField()),
                                                    django.db.models.functions.comparison.Coalesce(
                                                        django.db.models.functions.comparison.Cast(
                                                            models.F("ticket"), models.TextField()
                                                        ),
                                                        models.Value(" ", output_field=models.TextField()),
                                                        output_field=models.TextField(),
                                                    ),
                                                    output_field=models.TextField(),
                                                ),
                                                output_field=models.TextField(),
                                            ),
                                            django.db.models.functions.text.Concat(
                                                models.Value(" ", output_field=models.TextField()),
                                                django.db.models.functions.text.Concat(
                                                    django.db.models.functions.comparison.Coalesce(
                                                        models.Case(
                                                            models.When(
                                                                connection__isnull=True,
                                                                then=django.db.models.functions.comparison.Cast(
                                                                    models.F("material"), models.TextField()
                                                                ),
                                                            ),
                                                            default=django.db.models.functions.text.Concat(
                                                                django.db.models.functions.text.Concat(
                                                                    django.db.models.functions.text.Concat(
                                                                        django.db.models.functions.text.Concat(
                                                                            django.db.models.functions.comparison.Coalesce(
                                                                                django.db.models.fields.json.KeyTextTransform(
                                                                                    "source", "material"
                                                                                ),
                                                                                models.Value(
                                                                                    " ", output_field=models.TextField()
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            models.Value(
                                                                                " ", output_field=models.TextField()
                                                                            ),
                                                                            output_field=models.TextField(),
                                                                        ),
                                                                        django.db.models.functions.text.Concat(
                                                                            django.db.models.functions.comparison.Coalesce(
                                                                                django.db.models.fields.json.KeyTextTransform(
                                                                                    "destination", "material"
                                                                                ),
                                                                                models.Value(
                                                                                    " ", output_field=models.TextField()
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            models.Value(
                                                                                " ", output_field=models.TextField()
                                                                            ),
                                                                            output_field=models.TextField(),
                                                                        ),
                                                                        output_field=models.TextField(),
                                                                    ),
                                                                    django.db.models.functions.text.Concat(
                                                                        django.db.models.functions.text.Concat(
                                                                            django.db.models.functions.comparison.Coalesce(
                                                                                django.db.models.fields.json.KeyTextTransform(
                                                                                    "services", "material"
                                                                                ),
                                                                                models.Value(
                                                                                    " ", output_field=models.TextField()
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            models.Value(
                                                                                " ", output_field=models.TextField()
                                                                            ),
                                                                            output_field=models.TextField(),
                                                                        ),
                                                                        django.db.models.functions.text.Concat(
                                                                            django.db.models.functions.comparison.Coalesce(
                                                                                django.db.models.fields.json.KeyTextTransform(
                                                                                    "via", "material"
                                                                                ),
                                                                                models.Value(
                                                                                    " ", output_field=models.TextField()
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            models.Value(
                                                                                " ", output_field=models.TextField()
                                                                            ),
                                                                            output_field=models.TextField(),
                                                                        ),
                                                                        output_field=models.TextField(),
                                                                    ),
                                                                    output_field=models.TextField(),
                                                                ),
                                                                django.db.models.functions.text.Concat(
                                                                    django.db.models.functions.text.Concat(
                                                                        django.db.models.functions.text.Concat(
                                                                            django.db.models.functions.comparison.Coalesce(
                                                                                django.db.models.fields.json.KeyTextTransform(
                                                                                    "server", "material"
                                                                                ),
                                                                                models.Value(
                                                                                    " ", output_field=models.TextField()
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            models.Value(
                                                                                " ", output_field=models.TextField()
                                                                            ),
                                                                            output_field=models.TextField(),
                                                                        ),
                                                                        django.db.models.functions.text.Concat(
                                                                            django.db.models.functions.comparison.Coalesce(
                                                                                django.db.models.fields.json.KeyTextTransform(
                                                                                    "path", "material"
                                                                                ),
                                                                                models.Value(
                                                                                    " ", output_field=models.TextField()
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            models.Value(
                                                                                " ", output_field=models.TextField()
                                                                            ),
                                                                            output_field=models.TextField(),
                                                                        ),
                                                                        output_field=models.TextField(),
                                                                    ),
                                                                    django.db.models.functions.text.Concat(
                                                                        django.db.models.functions.text.Concat(
                                                                            django.db.models.functions.comparison.Coalesce(
                                                                                django.db.models.fields.json.KeyTextTransform(
                                                                                    "clients", "material"
                                                                                ),
                                                                                models.Value(
                                                                                    " ", output_field=models.TextField()
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            models.Value(
                                                                                " ", output_field=models.TextField()
                                                                            ),
                                                                            output_field=models.TextField(),
                                                                        ),
                                                                        django.db.models.functions.text.Concat(
                                                                            django.db.models.functions.comparison.Coalesce(
                                                                                django.db.models.fields.json.KeyTextTransform(
                                                                                    "users", "material"
                                                                                ),
                                                                                models.Value(
                                                                                    " ", output_field=models.TextField()
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            models.Value(
                                                                                " ", output_field=models.TextField()
                                                                            ),
                                                                            output_field=models.TextField(),
                                                                        ),
                                                                        output_field=models.TextField(),
                                                                    ),
                                                                    output_field=models.TextField(),
                                                                ),
                                                                output_field=models.TextField(),
                                                            ),
                                                            output_field=models.TextField(),
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
                                        600,
                                    )
                                ),
                                output_field=models.TextField(),
                            ),
                        ),
                        (
                            "longer",
                            models.GeneratedField(
                                db_persist=True,
                                expression=models.Case(
                                    models.When(
                                        django.db.models.lookups.GreaterThan(
                                            django.db.models.functions.text.Length(
                                                django.db.models.functions.text.Concat(
                                                    django.db.models.functions.text.Concat(
                                                        django.db.models.functions.comparison.Coalesce(
                                                            django.db.models.functions.comparison.Cast(
                                                                models.F("title"), models.TextField()
                                                            ),
                                                            models.Value(" ", output_field=models.TextField()),
                                                            output_field=models.TextField(),
                                                        ),
                                                        django.db.models.functions.text.Concat(
                                                            models.Value(" ", output_field=models.TextField()),
                                                            django.db.models.functions.comparison.Coalesce(
                                                                django.db.models.functions.comparison.Cast(
                                                                    models.F("ticket"), models.TextField()
                                                                ),
                                                                models.Value(" ", output_field=models.TextField()),
                                                                output_field=models.TextField(),
                                                            ),
                                                            output_field=models.TextField(),
                                                        ),
                                                        output_field=models.TextField(),
                                                    ),
                                                    django.db.models.functions.text.Concat(
                                                        models.Value(" ", output_field=models.TextField()),
                                                        django.db.models.functions.text.Concat(
                                                            django.db.models.functions.comparison.Coalesce(
                                                                models.Case(
                                                                    models.When(
                                                                        connection__isnull=True,
                                                                        then=django.db.models.functions.comparison.Cast(
                                                                            models.F("material"), models.TextField()
                                                                        ),
                                                                    ),
                                                                    default=django.db.models.functions.text.Concat(
                                                                        django.db.models.functions.text.Concat(
                                                                            django.db.models.functions.text.Concat(
                                                                                django.db.models.functions.text.Concat(
                                                                                    django.db.models.functions.comparison.Coalesce(
                                                                                        django.db.models.fields.json.KeyTextTransform(
                                                                                            "source", "material"
                                                                                        ),
                                                                                        models.Value(
                                                                                            " ",
                                                                                            output_field=models.TextField(),
                                                                                        ),
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    models.Value(
                                                                                        " ",
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    output_field=models.TextField(),
                                                                                ),
                                                                                django.db.models.functions.text.Concat(
                                                                                    django.db.models.functions.comparison.Coalesce(
                                                                                        django.db.models.fields.json.KeyTextTransform(
                                                                                            "destination", "material"
                                                                                        ),
                                                                                        models.Value(
                                                                                            " ",
                                                                                            output_field=models.TextField(),
                                                                                        ),
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    models.Value(
                                                                                        " ",
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    output_field=models.TextField(),
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            django.db.models.functions.text.Concat(
                                                                                django.db.models.functions.text.Concat(
                                                                                    django.db.models.functions.comparison.Coalesce(
                                                                                        django.db.models.fields.json.KeyTextTransform(
                                                                                            "services", "material"
                                                                                        ),
                                                                                        models.Value(
                                                                                            " ",
                                                                                            output_field=models.TextField(),
                                                                                        ),
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    models.Value(
                                                                                        " ",
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    output_field=models.TextField(),
                                                                                ),
                                                                                django.db.models.functions.text.Concat(
                                                                                    django.db.models.functions.comparison.Coalesce(
                                                                                        django.db.models.fields.json.KeyTextTransform(
                                                                                            "via", "material"
                                                                                        ),
                                                                                        models.Value(
                                                                                            " ",
                                                                                            output_field=models.TextField(),
                                                                                        ),
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    models.Value(
                                                                                        " ",
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
                                                                                django.db.models.functions.text.Concat(
                                                                                    django.db.models.functions.comparison.Coalesce(
                                                                                        django.db.models.fields.json.KeyTextTransform(
                                                                                            "server", "material"
                                                                                        ),
                                                                                        models.Value(
                                                                                            " ",
                                                                                            output_field=models.TextField(),
                                                                                        ),
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    models.Value(
                                                                                        " ",
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    output_field=models.TextField(),
                                                                                ),
                                                                                django.db.models.functions.text.Concat(
                                                                                    django.db.models.functions.comparison.Coalesce(
                                                                                        django.db.models.fields.json.KeyTextTransform(
                                                                                            "path", "material"
                                                                                        ),
                                                                                        models.Value(
                                                                                            " ",
                                                                                            output_field=models.TextField(),
                                                                                        ),
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    models.Value(
                                                                                        " ",
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    output_field=models.TextField(),
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            django.db.models.functions.text.Concat(
                                                                                django.db.models.functions.text.Concat(
                                                                                    django.db.models.functions.comparison.Coalesce(
                                                                                        django.db.models.fields.json.KeyTextTransform(
                                                                                            "clients", "material"
                                                                                        ),
                                                                                        models.Value(
                                                                                            " ",
                                                                                            output_field=models.TextField(),
                                                                                        ),
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    models.Value(
                                                                                        " ",
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    output_field=models.TextField(),
                                                                                ),
                                                                                django.db.models.functions.text.Concat(
                                                                                    django.db.models.functions.comparison.Coalesce(
                                                                                        django.db.models.fields.json.KeyTextTransform(
                                                                                            "users", "material"
                                                                                        ),
                                                                                        models.Value(
                                                                                            " ",
                                                                                            output_field=models.TextField(),
                                                                                        ),
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    models.Value(
                                                                                        " ",
                                                                                        output_field=models.TextField(),
                                                                                    ),
                                                                                    output_field=models.TextField(),
                                                                                ),
                                                                                output_field=models.TextField(),
                                                                            ),
                                                                            output_field=models.TextField(),
                                                                        ),
                                                                        output_field=models.TextField(),
                                                                    ),
                                                                    output_field=models.TextField(),
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
                                                )
                                            ),
                                            600,
                                        ),
                                        then=True,
                                    ),
                                    default=False,
                                    output_field=models.BooleanField(),
                                ),
                                output_field=models.BooleanField(),
                            ),
                        ),
                        (
                            "beside",
                            models.GeneratedField(
                                db_persist=True,
                                expression=django.db.models.functions.text.Concat(
                                    django.db.models.functions.comparison.Coalesce(
                                        django.db.models.fields.json.KeyTextTransform("via", "material"),
                                        models.Value("", output_field=models.TextField()),
                                        output_field=models.TextField(),
                                    ),
                                    django.db.models.functions.comparison.Coalesce(
                                        django.db.models.fields.json.KeyTextTransform("clients", "material"),
                                        models.Value("", output_field=models.TextField()),
                                        output_field=models.TextField(),
                                    ),
                                    output_field=models.TextField(),
                                ),
                                output_field=models.TextField(),
                            ),
                        ),
                        (
                            "implemented_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="changes_implemented",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "last_edited_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="changes_edited",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "requested_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="changes_requested",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "connection",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="changes",
                                to="compliance.connection",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="ColumnMapping",
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
                                    ("servers", "Servers"),
                                    ("connections", "Connections"),
                                    ("shares", "File shares"),
                                ],
                                max_length=11,
                            ),
                        ),
                        ("header_digest", models.CharField(max_length=64)),
                        ("mapping", models.JSONField(default=dict, help_text="{our name: the file's}")),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("kind", "header_digest"), name="one_mapping_of_a_header")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ConnectionVersion",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("material", models.JSONField()),
                        ("material_hash", models.CharField(max_length=64)),
                        ("valid_from", models.DateField()),
                        ("valid_to", models.DateField(blank=True, null=True)),
                        ("ends_on", models.DateField(blank=True, null=True)),
                        ("review_by", models.DateField(blank=True, null=True)),
                        ("recorded_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "beside",
                            models.GeneratedField(
                                db_persist=True,
                                expression=django.db.models.functions.text.Concat(
                                    django.db.models.functions.comparison.Coalesce(
                                        django.db.models.fields.json.KeyTextTransform("via", "material"),
                                        models.Value("", output_field=models.TextField()),
                                        output_field=models.TextField(),
                                    ),
                                    django.db.models.functions.comparison.Coalesce(
                                        django.db.models.fields.json.KeyTextTransform("clients", "material"),
                                        models.Value("", output_field=models.TextField()),
                                        output_field=models.TextField(),
                                    ),
                                    output_field=models.TextField(),
                                ),
                                output_field=models.TextField(),
                            ),
                        ),
                        (
                            "change",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="versions",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "closed_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="versions_closed",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "connection",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="versions",
                                to="compliance.connection",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["connection_id", "valid_from", "pk"],
                    },
                ),
                migrations.CreateModel(
                    name="ControlStatement",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("framework", models.CharField(max_length=60)),
                        ("control", models.CharField(max_length=40)),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("implemented", "Implemented"),
                                    ("partly", "Partly implemented"),
                                    ("alternate", "Met by an alternate control"),
                                    ("planned", "Planned"),
                                    ("not_implemented", "Not implemented"),
                                    ("not_applicable", "Not applicable"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("comment", models.TextField()),
                        ("said_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "release",
                            models.ForeignKey(
                                blank=True,
                                help_text="Whose text was read with it.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="compliance.cataloguerelease",
                            ),
                        ),
                        (
                            "said_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "a statement on a control",
                        "ordering": ["-pk"],
                    },
                ),
                migrations.AddField(
                    model_name="connection",
                    name="destination",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="connections_in",
                        to="compliance.endpoint",
                    ),
                ),
                migrations.AddField(
                    model_name="connection",
                    name="source",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="connections_out",
                        to="compliance.endpoint",
                    ),
                ),
                migrations.CreateModel(
                    name="Group",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=60, unique=True)),
                        (
                            "kind",
                            models.CharField(
                                choices=[("static", "Static group"), ("dynamic", "Dynamic group")],
                                default="static",
                                max_length=8,
                            ),
                        ),
                        ("ceiling", models.PositiveIntegerField(blank=True, null=True)),
                        ("ceiling_seal", models.CharField(blank=True, max_length=64)),
                        (
                            "observed",
                            models.CharField(
                                blank=True,
                                help_text="What shows who its members are (compliance.observed); empty: people name them.",
                                max_length=500,
                                verbose_name="members are known by",
                            ),
                        ),
                        ("observed_seal", models.CharField(blank=True, max_length=64)),
                        (
                            "ceiling_change",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "observed_change",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.changerecord",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["name"],
                    },
                ),
                migrations.AddField(
                    model_name="endpoint",
                    name="group",
                    field=models.OneToOneField(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.group"
                    ),
                ),
                migrations.CreateModel(
                    name="ImportedTable",
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
                                    ("servers", "Servers"),
                                    ("connections", "Connections"),
                                    ("shares", "File shares"),
                                ],
                                max_length=11,
                            ),
                        ),
                        ("file", models.CharField(max_length=200, verbose_name="file name")),
                        ("digest", models.CharField(max_length=64, verbose_name="SHA-256 of the file")),
                        ("header", models.JSONField(default=list)),
                        (
                            "rows",
                            models.JSONField(default=list, help_text="[[number of the row in the file, [cells]]]"),
                        ),
                        ("brought_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("imported_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "brought_by",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Job",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.CharField(max_length=200, unique=True)),
                        ("kind", models.CharField(max_length=40)),
                        ("args", models.JSONField(default=dict)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("queued", "Waiting"),
                                    ("running", "Running"),
                                    ("done", "Done"),
                                    ("cancelled", "Cancelled"),
                                    ("dead", "Given up"),
                                ],
                                default="queued",
                                max_length=10,
                            ),
                        ),
                        ("run_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("lease_until", models.DateTimeField(blank=True, null=True)),
                        ("token", models.UUIDField(blank=True, null=True)),
                        (
                            "dispatched_at",
                            models.DateTimeField(blank=True, null=True, verbose_name="when a worker was told"),
                        ),
                        ("tries", models.PositiveIntegerField(default=0)),
                        ("last_error", models.TextField(blank=True)),
                        ("step", models.CharField(blank=True, max_length=200)),
                        ("done", models.PositiveIntegerField(default=0)),
                        ("of", models.PositiveIntegerField(default=0)),
                        ("cancel_asked", models.BooleanField(default=False)),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "requested_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Justification",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("business_need", models.TextField()),
                        ("security_implications", models.TextField()),
                        ("data_carried", models.TextField(blank=True)),
                        ("written_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "change",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="justification",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "written_by",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="KeptForm",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("page", models.CharField(max_length=500)),
                        ("action", models.CharField(max_length=500)),
                        ("typed", models.JSONField(default=dict)),
                        ("kept_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="kept_forms",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-kept_at", "-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="LedgerRow",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("label", models.CharField(max_length=80)),
                        ("key", models.BigIntegerField()),
                        ("digest", models.CharField(max_length=64)),
                        ("salt", models.CharField(max_length=32)),
                        ("names", models.TextField()),
                        ("uid", models.UUIDField(help_text="The entry that said it.")),
                    ],
                    options={
                        "constraints": [models.UniqueConstraint(fields=("label", "key"), name="one_word_about_a_row")],
                    },
                ),
                migrations.CreateModel(
                    name="NoticePreference",
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
                                    ("decision", "A decision is asked of you"),
                                    ("security", "Access: who decides in whose place, and what you take over"),
                                    ("question", "Questions to you, and answers"),
                                    ("work", "Something is to be carried out"),
                                    ("outcome", "What became of what you asked for"),
                                    ("due", "Reviews, ends and accepted risks that fall due"),
                                    ("review", "Review meetings and actions"),
                                    ("pack", "Evidence packs"),
                                ],
                                max_length=10,
                            ),
                        ),
                        (
                            "how",
                            models.CharField(
                                choices=[
                                    ("at_once", "Mail at once"),
                                    ("digest", "In one mail a day"),
                                    ("in_app", "In Eastwest only"),
                                ],
                                max_length=8,
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="notice_preferences",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="OfficialControl",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("control", models.CharField(help_text="ISM-1479, SC-7(5)", max_length=40)),
                        ("title", models.CharField(blank=True, max_length=300)),
                        ("statement", models.TextField(blank=True)),
                        ("revision", models.CharField(blank=True, max_length=20)),
                        ("updated", models.CharField(blank=True, max_length=20)),
                        ("applies", models.JSONField(default=list)),
                        ("topic", models.CharField(blank=True, max_length=300)),
                        ("withdrawn", models.BooleanField(default=False)),
                        (
                            "release",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="controls",
                                to="compliance.cataloguerelease",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "an official control",
                        "ordering": ["release", "control"],
                    },
                ),
                migrations.AddField(
                    model_name="endpoint",
                    name="organisation",
                    field=models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.organisation"
                    ),
                ),
                migrations.CreateModel(
                    name="Outbound",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.CharField(max_length=200, unique=True)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("decision", "A decision is asked of you"),
                                    ("security", "Access: who decides in whose place, and what you take over"),
                                    ("question", "Questions to you, and answers"),
                                    ("work", "Something is to be carried out"),
                                    ("outcome", "What became of what you asked for"),
                                    ("due", "Reviews, ends and accepted risks that fall due"),
                                    ("review", "Review meetings and actions"),
                                    ("pack", "Evidence packs"),
                                ],
                                default="outcome",
                                max_length=10,
                            ),
                        ),
                        (
                            "how",
                            models.CharField(
                                choices=[
                                    ("at_once", "Mail at once"),
                                    ("digest", "In one mail a day"),
                                    ("in_app", "In Eastwest only"),
                                ],
                                default="at_once",
                                max_length=8,
                            ),
                        ),
                        ("subject", models.CharField(max_length=200)),
                        ("body", models.TextField()),
                        ("path", models.CharField(blank=True, max_length=200, verbose_name="page it points to")),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="mailed")),
                        ("read_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "to",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="messages",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="PartyPrefix",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("valid_from", models.DateTimeField(default=django.utils.timezone.now)),
                        ("valid_to", models.DateTimeField(blank=True, null=True)),
                        (
                            "seal",
                            models.CharField(
                                blank=True,
                                help_text="HMAC over the row; its key is not in the database.",
                                max_length=64,
                            ),
                        ),
                        ("prefix", models.CharField(max_length=49, validators=[compliance.models.estate.check_prefix])),
                        (
                            "change",
                            models.OneToOneField(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "end",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="party_prefixes",
                                to="compliance.endpoint",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="PolicyVersion",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveIntegerField(unique=True)),
                        ("content", models.JSONField(help_text="See compliance/policy/content.py for its shape.")),
                        ("content_hash", models.CharField(max_length=64)),
                        ("because", models.TextField()),
                        (
                            "shipped",
                            models.BooleanField(
                                default=False, help_text="Kept because a request was checked against it."
                            ),
                        ),
                        ("proposed_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "base",
                            models.ForeignKey(
                                blank=True,
                                help_text="What it was made from.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="compliance.policyversion",
                            ),
                        ),
                        (
                            "proposed_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "a version of the policy",
                        "ordering": ["-number"],
                    },
                ),
                migrations.CreateModel(
                    name="PolicyDecision",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "outcome",
                            models.CharField(choices=[("adopted", "Adopted"), ("rejected", "Rejected")], max_length=8),
                        ),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("because", models.TextField(blank=True)),
                        ("content_hash", models.CharField(max_length=64)),
                        (
                            "seal",
                            models.CharField(
                                help_text="HMAC over all of the above; its key is not in the database.", max_length=64
                            ),
                        ),
                        (
                            "decided_by",
                            models.ForeignKey(
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
                            "version",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="decision",
                                to="compliance.policyversion",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "a decision on the policy",
                    },
                ),
                migrations.CreateModel(
                    name="PolicyCheck",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "when",
                            models.CharField(
                                choices=[("submitted", "When it was sent"), ("approved", "When it was approved")],
                                max_length=9,
                            ),
                        ),
                        (
                            "content_hash",
                            models.CharField(max_length=64, verbose_name="hash of the request it is about"),
                        ),
                        (
                            "hits",
                            models.JSONField(
                                help_text="Every rule that was met, as people read it; see compliance/policy/check.py."
                            ),
                        ),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "change",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="policy_checks",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="checks",
                                to="compliance.policyversion",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "a check against the policy",
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Question",
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
                            "content_hash",
                            models.CharField(help_text="Of what the change said when it was asked.", max_length=64),
                        ),
                        (
                            "asked_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="questions_asked",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "change",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="questions",
                                to="compliance.changerecord",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Answer",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("answered_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("text", models.TextField()),
                        (
                            "answered_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="questions_answered",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "asked_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "question",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="answer",
                                to="compliance.question",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Receiver",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=80)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("webhook", "Signed webhook"),
                                    ("slack", "Slack"),
                                    ("teams", "Microsoft Teams"),
                                ],
                                max_length=8,
                            ),
                        ),
                        (
                            "address",
                            models.CharField(
                                blank=True, help_text="https://…, of a webhook; a chat's is its secret.", max_length=500
                            ),
                        ),
                        (
                            "pin",
                            models.CharField(
                                blank=True, help_text="SHA256:… of its certificate, else an authority's.", max_length=60
                            ),
                        ),
                        ("events", models.JSONField(default=list)),
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
                            models.UUIDField(
                                default=uuid.uuid4, help_text="Stands inside the sealed value as well.", unique=True
                            ),
                        ),
                        ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("paused_at", models.DateTimeField(blank=True, null=True)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "made_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["name", "pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Delivery",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("uid", models.UUIDField(default=uuid.uuid4, unique=True)),
                        ("event", models.CharField(max_length=40)),
                        ("body", models.TextField(help_text="JSON, exactly as it is signed and sent.")),
                        ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waiting"),
                                    ("sent", "Taken"),
                                    ("dead", "Given up"),
                                    ("dropped", "Not sent"),
                                ],
                                default="waiting",
                                max_length=8,
                            ),
                        ),
                        (
                            "round",
                            models.PositiveIntegerField(default=0, help_text="How often a person asked for it again."),
                        ),
                        ("tries", models.PositiveIntegerField(default=0)),
                        ("tried_at", models.DateTimeField(blank=True, null=True)),
                        ("next_at", models.DateTimeField(blank=True, null=True)),
                        ("status", models.PositiveIntegerField(blank=True, help_text="Of the last answer.", null=True)),
                        (
                            "answer",
                            models.CharField(blank=True, help_text="How the last answer began.", max_length=400),
                        ),
                        ("problem", models.CharField(blank=True, max_length=400)),
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
                            "receiver",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deliveries",
                                to="compliance.receiver",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "deliveries",
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="RiskAcceptance",
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
                                    ("finding", "Finding"),
                                    ("rule", "Rule of the policy"),
                                    ("scope", "Address outside the scope"),
                                    ("basis", "Provisional baseline"),
                                ],
                                max_length=7,
                            ),
                        ),
                        (
                            "key",
                            models.CharField(
                                help_text="Fingerprint; rule and hash of the material; or address.", max_length=200
                            ),
                        ),
                        ("about", models.CharField(max_length=300)),
                        (
                            "path",
                            models.CharField(blank=True, help_text="The page of what it is about.", max_length=200),
                        ),
                        ("extent", models.JSONField(default=list)),
                        (
                            "rating",
                            models.CharField(
                                choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")], max_length=6
                            ),
                        ),
                        ("reason", models.TextField()),
                        ("alternate_control", models.TextField()),
                        ("plan", models.CharField(blank=True, max_length=60, verbose_name="plan of action")),
                        ("ends_on", models.DateField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("requested", "Waiting for a decision"),
                                    ("accepted", "Accepted"),
                                    ("refused", "Not accepted"),
                                    ("revoked", "Revoked"),
                                ],
                                default="requested",
                                max_length=9,
                            ),
                        ),
                        ("version", models.PositiveIntegerField(default=1)),
                        ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        ("decision_note", models.TextField(blank=True)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                        ("revoked_note", models.TextField(blank=True)),
                        ("seal", models.CharField(blank=True, max_length=64)),
                        (
                            "decided_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="risks_decided",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "decided_for",
                            models.ForeignKey(
                                blank=True,
                                help_text="The authorising officer in whose place a delegate decided.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "renews",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="renewals",
                                to="compliance.riskacceptance",
                            ),
                        ),
                        (
                            "requested_by",
                            models.ForeignKey(
                                help_text="None: taken over from a finding that one person accepted before two were asked for.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="risks_requested",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "revoked_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.AddField(
                    model_name="changerecord",
                    name="rests_on",
                    field=models.ForeignKey(
                        blank=True,
                        help_text="The accepted risk of a provisional baseline; what counts is the one that the material names.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="changes",
                        to="compliance.riskacceptance",
                    ),
                ),
                migrations.CreateModel(
                    name="SavedFilter",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("path", models.CharField(help_text="The list, from the root of the site.", max_length=200)),
                        ("query", models.CharField(help_text="Its filters, as the address has them.", max_length=1000)),
                        ("name", models.CharField(max_length=60)),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="saved_filters",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["name", "pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Membership",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("valid_from", models.DateTimeField(default=django.utils.timezone.now)),
                        ("valid_to", models.DateTimeField(blank=True, null=True)),
                        (
                            "seal",
                            models.CharField(
                                blank=True,
                                help_text="HMAC over the row; its key is not in the database.",
                                max_length=64,
                            ),
                        ),
                        (
                            "change",
                            models.OneToOneField(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "group",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="memberships",
                                to="compliance.group",
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="memberships",
                                to="compliance.server",
                            ),
                        ),
                    ],
                ),
                migrations.AddField(
                    model_name="endpoint",
                    name="server",
                    field=models.OneToOneField(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.server"
                    ),
                ),
                migrations.CreateModel(
                    name="ServiceToken",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=80)),
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
                            "person",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="service_token",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="SetUpLink",
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
                        ("used_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "person",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="SetUpMark",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("step", models.CharField(max_length=20)),
                        (
                            "what",
                            models.CharField(
                                choices=[("skipped", "Skipped for now"), ("tried", "Tried")], max_length=8
                            ),
                        ),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="System",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=120, unique=True)),
                        ("purpose", models.TextField(blank=True)),
                        (
                            "classification",
                            models.CharField(
                                choices=[
                                    ("NC", "Non-classified"),
                                    ("OS", "OFFICIAL: Sensitive"),
                                    ("P", "PROTECTED"),
                                    ("S", "SECRET"),
                                    ("TS", "TOP SECRET"),
                                ],
                                default="OS",
                                max_length=2,
                            ),
                        ),
                        ("boundary_in", models.TextField(blank=True, verbose_name="inside the boundary")),
                        ("boundary_out", models.TextField(blank=True, verbose_name="outside the boundary, and why")),
                        ("inherited", models.TextField(blank=True, verbose_name="inherited from providers")),
                        (
                            "authorising_officer",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="systems_authorised",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "deputy",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="systems_deputised",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "organisation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, to="compliance.organisation"
                            ),
                        ),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="systems_owned",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["name"],
                    },
                ),
                migrations.AddField(
                    model_name="server",
                    name="system",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="servers", to="compliance.system"
                    ),
                ),
                migrations.CreateModel(
                    name="RoleGrant",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("requester", "Requester"),
                                    ("system_owner", "System owner"),
                                    ("manager", "Manager who approves"),
                                    ("engineer", "Engineer"),
                                    ("auditor", "Auditor"),
                                    ("administrator", "Administrator"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("valid_from", models.DateTimeField(default=django.utils.timezone.now)),
                        ("valid_to", models.DateTimeField(blank=True, null=True)),
                        (
                            "by_groups",
                            models.BooleanField(
                                default=False, help_text="Given by a group at the organisation's provider."
                            ),
                        ),
                        (
                            "awaits_second",
                            models.BooleanField(
                                default=False, help_text="Counts once a second administrator confirmed it."
                            ),
                        ),
                        ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "decides_from",
                            models.DateTimeField(
                                blank=True,
                                help_text="Of a role that one administrator gave alone: nothing is decided in it before.",
                                null=True,
                            ),
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
                            "granted_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="grants_given",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="role_grants",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="compliance.system",
                            ),
                        ),
                    ],
                ),
                migrations.AddField(
                    model_name="riskacceptance",
                    name="system",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="risks", to="compliance.system"
                    ),
                ),
                migrations.AddField(
                    model_name="receiver",
                    name="systems",
                    field=models.ManyToManyField(blank=True, related_name="+", to="compliance.system"),
                ),
                migrations.CreateModel(
                    name="Reattestation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("framework", models.CharField(max_length=60)),
                        ("control", models.CharField(max_length=40)),
                        ("kind", models.CharField(help_text="See compliance/catalogue/impact.py.", max_length=20)),
                        ("due", models.DateField()),
                        ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "after",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.cataloguerelease",
                            ),
                        ),
                        (
                            "answer",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="answers",
                                to="compliance.controlstatement",
                            ),
                        ),
                        (
                            "before",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.cataloguerelease",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reattestations",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "a re-attestation",
                        "ordering": ["due", "control", "pk"],
                    },
                ),
                migrations.CreateModel(
                    name="LedgerInbox",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                        ("data", models.JSONField()),
                        ("created", models.DateTimeField(default=django.utils.timezone.now)),
                        ("salt", models.CharField(blank=True, max_length=32)),
                        ("mac", models.CharField(blank=True, max_length=64)),
                        ("seq", models.PositiveBigIntegerField(blank=True, null=True, unique=True)),
                        ("refused", models.BooleanField(default=False)),
                        ("verb", models.CharField(blank=True, max_length=60)),
                        ("object_type", models.CharField(blank=True, max_length=80)),
                        ("object_id", models.BigIntegerField(blank=True, null=True)),
                        (
                            "actor",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "ledger inbox",
                        "ordering": ["pk"],
                    },
                ),
                migrations.AddField(
                    model_name="group",
                    name="system",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="groups", to="compliance.system"
                    ),
                ),
                migrations.CreateModel(
                    name="Delegation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "capacity",
                            models.CharField(
                                choices=[
                                    ("system_owner", "System owner"),
                                    ("manager", "Manager"),
                                    ("authorising_officer", "Authorising officer"),
                                ],
                                max_length=19,
                            ),
                        ),
                        ("valid_from", models.DateTimeField(default=django.utils.timezone.now)),
                        ("valid_to", models.DateTimeField()),
                        ("because", models.TextField()),
                        ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "delegate",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="delegations_held",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "delegator",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="delegations_given",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="delegations",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.AddField(
                    model_name="controlstatement",
                    name="system",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_statements",
                        to="compliance.system",
                    ),
                ),
                migrations.AddField(
                    model_name="connection",
                    name="system",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="connections", to="compliance.system"
                    ),
                ),
                migrations.AddField(
                    model_name="changerecord",
                    name="system",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="compliance.system"
                    ),
                ),
                migrations.CreateModel(
                    name="ApprovalStage",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "position",
                            models.PositiveSmallIntegerField(help_text="2 comes first: 1 are the owner and a manager."),
                        ),
                        ("title", models.CharField(max_length=60)),
                        ("valid_from", models.DateTimeField(default=django.utils.timezone.now)),
                        ("valid_to", models.DateTimeField(blank=True, null=True)),
                        ("because", models.TextField()),
                        (
                            "person",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "set_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="approval_stages",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["system_id", "position", "pk"],
                    },
                ),
                migrations.CreateModel(
                    name="ApprovalNeeded",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "capacity",
                            models.CharField(
                                choices=[
                                    ("system_owner", "System owner"),
                                    ("manager", "Manager"),
                                    ("other_owner", "Owner of the other end"),
                                    ("authorising_officer", "Authorising officer"),
                                    ("named", "Person named for the stage"),
                                ],
                                max_length=19,
                            ),
                        ),
                        ("stage", models.PositiveSmallIntegerField(default=1)),
                        (
                            "title",
                            models.CharField(blank=True, help_text="What the system calls the stage.", max_length=60),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "change",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="needs",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="compliance.system"),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Zone",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=60)),
                        ("title", models.CharField(blank=True, max_length=120)),
                        ("environment", models.CharField(default="production", max_length=20)),
                        ("slot", models.PositiveIntegerField(default=0)),
                        (
                            "space",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, to="compliance.addressspace"
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="zones",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["slot", "name"],
                    },
                ),
                migrations.AddField(
                    model_name="endpoint",
                    name="zone",
                    field=models.OneToOneField(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="compliance.zone"
                    ),
                ),
                migrations.CreateModel(
                    name="Address",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("valid_from", models.DateTimeField(default=django.utils.timezone.now)),
                        ("valid_to", models.DateTimeField(blank=True, null=True)),
                        (
                            "seal",
                            models.CharField(
                                blank=True,
                                help_text="HMAC over the row; its key is not in the database.",
                                max_length=64,
                            ),
                        ),
                        ("ip", models.GenericIPAddressField(unpack_ipv4=True)),
                        ("interface", models.CharField(blank=True, max_length=40)),
                        (
                            "space",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, to="compliance.addressspace"
                            ),
                        ),
                        (
                            "change",
                            models.OneToOneField(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "server",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="addresses",
                                to="compliance.server",
                            ),
                        ),
                        (
                            "zone",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="addresses",
                                to="compliance.zone",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "addresses",
                    },
                ),
                migrations.CreateModel(
                    name="ZonePrefix",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("valid_from", models.DateTimeField(default=django.utils.timezone.now)),
                        ("valid_to", models.DateTimeField(blank=True, null=True)),
                        (
                            "seal",
                            models.CharField(
                                blank=True,
                                help_text="HMAC over the row; its key is not in the database.",
                                max_length=64,
                            ),
                        ),
                        ("prefix", models.CharField(max_length=49, validators=[compliance.models.estate.check_prefix])),
                        (
                            "change",
                            models.OneToOneField(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "zone",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="prefixes",
                                to="compliance.zone",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Approval",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "capacity",
                            models.CharField(
                                choices=[
                                    ("system_owner", "System owner"),
                                    ("manager", "Manager"),
                                    ("other_owner", "Owner of the other end"),
                                    ("authorising_officer", "Authorising officer"),
                                    ("named", "Person named for the stage"),
                                ],
                                max_length=19,
                            ),
                        ),
                        ("content_hash", models.CharField(max_length=64)),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        ("because", models.TextField(blank=True)),
                        (
                            "seal",
                            models.CharField(
                                help_text="HMAC over all of the above; its key is not in the database.", max_length=64
                            ),
                        ),
                        (
                            "approver",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="approvals",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "in_place_of",
                            models.ForeignKey(
                                blank=True,
                                help_text="Whose delegate agreed.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "requested_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "needed",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="approval",
                                to="compliance.approvalneeded",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("approver", models.F("requested_by")), _negated=True),
                                name="nobody_approves_their_own_change",
                                violation_error_message="Nobody approves their own change: a second person does.",
                            )
                        ],
                    },
                ),
                migrations.AddConstraint(
                    model_name="cataloguerelease",
                    constraint=models.UniqueConstraint(
                        fields=("framework", "version"), name="a_release_is_loaded_once"
                    ),
                ),
                migrations.AddIndex(
                    model_name="connectionversion",
                    index=models.Index(fields=["review_by"], name="compliance__review__2e8990_idx"),
                ),
                migrations.AddIndex(
                    model_name="connectionversion",
                    index=models.Index(fields=["ends_on"], name="compliance__ends_on_55c539_idx"),
                ),
                migrations.AddIndex(
                    model_name="connectionversion",
                    index=models.Index(
                        condition=models.Q(("beside__in", ("", "[]")), _negated=True),
                        fields=["connection"],
                        name="versions_naming_others",
                    ),
                ),
                migrations.AddIndex(
                    model_name="job",
                    index=models.Index(
                        condition=models.Q(("state__in", ["queued", "running"])),
                        fields=["run_at"],
                        name="jobs_to_look_at",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="keptform",
                    constraint=models.UniqueConstraint(
                        fields=("person", "page", "action"), name="one_kept_form_of_a_page"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="noticepreference",
                    constraint=models.UniqueConstraint(fields=("person", "kind"), name="one_way_for_a_kind_of_notice"),
                ),
                migrations.AddConstraint(
                    model_name="officialcontrol",
                    constraint=models.UniqueConstraint(
                        fields=("release", "control"), name="a_control_stands_once_in_a_release"
                    ),
                ),
                migrations.AddIndex(
                    model_name="outbound",
                    index=models.Index(fields=["to", "read_at"], name="compliance__to_id_4c9b9d_idx"),
                ),
                migrations.AddConstraint(
                    model_name="partyprefix",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("valid_to__isnull", True)),
                        fields=("end", "prefix"),
                        name="a_party_holds_a_prefix_once",
                        violation_error_message="The party holds this prefix already.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="policyversion",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("proposed_by__isnull", True), ("shipped", True)),
                            models.Q(("proposed_by__isnull", False), ("shipped", False)),
                            _connector="OR",
                        ),
                        name="a_policy_is_shipped_or_proposed_by_somebody",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="policydecision",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                        name="nobody_adopts_their_own_policy",
                        violation_error_message="Nobody decides on a policy they proposed: a second person does.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="answer",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("answered_by", models.F("asked_by")), _negated=True),
                        name="nobody_answers_their_own_question",
                        violation_error_message="Nobody answers their own question.",
                    ),
                ),
                migrations.AddIndex(
                    model_name="delivery",
                    index=models.Index(fields=["receiver", "state"], name="compliance__receive_c40c53_idx"),
                ),
                migrations.AddConstraint(
                    model_name="savedfilter",
                    constraint=models.UniqueConstraint(
                        fields=("person", "path", "name"), name="one_saved_filter_of_a_name"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="membership",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("valid_to__isnull", True)),
                        fields=("group", "server"),
                        name="a_server_is_in_a_group_once",
                        violation_error_message="The server is in the group already.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="setupmark",
                    constraint=models.UniqueConstraint(fields=("step", "what"), name="one_mark_of_a_kind_on_a_step"),
                ),
                migrations.AddConstraint(
                    model_name="server",
                    constraint=models.UniqueConstraint(
                        fields=("name",),
                        name="one_server_of_a_name",
                        violation_error_message="There is a server of that name already.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="rolegrant",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("granted_by__isnull", True),
                            models.Q(("granted_by", models.F("person")), _negated=True),
                            _connector="OR",
                        ),
                        name="nobody_grants_a_role_to_themselves",
                        violation_error_message="Nobody grants a role to themselves: a second administrator does it.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="rolegrant",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("confirmed_by__isnull", True),
                            models.Q(
                                models.Q(("confirmed_by", models.F("person")), _negated=True),
                                models.Q(("confirmed_by", models.F("granted_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="a_second_administrator_is_a_third_person",
                        violation_error_message="Who gave the role, or gets it, does not confirm it.",
                    ),
                ),
                migrations.AddIndex(
                    model_name="riskacceptance",
                    index=models.Index(fields=["kind", "key"], name="compliance__kind_6bb84f_idx"),
                ),
                migrations.AddConstraint(
                    model_name="riskacceptance",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("requested_by__isnull", True),
                            models.Q(("decided_by", models.F("requested_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="nobody_accepts_the_risk_they_asked_for",
                        violation_error_message="Nobody decides on the risk they asked for: the authorising officer does.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="riskacceptance",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "accepted"), _negated=True),
                            models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="an_accepted_risk_was_decided_by_somebody",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="receiver",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reference", ""), models.Q(("sealed", ""), _negated=True)),
                            models.Q(models.Q(("reference", ""), _negated=True), ("sealed", "")),
                            models.Q(("ended_at__isnull", False), ("reference", ""), ("sealed", "")),
                            _connector="OR",
                        ),
                        name="a_receivers_secret_is_referred_to_or_sealed",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="reattestation",
                    constraint=models.UniqueConstraint(
                        fields=("system", "framework", "control", "after"), name="one_reattestation_of_a_release"
                    ),
                ),
                migrations.AddIndex(
                    model_name="ledgerinbox",
                    index=models.Index(
                        condition=models.Q(("seq__isnull", True)), fields=["id"], name="ledger_rows_that_wait"
                    ),
                ),
                migrations.AddIndex(
                    model_name="ledgerinbox",
                    index=models.Index(fields=["object_type", "object_id"], name="ledger_rows_of_an_object"),
                ),
                migrations.AddIndex(
                    model_name="ledgerinbox",
                    index=models.Index(fields=["verb", "created"], name="ledger_rows_of_a_verb"),
                ),
                migrations.AddConstraint(
                    model_name="delegation",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("delegate", models.F("delegator")), _negated=True),
                        name="nobody_is_their_own_delegate",
                        violation_error_message="A delegate is somebody else.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="delegation",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("valid_to__gt", models.F("valid_from"))),
                        name="a_delegation_ends_after_it_begins",
                        violation_error_message="A delegation ends after it begins.",
                    ),
                ),
                migrations.AddIndex(
                    model_name="controlstatement",
                    index=models.Index(fields=["system", "framework", "control"], name="statements_on_a_control"),
                ),
                migrations.AddIndex(
                    model_name="connection",
                    index=models.Index(fields=["drift"], name="compliance__drift_38c9cc_idx"),
                ),
                migrations.AddIndex(
                    model_name="connection",
                    index=models.Index(fields=["system", "kind"], name="compliance__system__1851b8_idx"),
                ),
                migrations.AddIndex(
                    model_name="connection",
                    index=models.Index(fields=["source", "kind"], name="compliance__source__0246e3_idx"),
                ),
                migrations.AddIndex(
                    model_name="connection",
                    index=models.Index(fields=["destination", "kind"], name="compliance__destina_c0f0c4_idx"),
                ),
                migrations.AddIndex(
                    model_name="changerecord",
                    index=models.Index(fields=["state", "submitted_at"], name="compliance__state_618ef6_idx"),
                ),
                migrations.AddIndex(
                    model_name="changerecord",
                    index=models.Index(fields=["created_at"], name="compliance__created_505064_idx"),
                ),
                migrations.AddIndex(
                    model_name="changerecord",
                    index=models.Index(fields=["system", "state"], name="compliance__system__c85d61_idx"),
                ),
                migrations.AddIndex(
                    model_name="changerecord",
                    index=models.Index(fields=["words", "connection", "id"], name="changes_by_their_words"),
                ),
                migrations.AddIndex(
                    model_name="changerecord",
                    index=models.Index(
                        condition=models.Q(("longer", True)), fields=["id"], name="changes_with_more_words"
                    ),
                ),
                migrations.AddIndex(
                    model_name="changerecord",
                    index=models.Index(
                        condition=models.Q(("beside__in", ("", "[]")), _negated=True),
                        fields=["connection"],
                        name="changes_naming_others",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="changerecord",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "draft",
                                    "submitted",
                                    "approved",
                                    "rejected",
                                    "withdrawn",
                                    "implemented",
                                    "verified",
                                    "disputed",
                                    "retired",
                                ],
                            )
                        ),
                        name="a_change_is_in_a_known_state",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="changerecord",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("connection__isnull", False), ("kind__in", ["new", "amend", "retire"])),
                            models.Q(("connection__isnull", True), ("kind__in", ["widen", "decommission"])),
                            _connector="OR",
                        ),
                        name="a_change_is_about_one_connection_or_the_estate",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="approvalstage",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("position__gte", 2)), name="a_further_stage_comes_after_the_first"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="approvalstage",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("valid_to__isnull", True)),
                        fields=("system", "position"),
                        name="one_stage_at_a_place",
                    ),
                ),
                migrations.AddIndex(
                    model_name="approvalneeded",
                    index=models.Index(fields=["system", "change"], name="compliance__system__7d7b9e_idx"),
                ),
                migrations.AddConstraint(
                    model_name="approvalneeded",
                    constraint=models.UniqueConstraint(
                        fields=("change", "capacity", "system", "stage"), name="one_need_of_a_kind"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="zone",
                    constraint=models.UniqueConstraint(
                        fields=("space", "name"),
                        name="one_zone_of_a_name",
                        violation_error_message="There is a zone of that name in this address space already.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="endpoint",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("group__isnull", True),
                                ("kind", "server"),
                                ("server__isnull", False),
                                ("zone__isnull", True),
                            ),
                            models.Q(
                                ("group__isnull", False),
                                ("kind__in", ["static_group", "dynamic_group"]),
                                ("server__isnull", True),
                                ("zone__isnull", True),
                            ),
                            models.Q(
                                ("group__isnull", True),
                                ("kind", "zone"),
                                ("server__isnull", True),
                                ("zone__isnull", False),
                            ),
                            models.Q(
                                ("kind__in", ["managed_service", "external_party", "user_network"]),
                                ("server__isnull", True),
                                ("group__isnull", True),
                                ("zone__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="an_end_is_one_thing",
                        violation_error_message="An end of a connection is one thing: a server, a group, a zone or a party.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="address",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("valid_to__isnull", True)),
                        fields=("space", "ip"),
                        name="one_holder_of_an_address",
                        violation_error_message="Another server holds this address in this space.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="address",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("valid_to__isnull", True), ("valid_to__gt", models.F("valid_from")), _connector="OR"
                        ),
                        name="address_ends_after_it_begins",
                        violation_error_message="An address ends after it begins.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="zoneprefix",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("valid_to__isnull", True)),
                        fields=("zone", "prefix"),
                        name="a_zone_holds_a_prefix_once",
                        violation_error_message="The zone holds this prefix already.",
                    ),
                ),
            ]
        ),
        OnPostgreSQL(THREES.ORDERS, THREES.BACK),
    ]
