"""The messages of a load, and what is told of it afterwards; by numbers, without a clock."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest

from infra.benches.arrivals import steady
from infra.benches.composing import NOW, dealt, long_bytes, messages
from infra.benches.cpu import between, us_per_turn
from infra.benches.frame import BenchError
from infra.benches.load import NO_RUNG, Loaded
from infra.demo import CONVERSATIONS
from infra.recordings import Recorded, Said, read_recordings
from schemas.catalogue import MESSAGES
from schemas.codec import Codec
from schemas.events import RUNGS, MessageReceived
from schemas.identity import message_id, session_key
from schemas.validation import wrong_event

CODEC = Codec()
TALKS = read_recordings(CONVERSATIONS)[:7]


def some(rate: float = 20, seconds: float = 5, name: str = "b1") -> list[MessageReceived]:
    """The messages of a small load, decoded."""
    made = messages(TALKS, steady(rate, seconds), CODEC, tenant="bench", name=name, deadline=8, think=2)
    found = [CODEC.decode(MESSAGES, made.value(n, NOW + n)) for n in range(len(made.at))]
    assert all(isinstance(event, MessageReceived) for event in found)
    return [event for event in found if isinstance(event, MessageReceived)]


def test_a_message_is_what_a_channel_adapter_sends() -> None:
    """Its ids are those of tenant, channel and the channel's id; its times are of when it goes; stages take it."""
    for n, event in enumerate(some()):
        meta = event.meta
        assert wrong_event(event, NOW + n) is None
        assert meta.event_id == meta.turn_id == message_id("bench", event.channel, event.channel_message_id)
        assert (meta.occurred_at, meta.turn_started_at, meta.deadline_at) == (NOW + n, NOW + n, NOW + n + 8_000_000)
        assert event.channel_message_id.startswith(meta.session_id)
        assert CODEC.decode(MESSAGES, CODEC.encode(event)) == event


def test_messages_are_those_of_the_recording() -> None:
    """Each session says what its conversation's customer said, in that order."""
    said: defaultdict[str, list[str]] = defaultdict(list)
    for event in some(60, 20):
        said[event.meta.session_id].append(event.text)
    for session, texts in said.items():
        recorded = TALKS[int(session.rpartition(".")[2]) % len(TALKS)]
        spoken = [turn.text for turn in recorded.turns if turn.speaker == "customer"]
        assert texts == spoken[: len(texts)]


def test_the_same_load_again_is_the_same_messages() -> None:
    """A name gives the ids; another name gives others."""
    assert some() == some()
    assert {e.meta.event_id for e in some()}.isdisjoint(e.meta.event_id for e in some(name="b2"))


def test_keys_are_those_of_sessions() -> None:
    """A session stays on one partition."""
    made = messages(TALKS, steady(20, 3), CODEC, tenant="bench", name="b1", deadline=8, think=2)
    for n, key in enumerate(made.keys):
        event = CODEC.decode(MESSAGES, made.value(n, NOW))
        assert key == session_key("bench", event.meta.session_id)


def test_a_session_thinks_before_it_goes_on() -> None:
    """No session speaks again before its pause is over; each turn comes once, in order."""
    last: dict[int, tuple[float, int]] = {}
    for at, session, turn in dealt([3, 1, 2], steady(50, 30), 2.0):
        before, earlier = last.get(session, (-math.inf, -1))
        assert at - before >= 2.0
        assert turn == earlier + 1
        assert turn < [3, 1, 2][session % 3]
        last[session] = (at, turn)


def test_conversations_without_a_customer_are_refused() -> None:
    """There is nothing to send."""
    with pytest.raises(BenchError, match="no customer's turn"):
        messages(
            [Recorded("c1", "en", (Said("agent", "hello"),))], [0.0], CODEC, tenant="t", name="n", deadline=1, think=1
        )


def test_a_time_is_written_in_eight_bytes() -> None:
    """As the codec does it, of any year that a clock may show."""
    for value in (600_000_000_000_000, 1_700_000_000_123_456, NOW, 4_000_000_000_000_000):
        written = long_bytes(value)
        assert written in CODEC.encode(some(1, 2)[0]._replace(meta=some(1, 2)[0].meta._replace(occurred_at=value)))
    with pytest.raises(ValueError, match="no time of these centuries"):
        long_bytes(1)


def loaded(latencies: list[float], rungs: list[str] | None = None) -> Loaded:
    """A load of one message a second, answered after so many seconds (nan: never)."""
    at = np.arange(len(latencies), dtype=np.float64)
    rung = [RUNGS.index(r) if r else NO_RUNG for r in rungs or ["template"] * len(latencies)]  # type: ignore[arg-type]
    ids = np.array([f"{n:036d}" for n in range(len(latencies))], dtype="S36")
    replied = at + np.array(latencies)
    sessions = np.zeros(len(at), dtype=np.int32)
    return Loaded(
        "b", "bench", 2.0, 0.0, at, at + 0.01, replied, np.array(rung, dtype=np.uint8), sessions, ids, (), 0, 0.1
    )


def test_a_turn_without_a_reply_took_for_ever() -> None:
    """It counts in every percentile above it: leaving it out would flatter."""
    found = loaded([0.1, 0.2, math.nan, 0.3])
    assert found.p50_ms() == pytest.approx(300)
    assert found.p99_ms() == math.inf
    assert found.missing == 1
    assert found.in_time.tolist() == [True, True, False, True]


def test_percentiles_are_told_of_an_interval_of_arrivals() -> None:
    """By when a message was to arrive, not by when it was sent or answered."""
    found = loaded([0.1, 5.0, 0.2, 0.3])
    assert found.p99_ms(2.0, 4.0) == pytest.approx(300)
    assert found.count(1.0, 3.0) == 2
    assert math.isnan(found.p50_ms(100.0))
    assert found.over_time(0.5) == [(0.5, pytest.approx(100)), (1.5, pytest.approx(5000)), (2.5, pytest.approx(200))]


def test_replies_are_counted_by_rung() -> None:
    """The most frequent first; those that never came have none."""
    assert loaded([0.1, 0.1, math.nan, 0.1], ["cache", "template", "", "cache"]).by_rung() == {
        "cache": 2,
        "template": 1,
    }


def test_a_message_that_the_log_refused_is_not_missing() -> None:
    """Nobody was promised an answer to it."""
    found = loaded([0.1, math.nan])
    refused = Loaded(**{**vars(found), "unconfirmed": (f"{1:036d}",)})
    assert refused.missing == 0
    assert refused.turn_ids == [f"{0:036d}"]


def test_what_a_turn_takes_is_told_by_part() -> None:
    """Seconds between two readings over the turns; what takes most comes first; what began later is whole."""
    spent = between({"a": 1.0, "b": 2.0}, {"a": 1.5, "b": 3.0, "c": 0.25})
    assert list(spent) == ["b", "a", "c"]
    assert us_per_turn(spent, 1000) == {"b": 1000.0, "a": 500.0, "c": 250.0}
    assert us_per_turn(spent, 0) == {"b": 0.0, "a": 0.0, "c": 0.0}
