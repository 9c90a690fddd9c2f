"""What is noted of a turn once it is decided and answered: what differs, what ran, what came from the record."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.events import ScenarioRouted
from streams.replay.answering import Answered
from streams.replay.cast import TASKS
from streams.replay.differences import Difference, of_reply, of_route, of_signal, together
from streams.replay.outcome import TurnMeasure
from streams.replay.recorded import RecordedTurn
from streams.replay.signals import Heard

HUMAN_REPLY = "human_reply"
GENERATION = "generation"


def measured(
    turn: RecordedTurn,
    heard: Sequence[Heard | None],
    route: ScenarioRouted,
    answered: Answered | None,
    humans: bool,
    on_policy: bool,
    routing_seconds: float,
    lacking: tuple[str, ...] = (),
) -> TurnMeasure:
    """One turn beside its record. humans: whether what human agents wrote is part of the run. lacking: what else the
    record does not have."""
    reply = answered.reply if answered is not None else None
    difference = _differences(turn, heard, route, answered)
    recomputed = [task for task, h in zip(TASKS, heard, strict=True) if h is not None and h.seconds is not None]
    served = [task for task, h in zip(TASKS, heard, strict=True) if h is not None and h.seconds is None]
    recomputed.append("route")
    generation = answered.generation if answered is not None else None
    if generation is not None:
        (served if generation == "served" else recomputed).append(GENERATION)
    elif reply is not None:
        recomputed.append("reply")
    if answered is not None and answered.cache is not None:
        (served if answered.cache == "served" else recomputed).append("cache")
    if humans and turn.agents:
        served.append(HUMAN_REPLY)
    missing = (HUMAN_REPLY,) if with_human(route) and not turn.agents and not with_human(turn.decision) else ()
    seconds = [h.seconds or 0.0 if h is not None else 0.0 for h in heard]
    meta = route.meta
    return TurnMeasure(
        meta.tenant_id,
        meta.session_id,
        meta.turn_id or "",
        meta.turn_started_at or 0,
        on_policy,
        difference.fields,
        difference.score,
        tuple(recomputed),
        tuple(served),
        (*missing, *lacking),
        seconds[0],
        seconds[1],
        seconds[2],
        routing_seconds,
        answered.seconds if answered is not None else 0.0,
        tokens_of(answered),
    )


def tokens_of(answered: Answered | None) -> int:
    """Read and written by models in this run; what is served from the record cost it none."""
    generated = answered.reply.generated if answered is not None else None
    if answered is None or answered.generation != "recomputed" or generated is None:
        return 0
    return generated.prompt_tokens + generated.tokens


def with_human(route: ScenarioRouted) -> bool:
    """Whether a human has the turn, or is handed it."""
    return route.owner == "human" or route.handoff


def _differences(
    turn: RecordedTurn, heard: Sequence[Heard | None], route: ScenarioRouted, answered: Answered | None
) -> Difference:
    parts = [
        of_signal(h.event if h is not None else None, s.event if s is not None else None)
        for h, s in zip(heard, turn.signals, strict=True)
    ]
    parts.append(of_route(route, turn.decision))
    if turn.reply is not None or turn.decision.owner != route.owner:
        parts.append(of_reply(answered.reply if answered is not None else None, turn.said))
    return together(parts)
