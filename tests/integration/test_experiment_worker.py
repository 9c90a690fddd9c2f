"""An experiment starts and stops while messages flow through the real log."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from confluent_kafka import TopicPartition

from infra.topics import create_topics
from schemas.catalogue import MESSAGES, SIGNALS
from schemas.events import ExperimentChanged, MessageReceived, Record
from streams.control import Control
from streams.experiments import Experiment, Experiments
from streams.log import a_reader, bounds, read_to_end
from streams.models.active import ActiveModels
from streams.sink import Sink
from streams.stage_work import TransformWork, now_micros
from streams.testing import ScriptedIntents, ScriptedStore, a_model, an_arm, an_experiment
from streams.understanding import IntentStage
from tests.integration.stage_loop import CODEC, message, running, spec, until

AHEAD = 5_000_000
TRIED = a_model("7")
LIVE = ScriptedIntents({}, "shipped@1#000000000000")


@pytest.mark.broker
def test_a_worker_picks_up_a_start_and_a_stop_and_loses_nothing(broker: str, unique: str) -> None:
    """Every message has one signal, in order, by its arm's model as the log time says; a restart in between too."""
    create_topics(broker)
    control = Control(broker, CODEC)
    control.start()
    assert control.wait_until_read(30)
    store: ScriptedStore[ScriptedIntents] = ScriptedStore()
    store.models[TRIED.location] = ScriptedIntents({}, TRIED.fingerprint)
    # A clock that stands still: however slow the machine, a batch waits for its model.
    active = ActiveModels("intent", control, LIVE, store.load, clock=lambda: 0.0)
    active.start()
    sink, written = Sink(broker, CODEC), iter(range(1_000_000))

    def more(step: Callable[[], None]) -> Callable[[], None]:
        def some() -> None:
            sink.send([message(unique, next(written)) for _ in range(5)])
            step()

        return some

    def meanwhile(at: int, step: Callable[[], None]) -> None:
        """Works on what there is until that log time has come."""
        until(lambda: now_micros() > at, step)

    def made(fingerprint: str) -> int:
        return sum(r.event.meta.made_by.fingerprint == fingerprint for r in _read(broker, SIGNALS, unique))

    work = TransformWork(spec(unique), IntentStage(active), CODEC, Sink(broker, CODEC))
    start = _dealt(an_experiment(an_arm(None, TRIED), tenant=unique))
    _skip_others(broker, spec(unique).group)
    try:
        with running(broker, spec(unique), work) as step:
            until(lambda: made(LIVE.fingerprint) >= 10, more(step))
            start = start._replace(effective_at=now_micros() + AHEAD)
            sink.send([start])
            more(step)()
            meanwhile(start.effective_at, step)
            until(lambda: made(TRIED.fingerprint) >= 10, more(step))
        with running(broker, spec(unique), work) as step:  # another member, from where this one ended
            until(lambda: made(TRIED.fingerprint) >= 20, more(step))
            stop = ExperimentChanged(start.meta._replace(event_id="stop"), "trial", "stopped", now_micros() + AHEAD)
            sink.send([stop])
            more(step)()
            meanwhile(stop.effective_at, step)
            until(lambda: any(r.appended_at > stop.effective_at for r in _read(broker, MESSAGES, unique)), more(step))
            until(lambda: len(_read(broker, SIGNALS, unique)) >= len(_read(broker, MESSAGES, unique)), step)
    finally:
        active.close()
        control.close()

    messages, signals = _read(broker, MESSAGES, unique), _read(broker, SIGNALS, unique)
    experiments = Experiments.of(control)
    expected = [_expected(experiments, record) for record in messages]
    assert [s.event.meta.turn_id for s in signals] == [m.event.meta.event_id for m in messages]
    assert [s.event.meta.made_by.fingerprint for s in signals] == expected
    assert set(expected) == {LIVE.fingerprint, TRIED.fingerprint}
    last = max(messages, key=lambda record: record.appended_at)
    assert _expected(experiments, last) == LIVE.fingerprint


def _skip_others(log: str, group: str) -> None:
    """The group begins at the end: what other tests left in the log, some of it to be rejected, is not its business."""
    reader = a_reader(log, **{"group.id": group})
    ends = bounds(reader, [MESSAGES]).items()
    reader.commit(offsets=[TopicPartition(*place, high) for place, (_, high) in ends], asynchronous=False)
    reader.close()


def _dealt(start: ExperimentChanged) -> ExperimentChanged:
    """With a salt that puts some of the few sessions into each arm."""
    for number in count():
        dealt = start._replace(salt=f"salt {number}")
        arms = [Experiment(dealt).arm(f"s{n}").name for n in range(5)]
        if set(arms) == {"control", "candidate"}:
            return dealt
    raise AssertionError


def _expected(experiments: Experiments, record: Record) -> str:
    meta = record.event.meta
    arm = experiments.arm(meta.tenant_id, meta.session_id, record.appended_at)
    return TRIED.fingerprint if arm is not None and arm.models else LIVE.fingerprint


def _read(log: str, topic: str, tenant: str) -> list[Record]:
    """A tenant's records, by partition and offset."""
    records = [r for r in read_to_end(log, [topic], CODEC) if isinstance(r, Record)]
    of_tenant = [r for r in records if r.event.meta.tenant_id == tenant]
    assert topic != MESSAGES or all(isinstance(r.event, MessageReceived) for r in of_tenant)
    return sorted(of_tenant, key=lambda r: (r.partition, r.offset))
