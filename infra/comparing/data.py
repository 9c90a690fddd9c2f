"""Both sides of a comparison, read from ClickHouse as columns: only what the metrics need, decisions as hashes.

A hash a decision field says which decisions differ without bringing a hundred thousand of them here; the few turns that
differ most are read in full by `infra.comparing.differences`. The facts are read rather than the view `turns`: that
brings a turn's parts together one by one, which takes a minute where this takes seconds, and leaves out fields of
decisions. As there, the event with the lowest offset counts, of each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from clickhouse_connect.driver.client import Client
from numpy.typing import NDArray

from infra.comparing.table import Ids, Numbers, Turns, Words
from schemas.events import LIVE
from streams.replay.differences import REPLY, ROUTE

Columns = dict[str, NDArray[Any]]


class Source(NamedTuple):
    """What is read of one table of facts, as SQL. fields: decisions that are hashed, a name with its own before it.
    model: the task whose model made the fact, where its scores are compared."""

    numbers: Mapping[str, str] = {}
    words: Mapping[str, str] = {}
    fields: Mapping[str, str] = {}
    model: str = ""


_STATE: Final = (
    "tuple(state.seq, state.episode_id, state.episode_started_at, state.turn_seq, state.scenario, state.step, "
    "state.failures, state.handed_off, state.handed_off_at, state.last_turn_at, state.deadline_at, state.history)"
)
SOURCES: Final[Mapping[str, Source]] = {
    "messages": Source(
        {
            "message_at": "toUnixTimestamp64Micro(appended_at)",
            "due": "toUnixTimestamp64Micro(coalesce(deadline_at, turn_started_at))",
        },
        {"customer": "if(customer.id = '', '', concat(tenant_id, '|', customer.id))"},
    ),
    "intents": Source(
        {"confidence": "confidence", "out_of_scope": "out_of_scope"},
        {"intent": "label", "intent_scenario": "scenario"},
        {"intent.label": "label", "intent.scenario": "scenario", "intent.lang": "lang"},
        "intent",
    ),
    "sentiments": Source({"sentiment": "score", "anger": "anger"}, {}, {"sentiment.label": "label"}, "sentiment"),
    "entities": Source(fields={"entities": "entities"}),
    "routes": Source(
        {
            "routed": "1.",
            "handoff": "toFloat64(handoff)",
            "ask_back": "toFloat64(step = 'ask_back')",
            "with_human": "toFloat64(owner = 'human')",
            "state_anger": "state.anger",
        },
        {"scenario": "scenario"},
        {
            **{name: name for name in ROUTE},
            "slots": "mapSort(slots)",
            "missing": "arraySort(signals.missing)",
            "state": _STATE,
        },
    ),
    "replies": Source(
        {
            "reply_at": "toUnixTimestamp64Micro(appended_at)",
            "first_text": "if(generated.asked, coalesce(generated.first_seconds, nan), nan)",
            "generated": "if(generated.asked, generated.seconds, nan)",
            "prompt_tokens": "if(generated.asked, generated.prompt_tokens, nan)",
            "reply_tokens": "if(generated.asked, generated.tokens, nan)",
        },
        {
            "rung": "rung",
            "generated_by": "generated.model",
            "prompt": "generated.prompt",
            "guarded": "generated.outcome",
            "finish": "generated.finish",
        },
        {f"reply.{name}": name for name in REPLY},
    ),
    "dead_letters": Source(fields={"dead_letter": "reason"}),
    "feedback": Source({"feedback": "toFloat64(score)"}),
}
"""The tables of facts that a turn's columns come from."""
SCORES: Final[Mapping[str, str]] = {
    "confidence": "intent",
    "out_of_scope": "intent",
    "sentiment": "sentiment",
    "anger": "sentiment",
    "state_anger": "sentiment",
}
"""What models score, with the task whose model it comes from."""
PART_SECONDS: Final = ("intent", "sentiment", "entities", "routing", "reply")
"""Parts of a turn whose time a replay measures."""
KEY: Final = "cityHash64(tenant_id, session_id, turn_id)"
BASES: Final = ("messages", "routes", "replies", "dead_letters")
"""What a turn is known by; signals alone make none."""
_BETWEEN: Final = (
    "turn_started_at >= fromUnixTimestamp64Micro({start:Int64}, 'UTC') "
    "AND turn_started_at < fromUnixTimestamp64Micro({end:Int64}, 'UTC')"
)


