"""A stage over the real log: bad records, events that are too large, a stage that cannot work, and the limit."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.stack import LocalStack
from infra.topics import create_topics
from schemas.catalogue import CONTROL, DEAD_LETTERS, MESSAGES, SIGNALS
from schemas.events import DeadLettered, EntitiesExtracted, Event, Record, StageHalted
from schemas.identity import session_key
from streams.harvest import StageStopped
from streams.log import read_to_end
from streams.sink import Sink
from streams.stage_work import TransformWork
from tests.integration.stage_loop import CODEC, Echo, events_of, message, running, spec, until, write

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def log(short_folder: Path) -> Iterator[str]:
    """A broker of this module's own: its stages read chat.messages from the beginning, and meet what others wrote."""
    with LocalStack(short_folder / "stage-work", only={"kafka"}, usual_ports=False) as stack:
        assert stack.addresses.kafka is not None
        create_topics(stack.addresses.kafka, partitions=4)
        yield stack.addresses.kafka


def keyed(event: Event) -> tuple[str, bytes, bytes]:
    return MESSAGES, session_key(event.meta.tenant_id, event.meta.session_id), CODEC.encode(event)


def work(log: str, tenant: str, stage: Echo) -> TransformWork:
    return TransformWork(spec(tenant), stage, CODEC, Sink(log, CODEC))


def test_bad_records_are_dead_letters_each_and_their_neighbours_pass(log: str, unique: str) -> None:
    """Garbage, cut bytes, an unknown schema, a wrong record, a wrong key, 1970, no deadline: one dead letter each."""
    good = [message(unique, n) for n in range(20)]
    key, whole = session_key(unique, "s0"), CODEC.encode(good[0])
    signal = CODEC.encode(EntitiesExtracted(good[0].meta, ()))
    bad: list[tuple[str, bytes | None, bytes | None]] = [
        (MESSAGES, key, b"\x07 random \xff bytes"),
        (MESSAGES, key, whole[:-9]),
        (MESSAGES, key, b"\x00" + struct.pack(">I", 999_999) + whole[5:]),
        (MESSAGES, key, signal),
        (MESSAGES, key, None),
        (MESSAGES, session_key(unique, "another session"), whole),
        keyed(message(unique, 100, occurred_at=1, turn_started_at=1)),
        keyed(message(unique, 101, deadline_at=None)),
    ]
    rows: list[tuple[str, bytes | None, bytes | None]] = [keyed(event) for event in good]
    write(log, [row for pair in zip(bad, rows, strict=False) for row in pair] + rows[len(bad) :])

    stage = Echo(unique)
    with running(log, spec(unique), work(log, unique, stage)) as step:
        until(lambda: len(events_of(log, DEAD_LETTERS, unique)) >= len(bad), step)
        until(lambda: len(events_of(log, SIGNALS, unique)) >= len(good), step)

    letters = [x for x in events_of(log, DEAD_LETTERS, unique) if isinstance(x, DeadLettered)]
    reasons = sorted(x.reason for x in letters)
    assert reasons == ["invalid"] * 3 + ["undecodable"] * 3 + ["unknown_schema", "wrong_record"]
    assert len({x.meta.event_id for x in letters}) == len(bad)
    answered = {event.meta.turn_id for event in events_of(log, SIGNALS, unique)}
    assert answered == {event.meta.event_id for event in good}


def test_what_is_committed_is_not_read_again(log: str, unique: str) -> None:
    """The next member of the group begins after the last batch, and does nothing twice."""
    for numbers in (range(10), range(10, 20)):
        write(log, [keyed(message(unique, n)) for n in numbers])
        with running(log, spec(unique), work(log, unique, Echo(unique))) as step:
            until(lambda: len(events_of(log, SIGNALS, unique)) >= numbers.stop, step)  # noqa: B023
    assert len(events_of(log, SIGNALS, unique)) == 20


def test_an_event_that_is_too_large_is_a_dead_letter_of_its_own(log: str, unique: str) -> None:
    """Its neighbours in the batch are written, and the batch is committed."""
    write(log, [keyed(message(unique, n)) for n in range(6)])
    stage = Echo(unique, size_of=lambda number: 1_200_000 if number == 3 else 10)
    with running(log, spec(unique), work(log, unique, stage)) as step:
        until(lambda: len(events_of(log, SIGNALS, unique)) >= 5, step)
        until(lambda: bool(events_of(log, DEAD_LETTERS, unique)), step)
    (letter,) = events_of(log, DEAD_LETTERS, unique)
    assert isinstance(letter, DeadLettered)
    assert (letter.reason, letter.meta.turn_id) == ("too_large", message(unique, 3).meta.turn_id)


def test_a_stage_that_cannot_work_holds_its_batch(log: str, unique: str) -> None:
    """It is asked again with the same records, until it can; nothing is lost or done twice."""
    write(log, [keyed(message(unique, n)) for n in range(5)])
    stage = Echo(unique, retries=3)
    with running(log, spec(unique), work(log, unique, stage)) as step:
        until(lambda: len(events_of(log, SIGNALS, unique)) >= 5, step)
    assert stage.asked > 3
    assert len(events_of(log, SIGNALS, unique)) == 5


def test_a_stage_that_rejects_too_much_halts_and_says_so_in_the_log(log: str, unique: str) -> None:
    """Twenty in a row: the batch is finished, the halt is in the control log, and the stage stops."""
    garbage = [(MESSAGES, session_key(unique, "s0"), b"garbage %d" % n) for n in range(25)]
    write(log, garbage)
    with running(log, spec(unique), work(log, unique, Echo(unique))) as step, pytest.raises(StageStopped, match="row"):
        until(lambda: False, step)
    halts = [
        record.event
        for record in read_to_end(log, [CONTROL], CODEC)
        if isinstance(record, Record) and isinstance(record.event, StageHalted)
    ]
    assert [halt.stage for halt in halts if halt.stage == spec(unique).name] == [spec(unique).name]
