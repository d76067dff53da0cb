"""Dumps and configurations in a git repository, as Oxidized, RANCID or a cron job commit them.

Git shows what was committed and by whom, not that the device was read since. So what is read is as old as the commit
that last changed this host's files, unless the source says that any newer commit of the branch is a sign of life.
"""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from evidence.collectors.addresses import resolve
from evidence.collectors.collected import Collected, PullError, Step
from evidence.collectors.directory import LARGEST, MOST, command, refuse_foreign
from evidence.collectors.https import certificate
from evidence.collectors.keys import Shown, shown_certificate
from evidence.collectors.mirror import Commit, Entry, Mirror
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact

BRANCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
CLOCKS_DIFFER: Final = timedelta(minutes=5)
PLAIN: Final = {"100644", "100755", "100664"}
ODD: Final = {"120000": "a link", "160000": "a repository within the repository"}


def collect(config: Mapping[str, Any], *, secret: bytes | None, since: str | None, deadline: float) -> Collected:
    """The files at `config["path"]` (one file, or a folder) on `config["branch"]` of the repository `config["url"]`.

    `url`: https://…, or the absolute path of a repository on this machine. `trusted`: the certificate or authority of
    the server, PEM, else the system's own count. `secret`: the token for https. `since`: the
    commit of the last pull; when the branch's history does not hold it any more, somebody rewrote it, and the pull's
    record says so (`device["rewritten"]`). `alive_by`: `file` (default) or `branch`. Raises PullError.
    """
    branch, path = branch_of(config), clean(str(config.get("path", "")))
    with opened(config, secret, deadline) as mirror:
        tip = mirror.fetch(branch)
    entries = listed(mirror, tip, path)
    artefacts, newest, last = taken(mirror, tip, path, entries)
    device = {**last.as_dict(), "branch": branch, "tip": tip}
    if since and not mirror.holds(since, within=tip):
        device["rewritten"] = since
    alive = newest if config.get("alive_by") == "branch" else last
    return Collected(artefacts, cursor=tip, complete=True, whole=False, device=device, seen_at=alive.at)


def probe(config: Mapping[str, Any], *, secret: bytes | None, deadline: float) -> tuple[Step, ...]:
    """Whether the branch can be fetched, and which files of it would be read. None of them is."""
    branch, path = str(config.get("branch") or "main"), str(config.get("path", ""))
    fetch, find = f"Fetch the branch {branch[:80]}", f"Find the host's files at {path[:120] or 'the top'}"
    try:
        with opened(config, secret, deadline) as mirror:
            tip = mirror.fetch(branch_of(config))
    except PullError as error:
        return Step(fetch, "failed", error.what, error.next_step), Step(find, "skipped")
    fetched = Step(fetch, "ok", f"Its newest commit is {tip[:12]}.")
    try:
        found = listed(mirror, tip, clean(path))
    except PullError as error:
        return fetched, Step(find, "failed", error.what, error.next_step)
    return fetched, Step(find, "ok", f"{len(found)}: {', '.join(each.path for each in found[:10])}")


def look(config: Mapping[str, Any], *, deadline: float) -> Shown:
    """The certificate that the repository's server shows now, for people to compare. Nothing is sent to it."""
    host, port = address_of(str(config.get("url", "")))
    return shown_certificate(certificate(host, port, deadline).der, host, f"{host}:{port}")


def branch_of(config: Mapping[str, Any]) -> str:
    """The branch's name; raises PullError for what is none."""
    branch = str(config.get("branch") or "main")
    if not BRANCH.fullmatch(branch) or ".." in branch:
        raise PullError(ErrorCode.CONFIG, f"{branch[:80]!r} is no name of a branch.", "Correct the source.")
    return branch


def clean(path: str) -> str:
    """A path inside a repository; raises PullError for what leads out of it."""
    found = path.strip().strip("/")
    if ".." in found.split("/") or "\0" in found:
        raise PullError(ErrorCode.CONFIG, f"{path[:80]!r} is no path inside a repository.", "Correct the source.")
    return found