class Scope(NamedTuple):
    """Which turns of a run are read, as SQL with its parameters."""

    sql: str
    parameters: Mapping[str, Any]


ALL: Final = Scope("1", {})


def sessions_of_run(other: str) -> Scope:
    """Turns of the sessions that another run has: of `live`, those whose turns that run replayed."""
    mine = "SELECT {what} FROM messages WHERE run_id = {{other:String}}"
    first, last = mine.format(what="min(turn_started_at)"), mine.format(what="max(turn_started_at)")
    return Scope(
        f"turn_started_at >= ({first}) - INTERVAL 1 DAY AND turn_started_at <= ({last}) + INTERVAL 1 DAY AND "
        f"(tenant_id, session_id) IN ({mine.format(what='DISTINCT tenant_id, session_id')})",
        {"other": other},
    )


def turns_between(tenant: str | None, start: int, end: int) -> Scope:
    """Turns of a tenant, or of all of them, that began in [start, end), microseconds UTC."""
    of = "1" if tenant is None else "tenant_id = {tenant:String}"
    return Scope(f"{of} AND {_BETWEEN}", {"tenant": tenant or "", "start": start, "end": end})


def read_turns(client: Client, run_id: str, scope: Scope = ALL, *, decisions: bool = True) -> Turns:
    """The turns of a run within a scope. decisions: whether fields are hashed, for comparing them turn by turn.

    Raises clickhouse_connect's errors where the server is away.
    """
    parts = {table: _facts(client, table, run_id, scope, decisions) for table in SOURCES}
    base = [parts[table] for table in BASES]
    key, first = np.unique(np.concatenate([p["key"] for p in base]).astype(np.uint64), return_index=True)
    session = np.concatenate([p["session"].astype(np.uint64) for p in base])[first]
    started = np.concatenate([p["started"] for p in base]).astype(np.int64)[first]
    numbers: dict[str, Numbers] = {}
    words: dict[str, Words] = {}
    fields: dict[str, Ids] = {}
    models: dict[str, Ids] = {}
    for table, source in SOURCES.items():
        place, there = places(key, parts[table]["key"])
        numbers |= {name: _spread(parts[table][f"n_{name}"], place, there, np.nan) for name in source.numbers}
        words |= {name: _spread(parts[table][f"w_{name}"], place, there, "") for name in source.words}
        if decisions:
            fields |= {name: _spread(parts[table][f"f_{name}"], place, there, 0) for name in source.fields}
            if source.model:
                models[source.model] = _spread(parts[table]["model"], place, there, 0)
    numbers["latency"] = (numbers["reply_at"] - numbers["message_at"]) / 1_000_000
    late = numbers["reply_at"] > numbers["due"]
    numbers["deadline_missed"] = np.where(np.isfinite(numbers["latency"]), late, np.nan)
    measured = _measures(client, run_id)
    place, there = places(key, measured["key"])
    for name in measured.keys() - {"key", "computed"}:
        numbers[name] = _spread(measured[name], place, there, np.nan)
    computed = _spread(measured["computed"], place, there, 0) if len(measured["key"]) else None
    return Turns(key, session, started, numbers, words, fields, models, computed).in_order()


