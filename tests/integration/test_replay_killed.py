"""A replay that is killed with all of its processes, at whatever moment, comes to what it would have come to."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from typing import Any

import pytest

from infra.comparing.compare import compare
from infra.comparing.result import as_json
from infra.replaying.definition import Asked
from infra.replaying.running import How, create, delete, go_on, outcome
from projections.analytics.rows import COLUMNS, FACTS
from projections.analytics.schema import client_of
from projections.runs import Run, RunStore
from schemas.codec import Codec
from streams.replay.archive import ArchiveStretch
from streams.replay.stretch import Selection
from tests.integration.recorded import TENANT, Recorded, recorded_for

pytestmark = [pytest.mark.broker, pytest.mark.clickhouse, pytest.mark.timeout(300)]
RUN, BESIDE = "cut-short", "whole-one"
TIMES = ("seconds", "took_seconds", "processes")
"""What of an outcome says how long it took."""
METRICS = ("handled_automatically", "handoff_rate", "scenario_change_rate", "sentiment_mean", "out_of_scope_rate")
"""None of those that are measured seconds."""
NOW = 1_800_000_000_000_000


@pytest.fixture(scope="module")
def recorded(broker: str, clickhouse: str, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Conversations over many partitions, in an archive."""
    return recorded_for(broker, clickhouse, tmp_path_factory)


@pytest.fixture(scope="module")
def store(recorded: Recorded) -> RunStore:
    """Of runs."""
    return RunStore(recorded.settings.clickhouse)


def created(recorded: Recorded, store: RunStore, run_id: str) -> Run:
    """A new run of all of it."""
    window = ArchiveStretch.of(recorded.folder, Codec()).window
    asked = Asked(window, Selection(tenant=TENANT), archive=str(recorded.folder))
    return create(recorded.settings, store, run_id, asked, NOW)


def facts(recorded: Recorded) -> dict[str, str]:
    """Of every table, the SHA-256 of all rows of the run, as they count."""
    found = {}
    with client_of(recorded.settings.clickhouse) as client:
        for table in (*FACTS.values(), "run_turns"):
            columns = [c for c in COLUMNS[table] if c != "written_at" and not (table == "run_turns" and "seconds" in c)]
            sql = f"SELECT {', '.join(columns)} FROM {table} FINAL WHERE run_id = '{RUN}' ORDER BY ALL"
            found[table] = hashlib.sha256(repr(client.query(sql).result_rows).encode()).hexdigest()
    return found


def report(recorded: Recorded, store: RunStore) -> str:
    """What is said of the run, and of it beside another, as JSON; without times of running."""
    with client_of(recorded.settings.clickhouse) as client:
        beside = as_json(compare(client, BESIDE, RUN, metrics=METRICS))
    said = outcome(recorded.settings, store, store.need(RUN)).as_json()
    for name in TIMES:
        del said[name]
    for name in ("speed", "curves"):
        del beside[name]
    return json.dumps([said, beside], sort_keys=True)


class Whole:
    """What the run comes to when nobody kills it."""

    def __init__(self, recorded: Recorded, store: RunStore) -> None:
        for run_id in (BESIDE, RUN):
            run = created(recorded, store, run_id)
            assert go_on(recorded.settings, store, run, How(1), lambda said: None).status == "complete"
        self.facts, self.report = facts(recorded), report(recorded, store)
        delete(recorded.settings, store, RUN)


@pytest.fixture(scope="module")
def whole(recorded: Recorded, store: RunStore) -> Whole:
    """The same for all that are killed."""
    return Whole(recorded, store)


def moments() -> list[tuple[str, int]]:
    """When to kill: drawn once and for all, by what has been told or written, never by a clock."""
    drawn = random.Random(5)
    told = [("told", drawn.randrange(1, 9))]  # of three words a partition at least
    return [*told, *(("written", drawn.randrange(1, 30)) for _ in range(2))]


@pytest.mark.parametrize(("kind", "count"), moments())
def test_a_replay_killed_at_any_moment_comes_to_the_same(
    recorded: Recorded, store: RunStore, whole: Whole, kind: str, count: int
) -> None:
    """Every fact and the report, but for times of running, byte for byte."""
    run = created(recorded, store, RUN)
    try:
        command = [sys.executable, "-m", "tests.integration.killed_replay", RUN, kind, str(count)]
        env = {**os.environ, **recorded.env}
        killed = subprocess.run(command, env=env, start_new_session=True, timeout=200, check=False)
        assert killed.returncode == -signal.SIGKILL
        assert go_on(recorded.settings, store, run, How(2), lambda said: None).status == "complete"
        assert facts(recorded) == whole.facts
        assert report(recorded, store) == whole.report
    finally:
        delete(recorded.settings, store, RUN)


def test_the_report_leaves_out_nothing_but_times(whole: Whole, recorded: Recorded) -> None:
    """What was compared has every turn, and the digests of every partition."""
    found: list[dict[str, Any]] = json.loads(whole.report)
    assert found[0]["turns"] == found[1]["paired_turns"] == recorded.turns
    assert len(found[0]["digests"]) == found[0]["partitions"]