@contextmanager
def opened(config: Mapping[str, Any], secret: bytes | None, deadline: float) -> Iterator[Mirror]:
    """The mirror of a repository, with the way in. The token goes in a header, never in the address."""
    url = str(config.get("url", ""))
    if url.startswith("/"):
        refuse_strange(Path(url))
        yield Mirror(url, deadline)
        return
    host, port = address_of(url)
    found = resolve(host, port)
    shown = f"[{found.ip}]" if ":" in found.ip else found.ip
    options = [("http.curloptResolve", f"{host}:{port}:{shown}")]  # what was judged is what is gone to
    secrets = [("http.extraHeader", f"Authorization: Basic {basic(config, secret)}")] if secret is not None else []
    with tempfile.NamedTemporaryFile(suffix=".pem") as trusted:
        if config.get("trusted"):
            trusted.write(str(config["trusted"]).encode())
            trusted.flush()
            options.append(("http.sslCAInfo", trusted.name))
        yield Mirror(url, deadline, options=options, secrets=secrets)


def basic(config: Mapping[str, Any], secret: bytes) -> str:
    """User and token as HTTP's basic scheme takes them."""
    user = str(config.get("user") or "git")
    return base64.b64encode(f"{user}:".encode() + secret.strip()).decode()


def refuse_strange(place: Path) -> None:
    """A repository on this machine must be there, and nobody else's to write into."""
    try:
        refuse_foreign(place, place.stat())
    except OSError as error:
        what = f"The repository {place} is not there."
        raise PullError(ErrorCode.UNREACHABLE, what, "Check that it is mounted and spelt rightly.") from error


def address_of(url: str) -> tuple[str, int]:
    """Host and port of an https address; raises PullError for another scheme, and for one that holds a secret."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        parts, port = urlsplit(""), 443
    if parts.scheme != "https" or not parts.hostname:
        raise PullError(
            ErrorCode.CONFIG,
            "The repository's address begins neither with https:// nor with /.",
            "Write https://host/path.git, or the folder of a repository on this machine.",
        )
    if parts.username is not None or parts.password is not None:
        raise PullError(
            ErrorCode.CONFIG,
            "The repository's address holds a name or a password.",
            "Take it out of the address, and set it as the source's secret.",
        )
    return parts.hostname, port


def listed(mirror: Mirror, tip: str, path: str) -> list[Entry]:
    """The plain files there; raises PullError when there is none, too many, or one that is too large."""
    found = list(mirror.entries(tip, path))
    if not found:
        raise PullError(
            ErrorCode.EMPTY, f"The newest commit holds nothing at {path or 'its top'}.",
            "Look whether the host was renamed or is not collected any more.",
        )  # fmt: skip
    odd = next((each for each in found if each.mode not in PLAIN), None)
    if odd is not None:
        what = f"{odd.path} is {ODD.get(odd.mode, 'no plain file')}."
        raise PullError(ErrorCode.CONFIG, what, "Commit the file itself.")
    if len(found) > MOST:
        what = f"{path or 'The top'} holds {len(found)} files."
        raise PullError(ErrorCode.CONFIG, what, "Name one host's own folder.")
    large = next((each for each in found if each.size > LARGEST), None)
    if large is not None:
        size = large.size // 2**20
        raise PullError(ErrorCode.CONFIG, f"{large.path} holds {size} MB, more than a dump does.", "Look what it is.")
    return found


def taken(mirror: Mirror, tip: str, path: str, entries: Sequence[Entry]) -> tuple[tuple[Artefact, ...], Commit, Commit]:
    """The files with the time of their commit; the branch's newest commit, and the newest that changed these files."""
    newest, last = mirror.newest(tip), mirror.newest(tip, path)
    if newest is None or last is None:
        raise PullError(ErrorCode.EMPTY, "The repository has no commit of these files.", "Look at the branch.")
    late = max(last.at, newest.at)
    if late - datetime.now(UTC) > CLOCKS_DIFFER:
        what = f"A commit of these files says it was made at {late:%d %b %Y, %H:%M} UTC, which is yet to come."
        raise PullError(ErrorCode.CONFIG, what, "Set the clock of the machine that commits.")
    prefix = f"{path}/" if len(entries) > 1 or entries[0].path != path else ""
    artefacts = []
    for each in entries:
        name = each.path.removeprefix(prefix).replace("/", "-") if prefix else each.path.rpartition("/")[2]
        made = mirror.newest(tip, each.path) or last
        artefacts.append(Artefact(name, mirror.content(each), command(name), made.at))
    return tuple(artefacts), newest, last
