"""The material: what exactly would be authorised, word for word. Approvals are bound to the hash of it.

    {"kind": "network", "source": NAME, "destination": NAME, "services": ["tcp/5432"], "via": [],
     "expected_use": "daily", "basis": "justified", "review_by": "2027-05-31", "ends_on": null}
    {"kind": "share", "server": NAME, "path": "/export/hr", "protocol": "nfs", "access": "ro", "clients": [NAME],
     "security": "krb5p", "squash": "root", "users": [], "expected_use": …, "basis": …, "review_by": …, "ends_on": …}

"risk": "RSK-5" stands beside the basis of a provisional baseline that was learned from what runs: it holds only while
that risk is accepted, and ends with it (compliance/baseline.py).

NAME is an Endpoint's name, as the register writes it. Days are ISO dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from compliance.models import Endpoint
from compliance.register_rows import EXPECTED_USES
from compliance.traffic import services

Problem = tuple[str, str]

DATES: Final = ("expected_use", "basis", "review_by", "ends_on")
NETWORK: Final = ("kind", "source", "destination", "services", "via", *DATES)
SHARE: Final = ("kind", "server", "path", "protocol", "access", "clients", "security", "squash", "users", *DATES)
SHAPES: Final[dict[str, tuple[str, ...]]] = {"network": NETWORK, "share": SHARE}
RISK: Final = "risk"
BASES: Final = ("justified", "provisional")
PROTOCOLS: Final = ("nfs", "smb")
SQUASHES: Final = ("", "root", "all", "none")  # of an NFS share; empty is what the server does by itself: root
ACCESSES: Final = ("ro", "rw")


def check_material(material: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with it: (field, sentence), all at once; an empty list when nothing is."""
    shape = SHAPES.get(str(material.get("kind")))
    if shape is None:
        return [("kind", "Say whether it is a network connection or a file share.")]
    problems = [
        (key, f"{key.replace('_', ' ').capitalize()} is not part of this.")
        for key in material
        if key not in (*shape, RISK)
    ]
    problems += [(key, f"{key.replace('_', ' ').capitalize()} is missing.") for key in shape if key not in material]
    if not problems:
        problems += [*(_network(material) if shape is NETWORK else _share(material)), *_dates(material)]
    return problems


def ends_of(material: Mapping[str, Any]) -> tuple[list[str], str]:
    """The names it comes from, and the name it goes to."""
    if material["kind"] == "share":
        return list(material["clients"]), material["server"]
    return [material["source"]], material["destination"]


def names_of(material: Mapping[str, Any]) -> list[str]:
    """Every name it mentions, of a change to the estate as well."""
    if material["kind"] not in SHAPES:
        return [material[key] for key in ("group", "zone", "server") if material.get(key)]
    sources, destination = ends_of(material)
    return [*sources, destination, *material.get("via", [])]


def day_in(material: Mapping[str, Any], key: str) -> date | None:
    """A day of the material (checked before), or None."""
    return date.fromisoformat(material[key]) if material.get(key) else None


def _network(material: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _known("source", [material["source"]])
    yield from _known("destination", [material["destination"]])
    if not isinstance(material["via"], list):
        yield "via", "Via is a list of names, empty when there are none."
    else:
        yield from _known("via", material["via"])
    if material["source"] == material["destination"] and _is_one_server(material["source"]):
        yield "destination", "A server's traffic to itself does not cross the network. Name another server."
    if not isinstance(material["services"], list) or not material["services"]:
        yield "services", "Name at least one service, for example tcp/5432."
        return
    for text in material["services"]:
        try:
            services.parse(str(text))
        except ValueError as wrong:
            yield "services", f"{wrong}."


def _share(material: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _known("server", [material["server"]])
    if (
        isinstance(material["server"], str)
        and not Endpoint.objects.filter(name=material["server"], kind="server").exists()
    ):
        yield "server", "A share is held by one server. Name the server."
    if not isinstance(material["clients"], list) or not material["clients"]:
        yield "clients", "Name at least one server or group that uses the share."
    else:
        yield from _known("clients", material["clients"])
    if not isinstance(material["path"], str) or not material["path"].strip():
        yield "path", "Say which folder or SMB share it is, for example /export/hr."
    elif material["protocol"] == "nfs" and not material["path"].startswith("/"):
        yield "path", "An NFS path begins with a slash, for example /export/hr."
    if material["protocol"] not in PROTOCOLS:
        yield "protocol", "The protocol of a share is nfs or smb."
    if material["protocol"] == "nfs" and material["squash"] not in SQUASHES:
        yield "squash", "Squash of an NFS share is root, all or none."
    if material["access"] not in ACCESSES:
        yield "access", "Access is ro (read only) or rw (read and write)."
    if not isinstance(material["users"], list):
        yield "users", "Users is a list of names, empty for everybody."


def _dates(material: Mapping[str, Any]) -> Iterator[Problem]:
    if material["expected_use"] not in EXPECTED_USES:
        yield "expected_use", f"Say how often it is used: {', '.join(EXPECTED_USES)}."
    if material["basis"] not in BASES:
        yield "basis", "The basis is justified, or provisional for a first baseline."
    for key in ("review_by", "ends_on"):
        if material[key] is not None and not _is_day(material[key]):
            yield key, "Write the day as year-month-day, for example 2027-05-31."
    if RISK in material and (material["basis"] != "provisional" or material["ends_on"] is None):
        yield RISK, "What rests on an accepted risk is provisional and has an end."
    if material["review_by"] is None:
        yield "review_by", "Say by when it is to be looked at again, at most a year from now."


def _known(field: str, names: list[Any]) -> Iterator[Problem]:
    known = set(
        Endpoint.objects.filter(name__in=[name for name in names if isinstance(name, str)]).values_list(
            "name", flat=True
        )
    )
    for name in names:
        if name not in known:
            yield (
                field,
                f"Nobody knows {name or 'an empty name'!s}. Register it as a server, group, zone or party first.",
            )


def _is_one_server(name: Any) -> bool:
    return Endpoint.objects.filter(name=name, kind=Endpoint.Kind.SERVER).exists()


def _is_day(value: Any) -> bool:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True
