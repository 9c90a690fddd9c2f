"""Texts of two runs' turns, as ClickHouse has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from clickhouse_connect.driver.client import Client

from infra.judging.texts import TurnTexts, read_texts
from projections import analytics
from projections.analytics.rows import FACTS, fact_row
from projections.analytics.schema import client_of
from projections.analytics.store import Store
from schemas.catalogue import TOPIC_OF
from schemas.events import AgentReplied, Event, MadeBy, MessageReceived, Meta, Record, ReplyProduced
from schemas.identity import uuid5
from streams.testing import EPOCH, Conversations, a_message

SECOND = 1_000_000
TEXTS = ("where is my order?", "我的订单到哪了", "let me talk to a human")


def in_run(event: Event, run: str, **changes: str) -> Event:
    """The same event as another run has it."""
    meta = event.meta._replace(run_id=run, event_id=uuid5(f"{run}|{event.meta.event_id}"))
    return event._replace(meta=meta, **changes)  # type: ignore[arg-type]


def answered(message: MessageReceived, text: str, n: int) -> AgentReplied:
    """What a human says to a turn."""
    made = MadeBy("desk", "desk@1")
    of = message.meta
    id_ = uuid5(f"agent|{of.event_id}|{n}")
    meta = Meta(id_, of.tenant_id, of.session_id, of.turn_id, of.turn_started_at, "live", None, EPOCH, None, made)
    return AgentReplied(meta, text, "agent-1")


@pytest.fixture
def messages() -> list[MessageReceived]:
    """Three turns of one conversation, and one of another that no replay has."""
    ours = [a_message(text, session="ours", at=EPOCH + n * 10 * SECOND) for n, text in enumerate(TEXTS)]
    return [*ours, a_message("hello", session="others")]


@pytest.fixture
def texts(clickhouse: str, fresh_clickhouse_database: str, messages: list[MessageReceived]) -> Iterator[Client]:
    """`live`, where a human answered the last turn twice, and `mine`, which replies in capitals."""
    database = fresh_clickhouse_database
    analytics.migrate(clickhouse, database)
    talk = Conversations()
    talk.play(messages)
    live: list[Event] = [*messages, *talk.replies(), answered(messages[2], "Hello, I am Li.", 1)]
    live.append(answered(messages[2], "Anything else?", 2))
    of_ours = [e for e in live if e.meta.session_id == "ours" and isinstance(e, MessageReceived | ReplyProduced)]
    mine = [in_run(e, "mine", **({"text": e.text.upper()} if isinstance(e, ReplyProduced) else {})) for e in of_ours]
    store = Store(clickhouse, database)
    _store(store, [*live, *mine])
    store.close()
    with client_of(clickhouse, database) as client:
        yield client


def _store(store: Store, events: Sequence[Event]) -> None:
    for n, event in enumerate(events):
        at = (event.meta.turn_started_at or EPOCH) + n
        record = Record(TOPIC_OF[type(event)], 0, n, at, event)
        store.insert(FACTS[type(event)], [fact_row(record)])


@pytest.mark.clickhouse
def test_turns_that_both_runs_have_come_with_both_replies(texts: Client, messages: list[MessageReceived]) -> None:
    """And with the first thing that a human answered in the record; of live nothing that the replay lacks."""
    found = read_texts(texts, "live", "mine")
    assert found.turn_id == tuple(message.meta.turn_id for message in messages[:3])
    assert found.question == TEXTS
    assert [a.upper() for a in found.a] == list(found.b)
    assert all(found.a)
    assert found.human == ("", "", "Hello, I am Li.")


@pytest.mark.clickhouse
def test_the_runs_may_come_in_either_order_and_humans_are_those_of_the_record(texts: Client) -> None:
    """A replay serves what humans said, and does not say it again."""
    one, other = read_texts(texts, "live", "mine"), read_texts(texts, "mine", "live")
    assert (other.turn_id, other.a, other.b, other.human) == (one.turn_id, one.b, one.a, one.human)


@pytest.mark.clickhouse
def test_a_turns_history_is_what_was_said_before_it(texts: Client) -> None:
    """By whom, oldest first, and nothing of its own turn."""
    found = read_texts(texts, "live", "mine")
    assert found.history[0] == ""
    assert found.history[1].splitlines() == [f"customer: {TEXTS[0]}", f"bot: {found.a[0]}"]
    assert len(found.history[2].splitlines()) == 4


@pytest.mark.clickhouse
def test_a_run_that_is_not_there_has_no_texts(texts: Client) -> None:
    """Nothing is paired."""
    assert read_texts(texts, "live", "absent") == TurnTexts((), (), (), (), (), ())
