"""One engine for all tests of flow logs: starting it takes longer than any of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evidence.flowlogs.engine import Engine


@pytest.fixture(scope="session")
def flow_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("flows")) as engine:
        yield engine
