"""Recorded conversations through a pipeline that says what it is told to."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from infra.play import PlayError, PlayOptions, play
from infra.recordings import Recorded, RecordingError, read_recordings
from infra.settings import Settings
from infra.topics import create_topics
from schemas.events import MessageReceived
from streams.channels.keys import ensure_keys, load_keys
from streams.channels.service import GatewayService
from tests.integration.edge import OPTIONS, Responder, running_gateway, until

AGENT_ANSWERS = [
    {"speaker": "customer", "text": "human"},
    {"speaker": "agent", "text": "Maria here."},
    {"speaker": "agent", "text": "What is it?"},
    {"speaker": "customer", "text": "my parcel"},
    {"speaker": "agent", "text": "It comes today."},
    {"speaker": "customer", "text": "thanks"},
]


def recorded(folder: Path, *conversations: list[dict[str, Any]], name: str = "r.jsonl") -> list[Recorded]:
    lines = [{"conversation_id": f"c{i}", "lang": "en", "turns": turns} for i, turns in enumerate(conversations)]
    path = folder / name
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return read_recordings(path)


def customer(*texts: str) -> list[dict[str, Any]]:
    return [{"speaker": "customer", "text": t} for t in texts]


def messages_of(responder: Responder) -> list[MessageReceived]:
    return [e for e in responder.seen if isinstance(e, MessageReceived)]


@pytest.mark.broker
def test_each_message_waits_for_the_reply_before_it(broker: str, unique: str, tmp_path: Path) -> None:
    """Every turn is sent, confirmed, answered, and listed in the manifest with its rung and latency."""
    create_topics(broker)
    conversations = recorded(tmp_path, *[customer("one", "two", "three")] * 20, name="r.jsonl.gz")
    with Responder(broker, unique):
        result = play(conversations, Settings(broker, "", ""), PlayOptions(tenant=unique))
    s = result.summary
    assert (s.conversations, s.messages, s.replies, s.missing, s.not_acknowledged) == (20, 60, 60, 0, 0)
    assert s.by_rung == {"template": 60}
    assert s.latency_ms["p50"] is not None
    assert all(m.acked and m.reply is not None and m.reply.seconds is not None for m in result.manifest.messages)


@pytest.mark.broker
def test_after_a_handoff_the_recorded_agent_answers(broker: str, unique: str, tmp_path: Path) -> None:
    """The agent's lines are posted as the desk's, and the customer goes on without waiting for the bot."""
    create_topics(broker)
    conversations = recorded(tmp_path, AGENT_ANSWERS, customer("hello"))
    with Responder(broker, unique) as responder:
        result = play(conversations, Settings(broker, "", ""), PlayOptions(tenant=unique))
        sent = [m.text for m in messages_of(responder) if m.meta.session_id.endswith("c0")]
    assert sent == ["human", "my parcel", "thanks"]
    s = result.summary
    assert (s.messages, s.replies, s.handoffs, s.agent_replies, s.missing) == (4, 2, 1, 3, 0)
    assert [m.with_human for m in result.manifest.messages if m.conversation == "c0"] == [False, True, True]


@pytest.mark.broker
def test_the_same_play_id_repeats_the_play(broker: str, unique: str, tmp_path: Path) -> None:
    """Same ids, and the replies of the first time; another play id is another play."""
    create_topics(broker)
    conversations = recorded(tmp_path, customer("one", "two"), AGENT_ANSWERS)
    options = PlayOptions(play_id=unique, tenant=unique)
    with Responder(broker, unique):
        first = play(conversations, Settings(broker, "", ""), options)
        again = play(conversations, Settings(broker, "", ""), options)
        other = play(conversations, Settings(broker, "", ""), PlayOptions(tenant=unique))
    ids = [{m.event_id for m in r.manifest.messages} for r in (first, again, other)]
    assert ids[0] == ids[1]
    assert not ids[0] & ids[2]
    assert (again.summary.replies, again.summary.missing) == (first.summary.replies, 0)
    assert all(m.reply.seconds is None for m in again.manifest.messages if m.reply)


@pytest.mark.broker
def test_open_loop_keeps_the_rate_and_repeats_webhooks(broker: str, unique: str, tmp_path: Path) -> None:
    """Messages go out at the rate, in order within a conversation; a repeated webhook is the same message again."""
    create_topics(broker)
    turns = [[{"speaker": "customer", "text": f"{n}", "webhook_repeats": 1} for n in range(5)] for _ in range(20)]
    conversations = recorded(tmp_path, *turns)
    with Responder(broker, unique) as responder:
        options = PlayOptions(tenant=unique, rate=100, open_loop=True)
        result = play(conversations, Settings(broker, "", ""), options)
        until(lambda: len(messages_of(responder)) == 200, "not every copy is in the log")
        of_one = [m.text for m in messages_of(responder) if m.meta.session_id.endswith(".c7")]
    s = result.summary
    assert (s.messages, s.duplicates_sent, s.replies, s.missing) == (100, 100, 100, 0)
    assert s.seconds >= 0.9
    assert of_one == [t for n in range(5) for t in (f"{n}", f"{n}")]


@pytest.mark.broker
def test_a_reply_that_never_comes_is_counted_and_the_play_goes_on(broker: str, unique: str, tmp_path: Path) -> None:
    """After the deadline and the grace the next message is sent."""
    create_topics(broker)
    conversations = recorded(tmp_path, customer("silence", "two"))
    with Responder(broker, unique):
        options = PlayOptions(tenant=unique, grace=0.2)
        result = play(conversations, Settings(broker, "", ""), options, deadline_for=lambda _tenant, _channel: 0.3)
    assert (result.summary.messages, result.summary.replies, result.summary.missing) == (2, 1, 1)


@pytest.mark.broker
def test_a_play_may_go_through_the_gateway(broker: str, unique: str, tmp_path: Path) -> None:
    """Over HTTP the same things happen; last messages, which a human has and nobody waits for, are confirmed, too."""
    create_topics(broker)
    keys = load_keys(ensure_keys(tmp_path / "data", [unique]))
    conversations = recorded(tmp_path, *[customer("one", "two")] * 5, *[AGENT_ANSWERS] * 20)
    service = GatewayService(broker, keys, options=OPTIONS)
    with Responder(broker, unique), running_gateway(service) as url:
        settings = Settings(broker, "", "", gateway_port=int(url.rpartition(":")[2]))
        result = play(conversations, settings, PlayOptions(tenant=unique), through_gateway=keys)
    s = result.summary
    assert (s.messages, s.replies, s.handoffs, s.agent_replies, s.missing, s.not_acknowledged) == (70, 30, 20, 60, 0, 0)


@pytest.mark.broker
def test_empty_texts_are_skipped_and_long_ones_cut(broker: str, unique: str, tmp_path: Path) -> None:
    """A recording's odd texts are counted, and stop nothing."""
    create_topics(broker)
    conversations = recorded(tmp_path, customer("", "   ", "\x00", "x" * 20_000))
    with Responder(broker, unique):
        result = play(conversations, Settings(broker, "", ""), PlayOptions(tenant=unique))
    s = result.summary
    assert (s.skipped_empty, s.cut, s.messages, s.replies) == (3, 1, 1, 1)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{", "line"),
        ("[]", "line"),
        ('{"turns": []}', "conversation_id"),
        ('{"conversation_id": "c", "turns": {}}', "turns"),
        ('{"conversation_id": "c", "turns": [{"speaker": "robot", "text": "x"}]}', "turns[0].speaker"),
        ('{"conversation_id": "c", "turns": [{"speaker": "agent"}]}', "turns[0].text"),
        ('{"conversation_id": "c", "turns": [{"speaker": "agent", "text": "\\ud800"}]}', "turns[0].text"),
        ('{"conversation_id": "c", "turns": [{"speaker": "customer", "text": "x", "scenario": "y"}]}', "scenario"),
        ('{"conversation_id": "c", "turns": [{"speaker": "customer", "text": "x", "webhook_repeats": -1}]}', "repeats"),
        ('{"conversation_id": "c", "turns": [], "customer": {"tier": "gold"}}', "customer.id"),
        ('{"conversation_id": "good", "turns": []}', "conversation_id"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_played(tmp_path: Path, line: str, field: str) -> None:
    """File, line, field, and what mends it."""
    path = tmp_path / "r.jsonl"
    path.write_text('{"conversation_id": "good", "lang": "en", "turns": []}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(RecordingError) as wrong:
        read_recordings(path)
    assert f"{path}:3: " in str(wrong.value)
    assert field in str(wrong.value)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """A missing, cut, or empty file says so."""
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 1000)[:-9])
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "latin.jsonl").write_bytes(b"\xff\xfe{}")
    for name in ("missing.jsonl", "cut.jsonl.gz", "empty.jsonl", "latin.jsonl"):
        with pytest.raises(RecordingError, match=name):
            read_recordings(tmp_path / name)


def test_a_play_id_that_cannot_be_part_of_an_id_is_refused() -> None:
    """The message names the option and what is meant."""
    with pytest.raises(PlayError, match="--play-id"):
        play([], Settings("127.0.0.1:1", "", ""), PlayOptions(play_id="a b"))
