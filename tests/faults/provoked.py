"""For each error of a reading, something real that goes wrong in just that way: the list, code by code.

Each entry takes a scene whose host was read well, spoils one thing, and gives the source that is to be read. Nothing of
Eastwest is replaced: folders, git with a real server and TLS, and SSH servers that speak the protocol.
"""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import paramiko

from compliance.actions import changes
from evidence.actions import access, sources
from evidence.collectors import mirror
from evidence.collectors.keys import Shown, fingerprint
from evidence.models import ErrorCode, Source, SourceSecret
from tests.evidence.repositories import Repository, served
from tests.evidence.site import APP, Site, allow_in, read, save

RULES: Final = [allow_in(APP, "5432"), *(allow_in(APP, str(port)) for port in range(6000, 6030))]


class Answers:
    """What the repository's server answers of its own: a status, and nothing to who shows no token."""

    def __init__(self) -> None:
        self.status, self.private = 0, False

    def __call__(self, request: BaseHTTPRequestHandler) -> bool:
        status = 401 if self.private and not request.headers.get("Authorization") else self.status
        if not status:
            return False
        request.send_response(status)
        for name, value in (("WWW-Authenticate", "Basic realm=git"), ("Retry-After", "1800"), ("Content-Length", "0")):
            request.send_header(name, value)
        request.end_headers()
        return True


class Scene:
    """Two hosts with one implemented connection; the database's host is read from a folder or from a repository."""

    def __init__(self, place: Path, settings: Any, monkeypatch: Any, port: int, answers: Answers, trusted: str) -> None:
        settings.MAY_REACH = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
        self.settings, self.monkeypatch, self.answers, self.place = settings, monkeypatch, answers, place
        self.site = Site(place / "site")
        self.people, self.folder = self.site.people, self.site.data
        (self.folder / "iptables-save.txt").write_text(save(*RULES))
        self.listening: socket.socket | None = None
        changes.implement(self.site.change, by=self.people.erin)
        self.config = {"url": f"https://localhost:{port}/configs.git", "path": "hosts/db", "trusted": trusted}

    @property
    def copied(self) -> Source:
        """The source that reads the folder."""
        return self.site.sources[1]

    def cloned(self, **changed: str) -> Source:
        """A source that was read well over HTTPS from a repository, in the folder's place; then its settings change."""
        made = sources.add_source(
            server=self.site.servers["pay-db-01"], kind="git", name="pay-db-01 git", config=dict(self.config),
            by=self.people.alex,
        )  # fmt: skip
        sources.pause(self.copied, on=True, because="It is in the repository now.", by=self.people.alex)
        assert read(made, self.people).state == "ok"
        if changed:
            Source.objects.filter(pk=made.pk).update(config={**self.config, **changed})
            made.refresh_from_db()
        return made

    def over_ssh(self, port: int, key: paramiko.PKey) -> Source:
        """A source that knows a host by this key, confirmed by two people."""
        public = key.get_base64()
        made = sources.add_source(
            server=self.site.servers["pay-db-01"], kind="ssh", name="pay-db-01 ssh", by=self.people.erin,
            config={"host": "127.0.0.1", "port": port, "user": "eastwest"},
        )  # fmt: skip
        access.set_secret(made, access.Given(SourceSecret.Use.KEY), by=self.people.erin)
        shown = Shown("ssh", f"127.0.0.1:{port}", key.get_name(), public, fingerprint(public))
        pin = access.propose_pin(made, shown, by=self.people.erin)
        access.confirm_pin(pin, fingerprint=shown.fingerprint, because="Read out.", by=self.people.alex)
        return made


