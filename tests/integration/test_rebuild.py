"""Rebuilding beside the live tables, divergence, and stores that go away: the log has the last word."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from projections.analytics.rebuild import AnalyticsSide
from projections.analytics.schema import SWITCHING, client_of, migrate
from projections.divergence import Divergence, session_divergence, turn_divergence
from projections.ledger import ledger
from projections.rebuild import SessionSide, rebuild
from projections.runner import RESTART
from projections.runs import RunFacts
from schemas.events import Record
from streams.replay.engine import PartitionReplay
from tests.integration.a_log import a_turn, write
from tests.integration.projecting import Parts, eventually, own_parts, projecting
from tests.properties.sessions import a_session

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def parts(short_folder: Path) -> Iterator[Parts]:
    """Parts with thirty sessions in the log and in both stores."""
    with own_parts(short_folder / "rebuild") as found:
        write(found.kafka, [e for s in range(30) for n in (1, 2) for e in a_turn("shop", f"s{s}", n)])
        with projecting(found):
            eventually(lambda: found.behind() == 0, "both projections have the whole log")
        yield found


class Traffic:
    """Turns that keep coming while something is done."""

    def __init__(self, parts: Parts, name: str) -> None:
        self.turns = 0
        self._parts, self._name, self._stop = parts, name, threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def _write(self) -> None:
        while not self._stop.wait(0.02):
            self.turns += 1
            write(self._parts.kafka, a_turn("shop", f"{self._name}-{self.turns % 7}", self.turns))

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def assert_sound(parts: Parts) -> None:
    """Both stores tell what the log tells, and every message is accounted for."""
    eventually(lambda: parts.behind() == 0, "both projections have the whole log")
    assert session_divergence(parts.kafka, parts.postgres).divergent == []
    assert turn_divergence(parts.kafka, parts.clickhouse).divergent == []
    assert ledger(parts.kafka, parts.clickhouse).problems == []


def test_a_rebuild_of_what_is_sound_finds_nothing_and_changes_nothing(parts: Parts) -> None:
    """The whole log is folded anew, no session differs, and the new tables serve."""
    for side in (SessionSide(parts.postgres), AnalyticsSide(parts.clickhouse)):
        done = rebuild(side, parts.kafka)
        assert done.records == 30 * 2 * 6
        assert done.divergence == Divergence(30, [])
    assert_sound(parts)


def test_tampering_is_found_and_mended(parts: Parts) -> None:
    """A row that is not as the log has it is named by the divergence, and gone after a rebuild."""
    with psycopg.connect(parts.postgres) as connection:
        forge = "UPDATE session_state.turns SET reply = '{}' WHERE session_id = 's3' AND reply IS NOT NULL"
        connection.execute(forge)
        connection.execute("DELETE FROM session_state.turns WHERE session_id = 's4'")
    assert [k.session_id for k in session_divergence(parts.kafka, parts.postgres).divergent] == ["s3", "s4"]
    with client_of(parts.clickhouse) as client:
        client.command("ALTER TABLE turn_parts DELETE WHERE session_id = 's5' SETTINGS mutations_sync = 1")
    assert [k.session_id for k in turn_divergence(parts.kafka, parts.clickhouse).divergent] == ["s5"]
    for side, wrong in ((SessionSide(parts.postgres), ["s3", "s4"]), (AnalyticsSide(parts.clickhouse), ["s5"])):
        done = rebuild(side, parts.kafka)
        assert done.divergence is not None
        assert [k.session_id for k in done.divergence.divergent] == wrong
    assert_sound(parts)


def test_session_state_is_rebuilt_while_it_is_written_to(parts: Parts) -> None:
    """The live projection goes on in the new tables, or is fenced and starts anew; nothing is missing."""
    with Traffic(parts, "pg") as traffic, projecting(parts, ["session_state"]) as (live,):
        eventually(lambda: live.runner.ready()["group"] and traffic.turns > 10, "the projection has joined")
        rebuild(SessionSide(parts.postgres), parts.kafka)
        before = traffic.turns
        eventually(lambda: traffic.turns > before + 10, "traffic goes on after the switch")
    assert live.failed is None
    assert live.exit_code in (0, RESTART)
    with projecting(parts):
        assert_sound(parts)


def test_analytics_is_rebuilt_while_it_is_written_to(parts: Parts) -> None:
    """The live projection holds its batch during the switch, writes it to the new tables, and nothing is missing."""
    with projecting(parts) as running:
        with Traffic(parts, "ch"):
            eventually(lambda: all(r.runner.ready()["group"] for r in running), "the projections have joined")
            rebuild(AnalyticsSide(parts.clickhouse), parts.kafka)
        assert_sound(parts)
        assert all(each.thread.is_alive() for each in running)


def test_a_switch_that_was_cut_short_is_healed(parts: Parts) -> None:
    """A rebuild that died with the index of the log put aside is healed by the next migration, and the next rebuild."""
    for heal in (lambda: migrate(parts.clickhouse), lambda: rebuild(AnalyticsSide(parts.clickhouse), parts.kafka)):
        with client_of(parts.clickhouse) as client:
            client.command(f"RENAME TABLE log_index TO {SWITCHING}")
        heal()
        with projecting(parts):
            assert_sound(parts)


@pytest.mark.parametrize("store", ["postgres", "clickhouse"])
def test_a_store_that_dies_is_waited_for(parts: Parts, store: str) -> None:
    """Killed and restarted under load, the store gets every record once; its projection never left."""
    with projecting(parts) as running:
        with Traffic(parts, f"kill-{store}") as traffic:
            eventually(lambda: traffic.turns > 10 and all(r.runner.ready()["group"] for r in running), "all is going")
            parts.stack.kill(store, 9)
            eventually(lambda: any(not r.runner.ready()["store"] for r in running), "the projection notices")
            before = traffic.turns
            eventually(lambda: traffic.turns > before + 10, "traffic goes on without the store")
            parts.stack.wait_ready(store)
        # PostgreSQL may have lost its last commits, rows and positions together; then the projection starts anew.
        eventually(lambda: parts.behind() == 0 or not running[0].thread.is_alive(), "it has caught up, or stopped")
    assert [each.failed for each in running] == [None, None]
    with projecting(parts):
        assert_sound(parts)


def test_what_was_replayed_survives_a_rebuild_and_counts_for_nothing_of_live(parts: Parts) -> None:
    """Its turns are as before in the new tables; divergence and ledger tell of the log alone."""
    facts = tuple(_in_run(r, "replay-1") for r in a_session())
    with RunFacts(parts.clickhouse, "replay-1") as run:
        run.write(PartitionReplay(facts, (), {}), 0)
    asked = "SELECT * FROM turns WHERE run_id = 'replay-1' ORDER BY turn_id"
    with client_of(parts.clickhouse) as client:
        before = client.query(asked).result_rows
        done = rebuild(AnalyticsSide(parts.clickhouse), parts.kafka)
        assert client.query(asked).result_rows == before
    assert len(before) == 3
    assert done.divergence is not None
    assert done.divergence.none
    assert_sound(parts)


def _in_run(record: Record, run_id: str) -> Record:
    event = record.event
    return record._replace(event=event._replace(meta=event.meta._replace(run_id=run_id)))
