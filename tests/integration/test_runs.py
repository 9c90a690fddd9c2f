"""Runs in ClickHouse: their facts beside those of live, written once or twice, counted apart, and removed whole."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from projections import analytics
from projections.analytics.rows import FACTS
from projections.analytics.schema import RUN_TABLES, TABLES
from projections.analytics.state import digests
from projections.analytics.store import Store
from projections.reading import Entry
from projections.runs import LiveRefused, Part, Run, RunFacts, RunReplies, RunStore, WrongRunName
from projections.runs.store import NoSuchRun
from schemas.events import Citation, Generated, PassedOver, Record, ReplyProduced
from streams.replay.engine import PartitionReplay, TurnMeasure
from streams.replay.generating import KeptReply
from tests.properties.sessions import a_session

pytestmark = pytest.mark.clickhouse
NOW = 1_800_000_000_000_000


class Place:
    """Empty tables in a database of the test's own, with live's session in them."""

    def __init__(self, url: str, database: str) -> None:
        analytics.migrate(url, database)
        self.url, self.database = url, database
        self.live = Store(url, database)
        self.live.write([Entry(*r[:4], "decoded", "", b"", r) for r in a_session()], now=0)
        self.runs = RunStore(url, database)

    def write(self, run_id: str, now: int = NOW, replay: PartitionReplay | None = None) -> str:
        """The session's facts under a run."""
        with RunFacts(self.url, run_id, self.database) as facts:
            return facts.write(replay or replayed(run_id), now)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """What a query gives."""
        return [tuple(row) for row in self.live.client.query(sql).result_rows]

    def count(self, table: str, run_id: str) -> int:
        """Rows of a run in a table, repeats included."""
        return int(str(self.rows(f"SELECT count() FROM {table} WHERE run_id = '{run_id}'")[0][0]))


@pytest.fixture(scope="module")
def place(clickhouse: str) -> Iterator[Place]:
    """Tables with live's session in them; every test has a run of its own."""
    found = Place(clickhouse, f"test_{uuid.uuid4().hex[:12]}")
    yield found
    found.live.client.command(f"DROP DATABASE {found.database}")
    found.live.close()
    found.runs.close()


def in_run(record: Record, run_id: str) -> Record:
    """The same record as a fact of a run."""
    event = record.event
    return record._replace(event=event._replace(meta=event.meta._replace(run_id=run_id)))


def replayed(run_id: str, seconds: float = 0.001) -> PartitionReplay:
    """The session, as if it had been replayed with this effort."""
    records = tuple(in_run(r, run_id) for r in a_session())
    turns = sorted({(e.meta.turn_id or "", e.meta.turn_started_at or 0) for *_, e in records if e.meta.turn_id})
    spent = (seconds,) * 5
    measures = [
        TurnMeasure("shop", "s-1", id_, at, True, ("scenario",), 0.5, ("intent",), ("reply",), (), *spent, 3)
        for id_, at in turns
    ]
    return PartitionReplay(records, tuple(measures), {"repeats": 1})


def a_run(run_id: str) -> Run:
    """A run of two partitions."""
    return Run(run_id, "created", "candidate", "teacher-forced", {"topics": False, "a": ["ü"]}, "id", (0, 1), NOW, NOW)


def a_part(run_id: str, partition: int, turns: int = 3) -> Part:
    """A partition that is done."""
    return Part(run_id, partition, 1, turns, 9, {"repeats": 1}, {"reading": 0.5}, "digest", NOW)


TURNS = "SELECT * EXCEPT run_id FROM turns WHERE run_id = '{run}' ORDER BY turn_id"


def test_facts_of_a_run_make_the_same_turns_as_those_of_live(place: Place, unique: str) -> None:
    """Under another run id: what analysts ask of one they can ask of the other."""
    place.write(unique)
    assert place.rows(TURNS.format(run=unique)) == place.rows(TURNS.format(run="live"))


def test_facts_written_again_change_nothing(place: Place, unique: str) -> None:
    """Neither the turns, nor the measures but for the latest times, nor the digest."""
    first = place.write(unique)
    turns = place.rows(TURNS.format(run=unique))
    measured = place.rows(f"SELECT * EXCEPT written_at FROM run_turns FINAL WHERE run_id = '{unique}' ORDER BY turn_id")
    assert place.write(unique, now=NOW + 1) == first
    assert place.write(unique, now=NOW + 2, replay=replayed(unique, seconds=9.0)) == first
    assert place.rows(TURNS.format(run=unique)) == turns
    again = place.rows(f"SELECT turn_id, reply_seconds FROM run_turns FINAL WHERE run_id = '{unique}' ORDER BY turn_id")
    assert [turn for turn, _ in again] == [row[3] for row in measured]
    assert {seconds for _, seconds in again} == {9.0}


def test_the_digest_tells_facts_apart(place: Place, unique: str) -> None:
    """One other decision, or one other finding, is another digest; the order in which they come is not."""
    same = replayed(unique)
    first = place.write(unique, replay=same)
    assert place.write(unique, replay=same._replace(records=same.records[::-1], turns=same.turns[::-1])) == first
    one = same.records[0]._replace(offset=99)
    assert place.write(unique, replay=same._replace(records=(one, *same.records[1:]))) != first
    other = same.turns[0]._replace(on_policy=False)
    assert place.write(unique, replay=same._replace(turns=(other, *same.turns[1:]))) != first


