"""A replay on one host, from what was asked to its end: created once, done part by part, resumed where it was left."""

from __future__ import annotations

import time
from dataclasses import dataclass

from infra.candidates.casting import settled
from infra.replaying.definition import Asked, Definition, same_or_refused
from infra.replaying.errors import ReplayError
from infra.replaying.outcome import Outcome, outcome_of
from infra.replaying.processes import Job, Told, replay_in_processes
from infra.replaying.topics import RunTopics
from infra.replaying.work import stretch_asked
from infra.settings import Settings
from infra.wiring import build_codec
from projections.analytics.schema import client_of
from projections.runs import Run, RunStore, checked_run_id


@dataclass(frozen=True)
class How:
    """workers: processes. aside: whether they step back for others on this machine. again: a run that is complete is
    replayed once more. share: of a core, that each process uses at most.
    """

    workers: int
    aside: bool = True
    again: bool = False
    share: float = 1.0


def create(settings: Settings, store: RunStore, run_id: str, asked: Asked, now: int) -> Run:
    """The run of that name and definition: the one that there is, else a new one.

    Raises OtherRun where there is another one of that name, WrongRunName for what is no name, StackError where the
    candidate cannot play here, ValueError for a stretch that holds nothing.
    """
    found = store.get(checked_run_id(run_id))
    if found is not None and found.status != "deleted":
        same_or_refused(found, asked)
        return found
    if found is not None:
        raise ReplayError(f"run {run_id} is being deleted; finish that first: spillway runs delete {run_id}")
    codec = build_codec(settings)
    stretch = stretch_asked(asked, settings, codec)
    definition = Definition(asked, stretch.describe(), tuple(stretch.gaps))
    run = Run(
        run_id,
        "created",
        asked.candidate.name,
        asked.mode,
        definition.as_json(),
        asked.id,
        tuple(stretch.partitions),
        now,
        now,
    )
    if asked.topics:
        RunTopics(settings.kafka, run_id, codec).create()
    store.create(run)
    return run


def settle(asked: Asked, settings: Settings) -> Asked:
    """The same with every bundle of the candidate where each worker finds it. Raises StackError."""
    return Asked(**{**vars(asked), "candidate": settled(asked.candidate, settings)})


def go_on(settings: Settings, store: RunStore, run: Run, how: How, told: Told) -> Run:
    """Replays what is left of a run. Returns it as it stands then: complete.

    Raises ReplayDied, and KeyboardInterrupt; what was done stays either way.
    """
    if how.again:
        store.begin_again(run.run_id)
    left = store.left(run)
    if left:
        run = store.set_status(run.run_id, "running", _now())
        replay_in_processes(Job(settings, run, how.aside, how.share), left, how.workers, told)
    return finished(store, run)


def finished(store: RunStore, run: Run) -> Run:
    """Says that a run is complete, where every partition of it is done; whoever did the last one. Raises NoSuchRun."""
    now = store.need(run.run_id)
    if now.status != "complete" and not store.left(now):
        return store.set_status(run.run_id, "complete", _now())
    return now


def outcome(settings: Settings, store: RunStore, run: Run) -> Outcome:
    """What a run has come to so far."""
    with client_of(settings.clickhouse) as client:
        return outcome_of(client, run, store.parts(run.run_id))


def delete(settings: Settings, store: RunStore, run_id: str) -> None:
    """Removes a run: its rows from all tables, and its topics. Raises NoSuchRun, LiveRefused, KafkaException."""
    run = store.get(checked_run_id(run_id))
    if run is not None and run.definition.get("topics"):
        RunTopics(settings.kafka, run_id, build_codec(settings)).delete()
    store.delete(run_id, _now())


def _now() -> int:
    return time.time_ns() // 1000