def _facts(client: Client, table: str, run_id: str, scope: Scope, decisions: bool) -> Columns:
    """One table's columns, by key; of several events of a turn the first in the log."""
    source = SOURCES[table]
    columns = {
        "key": KEY,
        "session": "cityHash64(tenant_id, session_id)",
        "started": "toUnixTimestamp64Micro(turn_started_at)",
        **{f"n_{name}": f"toFloat64({sql})" for name, sql in source.numbers.items()},
        **{f"w_{name}": f"toString({sql})" for name, sql in source.words.items()},
    }
    if decisions:
        columns |= {f"f_{name}": f"cityHash64(tuple(1, {sql}))" for name, sql in source.fields.items()}
        columns |= {"model": "cityHash64(fingerprint)"} if source.model else {}
    rows = f"{table} FINAL WHERE run_id = {{run:String}} AND turn_id != '' AND {scope.sql}"
    found = read_columns(client, columns, f"{rows} ORDER BY offset", {"run": run_id, **scope.parameters})
    return _by_key(found)


def _measures(client: Client, run_id: str) -> Columns:
    """What the replay of a run measured, turn by turn; nothing of live."""
    columns = {
        "key": KEY,
        "computed": "cityHash64(arraySort(arrayMap(x -> toString(x), recomputed)))",
        "on_policy": "toFloat64(on_policy)",
        "model_seconds": "intent_seconds + sentiment_seconds + entities_seconds",
        "decision": " + ".join(f"{part}_seconds" for part in PART_SECONDS),
        "tokens": "toFloat64(tokens)",
        **{f"seconds_{part}": f"{part}_seconds" for part in PART_SECONDS},
    }
    if run_id == LIVE:
        return {name: np.zeros(0) for name in columns}
    return _by_key(read_columns(client, columns, "run_turns FINAL WHERE run_id = {run:String}", {"run": run_id}))


def _by_key(found: Columns) -> Columns:
    found["key"] = found["key"].astype(np.uint64)
    _, first = np.unique(found["key"], return_index=True)
    return {name: column[first] for name, column in found.items()}


def places(key: Ids, ordered: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each key lies among ordered ones, and whether it does."""
    if not len(ordered):
        return np.zeros(len(key), dtype=np.int64), np.zeros(len(key), dtype=bool)
    place = np.minimum(np.searchsorted(ordered, key), len(ordered) - 1)
    return place, ordered[place] == key


def _spread(column: NDArray[Any], place: NDArray[np.int64], there: NDArray[np.bool_], missing: Any) -> NDArray[Any]:
    """A table's column at the turns; `missing` where the table has none."""
    kind = object if isinstance(missing, str) else float if missing != missing else np.uint64
    result = np.full(len(place), missing, dtype=kind)
    result[there] = column[place[there]]
    return result


def turn_ids(client: Client, run_id: str, keys: Ids) -> Words:
    """[n, 3]: tenant, session and turn of the keys, of a run that has them all; a replay, since `live` is long."""
    names = ("tenant_id", "session_id", "turn_id")
    columns = {"key": KEY, **{name: f"toString({name})" for name in names}}
    found: Words = np.full((len(keys), len(names)), "", dtype=object)
    left = np.ones(len(keys), dtype=bool)
    for table in BASES:  # nearly all are messages
        if not left.any():
            break
        rows = f"{table} WHERE run_id = {{run:String}} AND turn_id != ''"
        read = _by_key(read_columns(client, columns, rows, {"run": run_id}))
        place, there = places(keys, read["key"])
        there &= left
        for n, name in enumerate(names):
            found[there, n] = read[name][place[there]]
        left &= ~there
    return found


def read_columns(client: Client, columns: Mapping[str, str], rows: str, parameters: Mapping[str, Any]) -> Columns:
    """Columns as numpy has them. `columns`: SQL by name; `rows`: what follows FROM."""
    chosen = ", ".join(f"{sql} AS `{name}`" for name, sql in columns.items())
    context = client.create_query_context(
        f"SELECT {chosen} FROM {rows}", parameters=dict(parameters), use_numpy=True, max_str_len=0, use_none=False
    )
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in columns}
    with client.query_column_block_stream(context=context) as stream:
        for block in stream:
            for name, column in zip(columns, block, strict=True):
                found[name].append(np.asarray(column))
    return {name: np.concatenate(blocks) if blocks else np.zeros(0) for name, blocks in found.items()}
