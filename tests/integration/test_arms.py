"""The arm that a stage gives a session is the one that ClickHouse computes."""

from __future__ import annotations

import clickhouse_connect
import pytest

from projections.analytics.arms import QUERY_SIZE, arm_sql
from schemas.events import ExperimentChanged
from streams.experiments import Experiment
from streams.testing import a_policy, an_arm, an_experiment

NAMES = ("s-{}", "客户-{}", "web:café {}", "微信|{}'\\", "𝄞{}")
SESSIONS = [NAMES[n % len(NAMES)].format(n) for n in range(10_000)]
ARM = an_arm(a_policy(version="2"))
THIRD = an_arm(a_policy(version="3"), name="third", weight=7.3)


@pytest.mark.clickhouse
@pytest.mark.parametrize(
    "started",
    [
        an_experiment(ARM),
        an_experiment(ARM, THIRD, control=1 / 3, excluded=["s-0", "微信|3'\\", "客户-1*", "web:*"]),
        an_experiment(ARM, excluded=[f"session-that-is-not-there-{n:09}" for n in range(20_000)]),
    ],
    ids=["halves", "three arms and exclusions", "as many exclusions as there may be"],
)
def test_both_agree_on_ten_thousand_sessions(
    clickhouse: str, fresh_clickhouse_database: str, started: ExperimentChanged
) -> None:
    """Chinese names, emoji, quotes and backslashes among them; the whole event is enough to write the question."""
    experiment = Experiment(started)
    wanted = [experiment.arm(s).name if experiment.takes_part(s) else "" for s in SESSIONS]
    database = fresh_clickhouse_database
    with clickhouse_connect.get_client(dsn=clickhouse, database=database) as client:
        client.command("CREATE TABLE sessions (n UInt32, session_id String) ENGINE = MergeTree ORDER BY n")
        client.insert("sessions", list(enumerate(SESSIONS)), ["n", "session_id"])
        found = client.query(f"SELECT {arm_sql(started)} FROM sessions ORDER BY n", settings=QUERY_SIZE)
    assert [arm for (arm,) in found.result_rows] == wanted
    assert {"control", "candidate"} <= set(wanted)
