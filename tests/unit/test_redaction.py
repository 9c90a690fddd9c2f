"""Texts and stored sessions without personal data."""

from __future__ import annotations

import json
from typing import Any

from infra.cli.redacted import redacted
from processors.conversation import SessionKey
from processors.redaction import redact, redact_repeated
from projections.session_state.reading import StoredSession, StoredTurn
from schemas.events import Entity
from tests.unit.extracting import entities

TEXT = "my name is Anna Smith, call 13812345678 about order 20260318334, it was £5"


def test_personal_stretches_become_their_kinds() -> None:
    """The rest stays as it is."""
    hidden = "my name is [person], call [phone] about order [order_number], it was £5"
    assert redact(TEXT, entities(TEXT)) == hidden
    assert redact("", []) == ""


def test_stretches_that_overlap_become_one_mark() -> None:
    """Nothing of either shows."""
    given = [Entity("phone", "12345", "12345", 2, 7, True), Entity("email", "456789", "456789", 5, 11, True)]
    assert redact("a 123456789 b", given) == "a [phone] b"


def test_what_was_said_is_hidden_where_it_is_repeated() -> None:
    """As written or as its value, the longest first, and marks are not marked again."""
    known = [
        Entity("phone", "138 1234 5678", "13812345678", 0, 13, True),
        Entity("person", "phone", "phone", 0, 5, True),
        Entity("amount", "5", "5 CNY", 0, 1, False),
        Entity("person", "王", "王", 0, 1, True),
    ]
    assert (
        redact_repeated("13812345678 (138 1234 5678), 5 CNY, phone, 王道", known)
        == "[phone] ([phone]), 5 CNY, [person], 王道"
    )
    assert redact_repeated("nothing known", []) == "nothing known"


def a_session(with_entities: bool = True) -> StoredSession:
    """A turn that names someone, and one whose reply repeats it."""
    first: dict[str, Any] = {
        "message": {"text": TEXT, "log_time": 1},
        "route": {"text": TEXT, "slots": {"order_number": "20260318334", "amount": "5 GBP"}, "log_time": 2},
    }
    if with_entities:
        first["entities"] = {"entities": [e._asdict() for e in entities(TEXT)], "log_time": 2}
    second = {"reply": {"text": "Order 20260318334 is on its way, Anna Smith.", "rung": "template", "log_time": 3}}
    turns = [
        StoredTurn("t1", first, [{"text": "Hello Anna Smith", "agent_id": "a"}], []),
        StoredTurn("t2", second, [], [{"score": 1, "comment": "I am Anna Smith"}]),
    ]
    return StoredSession(SessionKey("live", "shop", "s"), None, turns, [("returned", {"reason": "", "log_time": 4})])


def test_a_stored_session_is_shown_without_personal_data() -> None:
    """In the message, its signals, the slots, the replies of both, and the feedback; the stored one is as before."""
    session = a_session()
    before = json.dumps(session.turns)
    shown = json.dumps(redacted(session).turns)
    for said in ("Anna", "13812345678", "20260318334"):
        assert said not in shown
    assert "5 GBP" in shown
    assert "[order_number]" in shown
    assert json.dumps(session.turns) == before


def test_a_text_that_nobody_read_is_not_shown() -> None:
    """Its personal data is not known."""
    shown = redacted(a_session(with_entities=False))
    assert shown.turns[0].parts["message"]["text"] == "[not read]"
