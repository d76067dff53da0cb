"""What reconciliation finds: one thing that is not as the verbs leave it, with a sentence for the finding."""

from __future__ import annotations

from typing import Literal, NamedTuple

from django.db.models import Q

from compliance.models import ChangeRecord, Connection, Endpoint, Group, Server, System, Zone

Kind = Literal["state", "version", "material", "approval", "ledger", "member", "prefix", "address", "ceiling", "late"]


class Irregularity(NamedTuple):
    """One thing, and why. `about` tells several of one owner apart (the member, the prefix, the address)."""

    kind: Kind
    obj: ChangeRecord | Connection | Endpoint | Group | Server | Zone
    sentence: str
    about: str = ""

    @property
    def ref(self) -> str:
        """The id people use (CHG-42, CON-42), or what it is called: a server and what of it, zone data, group web."""
        if isinstance(self.obj, ChangeRecord | Connection):
            return self.obj.ref
        if isinstance(self.obj, Endpoint):
            return f"party {self.obj.name} {self.about}".strip()
        named = self.obj.name if isinstance(self.obj, Server) else f"{self.obj._meta.model_name} {self.obj.name}"
        return f"{named} {self.about}".strip()

    @property
    def system_id(self) -> int:
        """The system whose owner has to look into it."""
        if isinstance(self.obj, Endpoint):  # of a party outside, the first one connected with it
            rows = Connection.objects.filter(Q(source=self.obj) | Q(destination=self.obj)).order_by("pk")
            first = rows.values_list("system_id", flat=True).first()
            return first or System.objects.order_by("pk").values_list("pk", flat=True).first() or 0
        return self.obj.system_id
