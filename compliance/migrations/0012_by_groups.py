from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0011_second_administrator"),
    ]

    operations = [
        migrations.AddField(
            model_name="rolegrant",
            name="by_groups",
            field=models.BooleanField(default=False, help_text="Given by a group at the organisation's provider."),
        ),
    ]
