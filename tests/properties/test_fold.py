"""The fold of a conversation, in memory: any order and any repetition give the same state."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.conversation import LATEST, Fold, SessionKey, body, dialogue, digest_of, fact, take
from schemas.codec import Codec
from schemas.events import LIVE, Record
from tests.properties.sessions import SESSION, TENANT, a_session, again_otherwise, deliveries

KEY = SessionKey(TENANT, LIVE, SESSION)


def folded(records: Sequence[Record]) -> Fold:
    """The fold of records in the order given."""
    fold: Fold = {}
    for record in records:
        take(fold, record)
    return fold


@settings(max_examples=300, deadline=None)
@given(deliveries())
def test_any_order_and_any_repetition_fold_to_the_same_state(delivered: Sequence[Record]) -> None:
    """Records shuffled, delivered twice, and repeated under the same id with another payload change nothing."""
    assert digest_of(folded(delivered)[KEY]) == digest_of(folded(a_session())[KEY])


@settings(max_examples=100, deadline=None)
@given(deliveries(), st.integers(0, 60))
def test_what_has_been_folded_can_be_folded_again_from_any_point(delivered: Sequence[Record], back: int) -> None:
    """Going back some records and folding them again leaves the state as it was."""
    fold = folded(delivered)
    before = digest_of(fold[KEY])
    for record in delivered[-back:]:
        take(fold, record)
    assert digest_of(fold[KEY]) == before


def test_another_payload_with_a_lower_offset_has_the_place() -> None:
    """Of one id the lowest offset wins, even when it arrives last."""
    first, later = a_session()[0], again_otherwise(a_session()[0])
    fold = folded([later._replace(offset=first.offset + 9), first])
    assert [f.body for f in fold[KEY].values()] == [body(first)]


def test_a_refused_message_leaves_nothing() -> None:
    """A message that validation refuses has no place in the fold; its dead letter tells of it."""
    record = a_session()[0]
    ancient = record._replace(event=record.event._replace(meta=record.event.meta._replace(occurred_at=0)))
    assert folded([ancient]) == {}


def test_the_dialogue_is_the_state_with_the_highest_seq_of_what_won() -> None:
    """A repeat with a higher seq under an id that is taken does not become the session's dialogue."""
    records = a_session()
    inflated = [again_otherwise(r)._replace(offset=r.offset + 1000) for r in records]
    bodies = [(f.kind, json.loads(f.body)) for f in folded([*inflated, *records])[KEY].values()]
    clean = [(f.kind, json.loads(f.body)) for f in folded(records)[KEY].values()]
    assert dialogue(bodies) == dialogue(clean)
    assert dialogue([]) is None


def test_nul_and_what_is_no_number_leave_no_trace_in_the_json() -> None:
    """What PostgreSQL or JSON cannot hold is replaced, in memory as in the stores."""
    reply = next(r for r in a_session() if type(r.event).__name__ == "ReplyProduced")
    event = reply.event._replace(text="a\x00b", seconds=math.nan)
    text = body(reply._replace(event=event))
    assert "\\u0000" not in text
    assert json.loads(text)["text"] == "a�b"
    assert json.loads(text)["seconds"] is None


def test_a_backslash_before_u0000_is_kept() -> None:
    """Only NUL itself is replaced, not the six characters that stand for it in JSON."""
    reply = next(r for r in a_session() if type(r.event).__name__ == "ReplyProduced")
    said = body(reply._replace(event=reply.event._replace(text="\\u0000")))
    assert json.loads(said)["text"] == "\\u0000"


def test_times_beyond_what_the_stores_hold_are_moved_to_their_bounds() -> None:
    """A garbage timestamp of an event that no validation looks at does not stop a store."""
    signal = next(r for r in a_session() if type(r.event).__name__ == "IntentDetected")
    meta = signal.event.meta._replace(occurred_at=2**62, turn_started_at=-5)
    values = json.loads(body(signal._replace(event=signal.event._replace(meta=meta))))
    assert (values["occurred_at"], values["turn_started_at"]) == (LATEST, 0)


def test_a_session_survives_its_way_through_avro() -> None:
    """What is folded from the log is what was folded from memory."""
    codec = Codec()
    through = [r._replace(event=codec.decode(r.topic, codec.encode(r.event))) for r in a_session()]
    assert digest_of(folded(through)[KEY]) == digest_of(folded(a_session())[KEY])
    assert all(fact(r) == fact(t) for r, t in zip(a_session(), through, strict=True))
