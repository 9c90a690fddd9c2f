"""The turns that differ most, with every decision of both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from clickhouse_connect.driver.client import Client
from numpy.typing import NDArray

from infra.comparing.data import KEY
from infra.comparing.result import TurnDifference
from infra.comparing.table import Pairs

_NOT_DECISIONS: Final = frozenset(
    {"tenant_id", "run_id", "turn_started_at", "event_id", "occurred_at", "made_by", "topic", "partition", "offset",
     "appended_at", "turn_id", "session_id", "key", "deadline_at", "channel", "customer_id", "episode_id", "turn_seq",
     "earlier_deadline_at", "seconds", "rank"}
)  # fmt: skip
_PARTS: Final[Mapping[str, str]] = {
    "intents": "intent.",
    "sentiments": "sentiment.",
    "entities": "",
    "routes": "",
    "replies": "reply.",
    "dead_letters": "dead_letter.",
}
"""Tables of decisions, and what their columns' names begin with here: as decision fields are named."""


def turn_differences(
    client: Client,
    runs: tuple[str, str],
    pairs: Pairs,
    rows: Sequence[tuple[int, float]],
    differ: Mapping[str, NDArray[np.bool_]],
) -> tuple[TurnDifference, ...]:
    """The pairs of these rows in full, in this order. `rows`: a pair's number and its weight."""
    keys = [int(pairs.a.key[row]) for row, _ in rows]
    said = _messages(client, runs, keys)
    turns = [(tenant, session, turn) for tenant, session, turn, _ in said.values()]
    sides = [_decisions(client, run, turns) if turns else {} for run in runs]
    found = []
    for (row, weight), key in zip(rows, keys, strict=True):
        tenant, session, turn, text = said.get(key, ("", "", "", ""))
        fields = tuple(name for name, rows_ in differ.items() if rows_[row])
        a, b = (side.get(key, {}) for side in sides)
        found.append(TurnDifference(tenant, session, turn, text, a, b, fields, weight))
    return tuple(found)


def _messages(client: Client, runs: tuple[str, str], keys: list[int]) -> dict[int, tuple[str, str, str, str]]:
    """Tenant, session, turn and text of the turns, by key; of whichever run has them."""
    found: dict[int, tuple[str, str, str, str]] = {}
    for run in runs:
        for table, text in (("messages", "text"), ("routes", "''"), ("replies", "''")):
            left = [key for key in keys if key not in found]
            sql = (
                f"SELECT {KEY}, tenant_id, session_id, turn_id, {text} FROM {table} "
                f"WHERE run_id = {{run:String}} AND {KEY} IN {{keys:Array(UInt64)}} ORDER BY offset DESC"
            )
            rows = client.query(sql, {"run": run, "keys": left}).result_rows if left else ()
            found |= {int(row[0]): (row[1], row[2], row[3], row[4]) for row in rows}
    return found


def _decisions(client: Client, run: str, turns: Sequence[tuple[str, str, str]]) -> dict[int, dict[str, Any]]:
    """By key. Tables are ordered by tenant, run and session, so that naming those reads little."""
    tenants, sessions, ids = (sorted(set(column)) for column in zip(*turns, strict=True))
    parameters = {"run": run, "tenants": tenants, "sessions": sessions, "turns": ids}
    where = "tenant_id IN {tenants:Array(String)} AND session_id IN {sessions:Array(String)}"
    found: dict[int, dict[str, Any]] = {}
    for table, prefix in _PARTS.items():
        answer = client.query(
            f"SELECT {KEY} AS key, * FROM {table} FINAL WHERE run_id = {{run:String}} AND {where} "
            "AND turn_id IN {turns:Array(String)} ORDER BY offset DESC",
            parameters,
        )
        names = answer.column_names
        for row in answer.result_rows:
            decision = found.setdefault(int(row[0]), {})
            decision |= {_name(prefix, n): v for n, v in zip(names, row, strict=True) if n not in _NOT_DECISIONS}
    return found


def _name(prefix: str, column: str) -> str:
    """As decision fields are called: who made a part goes by the part's name."""
    return f"{prefix}{column}" if column != "fingerprint" else f"{prefix or 'route.'}fingerprint"
