"""By what the members of a dynamic group are known, the change record that carries it, and its own seal."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0027_threes_of_words"),
    ]

    operations = [
        migrations.AddField(
            model_name="group",
            name="observed",
            field=models.CharField(
                blank=True,
                help_text="What shows who its members are (compliance.observed); empty: people name them.",
                max_length=500,
                verbose_name="members are known by",
            ),
        ),
        migrations.AddField(
            model_name="group",
            name="observed_change",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="compliance.changerecord",
            ),
        ),
        migrations.AddField(
            model_name="group",
            name="observed_seal",
            field=models.CharField(blank=True, max_length=64),
        ),
    ]
