"""What `spillway bench replay` says."""

from __future__ import annotations

import json
from pathlib import Path

from infra.replaying.beside import Beside, conversations, shown_beside
from infra.replaying.measuring import OWN, Measured, cpu_seconds, shown


def measured() -> Measured:
    """A thousand conversations in twenty seconds."""
    spent = {"reading": 10.0, "writing": 30.0}
    cpu = {OWN: 8.0, "clickhouse": 12.0}
    return Measured(1000, 8000, 2, 15.0, 5.0, 50.0, 1.0, "better_or_equal", spent, cpu, 2, 0.5)


def test_a_measurement_says_how_fast_and_where_the_time_went() -> None:
    """Conversations a second over replay and comparison, shares of time, cores by part, and whether it is the same."""
    said = shown(measured())
    assert "1000 conversations (8000 turns) replayed and compared in 20.0 s: 50.0 conversations/s" in said
    assert "reading 25 %, writing 75 %" in said
    assert "clickhouse 12.0 s (1500 µs a turn), replay and comparison 8.0 s (1000 µs a turn)" in said
    assert "identical  100.000 % of turns" in said
    assert json.loads(measured().as_json())["cpu"]["clickhouse"] == 12.0


def test_rounds_beside_a_replay_are_told_with_their_spread() -> None:
    """Every round's p99, the ratio of the medians, and the least and greatest of the rounds'."""
    alone, beside = [40.0, 50.0, 45.0], [44.0, 50.0, 54.0]
    found = Beside(200.0, 30.0, 36_000, [10.0] * 3, alone, [11.0] * 3, beside, 1.111, [1.1, 1.0, 1.2], 0)
    said = shown_beside(found)
    assert "beside  p50 11 11 11 ms, p99 44 50 54 ms; median p99 50 ms" in said
    assert said.endswith("p99 beside a replay: 1.11 times; by round 1.00 to 1.20")


def test_there_are_as_many_messages_as_a_round_needs() -> None:
    """The demo's conversations come again, each under a name of its own."""
    talks = conversations(3000)
    messages = [sum(said.speaker == "customer" for said in talk.turns) for talk in talks]
    assert 3000 <= sum(messages) < 3000 + max(messages)
    assert len({talk.conversation_id for talk in talks}) == len(talks)


def test_without_a_stack_only_ones_own_time_is_told(tmp_path: Path) -> None:
    """There is nobody else to be looked at."""
    assert cpu_seconds(tmp_path).keys() == {OWN}
