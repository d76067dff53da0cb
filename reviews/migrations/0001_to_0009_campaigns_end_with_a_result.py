"""The tables of 0001_the_first to 0009_campaigns_end_with_a_result, made at once: a new installation need not go the way that old ones went."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from compliance.migrating import Tables


class Migration(migrations.Migration):
    initial = True

    replaces = [
        ("reviews", "0001_the_first"),
        ("reviews", "0002_holidays_and_rules"),
        ("reviews", "0003_agenda_kinds"),
        ("reviews", "0004_what_came_of_it"),
        ("reviews", "0005_two_signatures"),
        ("reviews", "0006_first_reminder"),
        ("reviews", "0007_calendar_feeds"),
        ("reviews", "0008_campaigns"),
        ("reviews", "0009_campaigns_end_with_a_result"),
    ]

    # Of those it replaces, each names what it needed: nothing later, or an installation halfway could not go on.
    dependencies = [
        ("compliance", "0017_provisional_baselines"),
        ("evidence", "0019_reviews_not_held"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Tables(
            [
                migrations.CreateModel(
                    name="Holiday",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("day", models.DateField(unique=True)),
                        ("name", models.CharField(blank=True, max_length=100)),
                    ],
                    options={
                        "ordering": ["day"],
                    },
                ),
                migrations.CreateModel(
                    name="AgendaItem",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("position", models.PositiveIntegerField()),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("finding", "Finding"),
                                    ("due", "Due for review"),
                                    ("change", "Change since the last review"),
                                    ("action", "Open action"),
                                    ("coverage", "What could not be seen"),
                                    ("log", "Examination of logs"),
                                    ("attest", "Attestation to be made again"),
                                    ("register", "Part of the register"),
                                    ("note", "Other"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("title", models.CharField(max_length=300)),
                        ("detail", models.TextField(blank=True)),
                        (
                            "change",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="compliance.changerecord",
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
                            "finding",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                to="evidence.finding",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["position"],
                    },
                ),
                migrations.CreateModel(
                    name="Campaign",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("title", models.CharField(max_length=120)),
                        (
                            "which",
                            models.CharField(
                                choices=[
                                    ("all", "All that are authorised"),
                                    ("due", "Those to be reviewed by a day"),
                                    ("provisional", "Those on a provisional basis"),
                                    ("zone", "Those with an end in a zone"),
                                ],
                                max_length=12,
                            ),
                        ),
                        (
                            "before",
                            models.DateField(
                                blank=True, help_text="Of those to be reviewed by a day: the day.", null=True
                            ),
                        ),
                        ("due", models.DateField(help_text="By when every owner has decided.")),
                        (
                            "state",
                            models.CharField(
                                choices=[("open", "Going on"), ("closed", "Closed")], default="open", max_length=6
                            ),
                        ),
                        ("started_at", models.DateTimeField()),
                        ("closed_at", models.DateTimeField(blank=True, null=True)),
                        ("closed_because", models.TextField(blank=True)),
                        ("result", models.TextField(blank=True, verbose_name="result, as frozen (JSON)")),
                        ("result_hash", models.CharField(blank=True, max_length=64)),
                        (
                            "closed_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "started_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="campaigns_started",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("systems", models.ManyToManyField(related_name="campaigns", to="compliance.system")),
                        (
                            "zone",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="campaigns",
                                to="compliance.zone",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="CampaignItem",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "what",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("", "Not decided"),
                                    ("keep", "Keep"),
                                    ("narrow", "Narrow"),
                                    ("revoke", "Remove"),
                                ],
                                default="",
                                max_length=6,
                            ),
                        ),
                        ("because", models.TextField(blank=True)),
                        ("until", models.DateField(blank=True, null=True)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "campaign",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="items", to="reviews.campaign"
                            ),
                        ),
                        (
                            "change",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "connection",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="campaign_items",
                                to="compliance.connection",
                            ),
                        ),
                        (
                            "decided_by",
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
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="compliance.system"),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.connectionversion",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Decision",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "what",
                            models.CharField(
                                choices=[
                                    ("keep", "Keep"),
                                    ("narrow", "Narrow"),
                                    ("revoke", "Remove"),
                                    ("accept", "Accept the risk until a date"),
                                    ("fix", "To be mended"),
                                    ("noted", "Noted"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("note", models.TextField(blank=True)),
                        ("until", models.DateField(blank=True, null=True)),
                        ("at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "version",
                            models.PositiveIntegerField(default=1, help_text="Of two who write at once one is told."),
                        ),
                        (
                            "outcome",
                            models.TextField(blank=True, verbose_name="what came of it, as written by Eastwest"),
                        ),
                        ("carried_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "by",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
                        ),
                        (
                            "carried_by",
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
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.changerecord",
                            ),
                        ),
                        (
                            "item",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="decision",
                                to="reviews.agendaitem",
                            ),
                        ),
                        (
                            "risk",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="compliance.riskacceptance",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Review",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("due_at", models.DateTimeField()),
                        (
                            "named_day",
                            models.DateField(
                                blank=True,
                                help_text="The day that the schedule names, whatever day it is held on; none beside it.",
                                null=True,
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("planned", "Planned"),
                                    ("open", "In session"),
                                    ("signing", "Signed by the chair"),
                                    ("closed", "Closed"),
                                    ("missed", "Not held"),
                                ],
                                default="planned",
                                max_length=8,
                            ),
                        ),
                        ("opened_at", models.DateTimeField(blank=True, null=True)),
                        ("signed_at", models.DateTimeField(blank=True, null=True, verbose_name="signed by the chair")),
                        ("closed_at", models.DateTimeField(blank=True, null=True)),
                        ("notes", models.TextField(blank=True, verbose_name="what people said")),
                        ("minutes", models.TextField(blank=True, verbose_name="minutes, as frozen (Markdown)")),
                        ("minutes_hash", models.CharField(blank=True, max_length=64)),
                        (
                            "chair",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reviews_chaired",
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
                            "second",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reviews_seconded",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "system",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reviews",
                                to="compliance.system",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-due_at"],
                    },
                ),
                migrations.CreateModel(
                    name="Attendee",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("present", models.BooleanField(default=True)),
                        ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "person",
                            models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
                        ),
                        (
                            "recorded_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "review",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="attendees",
                                to="reviews.review",
                            ),
                        ),
                    ],
                ),
                migrations.AddField(
                    model_name="agendaitem",
                    name="review",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="agenda", to="reviews.review"
                    ),
                ),
                migrations.CreateModel(
                    name="ReviewAction",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("text", models.CharField(max_length=300)),
                        ("due", models.DateField()),
                        (
                            "state",
                            models.CharField(
                                choices=[("open", "Open"), ("done", "Done")], default="open", max_length=4
                            ),
                        ),
                        ("closed_at", models.DateTimeField(blank=True, null=True)),
                        ("closed_note", models.TextField(blank=True)),
                        (
                            "item",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="actions",
                                to="reviews.agendaitem",
                            ),
                        ),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="review_actions",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "review",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="actions", to="reviews.review"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["due", "pk"],
                    },
                ),
                migrations.CreateModel(
                    name="ReviewSchedule",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "week",
                            models.PositiveSmallIntegerField(
                                default=3, help_text="1 to 4: which such weekday of the month; 5 = last."
                            ),
                        ),
                        ("weekday", models.PositiveSmallIntegerField(default=2, help_text="0 Monday to 6 Sunday.")),
                        ("hour", models.PositiveSmallIntegerField(default=10)),
                        ("minute", models.PositiveSmallIntegerField(default=0)),
                        (
                            "rule",
                            models.CharField(
                                blank=True, help_text="RFC 5545; empty: monthly, on that weekday.", max_length=200
                            ),
                        ),
                        (
                            "starts_on",
                            models.DateField(
                                blank=True, help_text="Every second week, or third month, counts from it.", null=True
                            ),
                        ),
                        (
                            "on_holiday",
                            models.CharField(
                                choices=[
                                    ("next", "On the next working day"),
                                    ("before", "On the last working day before"),
                                    ("keep", "All the same"),
                                ],
                                default="next",
                                max_length=6,
                            ),
                        ),
                        ("time_zone", models.CharField(default="Australia/Sydney", max_length=60)),
                        (
                            "remind_days",
                            models.PositiveSmallIntegerField(
                                default=14, help_text="The first reminder; then 7 days and 1 ahead."
                            ),
                        ),
                        (
                            "quorum",
                            models.PositiveSmallIntegerField(
                                default=2, help_text="How many have to be there: two at least."
                            ),
                        ),
                        ("enabled", models.BooleanField(default=True)),
                        (
                            "chair",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reviews_chaired_by_schedule",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "invited",
                            models.ManyToManyField(
                                blank=True, related_name="review_schedules", to=settings.AUTH_USER_MODEL
                            ),
                        ),
                        (
                            "system",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="review_schedule",
                                to="compliance.system",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="CalendarFeed",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("digest", models.CharField(max_length=64, unique=True)),
                        ("made_at", models.DateTimeField()),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="calendar_feeds",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("ended_at__isnull", True)),
                                fields=("person",),
                                name="one_open_calendar_a_person",
                            )
                        ],
                    },
                ),
                migrations.AddConstraint(
                    model_name="campaign",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("result_hash", ""), ("state", "open")),
                            models.Q(
                                ("closed_at__isnull", False),
                                ("closed_by__isnull", False),
                                ("state", "closed"),
                                models.Q(("result_hash", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="a_closed_campaign_has_its_result",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="campaignitem",
                    constraint=models.UniqueConstraint(
                        fields=("campaign", "connection"), name="a_connection_once_a_campaign"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="campaignitem",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("change__isnull", True), ("decided_by__isnull", True), ("what", "")),
                            models.Q(
                                models.Q(("what", ""), _negated=True),
                                ("change__isnull", False),
                                ("decided_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="what_an_owner_decided_has_its_record",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="review",
                    constraint=models.UniqueConstraint(fields=("system", "due_at"), name="one_review_at_a_time"),
                ),
                migrations.AddConstraint(
                    model_name="review",
                    constraint=models.UniqueConstraint(fields=("system", "named_day"), name="one_review_a_named_day"),
                ),
                migrations.AddConstraint(
                    model_name="review",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("second__isnull", True),
                            models.Q(("second", models.F("chair")), _negated=True),
                            _connector="OR",
                        ),
                        name="a_second_person_signs_the_minutes",
                        violation_error_message="The minutes are signed by the chair and by somebody else.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="review",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "closed"), _negated=True),
                            models.Q(
                                ("closed_at__isnull", False),
                                ("second__isnull", False),
                                models.Q(("minutes", ""), _negated=True),
                                models.Q(("minutes_hash", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="what_is_closed_was_signed_by_two",
                        violation_error_message="Minutes are closed by two signatures.",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="attendee",
                    constraint=models.UniqueConstraint(fields=("review", "person"), name="one_seat_a_person"),
                ),
            ]
        )
    ]
