"""The flow, on one page: which stage reads what, writes what, and what it does when it cannot work.

The workers, the in-memory bus, the picture in the README and the tests are all built from this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.catalogue import CONTROL, DEAD_LETTERS, MESSAGES, PARTIALS, REPLIES, ROUTES, SIGNALS


@dataclass(frozen=True)
class StageSpec:
    """A stage as the topology sees it; each is a consumer group of its own, named `spillway.<name>`.

    reads: co-partitioned topics; partition n of each goes to the same member.
    changelog: the topics from which a keeper recovers its state, before anything of the partition is read.
    recalls: seconds of the changelog that matter; None: as long as the worker is told to look back.
    passes: by topic the records that do not concern it, and are passed by without a look: other stages look at them.
    at_fault: what the customer gets if the stage cannot work, since no stage may fail without an answer.
    """

    name: str
    about: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    changelog: tuple[str, ...] = ()
    recalls: float | None = None
    passes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    at_fault: str = ""

    @property
    def group(self) -> str:
        return f"spillway.{self.name}"


STAGES: Final[tuple[StageSpec, ...]] = (
    StageSpec(
        "intent",
        "what the customer wants, and in which language",
        (MESSAGES,),
        (SIGNALS,),
        at_fault="routing goes on without the signal once the wait is over, and says so",
    ),
    StageSpec(
        "sentiment",
        "how the customer feels",
        (MESSAGES,),
        (SIGNALS,),
        at_fault="routing goes on without the signal once the wait is over, and says so",
    ),
    StageSpec(
        "entities",
        "what the message names",
        (MESSAGES,),
        (SIGNALS,),
        at_fault="routing goes on without the signal once the wait is over, and says so",
    ),
    StageSpec(
        "routing",
        "joins a message with its signals and decides the turn",
        (MESSAGES, SIGNALS),
        (ROUTES,),
        changelog=(ROUTES,),
        at_fault="the turn waits in the log; the deadline is answered by the reply stage once it is routed",
    ),
    StageSpec(
        "reply",
        "answers with a fast rung; at the deadline also what its owner has not answered",
        (ROUTES, REPLIES),
        (REPLIES,),
        at_fault="the turn waits in the log",
    ),
    StageSpec(
        "generation",
        "answers with a model, or with a rung further down; its sentences go out as they are made",
        (ROUTES, REPLIES, MESSAGES),
        (REPLIES, PARTIALS),
        changelog=(ROUTES, REPLIES),
        recalls=3_600.0,
        passes={MESSAGES: frozenset({"MessageReceived", "SessionReturned"})},
        at_fault="the reply stage answers at the deadline, with a fast rung or the fallback",
    ),
)

SPECS: Final[dict[str, StageSpec]] = {s.name: s for s in STAGES}


@dataclass(frozen=True)
class Chain:
    """Stages without memory that read and write the same: a worker that has all of them runs them as one.

    It reads for them as one consumer group, which begins where the stages stood, and they where it did (docs/adr/0145).
    """

    name: str
    stages: tuple[str, ...]

    @property
    def group(self) -> str:
        return f"spillway.{self.name}"


CHAINS: Final = (Chain("understanding", ("intent", "sentiment", "entities")),)
CHAIN_OF: Final[dict[str, Chain]] = {name: chain for chain in CHAINS for name in chain.stages}
EVERY_STAGE_WRITES: Final = (DEAD_LETTERS, CONTROL)
EVERY_STAGE_READS: Final = (CONTROL,)
PROJECTIONS: Final[dict[str, tuple[str, ...]]] = {
    "session_state": (MESSAGES, SIGNALS, ROUTES, REPLIES, DEAD_LETTERS),
    "analytics": (MESSAGES, SIGNALS, ROUTES, REPLIES, DEAD_LETTERS),
}
