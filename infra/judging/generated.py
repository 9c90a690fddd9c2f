"""How like each other two runs' replies are where a model made one of them: by characters, turn by turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from clickhouse_connect.driver.client import Client

from infra.comparing.data import ALL, read_columns, sessions_of_run
from infra.judging.likeness import LexicalLikeness, Likeness
from infra.judging.quality import Quality, Scored, drawn
from processors.ladder import GENERATING
from schemas.events import LIVE

LIKENESS: Final = "reply_likeness"
MOST: Final = 5_000
"""Turns that are compared, a millisecond each; of more, those that the seed chooses."""
Key = tuple[str, str, str]
_WHERE: Final = "replies FINAL WHERE run_id = {run:String} AND turn_id != ''"


def read_generated(client: Client, run_a: str, run_b: str, seed: int = 7) -> Quality:
    """Of the turns in which a model made the reply of either run, and both have one. Nothing where there is none.

    Raises clickhouse_connect's errors where the server is away.
    """
    a, b = (_replies(client, run, run_b if run_a == LIVE else run_a) for run in (run_a, run_b))
    turns = [key for key in a if key in b and (a[key][1] or b[key][1])]
    if not turns:
        return Quality()
    return likeness_of({key[2]: (a[key][0], b[key][0]) for key in turns}, LexicalLikeness(), seed)


def likeness_of(texts: Mapping[str, tuple[str, str]], likeness: Likeness, seed: int, most: int = MOST) -> Quality:
    """Of both sides' texts by turn id; A's likeness to itself is 1, B's that to A."""
    taken = sorted(sorted(texts, key=lambda turn: drawn(seed, turn))[:most])
    b = likeness.similarity([texts[turn][1] for turn in taken], [texts[turn][0] for turn in taken])
    scored = Scored(LIKENESS, tuple(taken), np.where(np.isfinite(b), 1.0, np.nan), b)
    sample = f"a sample of {len(taken):,} of " if len(taken) < len(texts) else "all "
    same = sum(a == b for a, b in texts.values())
    note = f"{LIKENESS} is by {likeness.fingerprint}, of {sample}{len(texts):,} turns in which a model made a reply; "
    return Quality((scored,), notes=(f"{note}{same:,} have the same text in both.",))


def _replies(client: Client, run: str, replay: str) -> dict[Key, tuple[str, bool]]:
    """By turn, the first reply in the log: its text, and whether a model made it."""
    scope = sessions_of_run(replay) if run == LIVE != replay else ALL
    rungs = ", ".join(f"'{rung}'" for rung in GENERATING)
    columns = {name: f"toString({name})" for name in ("tenant_id", "session_id", "turn_id", "text")}
    columns["made"] = f"rung IN ({rungs})"
    rows = f"{_WHERE} AND {scope.sql} ORDER BY partition, offset"
    read = read_columns(client, columns, rows, {"run": run, **scope.parameters})
    found: dict[Key, tuple[str, bool]] = {}
    keys = zip(map(str, read["tenant_id"]), map(str, read["session_id"]), map(str, read["turn_id"]), strict=True)
    for key, text, made in zip(keys, read["text"], read["made"], strict=True):
        found.setdefault(key, (str(text), bool(made)))
    return found
