from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("evidence", "0042_threes_of_words"),
    ]

    operations = [
        migrations.AddField(
            model_name="ruleuse",
            name="counted_since",
            field=models.DateTimeField(
                help_text="The first reading that counted it; none: before that was kept.", null=True
            ),
        ),
        migrations.AddField(
            model_name="ruleuse",
            name="set_back_at",
            field=models.DateTimeField(
                help_text="The last reading by which its counter stood lower than before.", null=True
            ),
        ),
    ]
