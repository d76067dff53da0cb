import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0010_stages_and_delegates"),
    ]

    operations = [
        migrations.AddField(
            model_name="rolegrant",
            name="awaits_second",
            field=models.BooleanField(default=False, help_text="Counts once a second administrator confirmed it."),
        ),
        migrations.AddField(
            model_name="rolegrant",
            name="confirmed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="rolegrant",
            name="confirmed_by",
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="rolegrant",
            name="decides_from",
            field=models.DateTimeField(blank=True, help_text="Of a role that one administrator gave alone: nothing is decided in it before.", null=True),
        ),
        migrations.AddConstraint(
            model_name="rolegrant",
            constraint=models.CheckConstraint(condition=models.Q(("confirmed_by__isnull", True), models.Q(models.Q(("confirmed_by", models.F("person")), _negated=True), models.Q(("confirmed_by", models.F("granted_by")), _negated=True)), _connector="OR"), name="a_second_administrator_is_a_third_person", violation_error_message="Who gave the role, or gets it, does not confirm it."),
        ),
    ]
