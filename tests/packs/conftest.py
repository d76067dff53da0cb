"""One genuine pack, made once by the real renderer and signed with a real key."""

from __future__ import annotations

import io
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from evidence.packs import binder, seal
from tests.packs import content
from tests.packs.clock import Authority

Edit = Callable[[dict[str, bytes]], dict[str, bytes]]


@dataclass(frozen=True)
class Genuine:
    """The pack, the key that signed it and a place to write altered copies."""

    bound: binder.Bound
    key: seal.Seal
    folder: Path

    def members(self) -> dict[str, bytes]:
        with zipfile.ZipFile(io.BytesIO(self.bound.archive)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def written(self, members: dict[str, bytes] | None = None, *, name: str = "pack.zip") -> Path:
        """The pack as a file; with `members` packed anew from them, as anybody could with their own ZIP program."""
        path = self.folder / name
        if members is None:
            path.write_bytes(self.bound.archive)
            return path
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        return path


@pytest.fixture(scope="session")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Genuine:
    folder = tmp_path_factory.mktemp("packs")
    key = seal.open_seal(folder / "keys", at=content.BUILT)
    return Genuine(binder.bind(content.face(), content.sections(), key), key, folder)


@pytest.fixture(scope="session")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Genuine, Authority]]:
    """A pack as the genuine one, time-stamped, and its authority."""
    folder = tmp_path_factory.mktemp("stamped")
    made = Authority(folder)
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    key = seal.timed(seal.open_seal(folder / "keys", at=content.BUILT), made.url, made.file)
    yield Genuine(binder.bind(content.face(), content.sections(), key), key, folder), made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> seal.Seal:
    """Another installation's key."""
    return seal.open_seal(tmp_path_factory.mktemp("stranger"), at=content.BUILT)


def need(command: str) -> str:
    """The path of a command, or a skip that says which package brings it."""
    path = shutil.which(command)
    if path is None:
        pytest.skip(f"{command} is not installed (Debian: poppler-utils)")
    return path
