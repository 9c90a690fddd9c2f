"""The drills there are, by the numbers of the bar they belong to, each with what it needs to stand on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from infra.drills import brokers, clock, disk, network, poison, registry, senders, stores, upgrade, workers
from infra.drills.drilling import Body, Drilling, Plan
from infra.drills.load import Manner

Needs = Literal["one", "three", "registry", "model"]
"""A stack with one broker, with three, with a schema registry; or one that generates, which is a drill of its own."""


@dataclass(frozen=True)
class Drill:
    """A row. body: what is done under load; None where the drill is another package's. asked: what is asked after the
    audit besides. manner: of its customers, from the rate; None: the usual ones. quick: whether the suite runs it."""

    number: int
    name: str
    about: str
    body: Body | None
    needs: Needs = "one"
    asked: Callable[[Drilling], None] | None = None
    manner: Callable[[Plan], Manner] | None = None
    quick: bool = False


DRILLS: Final[tuple[Drill, ...]] = (
    Drill(
        1, "kill", "kill -9 of each process at random, of a worker at each point of a batch", workers.kill, quick=True
    ),
    Drill(
        2, "term", "SIGTERM with a full buffer", workers.terminate, asked=workers.repeats_next_to_nothing, quick=True
    ),
    Drill(3, "pause", "SIGSTOP for longer than membership lasts, then SIGCONT", workers.pause, quick=True),
    Drill(4, "scale", "one worker, up to four, and back, every few seconds", workers.scale, quick=True),
    Drill(
        5, "brokers", "a broker restarted, a leader killed, one of three away, two of three", brokers.brokers, "three"
    ),
    Drill(6, "controllers", "the controller killed, all brokers killed at once", brokers.controllers, "three"),
    Drill(7, "network", "cut, one-way, slow: worker and brokers, projections and stores", network.network, "three"),
    Drill(8, "postgres", "PostgreSQL killed, down, out of connections", stores.postgres, quick=True),
    Drill(9, "clickhouse", "ClickHouse down, an insert's answer lost, too many parts", stores.clickhouse, quick=True),
    Drill(10, "models", "the model's server hurt in six ways, its worker in two", None, "model"),
    Drill(11, "disk", "the files of a broker, of PostgreSQL and of a log cannot grow", disk.disk),
    Drill(12, "poison", "garbage amid the traffic, then nothing but garbage", poison.poison, quick=True),
    Drill(13, "schemas", "an incompatible schema; a registry that is away", registry.schemas, "registry"),
    Drill(14, "clock", "a worker's clock an hour wrong, and jumping", clock.clock),
    Drill(
        15,
        "senders",
        "messages twice, out of order, an hour late",
        senders.senders,
        manner=lambda plan: senders.unruly(plan.rate),
        quick=True,
    ),
    Drill(19, "upgrade", "every process becomes another version, one by one, and this one again", upgrade.upgrade),
)
BY_NAME: Final = {drill.name: drill for drill in DRILLS}
