"""What operators changed, as every process sees it: read from the beginning of chat.control, and followed.

`ControlFold` is the fold alone, for the in-memory bus, replays and tests; `Control` feeds it from Kafka by a thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.catalogue import CONTROL
from schemas.codec import Codec
from schemas.events import ExperimentChanged, ModelActivated, PolicyActivated, Record, StageHalted, StageResumed
from schemas.validation import wrong_experiment
from streams.kafka_log import is_fatal
from streams.log import Unreadable, a_reader, decoded

CONFIRM_EVERY = 1.0
AGAIN = 0.5
_TAKEN = PolicyActivated | ModelActivated | ExperimentChanged | StageHalted | StageResumed

log = logging.getLogger(__name__)


class ControlView(Protocol):
    """What stages take. Everything is cheap, and may be asked from any thread."""

    @property
    def version(self) -> int:
        """Grows whenever anything changes."""
        ...

    def tenants(self) -> tuple[str, ...]:
        """The tenants for whom a policy was ever activated."""
        ...

    def policies(self, tenant: str) -> tuple[PolicyActivated, ...]:
        """A tenant's activations, by the time from which they hold; of equal times the later offset is last."""
        ...

    def models(self, task: str, tenant: str = "") -> tuple[ModelActivated, ...]:
        """Activations for a tenant alone, or (empty) for every tenant, in the order of `policies`; withdrawals too."""
        ...

    def model_tenants(self, task: str) -> tuple[str, ...]:
        """The tenants with activations of their own, by name."""
        ...

    def experiments(self, tenant: str) -> tuple[ExperimentChanged, ...]:
        """A tenant's starts and stops of experiments, in the order of `policies`; those that make no sense left out."""
        ...

    def experiment_tenants(self) -> tuple[str, ...]:
        """The tenants that ever had an experiment, by name."""
        ...

    def halted(self, stage: str) -> StageHalted | None:
        """The stage's halt, unless an operator has cleared it."""
        ...

    def fresh(self, seconds: float) -> bool:
        """Whether the control log was seen to its end within the last `seconds`."""
        ...


@dataclass(frozen=True)
class _State:
    """One version of everything; replaced as a whole, so that readers need no lock."""

    version: int = 0
    policies: Mapping[str, tuple[tuple[int, int, PolicyActivated], ...]] = field(default_factory=dict)
    models: Mapping[tuple[str, str], tuple[tuple[int, int, ModelActivated], ...]] = field(default_factory=dict)
    """By task and tenant."""
    experiments: Mapping[str, tuple[tuple[int, int, ExperimentChanged], ...]] = field(default_factory=dict)
    halted: Mapping[str, StageHalted] = field(default_factory=dict)


class ControlFold:
    """The fold. Records are taken in offset order, by one thread; of one id the lowest offset wins."""

    def __init__(self) -> None:
        self._state = _State()
        self._seen: set[str] = set()

    def take(self, record: Record) -> None:
        """One record of the control topic; others' are ignored."""
        event, state = record.event, self._state
        if not isinstance(event, _TAKEN) or event.meta.event_id in self._seen:
            return
        self._seen.add(event.meta.event_id)
        version = state.version + 1
        if isinstance(event, PolicyActivated):
            tenant = event.meta.tenant_id
            entries = (*state.policies.get(tenant, ()), (event.effective_at, record.offset, event))
            ordered = tuple(sorted(entries, key=lambda entry: entry[:2]))
            self._state = replace(state, version=version, policies={**state.policies, tenant: ordered})
        elif isinstance(event, ModelActivated):
            place = (event.task, event.meta.tenant_id)
            activated = (*state.models.get(place, ()), (event.effective_at, record.offset, event))
            in_order = tuple(sorted(activated, key=lambda entry: entry[:2]))
            self._state = replace(state, version=version, models={**state.models, place: in_order})
        elif isinstance(event, ExperimentChanged):
            self._take_experiment(event, record.offset)
        elif isinstance(event, StageHalted):
            self._state = replace(state, version=version, halted={**state.halted, event.stage: event})
        else:
            halted = {stage: halt for stage, halt in state.halted.items() if stage != event.stage}
            self._state = replace(state, version=version, halted=halted)

    def _take_experiment(self, event: ExperimentChanged, offset: int) -> None:
        state, tenant = self._state, event.meta.tenant_id
        if (wrong := wrong_experiment(event)) is not None:
            log.error("experiment %s of %s is passed over: %s", event.name, tenant, wrong)
            return
        changes = (*state.experiments.get(tenant, ()), (event.effective_at, offset, event))
        ordered = tuple(sorted(changes, key=lambda entry: entry[:2]))
        experiments = {**state.experiments, tenant: ordered}
        self._state = replace(state, version=state.version + 1, experiments=experiments)

    @property
    def version(self) -> int:
        return self._state.version

    def tenants(self) -> tuple[str, ...]:
        return tuple(self._state.policies)

    def policies(self, tenant: str) -> tuple[PolicyActivated, ...]:
        return tuple(event for _, _, event in self._state.policies.get(tenant, ()))

    def models(self, task: str, tenant: str = "") -> tuple[ModelActivated, ...]:
        return tuple(event for _, _, event in self._state.models.get((task, tenant), ()))

    def model_tenants(self, task: str) -> tuple[str, ...]:
        return tuple(sorted(tenant for of, tenant in self._state.models if of == task and tenant))

    def experiments(self, tenant: str) -> tuple[ExperimentChanged, ...]:
        return tuple(event for _, _, event in self._state.experiments.get(tenant, ()))

    def experiment_tenants(self) -> tuple[str, ...]:
        return tuple(sorted(self._state.experiments))

    def halted(self, stage: str) -> StageHalted | None:
        return self._state.halted.get(stage)

    def all_halted(self) -> Mapping[str, StageHalted]:
        """Every stage that is halted."""
        return self._state.halted

    def fresh(self, seconds: float) -> bool:
        """Always: a fold without Kafka has seen all there is."""
        return True


