"""A program that receives messages, for the tests that tell one."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.evidence.hooks import Hook, hook
from tests.evidence.vault import certificates


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def program(pems: tuple[Path, Path], settings: Any) -> Iterator[Hook]:
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.1")]
    settings.RECEIVERS_CA_FILE = pems[1]
    with hook(pems[0]) as server:
        yield server


@pytest.fixture(scope="module")
def listening() -> Iterator[int]:
    """A port of this machine at which somebody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        over = threading.Event()

        def answer() -> None:
            while not over.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        worker = threading.Thread(target=answer)
        worker.start()
        yield int(server.getsockname()[1])
        over.set()
        worker.join()
