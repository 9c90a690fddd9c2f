"""The analytics side of a rebuild: a database beside the live one; tables change places, the index of the log last.

The writer notices by the index: while it is away no batch can be finished, and a batch that was begun on one index and
ended on another is written again (`store.Store.write`). So every table may be exchanged on its own. Facts of replays
are carried over; whoever writes them waits until there is an index again (`projections.runs.facts`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clickhouse_connect.driver.client import Client

from projections.analytics.rows import COLUMNS, FACTS, LOG_INDEX
from projections.analytics.schema import DATABASE, SWITCHING, TABLES, client_of, heal, migrate
from projections.analytics.state import digests
from projections.analytics.store import positions
from projections.analytics.target import Analytics
from projections.divergence import Divergence, compare
from projections.target import Place, Target
from schemas.events import LIVE

TRIES = 3
"""Comparisons, at most. What a batch in hand has written already differs once; what differs every time, differs."""


class AnalyticsSide:
    """Analytics in ClickHouse, to be rebuilt."""

    def __init__(self, url: str, database: str = DATABASE) -> None:
        self._url, self._live = url, database
        self.beside = f"{database}_rebuild"
        """The database beside the live one."""
        self.green: Target = Analytics(url, self.beside)

    def prepare(self) -> None:
        with client_of(self._url, self._live) as client:
            heal(client)
            client.command(f"DROP DATABASE IF EXISTS {self.beside} SYNC")
        migrate(self._url, self.beside)

    def live_positions(self) -> Mapping[Place, int]:
        with client_of(self._url, self._live) as client:
            return positions(client)

    def compare(self, fold_up_to: Callable[[Mapping[Place, int]], None]) -> Divergence:
        found = self._compare(fold_up_to)
        for _ in range(TRIES - 1):
            if found.none:
                break
            again = self._compare(fold_up_to)
            found = Divergence(again.sessions, [key for key in again.divergent if key in set(found.divergent)])
        return found

    def _compare(self, fold_up_to: Callable[[Mapping[Place, int]], None]) -> Divergence:
        with client_of(self._url, self._live) as client:
            end = positions(client)
            live = dict(digests(client))
        fold_up_to(end)
        with client_of(self._url, self.beside) as client:
            return compare(live, dict(digests(client)))

    def switch(self, fold_up_to: Callable[[Mapping[Place, int]], None]) -> None:
        with client_of(self._url, self._live) as client:
            client.command(f"RENAME TABLE {LOG_INDEX} TO {SWITCHING}")
            try:
                fold_up_to(positions(client, SWITCHING))
                self.green.close()
                self._carry_runs(client)
                self._exchange(client)
            finally:
                heal(client)
            client.command(f"DROP TABLE IF EXISTS {SWITCHING} SYNC")
            client.command(f"DROP DATABASE {self.beside} SYNC")

    def _carry_runs(self, client: Client) -> None:
        """What was replayed is no fold of the log, so its facts are taken over as they are; turns are made of them."""
        for table in FACTS.values():
            columns = ", ".join(COLUMNS[table])
            client.command(
                f"INSERT INTO {self.beside}.{table} ({columns}) SELECT {columns} FROM {self._live}.{table} "
                f"WHERE run_id != '{LIVE}'",
                settings={"max_partitions_per_insert_block": 0},
            )

    def _exchange(self, client: Client) -> None:
        for table in TABLES:
            if table != LOG_INDEX:
                client.command(f"EXCHANGE TABLES {self._live}.{table} AND {self.beside}.{table}")
        client.command(f"RENAME TABLE {self.beside}.{LOG_INDEX} TO {self._live}.{LOG_INDEX}")
