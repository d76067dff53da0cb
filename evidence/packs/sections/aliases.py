"""What stands for each host and party in a redacted pack: the key of its record, the same in every pack."""

from __future__ import annotations

from compliance.models import Endpoint, Server
from evidence.models import Sighting
from evidence.packs.redaction import Aliases

LEAST = 3  # signs of a name that was only seen: shorter ones are words


def aliases() -> Aliases:
    """Every server ever registered, every party outside, and the names that were seen and nobody registered."""
    seen = {name: "unregistered" for name in Sighting.objects.exclude(name="").values_list("name", flat=True).distinct()
            if len(name) > LEAST and not name.isalpha()}  # fmt: skip
    ends = Endpoint.objects.filter(server__isnull=True, group__isnull=True, zone__isnull=True)
    parties = {name: f"party-{key}" for key, name in ends.values_list("pk", "name")}
    servers = {name: f"server-{key}" for key, name in Server.objects.values_list("pk", "name")}
    return Aliases(seen | parties | servers)
