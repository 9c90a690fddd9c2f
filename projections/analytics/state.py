"""The state of sessions, from the tables of analytics: the same places with the same JSON as in memory."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from itertools import groupby
from types import NoneType, UnionType
from typing import Any, Final, cast, get_args, get_origin, get_type_hints

from clickhouse_connect.driver.client import Client

from processors.conversation import LEFT_OUT, PARTS, SESSION_KINDS, TURN_KINDS, SessionKey, as_json, digest
from projections.analytics.rows import FACTS
from projections.analytics.store import positions
from schemas.events import LIVE, DeadLettered, Event

_KEY: Final = "tenant_id, run_id, session_id"
_OF_LIVE: Final = f"WHERE run_id = '{LIVE}'"
_TIMES: Final = ("occurred_at", "turn_started_at", "deadline_at")
_JSON: Final = {
    "output_format_json_named_tuples_as_objects": 1,
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_denormals": 0,
    "output_format_json_escape_forward_slashes": 0,
}
__all__ = ["digests", "positions"]


def digests(client: Client) -> Iterator[tuple[SessionKey, bytes]]:
    """Every live session's digest (`processors.conversation.digest`); a replay is no fold of the log."""
    rest = _events(client)
    for key, turns in groupby(_rows(client, _turns()), key=_session):
        entries = list(rest.pop(key, ()))
        for turn in turns:
            _put_generated(turn)
            for kind in PARTS:
                if turn[kind].pop("present"):
                    entries.append((kind, turn["turn_id"], _body(kind, turn[kind])))
        yield key, digest(entries)
    for key, entries in rest.items():
        yield key, digest(entries)


def _turns() -> str:
    merged = ", ".join(f"argMinMerge({kind}) AS {kind}" for kind in (*PARTS, "generated"))
    return (
        f"SELECT {_KEY}, turn_id, {merged} FROM turn_parts {_OF_LIVE} GROUP BY {_KEY}, turn_id "
        f"HAVING bitAnd(groupBitOr(parts), 127) != 0 ORDER BY {_KEY}"
    )


def _put_generated(turn: dict[str, Any]) -> None:
    """What a model did lies in a column of its own; in memory it is the last field of the reply, where there is any."""
    generated = turn.pop("generated")
    if generated.pop("asked"):
        turn["reply"]["generated"] = generated


def _events(client: Client) -> dict[SessionKey, list[tuple[str, str, str]]]:
    """What sessions have many of, by session."""
    found: dict[SessionKey, list[tuple[str, str, str]]] = defaultdict(list)
    for event, kind in SESSION_KINDS.items():
        for row in _rows(client, _facts(event)):
            found[_session(row)].append((kind, row["event_id"], _body(kind, row["body"])))
    return dict(found)


def _facts(event: type[Event]) -> str:
    of_no_turn = " AND turn_id = ''" if event is DeadLettered else ""
    columns = {
        "log_offset": "offset",
        "log_time": "toUnixTimestamp64Micro(appended_at)",
        "event_id": "event_id",
        **{name: f"toUnixTimestamp64Micro({name})" for name in _TIMES},
        "made_by": "made_by",
        "fingerprint": "fingerprint",
    }
    for field in event._fields[1:]:
        if field not in LEFT_OUT.get(event, ()):
            columns[field] = _OF_DEAD_LETTERS.get(field, field) if event is DeadLettered else field
    values = ", ".join(f"{column} AS _{name}" for name, column in columns.items())
    named = ", ".join(f"'{name}', toJSONString(_{name})" for name in columns)
    rows = f"SELECT *, {values} FROM {FACTS[event]} FINAL {_OF_LIVE}{of_no_turn}"
    return f"SELECT {_KEY}, event_id, [{named}] AS body FROM ({rows})"


_OF_DEAD_LETTERS: Final = {
    "topic": "origin_topic",
    "partition": "origin_partition",
    "offset": "origin_offset",
    "appended_at": "toUnixTimestamp64Micro(origin_appended_at)",
    "stage": "rejected_by",
}


def _rows(client: Client, query: str) -> Iterator[dict[str, Any]]:
    with client.raw_stream(query, fmt="JSONEachRow", settings=_JSON) as stream:
        for line in stream:
            yield json.loads(line)


def _session(row: Mapping[str, Any]) -> SessionKey:
    return SessionKey(row["tenant_id"], row["run_id"], row["session_id"])


def _body(kind: str, values: Any) -> str:
    """The JSON that memory has of it."""
    if isinstance(values, list):
        # ClickHouse's JSON of a NULL is NULL.
        pairs = zip(values[::2], values[1::2], strict=True)
        values = {name: None if text is None else json.loads(text) for name, text in pairs}
    hints: dict[str, Any] = _hints(cast(Hashable, _EVENT_OF[kind]))
    return as_json({name: _as(hints[name], value) if name in hints else value for name, value in values.items()})


_EVENT_OF: Final = {kind: event for kinds in (TURN_KINDS, SESSION_KINDS) for event, kind in kinds.items()}


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _as(hint: Any, value: Any) -> Any:
    """What JSON and ClickHouse do not keep: that 1.0 is no integer, and in which order a map's keys are."""
    if value is None:
        return None
    if get_origin(hint) is UnionType:
        (hint,) = (given for given in get_args(hint) if given is not NoneType)
    if hint is float:
        return float(value)
    if hasattr(hint, "_fields"):
        return {name: _as(_hints(hint)[name], v) for name, v in value.items()}
    if get_origin(hint) is tuple:
        return [_as(get_args(hint)[0], v) for v in value]
    return {k: value[k] for k in sorted(value)} if isinstance(value, dict) else value
