"""A stored session without its personal data, for showing it to someone who need not know whose it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from processors.entities import PERSONAL
from processors.redaction import redact, redact_repeated
from projections.session_state.reading import StoredSession, StoredTurn
from schemas.events import Entity

_SAID: Final = frozenset({"text", "comment", "detail"})
"""Fields that hold what somebody said; ids, names of scenarios and fingerprints stay."""


def redacted(found: StoredSession) -> StoredSession:
    """The same session with [phone] and the like: in what was said, understood, remembered and answered.

    What the extraction found in one turn is replaced in all of them. A turn without extracted entities, because that
    stage was away, shows its text as [not read].
    """
    of_turns = [_entities(turn) for turn in found.turns]
    known = [entity for entities in of_turns for entity in entities]
    turns = [_turn(turn, own, known) for turn, own in zip(found.turns, of_turns, strict=True)]
    return found._replace(turns=turns, events=[(kind, _body(body, known)) for kind, body in found.events])


def _entities(turn: StoredTurn) -> list[Entity]:
    return [Entity(**entity) for entity in turn.parts.get("entities", {}).get("entities", ())]


def _turn(turn: StoredTurn, own: Sequence[Entity], known: Sequence[Entity]) -> StoredTurn:
    parts = {kind: _body(body, known) for kind, body in turn.parts.items()}
    for kind in ("message", "route"):
        if "text" in parts.get(kind, {}):
            read = "entities" in parts
            hidden = redact(turn.parts[kind]["text"], own) if read else "[not read]"
            parts[kind]["text"] = redact_repeated(hidden, known)
    if "entities" in parts:
        parts["entities"]["entities"] = [_hidden(entity) for entity in own]
    if "slots" in parts.get("route", {}):
        slots = parts["route"]["slots"]
        parts["route"]["slots"] = {kind: f"[{kind}]" if kind in PERSONAL else value for kind, value in slots.items()}
    return turn._replace(
        parts=parts,
        agent_replies=[_body(body, known) for body in turn.agent_replies],
        feedback=[_body(body, known) for body in turn.feedback],
    )


def _hidden(entity: Entity) -> dict[str, Any]:
    said = f"[{entity.kind}]"
    return (entity._replace(text=said, value=said) if entity.personal else entity)._asdict()


def _body(body: Mapping[str, Any], known: Sequence[Entity]) -> dict[str, Any]:
    return {
        name: redact_repeated(value, known) if name in _SAID and isinstance(value, str) else value
        for name, value in body.items()
    }