class Control(ControlFold):
    """The fold of the real control log. `start` returns at once; `wait_until_read` waits for the first end."""

    def __init__(self, bootstrap: str, codec: Codec) -> None:
        super().__init__()
        self._bootstrap, self._codec = bootstrap, codec
        self._confirmed_at: float | None = None
        self._read = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="control", daemon=True)
        self.failed: BaseException | None = None
        """What ended the thread, if anything did: the view stays as it was, and is no longer fresh."""

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def wait_until_read(self, timeout: float) -> bool:
        """Waits until everything that was there has been taken in. False: not within `timeout` seconds."""
        return self._read.wait(timeout)

    def close(self) -> None:
        """Stops reading."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def age(self) -> float:
        """Seconds since the log was last seen to its end; infinite before the first time."""
        at = self._confirmed_at
        return float("inf") if at is None else time.monotonic() - at

    def fresh(self, seconds: float) -> bool:
        return self.age() <= seconds

    def _follow(self) -> None:
        consumer = a_reader(self._bootstrap, **{"enable.partition.eof": False, "queued.min.messages": 100})
        try:
            self._read_on(consumer)
        except (KafkaException, ValueError) as err:
            self.failed = err
            log.exception("the control log cannot be read any more")
        finally:
            consumer.close()

    def _read_on(self, consumer: Consumer) -> None:
        position, asked, end = None, 0.0, -1
        while not self._stop.is_set():
            if time.monotonic() - asked >= CONFIRM_EVERY or end < 0:
                # The time is taken before the question: what is answered was true then.
                asked, (first, end) = time.monotonic(), self._span(consumer)
                if end >= 0 and position is None:
                    position = first
                    consumer.assign([TopicPartition(CONTROL, 0, first)])
            if position is None:
                self._stop.wait(AGAIN)
                continue
            if 0 <= end <= position:
                self._confirmed_at = asked
                self._read.set()
            message = consumer.poll(0.2)
            if message is None:
                continue
            if (error := message.error()) is not None:
                if is_fatal(error) or error.name() == "_AUTO_OFFSET_RESET":
                    raise KafkaException(error)
                log.warning("control: %s", error)
                continue
            position = (message.offset() or 0) + 1
            record = decoded(message, self._codec)
            if isinstance(record, Unreadable):
                log.error("control: offset %d is passed over: %s", record.offset, record.why)
            else:
                self.take(record)

    def _span(self, consumer: Consumer) -> tuple[int, int]:
        """The first and the next offset; the latter is -1 when the broker does not say."""
        try:
            return consumer.get_watermark_offsets(TopicPartition(CONTROL, 0), timeout=2.0, cached=False) or (0, -1)
        except KafkaException as err:
            log.warning("control: the end is not known: %s", err)
            return 0, -1
