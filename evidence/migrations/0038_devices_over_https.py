from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("evidence", "0037_device_paths"),
    ]

    operations = [
        migrations.AlterField(
            model_name="source",
            name="kind",
            field=models.CharField(
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
    ]