def test_a_run_changes_no_figure_of_live(place: Place, unique: str) -> None:
    """Turns of live, the digests that rebuilds and audits compare, and the index of the log stay as they were."""
    before = (place.rows(TURNS.format(run="live")), dict(digests(place.live.client)), place.count("log_index", "live"))
    place.write(unique)
    after = (place.rows(TURNS.format(run="live")), dict(digests(place.live.client)), place.count("log_index", "live"))
    assert after == before
    assert place.count("log_index", unique) == 0


def test_the_run_live_can_be_neither_written_nor_removed(place: Place) -> None:
    """By any of the ways in which runs are."""
    with pytest.raises(LiveRefused):
        place.write("live")
    with pytest.raises(LiveRefused):
        place.runs.create(a_run("live"))
    with pytest.raises(LiveRefused):
        place.runs.delete("live", NOW)
    with pytest.raises(WrongRunName):
        place.runs.delete("x' OR run_id = 'live", NOW)
    with pytest.raises(LiveRefused):
        place.runs.begin_again("live")
    assert place.count("messages", "live") > 0


def test_a_run_is_stored_and_its_parts_are_counted(place: Place, unique: str) -> None:
    """It comes back as it was; a part that is said twice is there once, and the later one counts."""
    place.runs.create(a_run(unique))
    assert place.runs.get(unique) == a_run(unique)
    assert unique in [run.run_id for run in place.runs.all()]
    assert place.runs.left(a_run(unique)) == [0, 1]
    place.runs.part_done(a_part(unique, 1))
    place.runs.part_done(a_part(unique, 1, turns=4)._replace(done_at=NOW + 1))
    assert place.runs.left(a_run(unique)) == [0]
    assert place.runs.parts(unique)[1] == a_part(unique, 1, turns=4)._replace(done_at=NOW + 1)
    assert place.runs.set_status(unique, "complete", NOW + 5).status == "complete"
    assert place.runs.need(unique).updated_at == NOW + 5
    place.runs.begin_again(unique)
    assert place.runs.left(a_run(unique)) == [0, 1]


def test_a_run_is_removed_from_every_table_and_no_other_is(place: Place, unique: str) -> None:
    """Facts, turns, measures, parts and the run itself; live and other runs stay."""
    other = f"{unique}-2"
    for run_id in (unique, other):
        place.runs.create(a_run(run_id))
        place.runs.part_done(a_part(unique, 0)._replace(run_id=run_id))
        place.write(run_id)
    turns = place.rows(TURNS.format(run="live"))
    place.runs.delete(unique, NOW + 1)
    tables = [*(t for t in TABLES if t != "log_index"), *RUN_TABLES]
    assert {table: place.count(table, unique) for table in tables} == dict.fromkeys(tables, 0)
    assert all(place.count(table, other) for table in (*FACTS.values(), "turn_parts", *RUN_TABLES))
    assert place.rows(TURNS.format(run="live")) == turns
    assert place.runs.get(unique) is None
    with pytest.raises(NoSuchRun, match="spillway runs list"):
        place.runs.delete(unique, NOW + 2)


def test_a_run_that_is_being_removed_takes_no_more(place: Place, unique: str) -> None:
    """Whoever replays it finds no such run before its next partition is written."""
    place.runs.create(a_run(unique))
    place.runs.set_status(unique, "deleted", NOW + 1)
    with pytest.raises(NoSuchRun, match="being deleted"):
        place.runs.need(unique)
    assert place.runs.get(unique) is not None
    place.runs.delete(unique, NOW + 2)
    assert place.runs.get(unique) is None


def test_generated_replies_are_there_before_their_partition_is_done(place: Place, unique: str) -> None:
    """Stored one by one they come back whole; written again with the rest of their partition they change nothing."""
    generated = Generated("small@1#aa", "answer@1#bb", 50, 7, None, 0.5, 0.25, "error", "first", "", ("too_long",))
    records = [in_run(r, unique) for r in a_session()]
    (reply,) = [r for r in records if isinstance(r.event, ReplyProduced)][:1]
    assert isinstance(reply.event, ReplyProduced)
    event = reply.event._replace(
        generated=generated,
        passed_over=(PassedOver("small_model", "model_first"),),
        citations=(Citation("a", "Ä"),),
        template=None,
    )
    made = reply._replace(event=event)
    with RunFacts(place.url, unique, place.database) as facts:
        replies = RunReplies(facts, place.url, place.database, now=lambda: NOW)
        assert replies.of(made.partition) == {}
        replies.keep([made])
        kept = replies.of(made.partition)
        assert kept == {
            event.meta.turn_id: KeptReply(
                event.text, event.rung, event.passed_over, event.citations, None, event.seconds, generated
            )
        }
        assert replies.of(made.partition + 1) == {}
        whole = PartitionReplay(tuple(made if r is reply else r for r in records), (), {})
        facts.write(whole, NOW)
        assert replies.of(made.partition) == kept
        turns = place.rows(TURNS.format(run=unique))
        facts.write(whole, NOW)
        assert place.rows(TURNS.format(run=unique)) == turns
    place.runs.create(a_run(unique))
    place.runs.delete(unique, NOW + 1)
    assert place.count("replies", unique) == 0
