"""Stages that share a batch over the real log: what each keeps of its own, and where they go on together or apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.inspection import group_lags
from infra.local.stack import LocalStack
from infra.topics import create_topics
from processors.stage import Transform
from schemas.catalogue import CONTROL, DEAD_LETTERS, MESSAGES, SIGNALS
from schemas.events import DeadLettered, Event, Record, StageHalted
from schemas.identity import session_key
from streams.harvest import StageStopped
from streams.log import read_to_end
from streams.partitions import PartitionedReader
from streams.positions import Stood
from streams.sink import Sink
from streams.stage_work import ChainWork
from streams.topology import CHAINS, SPECS, StageSpec
from tests.integration.stage_loop import CODEC, Echo, events_of, message, running, spec, until, write

pytestmark = pytest.mark.broker


@pytest.fixture
def log(short_folder: Path, unique: str) -> Iterator[str]:
    """A broker of the test's own: its stages read chat.messages from the beginning."""
    with LocalStack(short_folder / unique[-8:], only={"kafka"}, usual_ports=False) as stack:
        assert stack.addresses.kafka is not None
        create_topics(stack.addresses.kafka, partitions=2)
        yield stack.addresses.kafka


def keyed(event: Event) -> tuple[str, bytes, bytes]:
    return MESSAGES, session_key(event.meta.tenant_id, event.meta.session_id), CODEC.encode(event)


def named(name: str, tenant: str, retries: int = 0) -> tuple[StageSpec, Transform]:
    """A stage called `name` that echoes the tenant's messages."""
    stage = Echo(tenant, retries=retries)
    stage.name = name
    return StageSpec(name, "tested", (MESSAGES,), (SIGNALS,)), stage


def test_each_stage_of_a_chain_answers_and_rejects_for_itself(log: str, unique: str) -> None:
    """Of every message one event of each, of a record that is none one dead letter of each, under one id; the stage
    that cannot work at first holds up the batch, and not the other's events."""
    good = [message(unique, n) for n in range(10)]
    write(log, [keyed(event) for event in good[:5]])
    write(log, [(MESSAGES, session_key(unique, "s0"), b"garbage")])
    write(log, [keyed(event) for event in good[5:]])
    work = ChainWork([named("one", unique), named("other", unique, retries=3)], CODEC, Sink(log, CODEC))
    with running(log, spec(unique), work) as step:
        until(lambda: len(events_of(log, SIGNALS, unique)) >= 20, step)
        until(lambda: len(events_of(log, DEAD_LETTERS, unique)) >= 2, step)
    signals = events_of(log, SIGNALS, unique)
    by_stage = {stage: [s.meta.turn_id for s in signals if s.meta.made_by.stage == stage] for stage in ("one", "other")}
    assert all(sorted(map(str, turns)) == sorted(e.meta.event_id for e in good) for turns in by_stage.values())
    letters = [x for x in events_of(log, DEAD_LETTERS, unique) if isinstance(x, DeadLettered)]
    assert sorted(x.stage for x in letters) == ["one", "other"]
    assert len({x.meta.event_id for x in letters}) == 1


def test_a_chain_stops_at_the_limit_of_its_stages(log: str, unique: str) -> None:
    """Every stage of it has said so in the control log before the worker ends."""
    write(log, [(MESSAGES, session_key(unique, "s0"), b"garbage %d" % n) for n in range(25)])
    work = ChainWork([named(f"a-{unique}", unique), named(f"b-{unique}", unique)], CODEC, Sink(log, CODEC))
    with running(log, spec(unique), work) as step, pytest.raises(StageStopped, match=f"a-{unique}"):
        until(lambda: False, step)
    assert {e.stage for e in _halts(log)} >= {f"a-{unique}", f"b-{unique}"}


def test_stages_go_on_where_they_stood_when_they_are_chained_and_when_they_part(log: str, unique: str) -> None:
    """Apart, then as a chain, then apart again: no message is read twice, and none is left out."""
    chain = CHAINS[0]
    apart = [(SPECS[name], Stood(log, [(SPECS[name].group, chain.group)])) for name in chain.stages]
    together = Stood(log, [(SPECS[name].group, chain.group) for name in chain.stages])
    write(log, [keyed(message(unique, n)) for n in range(10)])
    for of, stood in apart:
        assert _read(log, of.group, [of.name], stood, unique) == 10
    write(log, [keyed(message(unique, n)) for n in range(10, 16)])
    assert _read(log, chain.group, chain.stages, together, unique) == 6
    assert {SPECS[name].group for name in chain.stages}.isdisjoint(group_lags(log))
    write(log, [keyed(message(unique, n)) for n in range(16, 20)])
    for of, stood in apart:
        assert _read(log, of.group, [of.name], stood, unique) == 4
    assert chain.group not in group_lags(log)
    write(log, [keyed(message(unique, n)) for n in range(20, 23)])
    assert _read(log, chain.group, chain.stages, together, unique) == 3
    assert len(events_of(log, SIGNALS, unique)) == 3 * 23


def _read(log: str, group: str, stages: list[str] | tuple[str, ...], stood: Stood, tenant: str) -> int:
    """Runs the stages as members of a group until nothing is left; how many messages they read."""
    work = ChainWork([named(name, tenant) for name in stages], CODEC, Sink(log, CODEC))
    reader = PartitionedReader(log, group, (MESSAGES,), open_states=work.open, positions=stood)
    reader.start()
    found = 0

    def step() -> None:
        nonlocal found
        batch = reader.read(100, 0.05)
        with reader.hand(batch) as hand:
            if hand.states and batch.messages:
                work.handle(batch, hand, reader)
                found += len(batch.messages)

    try:
        until(lambda: reader.assigned, step)
        until(lambda: bool(reader.lag()) and not any(reader.lag().values()), step)
    finally:
        reader.close()
    return found


def _halts(log: str) -> list[StageHalted]:
    found = (r.event for r in read_to_end(log, [CONTROL], CODEC) if isinstance(r, Record))
    return [event for event in found if isinstance(event, StageHalted)]
