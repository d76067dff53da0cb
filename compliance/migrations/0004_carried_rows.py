"""What an authorisation is read through is sealed or carried by a change record; a change may be about the estate.

Members, prefixes and addresses that are there when this runs are taken as they are: they are sealed as they stand.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def rows_of(apps: Any) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    """Every row to seal: (row, table, what the seal covers)."""
    for row in apps.get_model("compliance", "Membership").objects.iterator():
        yield row, "compliance.membership", {"group": row.group_id, "server": row.server_id}
    for row in apps.get_model("compliance", "ZonePrefix").objects.iterator():
        yield row, "compliance.zoneprefix", {"zone": row.zone_id, "prefix": row.prefix}
    for row in apps.get_model("compliance", "Address").objects.iterator():
        plain = str(ipaddress.ip_address(row.ip))
        what = {"server": row.server_id, "space": row.space_id, "ip": plain, "zone": row.zone_id}
        yield row, "compliance.address", what


def seal_what_is_there(apps: Any, schema_editor: Any) -> None:
    """Seals the rows as they stand, and the ceilings of groups."""
    from compliance.models.carried import seal

    for row, table, what in rows_of(apps):
        row.seal = seal(table, what, row.valid_from, row.valid_to, None)
        row.save(update_fields=["seal"])
    for group in apps.get_model("compliance", "Group").objects.iterator():
        what = {"group": group.pk, "kind": group.kind, "ceiling": group.ceiling}
        group.ceiling_seal = seal("ceiling", what, datetime.fromtimestamp(0, UTC), None, None)
        group.save(update_fields=["ceiling_seal"])


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0003_shares_are_imported"),
    ]

    operations = [
        migrations.AddField(
            model_name="address",
            name="change",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="compliance.changerecord",
            ),
        ),
        migrations.AddField(
            model_name="address",
            name="seal",
            field=models.CharField(
                blank=True, help_text="HMAC over the row; its key is not in the database.", max_length=64
            ),
        ),
        migrations.AddField(
            model_name="group",
            name="ceiling_change",
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
            name="ceiling_seal",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="membership",
            name="change",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="compliance.changerecord",
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="seal",
            field=models.CharField(
                blank=True, help_text="HMAC over the row; its key is not in the database.", max_length=64
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="retired_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="decommissioned"),
        ),
        migrations.AddField(
            model_name="zoneprefix",
            name="change",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="compliance.changerecord",
            ),
        ),
        migrations.AddField(
            model_name="zoneprefix",
            name="seal",
            field=models.CharField(
                blank=True, help_text="HMAC over the row; its key is not in the database.", max_length=64
            ),
        ),
        migrations.AlterField(
            model_name="changerecord",
            name="connection",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="changes",
                to="compliance.connection",
            ),
        ),
        migrations.AlterField(
            model_name="changerecord",
            name="kind",
            field=models.CharField(
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
            model_name="membership",
            constraint=models.UniqueConstraint(
                condition=models.Q(("valid_to__isnull", True)),
                fields=("group", "server"),
                name="a_server_is_in_a_group_once",
                violation_error_message="The server is in the group already.",
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
        migrations.RunPython(seal_what_is_there, migrations.RunPython.noop),
    ]
