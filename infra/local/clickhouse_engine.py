"""The ClickHouse engine of the package chdb, in this process: a bounded pool of threads, each with its connection.

Queries on one connection queue behind each other, on several they run side by side; so a thread owns a connection and
runs one query at a time. Settings and the current database of a request are applied before its query and taken back
before the next one.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

THREADS = 4
_ENGINE = {
    "max_server_memory_usage": 2_000_000_000,
    "mark_cache_size": 32_000_000,
    "primary_index_cache_size": 32_000_000,
    "index_mark_cache_size": 16_000_000,
    "query_condition_cache_size": 16_000_000,
    "compiled_expression_cache_size": 16_000_000,
    "background_pool_size": 2,
    "os_threads_nice_value_merge_mutate": 10,
}
"""The engine's own settings (bytes): small caches, since data and readers are on one machine with everything else, and
merges that give way to it, where this process may say so."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_CODE = re.compile(r"Code: (\d+)\.")


class EngineError(Exception):
    """The engine refused a query. `code` is ClickHouse's number of the error."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = _CODE.search(text)
        self.code = int(found.group(1)) if found else 1002


@dataclass(frozen=True)
class Query:
    """One query as it came by HTTP. `output` is the format where the query names none."""

    sql: str
    output: str = "TabSeparated"
    database: str = "default"
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What came back, with the engine's own count of rows and bytes."""

    body: bytes
    rows_read: int
    bytes_read: int
    rows_written: int
    bytes_written: int
    seconds: float


class _Connection:
    """A connection with the settings and database that its last query left on it."""

    def __init__(self, address: str) -> None:
        import chdb

        self._chdb: Any = chdb.connect(address)  # type: ignore[no-untyped-call]
        self._settings: dict[str, str] = {}
        self._database = "default"

    def run(self, query: Query) -> Answer:
        """Run one query; raises EngineError."""
        self._settle(query)
        result = self._ask(query.sql, query.output, dict(query.parameters))
        return Answer(
            result.bytes(),
            result.rows_read(),
            result.bytes_read(),
            result.rows_written(),
            result.bytes_written(),
            result.elapsed(),
        )

    def close(self) -> None:
        self._chdb.close()

    def _settle(self, query: Query) -> None:
        if query.database != self._database:
            self._ask(f"USE {_quoted(query.database)}")
            self._database = query.database
        for name in self._settings.keys() - query.settings.keys():
            self._ask(f"SET {name} = DEFAULT")
            del self._settings[name]
        for name, value in query.settings.items():
            if not is_name(name):
                raise EngineError(f"Code: 115. DB::Exception: {name!r} is not the name of a setting. (UNKNOWN_SETTING)")
            if self._settings.get(name) != value:
                escaped = value.replace("\\", "\\\\").replace("'", "\\'")
                self._ask(f"SET {name} = '{escaped}'")
                self._settings[name] = value

    def _ask(self, sql: str, output: str = "Null", parameters: dict[str, str] | None = None) -> Any:
        import chdb

        try:
            return self._chdb.query(sql, output, params=parameters or {})
        except (chdb.ChdbError, RuntimeError) as refused:
            raise EngineError(str(refused)) from refused


class Engine:
    """The engine on the folder `path`. One process may hold a path; the caller sees to that."""

    def __init__(self, path: Path) -> None:
        options = "&".join(f"{name}={value}" for name, value in _ENGINE.items())
        self._address = f"{path}?{options}"
        self._own = threading.local()
        self._connections: list[_Connection] = []
        self._opening = threading.Lock()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="engine", initializer=self._open)

    @property
    def pool(self) -> ThreadPoolExecutor:
        """The threads in which `run` must be called."""
        return self._pool

    def run(self, query: Query) -> Answer:
        """Run a query, in a thread of the pool.

        Raises:
            EngineError: the engine refused it.
        """
        connection: _Connection = self._own.connection
        return connection.run(query)

    def close(self) -> None:
        """Finish what runs, then close the engine with its last connection."""
        self._pool.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    def _open(self) -> None:
        with self._opening:
            self._own.connection = _Connection(self._address)
            self._connections.append(self._own.connection)


def is_name(text: str) -> bool:
    """Whether a setting could be called that."""
    return _NAME.match(text) is not None


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
