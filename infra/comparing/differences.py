"""The turns that differ: all of them by name, and those that differ most with every decision of both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from clickhouse_connect.driver.client import Client
from numpy.typing import NDArray

from infra.comparing.data import KEY
from infra.comparing.result import DifferentTurn, TurnDifference
from infra.comparing.table import Pairs, Words

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


def different_turns(ids: Words, differ: Mapping[str, NDArray[np.bool_]]) -> dict[int, DifferentTurn]:
    """Every pair that differs, with the fields in which it does, by its row. ids: [n, 3], as of `turn_ids`."""
    names = list(differ)
    table = np.array([differ[name] for name in names])
    found = {}
    for row in np.flatnonzero(table.any(axis=0)):
        tenant, session, turn = map(str, ids[row])
        fields = tuple(names[n] for n in np.flatnonzero(table[:, row]))
        found[int(row)] = DifferentTurn(tenant, session, turn, fields)
    return found


def turn_differences(
    client: Client,
    runs: tuple[str, str],
    pairs: Pairs,
    most: Sequence[tuple[int, float]],
    different: Mapping[int, DifferentTurn],
) -> tuple[TurnDifference, ...]:
    """Pairs in full, in this order. most: a pair's row and its weight; different: what differs in it, by row."""
    if not most:
        return ()
    turns = [different[row][:3] for row, _ in most]
    sides = [_decisions(client, run, turns) for run in runs]
    said = _texts(client, runs, turns)
    found = []
    for row, weight in most:
        key, turn = int(pairs.a.key[row]), different[row]
        a, b = (side.get(key, {}) for side in sides)
        found.append(TurnDifference(*turn[:3], said.get(key, ""), a, b, turn.fields, weight))
    return tuple(found)


def _texts(client: Client, runs: tuple[str, str], turns: Sequence[tuple[str, str, str]]) -> dict[int, str]:
    """What the customers wrote, by key; of whichever run has it."""
    where, parameters = _among(turns)
    sql = f"SELECT {KEY}, text FROM messages WHERE run_id IN {{runs:Array(String)}} AND {where}"
    rows = client.query(sql, {"runs": list(runs), **parameters}).result_rows
    return {int(key): str(text) for key, text in rows}


def _among(turns: Sequence[tuple[str, str, str]]) -> tuple[str, dict[str, Any]]:
    """These turns, as SQL. Tables are ordered by tenant, run and session, so that naming those reads little."""
    tenants, sessions, ids = (sorted(set(column)) for column in zip(*turns, strict=True))
    where = (
        "tenant_id IN {tenants:Array(String)} AND session_id IN {sessions:Array(String)} "
        "AND turn_id IN {turns:Array(String)}"
    )
    return where, {"tenants": tenants, "sessions": sessions, "turns": ids}


def _decisions(client: Client, run: str, turns: Sequence[tuple[str, str, str]]) -> dict[int, dict[str, Any]]:
    """By key."""
    where, parameters = _among(turns)
    found: dict[int, dict[str, Any]] = {}
    for table, prefix in _PARTS.items():
        answer = client.query(
            f"SELECT {KEY} AS key, * FROM {table} FINAL WHERE run_id = {{run:String}} AND {where} ORDER BY offset DESC",
            {"run": run, **parameters},
        )
        names = answer.column_names
        for row in answer.result_rows:
            decision = found.setdefault(int(row[0]), {})
            decision |= {_name(prefix, n): v for n, v in zip(names, row, strict=True) if n not in _NOT_DECISIONS}
    return found


def _name(prefix: str, column: str) -> str:
    """As decision fields are called: who made a part goes by the part's name."""
    return f"{prefix}{column}" if column != "fingerprint" else f"{prefix or 'route.'}fingerprint"
