"""The one place that starts DuckDB for flow logs: embedded, one thread a worker, bounded, no extension fetched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import duckdb

MEMORY: Final = "600MB"  # the process stays below 1 GB; beyond, the engine spills to its own folder


class EngineError(Exception):
    """The engine could not read what it was given."""


class Engine:
    """`with Engine(folder) as engine: engine.rows("SELECT …")`. `folder` is where it may spill."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self.folder, self._threads = folder, threads

    def __enter__(self) -> Engine:
        import duckdb  # here: no web process that only shows what was rolled up need hold it

        self._wrong = duckdb.Error
        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(":memory:", config={
            "threads": self._threads, "memory_limit": MEMORY, "temp_directory": str(self.folder / "spill"),
            "autoinstall_known_extensions": False, "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        })  # fmt: skip
        return self

    def __exit__(self, kind: type[BaseException] | None, said: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def do(self, sql: str, *given: Any) -> None:
        """Runs a statement. Raises EngineError."""
        self.rows(sql, *given)

    def rows(self, sql: str, *given: Any) -> list[tuple[Any, ...]]:
        """Runs a statement and gives all its rows. Raises EngineError."""
        try:
            return self._connection.execute(sql, list(given) or None).fetchall()
        except self._wrong as error:
            raise EngineError(str(error)) from error

    def lend(self, name: str, arrays: Mapping[str, Any], sql: str) -> None:
        """Runs a statement in which `name` is a relation of these columns of numpy. Raises EngineError."""
        self._connection.register(name, dict(arrays))
        try:
            self.do(sql)
        finally:
            self._connection.unregister(name)

    def columns(self, sql: str) -> list[Any]:
        """Runs a statement and gives its columns as arrays of numpy. Raises EngineError."""
        try:
            return list(self._connection.execute(sql).fetchnumpy().values())
        except self._wrong as error:
            raise EngineError(str(error)) from error


def load() -> None:
    """Loads the engine without starting it: a process that forks for each file loads it once."""
    import duckdb  # noqa: F401  for the forks
    import numpy  # noqa: F401


def quoted(text: str | Path) -> str:
    """A text as a literal of SQL."""
    doubled = str(text).replace("'", "''")
    return f"'{doubled}'"
