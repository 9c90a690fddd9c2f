"""One worker process: the Faust app with an agent for each of its stages, from start to exit code.

Faust is the runtime: app, agents, supervision, signals. Its own Kafka client never starts.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

import faust
from faust.app.base import BootStrategy
from mode import Service

from processors.stage import Stage, Transform
from schemas.codec import Codec
from streams import health, metrics
from streams.agent import Work, attach
from streams.control import Control
from streams.harvest import StageStopped
from streams.membership import Membership
from streams.partitions import PartitionedReader
from streams.positions import Stood
from streams.recovery import HISTORY, Changelog
from streams.remembered import RememberingCodec
from streams.sink import Sink
from streams.source import BATCH_LIMIT, TICK, Source
from streams.stage_work import ChainWork, KeeperWork, work_of
from streams.topology import CHAIN_OF, CHAINS, Chain, StageSpec

OK: Final = 0
BUG: Final = 1
RESTART: Final = 75
"""Start me again: a stage was halted or resumed, and this worker runs the others, or it too, from now on."""
HALTED: Final = 78
"""Every stage of this worker is halted: it stays stopped until an operator clears one."""

GARBAGE: Final = (20_000, 20, 20)
"""New objects after which they are looked through, and how often until older ones are."""
CONTROL_WITHIN = 60.0
LOOK_EVERY = 1.0
LAST_RESORT = 15.0
"""Seconds that a crashed worker has to come to its end by itself."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker runs. Times in seconds.

    bootstrap: Kafka's addresses. instance: a name for static membership, one for each worker; None: none.
    metrics_port: of /metrics and /ready; None: no server. limit: records in a batch. tick: between looks at timers
    without traffic. history: of the changelog that a recovery reads; None: all of it. chain: whether stages that can
    be chained are; apart, one that cannot work holds up none of the others.
    """

    bootstrap: str
    instance: str | None = None
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    limit: int = BATCH_LIMIT
    tick: float = TICK
    history: float | None = HISTORY
    chain: bool = True
    consumer: Mapping[str, str | int | float | bool] | None = None
    producer: Mapping[str, str | int | float | bool] | None = None


class _Boot(BootStrategy):
    enable_kafka = False
    enable_web = False
    enable_sensors = False


class _App(faust.App):
    BootStrategy: ClassVar[Any] = _Boot


def make_app(name: str = "spillway") -> faust.App:
    """An app that brings no Kafka client of its own, and that ends when any of its agents does."""
    return _App(
        name,
        broker="kafka://127.0.0.1:1",
        agent_supervisor="mode.CrashingSupervisor",
        datadir=os.path.join(tempfile.gettempdir(), "spillway-faust"),
        web_enabled=False,
    )


def add_stage(
    app: faust.App, name: str, reader: PartitionedReader[Any], work: Work[Any], settings: WorkerSettings, ticks: bool
) -> Source[Any]:
    """Gives the app a source and an agent; `start_sources` starts the source."""
    channel = app.channel(maxsize=4)
    source: Source[Any] = Source(channel, reader, limit=settings.limit, tick=settings.tick, ticks=ticks)
    attach(app, name, source, channel, work)
    return source


def start_sources(app: faust.App, sources: Sequence[Source[Any]], others: Sequence[Service] = ()) -> None:
    """Has the app start the sources once its agents listen, and stop them first."""

    class Sources(Service):
        async def on_start(self) -> None:
            # Channels are held back until someone says go; usually Faust's consumer does.
            app.flow_control.resume()
            for service in (*others, *sources):
                await self.add_runtime_dependency(service)

    app.service(Sources)


class _Watch(Service):
    """Ends the worker when a stage that it left out is resumed, or when the control log cannot be followed."""

    def __init__(self, control: Control, left_out: Sequence[str], **service: Any) -> None:
        super().__init__(**service)
        self._control, self._left_out = control, left_out

    @Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            await self.sleep(LOOK_EVERY)
            metrics.CONTROL_AGE.set(self._control.age())
            if self._control.failed is not None:
                raise RuntimeError("the control log cannot be followed") from self._control.failed
            if resumed := [stage for stage in self._left_out if self._control.halted(stage) is None]:
                raise StageResumedElsewhere(f"{', '.join(resumed)} may work again")


class StageResumedElsewhere(RuntimeError):
    """A stage that this worker left out may work again: the worker starts anew."""


def run_worker(
    stages: Sequence[tuple[StageSpec, Stage]],
    settings: WorkerSettings,
    codec: Codec,
    control: Control,
    detail: health.Detail = dict,
) -> int:
    """Runs the stages until SIGTERM or SIGINT, or until one of them fails. Returns the exit code.

    `control` has been started. `detail`: what /ready says besides. The caller ends the process by `exit_now`: Python
    would wait for threads that hang.
    """
    sys.setswitchinterval(0.001)
    logging.basicConfig(level=logging.INFO)
    if not control.wait_until_read(CONTROL_WITHIN):
        log.error("the control log could not be read within %.0f s", CONTROL_WITHIN)
        return BUG
    halted = [spec.name for spec, _ in stages if control.halted(spec.name) is not None]
    for spec, _ in stages:
        metrics.HALTED.labels(spec.name).set(spec.name in halted)
    for name in halted:
        log.error("%s is halted; clear it with: spillway dead-letters clear-limit %s", name, name)
    running = [(spec, stage) for spec, stage in stages if spec.name not in halted]
    if not running:
        return HALTED
    app, codec = make_app(), RememberingCodec(codec.ids)
    chained, apart = in_chains(running) if settings.chain else ((), running)
    readers: dict[str, PartitionedReader[Any]] = {}
    sources: list[Source[Any]] = []
    for chain, members in chained:
        sources.append(_chain_source(app, chain, members, settings, codec))
        readers |= dict.fromkeys(chain.stages, sources[-1].reader)
    for spec, stage in apart:
        sources.append(_source(app, spec, stage, settings, codec))
        readers[spec.name] = sources[-1].reader
    start_sources(app, sources, [_Watch(control, halted)])

    membership = Membership(settings.bootstrap)
    health.serve(settings.metrics_port, lambda: membership.of(readers), settings.metrics_host, detail)
    _leave_to_stay()
    return run_app(app)


def _leave_to_stay() -> None:
    """Models, policies and code are no garbage: it is not looked for among them, and less often among the rest, since
    what batches leave behind goes by itself. A full look took a tenth of a second of the stages' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def in_chains(
    running: Sequence[tuple[StageSpec, Stage]],
) -> tuple[list[tuple[Chain, list[tuple[StageSpec, Transform]]]], list[tuple[StageSpec, Stage]]]:
    """The chains of which every stage is there, and the stages that run by themselves."""
    by_name = {spec.name: (spec, stage) for spec, stage in running}
    whole = [chain for chain in CHAINS if by_name.keys() >= set(chain.stages)]
    chained = [(chain, [(by_name[n][0], cast(Transform, by_name[n][1])) for n in chain.stages]) for chain in whole]
    taken = {name for chain in whole for name in chain.stages}
    return chained, [(spec, stage) for spec, stage in running if spec.name not in taken]


