# The prefixes of parties are rows of their own since 0015

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0015_party_prefixes"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="endpoint",
            name="prefixes",
        ),
    ]
