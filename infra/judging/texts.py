"""What was said in the turns that two runs have: questions, both replies, what people answered. From ClickHouse."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.client import Client

from infra.comparing.data import ALL, Columns, Scope, read_columns, sessions_of_run
from schemas.events import LIVE

REMEMBERED: Final = 12
"""Lines of a history."""
_WHO: Final = {"messages": "customer", "replies": "bot", "agent_replies": "agent"}
Key = tuple[str, str, str]


class _Line(NamedTuple):
    """`at`: when the log took it; `rank`: of equal times the customer comes first."""

    at: int
    rank: int
    said: str


@dataclass(frozen=True)
class TurnTexts:
    """n turns, row by row, in the order of the log. "" where a turn has none.

    human: the first answer of a human agent in the recorded log. history: what was said before in run A, a line each,
    `customer: …`, `bot: …`, `agent: …`, the last twelve.
    """

    turn_id: tuple[str, ...]
    question: tuple[str, ...]
    a: tuple[str, ...]
    b: tuple[str, ...]
    human: tuple[str, ...]
    history: tuple[str, ...]


def read_texts(client: Client, run_a: str, run_b: str, *, answered: bool = False) -> TurnTexts:
    """The texts of the turns that both runs have. answered: only of turns that a human answered, without histories,
    which is much less to read. Raises clickhouse_connect's errors where the server is away."""
    replay = run_b if run_a == LIVE else run_a
    human = _first(_rows(client, "agent_replies", LIVE, replay, False))
    if answered and not human:
        return TurnTexts((), (), (), (), (), ())
    of_a = {table: _rows(client, table, run_a, replay, answered) for table in _WHO}
    in_b = set(_keys(_rows(client, "messages", run_b, replay, answered)))
    b = _first(_rows(client, "replies", run_b, replay, answered))
    questions = {key: text for key, text in _first(of_a["messages"]).items() if key in in_b}
    replies = _first(of_a["replies"])
    return TurnTexts(
        tuple(turn for _, _, turn in questions),
        tuple(questions.values()),
        tuple(replies.get(key, "") for key in questions),
        tuple(b.get(key, "") for key in questions),
        tuple(human.get(key, "") for key in questions),
        ("",) * len(questions) if answered else tuple(_histories(of_a, tuple(questions))),
    )


def _rows(client: Client, table: str, run: str, replay: str, answered: bool) -> Columns:
    """A table's texts of a run, in the order of the log; of `live`, those of the sessions that were replayed."""
    sessions = sessions_of_run(replay)
    scope: Scope = sessions if run == LIVE != replay else ALL
    among = f"SELECT tenant_id, session_id, turn_id FROM agent_replies WHERE run_id = '{LIVE}' AND {sessions.sql}"
    only = f"(tenant_id, session_id, turn_id) IN ({among})" if answered else "1"
    columns = {
        **{name: f"toString({name})" for name in ("tenant_id", "session_id", "turn_id", "text")},
        "at": "toUnixTimestamp64Micro(appended_at)",
    }
    rows = f"{table} FINAL WHERE run_id = {{run:String}} AND turn_id != '' AND {scope.sql} AND {only}"
    return read_columns(client, columns, f"{rows} ORDER BY partition, offset", {"run": run, **sessions.parameters})


def _keys(rows: Columns) -> list[Key]:
    return list(zip(map(str, rows["tenant_id"]), map(str, rows["session_id"]), map(str, rows["turn_id"]), strict=True))


def _first(rows: Columns) -> dict[Key, str]:
    """Of several events of a turn the first in the log."""
    found: dict[Key, str] = {}
    for key, text in zip(_keys(rows), rows["text"], strict=True):
        found.setdefault(key, str(text))
    return found


def _histories(tables: dict[str, Columns], turns: tuple[Key, ...]) -> list[str]:
    sessions: dict[tuple[str, str], list[_Line]] = {}
    began: dict[Key, int] = {}
    for rank, (table, who) in enumerate(_WHO.items()):
        rows: dict[str, Any] = tables[table]
        for key, at, text in zip(_keys(rows), rows["at"], rows["text"], strict=True):
            said = f"{who}: {' '.join(str(text).split())}"
            sessions.setdefault(key[:2], []).append(_Line(int(at), rank, said))
            if table == "messages":
                began.setdefault(key, int(at))
    for lines in sessions.values():
        lines.sort()
    return [_before(sessions[key[:2]], began[key]) for key in turns]


def _before(lines: list[_Line], at: int) -> str:
    end = bisect_left(lines, at, key=lambda line: line.at)
    return "\n".join(line.said for line in lines[max(0, end - REMEMBERED) : end])