@contextmanager
def scene(place: Path, settings: Any, monkeypatch: Any) -> Iterator[Scene]:
    """One, with a real server for its repository."""
    settings.VAR, answers = place / "var", Answers()
    repository = Repository(place / "srv" / "configs.git")
    files = {"iptables-save.txt": save(*RULES), "ip6tables-save.txt": save(tool="ip6tables-save")}
    repository.commit({f"hosts/db/{name}": text for name, text in files.items()})
    with served(repository.place.parent, place, answers) as (port, certificate):
        yield Scene(place, settings, monkeypatch, port, answers, certificate.read_text())


def gone(at: Scene) -> Source:
    """The folder is not there any more: a mount that went away."""
    shutil.rmtree(at.folder)
    return at.copied


def silent(at: Scene) -> Source:
    """The host takes the connection and says nothing."""
    at.listening = socket.create_server(("127.0.0.1", 0))
    at.settings.PULL_LIMIT_S = 2
    return at.over_ssh(at.listening.getsockname()[1], paramiko.ECDSAKey.generate())


def private(at: Scene) -> Source:
    """The repository's server lets only those in who show a token, and none is set."""
    source, at.answers.private = at.cloned(), True
    return source


def another_host(at: Scene) -> Source:
    """Another host, or somebody in between, answers at the address: its key is not the confirmed one."""
    at.listening = socket.create_server(("127.0.0.1", 0))

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            spoken = paramiko.Transport(listening.accept()[0])
            spoken.add_server_key(paramiko.ECDSAKey.generate())
            spoken.start_server(server=paramiko.ServerInterface())

    threading.Thread(target=serve, args=(at.listening,), daemon=True).start()
    return at.over_ssh(at.listening.getsockname()[1], paramiko.ECDSAKey.generate())


def strange_certificate(at: Scene) -> Source:
    """Nobody the machine trusts signed the server's certificate."""
    return at.cloned(trusted="")


def forbidden(at: Scene) -> Source:
    """The server knows us, and does not let us read."""
    source, at.answers.status = at.cloned(), 403
    return source


def asked_too_often(at: Scene) -> Source:
    """The server asks to be left alone."""
    source, at.answers.status = at.cloned(), 429
    return source


def cut(at: Scene) -> Source:
    """The dump ends in the middle of a rule."""
    (at.folder / "iptables-save.txt").write_text(save(*RULES)[:700])
    return at.copied


def emptied(at: Scene) -> Source:
    """What writes the dumps wrote nothing."""
    for path in at.folder.iterdir():
        path.write_text("")
    return at.copied


def much_less(at: Scene) -> Source:
    """A whole dump, with a third of the rules."""
    (at.folder / "iptables-save.txt").write_text(save(*RULES[:8]))
    return at.copied


def another_form(at: Scene) -> Source:
    """Beside the dumps lies a list of nft in the form for people, which is no dump."""
    (at.folder / "nft.txt").write_text("table inet main {\n\tchain in {\n\t\taccept\n\t}\n}\n")
    return at.copied


def not_installed(at: Scene) -> Source:
    """The git command is gone from this machine."""
    source = at.cloned()
    at.monkeypatch.setattr(mirror, "PLACES", str(at.place))
    return source


def misspelt(at: Scene) -> Source:
    """Somebody wrote the name of a branch that is not there."""
    return at.cloned(branch="mian")


PROVOKED: Final[Mapping[ErrorCode, Callable[[Scene], Source]]] = {
    ErrorCode.UNREACHABLE: gone,
    ErrorCode.TIMEOUT: silent,
    ErrorCode.AUTH: private,
    ErrorCode.HOSTKEY_CHANGED: another_host,
    ErrorCode.TLS: strange_certificate,
    ErrorCode.PERMISSION: forbidden,
    ErrorCode.RATE_LIMITED: asked_too_often,
    ErrorCode.TRUNCATED: cut,
    ErrorCode.EMPTY: emptied,
    ErrorCode.UNEXPECTED_SHRINK: much_less,
    ErrorCode.PARSE: another_form,
    ErrorCode.DEPENDENCY: not_installed,
    ErrorCode.CONFIG: misspelt,
}
