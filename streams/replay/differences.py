"""Which decisions of a turn are not as recorded. Scores may differ by what a processor's rounding makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.events import (
    DialogueState,
    EntitiesExtracted,
    Event,
    IntentDetected,
    ReplyProduced,
    ScenarioRouted,
    SentimentScored,
)

TOLERANCE: Final = 1e-3
"""Of scores: encoders in 8 bits round by batch."""
ROUTE: Final = (
    "lang", "scenario", "step", "trigger", "owner", "handoff", "handoff_reason", "rungs", "template", "soothing",
    "knowledge_scope", "policy", "knowledge", "slots", "rejected",
)  # fmt: skip
"""The fields of a route that are decisions as they stand; beside them `missing` and `state`."""
REPLY: Final = ("text", "rung", "passed_over", "citations", "template", "policy", "knowledge", "handoff")
"""The fields of a reply that are; named `reply.text` and so on in a turn's differences."""
_TOOK: Final = ReplyProduced._fields.index("seconds")
VERSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "policy": ("policy", "reply.policy"),
    "knowledge": ("knowledge", "reply.knowledge"),
}
"""Fields that name the version of something."""


class Difference(NamedTuple):
    """fields: names of what differs. score: the biggest difference of any score."""

    fields: tuple[str, ...]
    score: float


SAME: Final = Difference((), 0.0)


def not_compared(changed: Iterable[str]) -> frozenset[str]:
    """Fields that must differ since they name what a candidate replaces, whatever is decided. changed: as in a Cast."""
    return frozenset(name for what in changed for name in VERSIONS.get(what, ()))


def of_signal(own: Event | None, recorded: Event | None) -> Difference:
    """Of one signal: its labels, not who made it."""
    if own is None or recorded is None or own[1:] == recorded[1:]:
        return SAME
    if isinstance(own, IntentDetected) and isinstance(recorded, IntentDetected):
        named = [f"intent.{f}" for f in ("label", "scenario", "lang") if getattr(own, f) != getattr(recorded, f)]
        score = max(abs(own.confidence - recorded.confidence), abs(own.out_of_scope - recorded.out_of_scope))
        return Difference(tuple(named), score)
    if isinstance(own, SentimentScored) and isinstance(recorded, SentimentScored):
        score = max(
            abs(own.score - recorded.score),
            abs(own.anger - recorded.anger),
            abs(own.confidence - recorded.confidence),
        )
        return Difference(() if own.label == recorded.label else ("sentiment.label",), score)
    if isinstance(own, EntitiesExtracted) and isinstance(recorded, EntitiesExtracted):
        return Difference(("entities",), 0.0)
    return Difference(("signal",), 0.0)


def of_route(own: ScenarioRouted, recorded: ScenarioRouted) -> Difference:
    """Of the decision and the state after it."""
    if own[1:] == recorded[1:]:
        return SAME
    fields = _named(own, recorded, ROUTE)
    if own.signals.missing != recorded.signals.missing:
        fields.append("missing")
    score = 0.0
    if own.signals != recorded.signals:
        pairs = zip(own.signals[1:5], recorded.signals[1:5], strict=True)
        score = max(abs(float(a) - float(b)) for a, b in pairs)
    state = of_state(own.state, recorded.state)
    return Difference((*fields, *state.fields), max(score, state.score))


def of_state(own: DialogueState, recorded: DialogueState) -> Difference:
    """Of two states after the same record."""
    if own == recorded:
        return SAME
    same = own._replace(anger=recorded.anger) == recorded
    return Difference(() if same else ("state",), abs(own.anger - recorded.anger))


def of_reply(own: ReplyProduced | None, recorded: ReplyProduced | None) -> Difference:
    """Of what the bot said; `reply` where only one of them said anything."""
    if own is None or recorded is None:
        return SAME if own is recorded else Difference(("reply",), 0.0)
    if own[1:_TOOK] == recorded[1:_TOOK]:  # all but who it is, and what it took
        return SAME
    return Difference(tuple(f"reply.{name}" for name in _named(own, recorded, REPLY)), 0.0)


def together(parts: Sequence[Difference]) -> Difference:
    """All of a turn's; `scores` is among the fields where a score is further off than rounding explains."""
    if all(part is SAME for part in parts):
        return SAME
    fields = [name for part in parts for name in part.fields]
    score = max(part.score for part in parts)
    if score > TOLERANCE:
        fields.append("scores")
    return Difference(tuple(fields), round(score, 6))


def _named(own: Any, recorded: Any, names: Sequence[str]) -> list[str]:
    return [name for name in names if getattr(own, name) != getattr(recorded, name)]
