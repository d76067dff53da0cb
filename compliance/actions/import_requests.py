"""Rows of connections and shares: each becomes a request on a provisional basis, which two people approve."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, ClassVar, Final

from compliance.actions import estate
from compliance.actions.baseline import request_or_keep
from compliance.actions.import_rows import Bad, Row, always
from compliance.actions.material import ends_of
from compliance.models import ChangeRecord, Endpoint, ImportedTable, Server, State, System, User
from compliance.models.estate import day_of
from compliance.register_rows import EXPECTED_USES
from compliance.traffic import services

Material = dict[str, Any]

PROVISIONAL_DAYS: Final = 180  # a baseline that was only written down is looked at within six months
CLOSED: Final = (State.REJECTED, State.WITHDRAWN, State.RETIRED)
TERMS: Final = ("expected_use", "basis", "review_by", "ends_on", "risk")  # of the material: how long, not what
PROTOCOLS: Final = {"nfs": "nfs", "nfs3": "nfs", "nfs4": "nfs", "smb": "smb", "cifs": "smb", "samba": "smb"}
ACCESSES: Final = {
    **dict.fromkeys(("", "ro", "r", "read", "read only", "readonly"), "ro"),  # not said is the narrower
    **dict.fromkeys(("rw", "w", "write", "read write", "readwrite", "read and write", "change", "full"), "rw"),
}


@dataclass
class Requests(ABC):
    """Rows that ask for something. Names nobody knows become placeholder servers."""

    table: ImportedTable
    by: User
    at: datetime
    placeholders: dict[str, list[int]] = field(default_factory=dict)

    kind: ClassVar[str]
    names: ClassVar[tuple[str, ...]]  # the columns that hold names, those that say whose system it is first

    @abstractmethod
    def wrong(self, row: Row) -> Iterator[Bad]:
        """What is wrong with the columns of this kind alone."""

    @abstractmethod
    def materials(self, row: Row) -> list[Material]:
        """What the row asks for, without how long."""

    @abstractmethod
    def spoken(self, row: Row) -> str:
        """What the row asks for, after from whom to whom."""

    def problems(self, row: Row) -> list[Bad]:
        """What is wrong with the row."""
        found = [*always(row, self.table.kind), *self.wrong(row)]
        use, ends_on, system = (row.cells.get(key, "") for key in ("expected_use", "ends_on", "system"))
        if use and use.lower() not in EXPECTED_USES:
            found.append(row.bad("expected_use", "That is not known.", f"Write one of {', '.join(EXPECTED_USES)}."))
        if ends_on and not _is_day(ends_on):
            found.append(row.bad("ends_on", "That is no day.", "Write it year-month-day: 2027-05-31."))
        if system and not System.objects.filter(name=system).exists():
            found.append(row.bad("system", f"There is no system {system}.", "Add it first, or correct the name."))
        if not found and self.system_of(row) is None:
            found.append(
                row.bad("system", "Nobody knows either end, so its system is not known.", "Fill the column System.")
            )
        return found

    def write(self, row: Row) -> tuple[str, str]:
        """One request for each thing the row asks for that is not authorised or asked for already."""
        system = self.system_of(row)
        if system is None:
            raise LookupError("a row without a system was let through")
        for column in self.names:
            for name in row.values(column):
                self.known(name, system, row)
        wanted = self.materials(row)
        fresh = [one for one in wanted if asked_before(one) is None]
        drafts = []
        for material in fresh:
            _, stopped = request_or_keep(
                system=system,
                material=material | self.terms(row),
                justification=self.justification(row),
                title=ends_text(material)[:200],
                ticket=row.cells.get("ticket", "")[:60],
                source_row={"file": self.table.file, "row": row.number, **row.kept},
                by=self.by,
                at=self.at,
            )
            drafts += [stopped] if stopped else []
        said = ", ".join(ends_text(one) for one in fresh or wanted)
        told = "; ".join([f"{said}: {self.spoken(row)}", *drafts])
        return ("new" if fresh else "same"), told

    def system_of(self, row: Row) -> System | None:
        """The system named in the row, else that of where it goes, else of where it comes from."""
        if row.cells.get("system"):
            return System.objects.filter(name=row.cells["system"]).first()
        for name in [name for column in self.names for name in row.values(column)]:
            end = Endpoint.objects.filter(name=name).first()
            if end is not None and end.system is not None:
                return end.system
        return None

    def known(self, name: str, system: System, row: Row) -> None:
        """Makes a placeholder of a name nobody knows, and notes the rows that use one."""
        end = Endpoint.objects.filter(name=name).select_related("server").first()
        if end is None:
            estate.add_server(
                name, system=system, status=Server.Status.PLACEHOLDER, source_row=dict(row.kept), by=self.by, at=self.at
            )
        if end is None or (end.server is not None and end.server.status == Server.Status.PLACEHOLDER):
            numbers = self.placeholders.setdefault(name, [])
            if row.number not in numbers:
                numbers.append(row.number)

    def terms(self, row: Row) -> Material:
        """How often and how long, on a provisional basis."""
        return {
            "expected_use": (row.cells.get("expected_use") or "continuous").lower(),
            "basis": "provisional",
            "review_by": (day_of(self.at) + timedelta(days=PROVISIONAL_DAYS)).isoformat(),
            "ends_on": row.cells.get("ends_on") or None,
        }

    def justification(self, row: Row) -> dict[str, str]:
        """The row's own reasons; where there are none, that is said."""
        origin = f"Not given in {self.table.file}, row {row.number}: to be completed by the first review."
        return {
            "business_need": row.cells.get("business_need") or origin,
            "security_implications": row.cells.get("security_implications") or origin,
            "data_carried": row.cells.get("data_carried", ""),
        }


