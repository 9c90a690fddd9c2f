"""Which decisions count as other than recorded, and how far scores may be off."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.events import Entity
from streams.replay.differences import SAME, TOLERANCE, of_reply, of_route, of_signal, of_state, together
from streams.testing import Conversations, a_message

TALK = Conversations(partitions=1)
TALK.play([a_message()])
ROUTE, REPLY = TALK.routes()[0], TALK.replies()[0]
SIGNALS: list[Any] = [record.event for record in TALK.bus.records("chat.signals")]
INTENT, SENTIMENT, ENTITIES = SIGNALS


def test_an_event_is_the_same_as_itself_in_another_run() -> None:
    """Ids and times are no decisions, nor is how long a reply took."""
    meta = ROUTE.meta._replace(event_id="another", run_id="another")
    assert of_signal(INTENT._replace(meta=meta), INTENT) == SAME
    assert of_route(ROUTE._replace(meta=meta), ROUTE) == SAME
    assert of_reply(REPLY._replace(meta=meta, seconds=1.0), REPLY) == SAME
    assert of_reply(None, None) == SAME


def test_labels_differ_by_name() -> None:
    """Each field that says something else is named."""
    other = INTENT._replace(label="another", lang="zh", confidence=INTENT.confidence - 0.25)
    assert of_signal(other, INTENT).fields == ("intent.label", "intent.lang")
    assert of_signal(other, INTENT).score == pytest.approx(0.25)
    assert of_signal(SENTIMENT._replace(label="angry"), SENTIMENT).fields == ("sentiment.label",)
    found = ENTITIES._replace(entities=(Entity("order_id", "7", "7", 0, 1),))
    assert of_signal(found, ENTITIES).fields == ("entities",)
    assert of_route(ROUTE._replace(scenario="other", rungs=()), ROUTE).fields == ("scenario", "rungs")
    missing = ROUTE.signals._replace(missing=("intent",))
    assert of_route(ROUTE._replace(signals=missing), ROUTE).fields == ("missing",)
    assert of_reply(REPLY._replace(text="No.", rung="fallback"), REPLY).fields == ("reply.text", "reply.rung")
    assert of_reply(None, REPLY).fields == ("reply",)


def test_anger_in_the_state_is_a_score() -> None:
    """The rest of the state is decisions."""
    angrier = of_state(ROUTE.state._replace(anger=ROUTE.state.anger + 0.5), ROUTE.state)
    assert (angrier.fields, angrier.score) == ((), 0.5)
    assert of_state(ROUTE.state._replace(failures=9), ROUTE.state).fields == ("state",)


@pytest.mark.parametrize(("off", "fields"), [(TOLERANCE / 2, ()), (TOLERANCE * 2, ("scores",))])
def test_scores_may_be_off_by_rounding(off: float, fields: tuple[str, ...]) -> None:
    """And the biggest difference is told in either case."""
    sentiment = SENTIMENT._replace(score=SENTIMENT.score + off)
    found = together([SAME, of_signal(sentiment, SENTIMENT)])
    assert found.fields == fields
    assert found.score == pytest.approx(off)
