"""Flow logs in a git repository, as a sensor that exports by the hour may commit them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from evidence.collectors import git
from evidence.collectors.arrivals import LARGEST, Arrival
from evidence.collectors.collected import PullError
from evidence.collectors.mirror import Entry, Mirror
from evidence.models.sources import ErrorCode


def arrivals(config: Mapping[str, Any], *, secret: bytes | None, cursor: str, deadline: float) -> Iterator[Arrival]:
    """The plain files at `config["path"]` of the newest commit of `config["branch"]`, with `pattern` those so named.

    They came when the commit was made. A file that a later commit removed stays kept here.
    """
    branch, path, pattern = git.branch_of(config), git.clean(str(config.get("path", ""))), config.get("pattern") or "*"
    with git.opened(config, secret, deadline) as mirror:
        tip = mirror.fetch(branch)
    newest = mirror.newest(tip)
    if newest is None:
        raise PullError(ErrorCode.EMPTY, "The repository has no commit.", "Look at the branch.")
    for entry in mirror.entries(tip, path):
        if entry.mode in git.PLAIN and fnmatchcase(entry.path.rpartition("/")[2], pattern):
            yield Arrival(entry.path, entry.blob, newest.at, _fetch(mirror, entry), tip)


def _fetch(mirror: Mirror, entry: Entry) -> Any:
    def fetch(into: Path) -> None:
        if entry.size > LARGEST:
            what = f"{entry.path} holds {entry.size // 2**20} MB, more than one file of a flow log may."
            raise PullError(ErrorCode.CONFIG, what, "Have the log cut into files by the hour.")
        into.write_bytes(mirror.content(entry))

    return fetch
