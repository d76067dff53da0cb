"""One folder with a folder for each host: which of them are whose, and a source for each at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from compliance.errors import Refused
from compliance.models import Server, User
from compliance.permissions import check, may
from evidence.actions import adding
from evidence.collectors.collected import PullError
from evidence.collectors.directory import listed
from evidence.models import Source

KIND: Final = Source.Kind.DIRECTORY
MOST: Final = 500  # hosts at once: what is more comes in a second go


@dataclass(slots=True)
class Found:
    """What lies in the folder, host by host. Nothing that is there is left out of all of them."""

    new: list[tuple[Server, Path]] = field(default_factory=list)  # a source would be added
    known: list[tuple[Server, Path]] = field(default_factory=list)  # a source reads it already
    nobody: list[str] = field(default_factory=list)  # no server of that name, or not one the person may add for
    files: list[str] = field(default_factory=list)  # no folders: a host has a folder of its own
    without: list[str] = field(default_factory=list)  # servers that have neither folder here nor source


def look(path: str, *, by: User, at: datetime | None = None) -> Found:
    """What adding would do. A folder is its server's when it bears its name, in whatever case, its domain aside."""
    check(by, "add_source", None, at=at)
    folder = Path(path.strip())
    if not folder.is_absolute():
        raise Refused("The folder was not read.", f"{path} is no whole path.", "Write it from the root: /srv/dumps.")
    try:
        there = listed(folder)
    except PullError as error:
        raise Refused("The folder was not read.", error.what, error.next_step) from error
    found, servers = Found(), named(by, at)
    read = {row.config.get("path"): row for row in Source.objects.filter(kind=KIND).select_related("server")}
    taken = set(Source.objects.values_list("name", flat=True))
    for place in there:
        server = servers.get(plain(place.name)) or servers.get(plain(place.name.partition(".")[0]))
        if not place.is_dir() or place.is_symlink():
            found.files.append(place.name)
        elif server is None:
            found.nobody.append(place.name)
        elif str(place) in read or name_of(server) in taken or server in [one for one, _ in found.new]:
            found.known.append((server, place))
        else:
            found.new.append((server, place))
    here = {server.pk for server, _ in [*found.new, *found.known]}
    bare = Server.objects.for_user(by).filter(status=Server.Status.IN_SERVICE, sources__isnull=True)
    found.without = [server.name for server in bare.order_by("name") if server.pk not in here]
    return found


def add_all(path: str, *, by: User, fresh_hours: int = 48, at: datetime | None = None) -> list[Source]:
    """A source for each host's folder that has none; their first readings are asked for. Again, it adds the rest."""
    found = look(path, by=by, at=at)
    if not found.new:
        raise Refused(
            "No source was added.",
            "No folder in it bears the name of a server that has no source from there yet.",
            "Name each folder after its server, or add the servers first.",
        )
    return [
        adding.add(
            server=server, kind=KIND, name=name_of(server), config={"path": str(place)}, fresh_hours=fresh_hours,
            by=by, at=at,
        )
        for server, place in found.new[:MOST]
    ]  # fmt: skip


def name_of(server: Server) -> str:
    """What such a source is called, as one that was added by itself is."""
    return f"{server.name} {KIND}"


def named(by: User, at: datetime | None) -> dict[str, Server]:
    """The servers the person may add sources for, by their plain names."""
    rows = Server.objects.for_user(by).exclude(status=Server.Status.RETIRED).select_related("system")
    allowed = {}
    found = {}
    for server in rows.order_by("-pk"):
        if server.system_id not in allowed:
            allowed[server.system_id] = may(by, "add_source", server.system, at=at) is None
        if allowed[server.system_id]:
            found[plain(server.name)] = server
    return found


def plain(name: str) -> str:
    """A name in one case."""
    return re.sub(r"\s+", " ", name.strip()).casefold()
