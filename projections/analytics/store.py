"""Analytics in ClickHouse: columns of a batch, one insert a table. Inserting a batch again changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, DataError, ProgrammingError
from urllib3.exceptions import HTTPError

from projections.analytics.rows import COLUMNS, LOG_INDEX, Row, tables_of
from projections.analytics.schema import DATABASE, client_of
from projections.reading import Entry
from projections.target import Place


class Switched(RuntimeError):
    """Other tables are in place than when the batch was begun."""


AWAY: Final = (DatabaseError, HTTPError, OSError, Switched)
"""What an insert may raise that is no bug here: the server is away, is starting, is full, or switches to a rebuild."""

_SETTINGS: Final = {"async_insert": 0, "max_partitions_per_insert_block": 0, "optimize_on_insert": 0}
"""Acknowledged when stored; however many days a batch spans; merged in the background."""


class Store:
    """Writes entries. One thread at a time. Every method raises one of AWAY where the server is away.

    settings: of the server, for every insert, beside those that all have.
    """

    def __init__(self, url: str, database: str = DATABASE, settings: Mapping[str, Any] | None = None) -> None:
        self._url, self._database = url, database
        self._settings = {**_SETTINGS, **(settings or {})}
        self._client: Client | None = None
        self._types: dict[str, list[str]] = {}
        self._ended_on: Sequence[object] | None = None
        """The index that was in place when the last batch ended; if it still is when the next ends, it always was."""

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = client_of(self._url, self._database)
        return self._client

    def write(self, entries: Iterable[Entry], now: int) -> None:
        """Stores a batch; the index of the log last, so that a batch that failed half-way is not listed as there.

        now: microseconds UTC. Raises Switched where a rebuild has put other tables in place meanwhile.
        """
        began_on = self._ended_on or self.index()
        self._ended_on = None
        for table, rows in tables_of(entries, now).items():
            self.insert(table, rows)
        ended_on = self.index()
        if ended_on != began_on:
            raise Switched("the tables have been rebuilt while a batch was written: it is written again")
        self._ended_on = ended_on

    def index(self) -> Sequence[object]:
        """Which table the index of the log is. While a rebuild switches there is none (empty): no batch can end."""
        where = "database = currentDatabase() AND name = {name:String}"
        return self.client.query(f"SELECT uuid FROM system.tables WHERE {where}", {"name": LOG_INDEX}).result_rows

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """One insert, column by column."""
        if not rows:
            return
        types = self._types_of(table)
        try:
            self.client.insert(
                table,
                list(zip(*rows, strict=True)),
                column_names=COLUMNS[table],
                column_type_names=types,
                column_oriented=True,
                settings=self._settings,
            )
        except (DataError, ProgrammingError) as bug:
            raise RuntimeError(f"rows of {table} do not fit its columns {types}") from bug

    def positions(self) -> dict[Place, int]:
        """Of each partition the offset after the last that is listed in the index of the log."""
        return positions(self.client)

    def _types_of(self, table: str) -> list[str]:
        if table not in self._types:
            described: Any = self.client.query(f"DESCRIBE TABLE {table}").result_rows
            types = {row[0]: as_sent(row[1]) for row in described}
            self._types[table] = [types[column] for column in COLUMNS[table]]
        return self._types[table]

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        if self._client is not None:
            self._client.close()
        self._client = self._ended_on = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def as_sent(column: str) -> str:
    """The type that a column's values are sent as. Texts are sent as texts: the server makes a dictionary of them in a
    tenth of the time that it takes here.
    """
    return _DICTIONARY.sub(r"\1", column.replace("\n", " "))


_DICTIONARY: Final = re.compile(r"LowCardinality\(((?:Nullable\()?String\)?)\)")


def positions(client: Client, index: str = LOG_INDEX) -> dict[Place, int]:
    """Of each partition the offset after the last that is listed in the index of the log."""
    found = client.query(f"SELECT topic, partition, max(offset) + 1 FROM {index} GROUP BY topic, partition")
    return {(topic, partition): offset for topic, partition, offset in found.result_rows}
