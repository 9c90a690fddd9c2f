"""The generated replies of a run, stored as soon as they are made: what a model was paid for is not paid again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from projections.analytics.schema import DATABASE, client_of
from projections.runs.facts import RunFacts
from schemas.events import Citation, Generated, PassedOver, Record
from streams.replay.generating import KeptReply
from streams.replay.outcome import PartitionReplay

_GENERATED: Final = ", ".join(f"generated.{field}" for field in Generated._fields)
_KEPT: Final = f"""
SELECT turn_id, text, rung, passed_over, citations, template, seconds, {_GENERATED}
FROM replies FINAL WHERE run_id = {{run:String}} AND partition = {{partition:UInt16}} AND generated.asked
ORDER BY offset
"""


class RunReplies:
    """The port KeptReplies, in the facts of a run. One thread at a time.

    Raises what RunFacts.write raises, and clickhouse_connect's errors where the server is away.
    """

    def __init__(
        self,
        facts: RunFacts,
        url: str,
        database: str = DATABASE,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._facts, self._url, self._database, self._now = facts, url, database, now

    def of(self, partition: int) -> Mapping[str, KeptReply]:
        """By turn id, the stored replies for which a model was asked; of several of a turn the first in the log."""
        given = {"run": self._facts.run_id, "partition": partition}
        with client_of(self._url, self._database) as client:
            rows = client.query(_KEPT, given).result_rows
        kept: dict[str, KeptReply] = {}
        for row in rows:
            kept.setdefault(str(row[0]), _kept(row))
        return kept

    def keep(self, replies: Sequence[Record]) -> None:
        """Stores replies among the facts of the run, where they are written again with the rest of their partition."""
        self._facts.write(PartitionReplay(tuple(replies), (), {}), self._now())


def _kept(row: Sequence[Any]) -> KeptReply:
    _, text, rung, passed_over, citations, template, seconds, *asked = row
    generated: list[Any] = [tuple(value) if isinstance(value, list) else value for value in asked]
    return KeptReply(
        text,
        rung,
        tuple(PassedOver(*_values(each)) for each in passed_over),
        tuple(Citation(*_values(each)) for each in citations),
        template,
        seconds,
        Generated(*generated),
    )


def _values(named: Any) -> tuple[Any, ...]:
    """Of a named tuple, as the client gives it."""
    return tuple(named.values()) if isinstance(named, Mapping) else tuple(named)
