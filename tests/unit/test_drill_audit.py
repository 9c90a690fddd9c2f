"""The audit of a drill can fail: whatever is planted in a log that is sound is found in it, and named."""

from __future__ import annotations

from collections.abc import Sequence

from infra.drills.audit import Audit, audit_records
from processors.conversation import Fold, digest_of, fact, put
from projections.divergence import compare
from schemas.catalogue import TOPIC_OF
from schemas.events import Event, MessageReceived, Record, ReplyProduced, ScenarioRouted
from schemas.identity import derived_id
from tests.integration.a_log import a_turn, some_id

TURNS = 5
AT = 1_700_000_000_000_000


def a_session(session: str = "s") -> list[Event]:
    """A session of a few turns, each whole, in one episode."""
    events: list[Event] = []
    for number in range(1, TURNS + 1):
        for event in a_turn("shop", session, number, at=AT + number * 1_000_000):
            if isinstance(event, ScenarioRouted):
                event = event._replace(state=event.state._replace(episode_id="e", turn_seq=number))
            events.append(event)
    return events


def records(events: Sequence[Event]) -> list[Record]:
    """As they lie in one partition of each topic."""
    return [Record(TOPIC_OF[type(e)], 0, n, e.meta.occurred_at, e) for n, e in enumerate(events)]


def ids(events: Sequence[Event]) -> list[str]:
    return [e.meta.event_id for e in events if isinstance(e, MessageReceived)]


def audited(events: Sequence[Event], sent: Sequence[str] | None = None) -> Audit:
    return audit_records(records(events), ids(events) if sent is None else sent)


def test_a_sound_log_is_found_sound() -> None:
    """Nothing is planted, and nothing is found."""
    found = audited(a_session())
    assert found.sound
    assert found.turns == TURNS


def test_a_message_without_an_outcome_is_lost() -> None:
    """The reply to one turn is missing."""
    events = a_session()
    missing = next(e for e in events if isinstance(e, ReplyProduced))
    events.remove(missing)
    assert audited(events).lost == [missing.meta.turn_id]


def test_an_acknowledged_message_that_the_log_does_not_have_is_lost() -> None:
    """Somebody was told that it is safe."""
    assert audited(a_session(), [some_id("never written")]).unknown_to_log == [some_id("never written")]


def test_a_second_reply_under_another_id_is_a_double() -> None:
    """A repeat of the same id is none."""
    events = a_session()
    reply = next(e for e in events if isinstance(e, ReplyProduced))
    assert audited([*events, reply]).doubled == []
    assert audited([*events, reply]).redelivered == {"ReplyProduced": 1}
    other = reply._replace(meta=reply.meta._replace(event_id=derived_id("live", "reply", "another")))
    assert audited([*events, other]).doubled == [reply.meta.turn_id]


def test_a_second_decision_under_another_id_is_a_double() -> None:
    """A turn is decided once."""
    events = a_session()
    route = next(e for e in events if isinstance(e, ScenarioRouted))
    other = route._replace(meta=route.meta._replace(event_id=derived_id("live", "route", "another")))
    assert route.meta.turn_id in audited([*events, other]).doubled


def test_turns_decided_in_another_order_than_they_came_are_disorder() -> None:
    """Two decisions have changed places."""
    events = a_session()
    first, second = [n for n, e in enumerate(events) if isinstance(e, ScenarioRouted)][:2]
    events[first], events[second] = events[second], events[first]
    assert audited(events).disorder == [("shop", "s")]


def test_a_turn_that_was_decided_from_a_state_without_the_one_before_is_disorder() -> None:
    """It counts up by one from turn to turn, and here one of a zombie has its predecessor's number."""
    events = a_session()
    at = [n for n, e in enumerate(events) if isinstance(e, ScenarioRouted)][2]
    route = events[at]
    assert isinstance(route, ScenarioRouted)
    events[at] = route._replace(state=route.state._replace(turn_seq=route.state.turn_seq - 1))
    assert audited(events).disorder == [("shop", "s")]


def test_a_repeat_that_decides_otherwise_is_a_contradiction() -> None:
    """The same id, another scenario: the lowest offset wins, but a pure stage never says so."""
    events = a_session()
    route = next(e for e in events if isinstance(e, ScenarioRouted))
    assert audited([*events, route._replace(scenario="other")]).contradictions == [route.meta.event_id]


def test_a_store_that_lacks_an_event_is_divergent() -> None:
    """Of two sessions one is stored without its last reply."""
    sound: Fold = {}
    stored: Fold = {}
    for session in ("s", "t"):
        whole = records(a_session(session))
        for record in whole:
            put(sound, fact(record))
        for record in whole[: -1 if session == "t" else None]:
            put(stored, fact(record))
    digests = [{key: digest_of(session) for key, session in fold.items()} for fold in (stored, sound)]
    assert [key.session_id for key in compare(*digests).divergent] == ["t"]
