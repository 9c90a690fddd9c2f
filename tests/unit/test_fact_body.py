"""The JSON of an event that is written straight from its tuples is what `json` makes of the same values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.conversation import LEFT_OUT, body
from processors.fact_body import fields_of, object_of
from schemas.catalogue import RECORDS
from schemas.events import Candidate, Customer, IntentDetected, MessageReceived, Record, ReplyProduced, ScenarioRouted
from tests.properties.sessions import a_session

SESSION = a_session()


def plain(value: Any) -> Any:
    """What JSON has of a value of an event: tuples with names as objects, maps in the order of their keys."""
    if hasattr(value, "_fields"):
        return {name: plain(v) for name, v in zip(value._fields, value, strict=True)}
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return [plain(v) for v in value] if isinstance(value, tuple) else value


def expected(record: Record) -> str:
    """A record's body by way of dictionaries."""
    event: Any = record.event
    meta = event.meta
    values = {
        "log_offset": record.offset,
        "log_time": record.appended_at,
        "event_id": meta.event_id,
        "occurred_at": meta.occurred_at,
        "turn_started_at": meta.occurred_at if meta.turn_started_at is None else meta.turn_started_at,
        "deadline_at": meta.deadline_at,
        "made_by": meta.made_by.stage,
        "fingerprint": meta.made_by.fingerprint,
    }
    for name, value in zip(event._fields[1:], event[1:], strict=True):
        if name not in LEFT_OUT.get(type(event), ()) and not (name == "generated" and value is None):
            values[name] = plain(value)
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("record", SESSION, ids=lambda r: f"{type(r.event).__name__}-{r.offset}")
def test_every_kind_of_event_is_written_as_json_would(record: Record) -> None:
    """Every field that is kept, in its order, nested ones included."""
    assert body(record) == expected(record)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
numbers = st.floats(width=64)


@settings(max_examples=60, deadline=None)
@given(texts, st.dictionaries(texts, texts, max_size=4), numbers, st.lists(st.tuples(texts, numbers), max_size=3))
def test_whatever_is_said_comes_out_as_json_would_have_it(
    said: str, named: dict[str, str], much: float, best: list[tuple[str, float]]
) -> None:
    """Quotes, line ends, signs of any language, numbers that are none, maps in any order, lists that are empty."""
    for record in SESSION:
        event: Any = record.event
        match event:
            case MessageReceived():
                event = event._replace(text=said, customer=Customer(said, said, True, named))
            case ScenarioRouted():
                event = event._replace(slots=named, template=said, soothing=said, rungs=tuple(named))
            case IntentDetected():
                event = event._replace(confidence=much, top=tuple(Candidate(*b) for b in best))
            case ReplyProduced():
                event = event._replace(seconds=much, template=None, generated=None)
            case _:
                continue
        changed = record._replace(event=event)
        assert body(changed) == expected(changed)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_there_is_a_writer_of_every_record(name: str) -> None:
    """A field of a new type does not stop a projection."""
    cls: Any = RECORDS[name]
    assert callable(fields_of(cls, frozenset({"meta"})))
    for hint in get_type_hints(cls).values():
        assert not hasattr(hint, "_fields") or callable(object_of(hint))
