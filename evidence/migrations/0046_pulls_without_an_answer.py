"""An index of the pulls that got no answer, or one from another host: the few that pages of all sources look for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evidence", "0045_what_verdicts_add_up_to")]

    operations = [
        migrations.AddIndex(
            model_name="pull",
            index=models.Index(
                fields=["id"],
                condition=models.Q(("error_code__in", ["hostkey_changed", "timeout", "unreachable"])),
                name="pulls_without_an_answer",
            ),
        ),
    ]
