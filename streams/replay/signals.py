"""What is understood of a partition's messages: by models, in batches, where they can be had; else as recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from processors.outcomes import Emit, Retry
from processors.stage import Context
from schemas.events import Event, MessageReceived, Record
from schemas.identity import follow
from streams.replay.cast import TASKS, Cast
from streams.replay.recorded import RecordedTurn
from streams.replay.retelling import at_time
from streams.understanding import EntitiesStage, IntentStage, SentimentStage, Understanding

BATCH: Final = 256
"""Messages that a model sees at once."""
STAGES: Final[Mapping[str, type[Understanding[Any]]]] = {
    "intent": IntentStage,
    "sentiment": SentimentStage,
    "entities": EntitiesStage,
}


class CannotReplay(RuntimeError):
    """What must run for a replay cannot; what was replayed before stays good, so it can be resumed."""


class Heard(NamedTuple):
    """One signal of the run. `seconds`: that its model took; None: it is served from the record."""

    event: Event
    seconds: float | None


Understood = dict[str, list[Heard | None]]
"""Of each turn, its signals in the order of `cast.TASKS`."""


class _Chosen:
    """The port Models, where each message has its own model."""

    def __init__(self, by_turn: Mapping[str, Any]) -> None:
        self._by_turn = by_turn

    def models(self, records: Sequence[Record]) -> Sequence[Any]:
        return [self._by_turn[r.event.meta.event_id] for r in records]

    def status(self) -> dict[str, Any]:
        return {}


def understand(turns: Mapping[str, RecordedTurn], messages: Mapping[str, Record], cast: Cast) -> Understood:
    """The signals of those of these turns that have recorded ones; `messages`: of each, its message in the run.

    A signal keeps the time at which the recorded one was made. Raises CannotReplay when a model cannot run.
    """
    found: dict[str, list[Heard | None]] = {turn: [None, None, None] for turn in turns}
    for kind, task in enumerate(TASKS):
        clock = cast.model_clock if task != "entities" else time.thread_time  # patterns, in this thread
        asking: list[Record] = []
        models: dict[str, Any] = {}
        for id_, turn in turns.items():
            signal = turn.signals[kind]
            if signal is None:
                continue
            model = cast.model(task, signal.event.meta.made_by.fingerprint)
            if model is None:
                found[id_][kind] = Heard(_served(signal, messages[id_]), None)
            else:
                asking.append(messages[id_])
                models[id_] = model
        for id_, event, seconds in _made(task, asking, models, clock):
            found[id_][kind] = Heard(_timed(event, turns[id_], kind), seconds)
    return found


def _made(
    task: str, asking: Sequence[Record], models: Mapping[str, Any], clock: Callable[[], float]
) -> Iterator[tuple[str, Event, float]]:
    stage = STAGES[task](_Chosen(models))
    for start in range(0, len(asking), BATCH):
        batch = asking[start : start + BATCH]
        began = clock()
        outcomes = stage.process(batch, Context(0))
        seconds = (clock() - began) / len(batch)
        if isinstance(outcomes, Retry):
            names = ", ".join(sorted({models[r.event.meta.event_id].fingerprint for r in batch}))
            raise CannotReplay(f"{task}: {names} cannot run now; see the log, and resume the replay when it can")
        for record, outcome in zip(batch, outcomes, strict=True):
            assert isinstance(outcome, Emit)
            yield record.event.meta.event_id, outcome.events[0], seconds


def _timed(event: Event, turn: RecordedTurn, kind: int) -> Event:
    signal = turn.signals[kind]
    assert signal is not None
    return at_time(event, signal.event.meta.occurred_at)


def _served(signal: Record, message: Record) -> Event:
    """A recorded signal as the run's own: what it says and who made it stay."""
    assert isinstance(message.event, MessageReceived)
    meta = signal.event.meta
    own = follow(message.event.meta, meta.made_by.stage, meta.made_by.fingerprint, meta.occurred_at)
    return signal.event._replace(meta=own)