@dataclass
class Connections(Requests):
    """Rows of connections: one request for each pair of a source and a destination."""

    kind: ClassVar[str] = "network"
    names: ClassVar[tuple[str, ...]] = ("destination", "source", "via")

    def wrong(self, row: Row) -> Iterator[Bad]:
        """Services that are none."""
        for text in row.values("services"):
            try:
                services.parse(text)
            except ValueError as wrong:
                yield row.bad("services", f"{wrong}.", "Write for example tcp/5432; udp/53.")

    def materials(self, row: Row) -> list[Material]:
        """Every source to every destination."""
        return [
            {
                "kind": "network",
                "source": source,
                "destination": destination,
                "services": row.values("services"),
                "via": row.values("via"),
            }
            for source, destination in product(row.values("source"), row.values("destination"))
        ]

    def spoken(self, row: Row) -> str:
        """The services."""
        return ", ".join(row.values("services"))


@dataclass
class Shares(Requests):
    """Rows of file shares: one request for each server, with all the clients of the row."""

    kind: ClassVar[str] = "share"
    names: ClassVar[tuple[str, ...]] = ("server", "clients")

    def wrong(self, row: Row) -> Iterator[Bad]:
        """A protocol or an access nobody knows, and a path that is none of its protocol."""
        if protocol(row) is None:
            yield row.bad("protocol", "That is no protocol of a share.", "Write nfs or smb.")
        if access(row) is None:
            yield row.bad("access", "That is no access.", "Write ro (read only) or rw (read and write).")
        if "\\" in row.cells.get("path", ""):
            yield row.bad("path", "It names a server as well.", "Write the name of the share alone, for example hr.")

    def materials(self, row: Row) -> list[Material]:
        """The share on each server named."""
        how = protocol(row)
        return [
            {
                "kind": "share",
                "server": server,
                "path": row.cells["path"],
                "protocol": how,
                "access": access(row),
                "clients": row.values("clients"),
                "security": row.cells.get("security", ""),
                "squash": row.cells.get("squash", "") or ("root" if how == "nfs" else ""),
                "users": row.values("users"),
            }
            for server in row.values("server")
        ]

    def spoken(self, row: Row) -> str:
        """What is shared and how."""
        return f"{protocol(row)} {row.cells['path']} {access(row)}"


def protocol(row: Row) -> str | None:
    """The row's protocol; where it says none, a path from the root is NFS and a bare name SMB."""
    said = row.cells.get("protocol", "")
    return PROTOCOLS.get(said.lower()) if said else ("nfs" if row.cells.get("path", "").startswith("/") else "smb")


def access(row: Row) -> str | None:
    """The row's access, read only where it says none."""
    return ACCESSES.get(" ".join(row.cells.get("access", "").lower().replace("/", " ").replace("-", " ").split()))


def ends_text(material: Material) -> str:
    """From whom to whom."""
    sources, destination = ends_of(material)
    return f"{', '.join(sources)} → {destination}"


def asked_before(material: Material) -> Material | None:
    """The material of what is authorised or asked for already and says the same, for however long; else None."""
    sources, destination = ends_of(material)
    changes = ChangeRecord.objects.exclude(state__in=CLOSED).exclude(kind=ChangeRecord.Kind.RETIRE)
    there = changes.filter(connection__kind=material["kind"], connection__destination__name=destination)
    from_there = there.filter(connection__source__name=sources[0]) if material["kind"] == "network" else there
    known: Iterator[Material] = from_there.values_list("material", flat=True).iterator()
    return next((one for one in known if comparable(one) == comparable(material)), None)


def comparable(material: Material) -> Material:
    """What is asked for without how long, lists in one order (but the way a connection takes keeps its own)."""
    said = {key: value for key, value in material.items() if key not in TERMS}
    return {key: sorted(value) if isinstance(value, list) and key != "via" else value for key, value in said.items()}


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
