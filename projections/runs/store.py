"""The list of runs and of their parts, in ClickHouse. Rows replace one another; nothing is ever changed in place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Self

from projections.analytics.rows import FACTS
from projections.analytics.schema import DATABASE
from projections.analytics.store import Store
from projections.runs.names import checked_run_id

Status = Literal["created", "running", "complete", "deleted"]
DONE: Final = "done"
TABLES_OF_A_RUN: Final = (*FACTS.values(), "turn_parts", "run_turns", "run_parts", "runs")
"""Where rows of a run lie. `runs` is last: while any row is left, the run is listed, and can be deleted again."""
_RUN: Final = (
    "SELECT run_id, status, candidate, mode, definition, definition_id, partitions, "
    "toUnixTimestamp64Micro(created_at), toUnixTimestamp64Micro(updated_at) FROM runs FINAL"
)
_PART: Final = (
    "SELECT run_id, partition, conversations, turns, records, counts, seconds, digest, toUnixTimestamp64Micro(done_at) "
    "FROM run_parts FINAL WHERE run_id = {run:String} AND status = 'done' ORDER BY partition"
)


class Run(NamedTuple):
    """A run. `definition`: what `create` was given. Times in microseconds UTC."""

    run_id: str
    status: Status
    candidate: str
    mode: str
    definition: Mapping[str, Any]
    definition_id: str
    partitions: tuple[int, ...]
    created_at: int
    updated_at: int


class Part(NamedTuple):
    """A partition of a run that is done. `seconds`: where the time went, by what it was spent on; together they are the
    time from when its process had ended the piece before, or was started, until `done_at` (microseconds).
    """

    run_id: str
    partition: int
    conversations: int
    turns: int
    records: int
    counts: Mapping[str, int]
    seconds: Mapping[str, float]
    digest: str
    done_at: int


class NoSuchRun(LookupError):
    """There is no run of that name, or it is being deleted."""


class RunStore:
    """One thread at a time. Every method raises one of projections.analytics.store.AWAY where the server is away."""

    def __init__(self, url: str, database: str = DATABASE) -> None:
        self._store = Store(url, database)

    def create(self, run: Run) -> None:
        """Stores a new run. Raises WrongRunName, LiveRefused among them."""
        checked_run_id(run.run_id)
        self._put(run)

    def get(self, run_id: str) -> Run | None:
        """The run; None where there is none of that name. One that is being deleted is still there."""
        rows = self._store.client.query(f"{_RUN} WHERE run_id = {{run:String}}", {"run": run_id}).result_rows
        return _run(rows[0]) if rows else None

    def need(self, run_id: str) -> Run:
        """The run. Raises NoSuchRun where there is none, or its rows are being removed."""
        run = self.get(run_id)
        if run is None or run.status == "deleted":
            gone = "" if run is None else "; it is being deleted"
            raise NoSuchRun(f"there is no run {run_id!r}{gone}; see: spillway runs list")
        return run

    def all(self) -> list[Run]:
        """Every run, the newest first."""
        return [_run(row) for row in self._store.client.query(f"{_RUN} ORDER BY created_at DESC, run_id").result_rows]

    def set_status(self, run_id: str, status: Status, now: int) -> Run:
        """Says how far a run has come; `now` in microseconds. Raises NoSuchRun."""
        run = self.need(run_id)
        changed = run._replace(status=status, updated_at=max(now, run.updated_at + 1))
        self._put(changed)
        return changed

    def part_done(self, part: Part) -> None:
        """Says that all facts of a partition are stored. Said twice, the later one counts."""
        row = (part.run_id, part.partition, DONE, *part[2:])
        self._store.insert("run_parts", [row])

    def parts(self, run_id: str) -> dict[int, Part]:
        """The partitions that are done."""
        rows = self._store.client.query(_PART, {"run": run_id}).result_rows
        return {row[1]: Part(*row) for row in rows}

    def left(self, run: Run) -> list[int]:
        """The partitions that are not done yet, in order."""
        done = self.parts(run.run_id)
        return [n for n in run.partitions if n not in done]

    def begin_again(self, run_id: str) -> None:
        """Forgets which partitions are done. Their facts stay: to be written again, they are the same."""
        self._remove("run_parts", checked_run_id(run_id))

    def delete(self, run_id: str, now: int) -> None:
        """Removes all rows of a run from all tables; returns when they are gone. Raises NoSuchRun, LiveRefused.

        The run is marked first, so that whoever still replays it stops before its next partition.
        """
        checked_run_id(run_id)
        run = self.get(run_id)
        if run is None:
            raise NoSuchRun(f"there is no run {run_id!r}; see: spillway runs list")
        self._put(run._replace(status="deleted", updated_at=max(now, run.updated_at + 1)))
        for table in TABLES_OF_A_RUN:
            self._remove(table, run_id)

    def _remove(self, table: str, run_id: str) -> None:
        # 2: done on every replica. The name was checked: it has no quote in it.
        self._store.client.command(
            f"ALTER TABLE {table} DELETE WHERE run_id = '{run_id}'", settings={"mutations_sync": 2}
        )

    def _put(self, run: Run) -> None:
        definition = json.dumps(run.definition, ensure_ascii=False, sort_keys=True)
        self._store.insert("runs", [run._replace(definition=definition, partitions=list(run.partitions))])  # type: ignore[arg-type]

    def close(self) -> None:
        """Closes the connection."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _run(row: Sequence[Any]) -> Run:
    run = Run(*row)
    return run._replace(definition=json.loads(row[4]), partitions=tuple(row[6]))

