"""A session with everything in it, and the ways in which its records may be delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from schemas.catalogue import TOPIC_OF
from schemas.events import (
    AgentReplied,
    DeadLettered,
    DialogueChanged,
    Event,
    FeedbackGiven,
    MessageReceived,
    Record,
    ReplyProduced,
    ScenarioRouted,
)
from tests.integration.a_log import (
    GENERATED,
    a_dead_letter,
    a_message,
    a_reply,
    a_route,
    an_agent_reply,
    closed,
    feedback_on,
    signals_of,
)

TENANT, SESSION = "shop", "s-1"
AT = 1_763_700_000_000_000


def events(tenant: str = TENANT, session: str = SESSION) -> tuple[Event, ...]:
    """Three turns: answered by the bot, handed off, answered by a human; with feedback, a close, dead letters."""
    first, second, third = (a_message(tenant, session, n, at=AT + n * 1_000_000) for n in (1, 2, 3))
    lost = a_dead_letter(first, 0, 77)
    return (
        first,
        *signals_of(first),
        a_route(first, 1),
        a_reply(first, 1)._replace(generated=GENERATED),
        feedback_on(first),
        second,
        *signals_of(second)[:2],
        a_route(second, 2, handoff=True),
        a_reply(second, 2, handoff=True),
        third,
        a_route(third, 3, owner="human"),
        an_agent_reply(third),
        an_agent_reply(third, 1),
        a_dead_letter(third, 0, 78),
        lost._replace(meta=lost.meta._replace(turn_id=None, turn_started_at=None)),
        closed(third, 4),
    )


def laid_out(found: Sequence[Event]) -> list[Record]:
    """Events as they lie in the log, each topic with offsets of its own."""
    offsets: Counter[str] = Counter()
    records = []
    for event in found:
        topic = TOPIC_OF[type(event)]
        records.append(Record(topic, 0, offsets[topic], AT + offsets[topic] * 1000 + 5_000_000, event))
        offsets[topic] += 1
    return records


def a_session(tenant: str = TENANT, session: str = SESSION) -> list[Record]:
    """The session's records, in the order of the log."""
    return laid_out(events(tenant, session))


def again_otherwise(record: Record) -> Record:
    """The same id with another payload, and, as of a webhook that is sent again, another time."""
    event: Any = record.event
    meta = event.meta
    later = meta._replace(occurred_at=meta.occurred_at + 3_000_000)
    if meta.turn_started_at is not None:
        later = later._replace(turn_started_at=meta.turn_started_at + 3_000_000)
    if isinstance(event, MessageReceived):
        # Still a valid message: its turn began when it happened, and its deadline comes after.
        later = later._replace(deadline_at=later.occurred_at + 5_000_000)
    event = event._replace(meta=later)
    match event:
        case MessageReceived() | ReplyProduced() | AgentReplied():
            event = event._replace(text="something else")
        case FeedbackGiven():
            event = event._replace(score=1)
        case ScenarioRouted() | DialogueChanged():
            event = event._replace(state=event.state._replace(seq=event.state.seq + 50, scenario="complaint"))
        case DeadLettered():
            event = event._replace(reason="other")
        case _:
            pass
    return record._replace(event=event)


@st.composite
def deliveries(draw: st.DrawFn, tenant: str = TENANT, session: str = SESSION) -> list[Record]:
    """The session's records in any order, some several times, some again with a later offset and another payload."""
    records = a_session(tenant, session)
    places = st.integers(0, len(records) - 1)
    twice = [records[i] for i in draw(st.lists(places, max_size=12))]
    ends = Counter(r.topic for r in records)
    repeats = []
    for i in draw(st.lists(places, max_size=12)):
        record = records[i] if draw(st.booleans()) else again_otherwise(records[i])
        repeats.append(record._replace(offset=ends[record.topic], appended_at=record.appended_at + 1_000_000))
        ends[record.topic] += 1
    return draw(st.permutations([*records, *twice, *repeats]))
