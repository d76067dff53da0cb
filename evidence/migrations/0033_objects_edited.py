from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("evidence", "0032_aws_accounts"),
    ]

    operations = [
        migrations.AddField(
            model_name="rulechange",
            name="cause",
            field=models.CharField(
                blank=True,
                help_text="The edit of an object that it comes of; empty: the rule itself changed.",
                max_length=500,
            ),
        ),
    ]