def _chain_source(
    app: faust.App, chain: Chain, members: Sequence[tuple[StageSpec, Transform]], settings: WorkerSettings, codec: Codec
) -> Source[Any]:
    work = ChainWork(members, codec, Sink(settings.bootstrap, codec, settings.producer))
    stood = Stood(settings.bootstrap, [(spec.group, chain.group) for spec, _ in members])
    reader = _reader(chain.name, chain.group, members[0][0].reads, work, settings, stood)
    return add_stage(app, chain.name, reader, work, settings, ticks=False)


def _source(app: faust.App, spec: StageSpec, stage: Stage, settings: WorkerSettings, codec: Codec) -> Source[Any]:
    sink = Sink(settings.bootstrap, codec, settings.producer)
    changelog = None
    if spec.changelog:
        history = settings.history if spec.recalls is None else spec.recalls
        changelog = Changelog(settings.bootstrap, spec.changelog, codec, spec.name, history)
    work: Work[Any] = work_of(spec, stage, codec, sink, changelog)
    chain = CHAIN_OF.get(spec.name)
    stood = Stood(settings.bootstrap, [(spec.group, chain.group)]) if chain is not None else None
    reader = _reader(spec.name, spec.group, spec.reads, work, settings, stood)
    return add_stage(app, spec.name, reader, work, settings, ticks=isinstance(work, KeeperWork))


def _reader(
    name: str, group: str, reads: Sequence[str], work: Work[Any], settings: WorkerSettings, positions: Stood | None
) -> PartitionedReader[Any]:
    return PartitionedReader(
        settings.bootstrap,
        group,
        reads,
        open_states=work.open,
        close_states=work.close,
        positions=positions,
        instance=f"{settings.instance}.{name}" if settings.instance else None,
        config=settings.consumer,
    )


def run_app(app: faust.App) -> int:
    """Runs the app in this thread, which must be the main one, until it ends. Returns the exit code."""
    for runtime in ("faust", "mode"):
        logging.getLogger(runtime).setLevel(logging.WARNING)
    threading.Thread(target=_last_resort, args=(app,), name="last resort", daemon=True).start()
    try:
        faust.Worker(app, loglevel="INFO", redirect_stdouts=False, quiet=True).execute_from_commandline()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else BUG
    except Exception:  # whatever ended the app, the process ends with it, and says so
        log.exception("the worker ends")
        code = BUG
    reason = crash_reason(app)
    if isinstance(reason, StageStopped | StageResumedElsewhere):
        log.error("%s", reason)
        return RESTART
    return BUG if reason is not None and code == OK else code


def crash_reason(app: faust.App) -> BaseException | None:
    """What crashed the app or any service of it."""
    reason: BaseException | None = getattr(app, "crash_reason", None) or getattr(app, "_crash_reason", None)
    return reason


def _last_resort(app: faust.App) -> None:
    """A crash that does not end the process within its time ends it here."""
    while not app.crashed:
        threading.Event().wait(LOOK_EVERY)
    threading.Event().wait(LAST_RESORT)
    exit_now(BUG)


def exit_now(code: int) -> None:
    """Ends the process without waiting for its threads, one of which may be stuck in a call."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
