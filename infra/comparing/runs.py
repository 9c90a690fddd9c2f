"""What the store knows of the runs compared: what they were asked for, what they recomputed, how long they took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from infra.comparing.data import ALL, Scope
from infra.comparing.result import Provenance, RunInfo, Speed
from projections.runs import took
from projections.runs.store import NoSuchRun
from schemas.events import LIVE

COMPLETE: Final = "complete"
_FINGERPRINTS: Final[Mapping[str, tuple[str, str]]] = {
    "intent": ("intents", "fingerprint"),
    "sentiment": ("sentiments", "fingerprint"),
    "entities": ("entities", "fingerprint"),
    "routing": ("routes", "fingerprint"),
    "reply": ("replies", "fingerprint"),
    "generation": ("replies", "generated.model"),
    "prompt": ("replies", "generated.prompt"),
    "policy": ("routes", "policy"),
    "knowledge": ("routes", "knowledge"),
}
_NAMED: Final = 5
"""Fingerprints that are shown of a part."""


@dataclass(frozen=True)
class Known:
    """A run as the store has it. parts_done, parts: partitions that are done, and all of them; 0 of live."""

    run_id: str
    name: str
    status: str
    mode: str | None
    definition: Mapping[str, Any]
    parts_done: int = 0
    parts: int = 0

    @property
    def finished(self) -> bool:
        return self.run_id == LIVE or self.status == COMPLETE

    @property
    def candidate(self) -> Mapping[str, Any]:
        """All that it replaces; empty of live."""
        return self.definition.get("candidate") or {}

    @property
    def changed(self) -> tuple[str, ...]:
        """What the candidate replaces; empty where the run is live again."""
        return tuple(self.definition.get("changed", ()))

    @property
    def window(self) -> tuple[int, int] | None:
        found = self.definition.get("window")
        return (int(found[0]), int(found[1])) if found else None

    @property
    def gaps(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self.definition.get("gaps", ()))

    def info(self, turns: int, sessions: int, fingerprints: Mapping[str, tuple[str, ...]]) -> RunInfo:
        """The run with its figures, for the result."""
        definition = {"asked": self.definition["compared"]} if "compared" in self.definition else {}
        return RunInfo(
            self.run_id, self.name, self.status, self.mode, turns, sessions, self.changed, self.window, fingerprints,
            definition,
        )  # fmt: skip


def known(client: Client, run_id: str) -> Known:
    """What is known of a run. Raises NoSuchRun where there is none, or it is being deleted."""
    if run_id == LIVE:
        return Known(LIVE, LIVE, LIVE, None, {})
    sql = "SELECT status, candidate, mode, definition, length(partitions) FROM runs FINAL WHERE run_id = {run:String}"
    rows = client.query(sql, {"run": run_id}).result_rows
    if not rows or rows[0][0] == "deleted":
        raise NoSuchRun(f"there is no run {run_id!r}; see: spillway runs list")
    status, candidate, mode, definition, parts = rows[0]
    done = client.query(
        "SELECT count() FROM run_parts FINAL WHERE run_id = {run:String} AND status = 'done'", {"run": run_id}
    ).result_rows[0][0]
    return Known(run_id, candidate or run_id, status, mode, json.loads(definition or "{}"), int(done), int(parts))


def fingerprints(client: Client, run_id: str, scope: Scope = ALL) -> dict[str, tuple[str, ...]]:
    """What made the run's facts, by part, commonest first."""
    found = {}
    for part, (table, column) in _FINGERPRINTS.items():
        rows = client.query(
            f"SELECT {column} AS made_by, count() AS often FROM {table} WHERE run_id = {{run:String}} AND {scope.sql} "
            f"AND {column} != '' GROUP BY made_by ORDER BY often DESC, made_by LIMIT {_NAMED}",
            {"run": run_id, **scope.parameters},
        ).result_rows
        if rows:
            found[part] = tuple(str(name) for name, _ in rows)
    return found


def provenance(client: Client, run_id: str) -> Provenance | None:
    """What the run worked out anew and what it took from the record; None of live."""
    if run_id == LIVE:
        return None
    mine = "FROM run_turns FINAL WHERE run_id = {run:String}"
    turns = int(client.query(f"SELECT count() {mine}", {"run": run_id}).result_rows[0][0])
    counts = {
        column: {
            str(part): int(often)
            for part, often in client.query(
                f"SELECT arrayJoin({column}) AS part, count() AS often {mine} GROUP BY part ORDER BY part",
                {"run": run_id},
            ).result_rows
        }
        for column in ("recomputed", "served", "missing_effects")
    }
    shares = [{part: n / turns for part, n in counts[column].items()} for column in ("recomputed", "served")]
    return Provenance(shares[0], shares[1], counts["missing_effects"])


def speed(client: Client, run_id: str) -> Speed | None:
    """What the replay took; None of live, and where nothing says."""
    if run_id == LIVE:
        return None
    rows = client.query(
        "SELECT conversations, turns, seconds, toUnixTimestamp64Micro(done_at) FROM run_parts FINAL "
        "WHERE run_id = {run:String} AND status = 'done'",
        {"run": run_id},
    ).result_rows
    if not rows:
        return None
    by_part: dict[str, float] = {}
    for _, _, seconds, _ in rows:
        for part, spent in seconds.items():
            by_part[part] = by_part.get(part, 0.0) + float(spent)
    conversations, turns = sum(int(row[0]) for row in rows), sum(int(row[1]) for row in rows)
    if not sum(by_part.values()):
        return Speed(conversations, turns, None, 0, by_part)
    wall = took((int(done_at), sum(seconds.values())) for _, _, seconds, done_at in rows)
    return Speed(conversations, turns, wall.seconds, wall.processes, by_part)
