"""Bad input into the whole stack: one dead letter or one clear refusal each, and nobody else is hurt by it."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from infra.local.app_parts import APP_PARTS
from infra.local.stack import LocalStack
from infra.settings import Settings
from infra.summary import come_to_rest
from infra.wiring import prepare
from projections.ledger import ledger
from schemas.catalogue import DEAD_LETTERS, MESSAGES, REPLIES
from schemas.codec import Codec
from schemas.events import Customer, DeadLettered, Event, MessageReceived, ReplyProduced
from schemas.examples import event
from schemas.identity import session_key
from streams.channels.compose import Sender, message
from streams.channels.keys import load_keys
from streams.log import Unreadable, read_to_end

pytestmark = [pytest.mark.stack]
CODEC = Codec()
YEAR = 365 * 86_400 * 1_000_000


def a_message(session: str, tenant: str = "shop") -> MessageReceived:
    now = time.time_ns() // 1000
    return message(Sender(tenant, session, "web"), "where is my order?", f"{session}/{now}", now, Customer("c1"), "")


def _meta(e: MessageReceived, **changes: Any) -> MessageReceived:
    return e._replace(meta=e.meta._replace(**changes))


def _at(e: MessageReceived, at: int) -> MessageReceived:
    return _meta(e, occurred_at=at, turn_started_at=at, deadline_at=at + 10_000_000)


UNREADABLE: dict[str, Callable[[bytes], bytes]] = {
    "random bytes": lambda _: os.urandom(200),
    "truncated": lambda good: good[:-9],
    "unknown schema id": lambda good: good[:1] + b"\x00\x0f\x42\x40" + good[5:],
    "wrong record for the topic": lambda _: CODEC.encode(event("IntentDetected.en")),
    "a lone surrogate": lambda good: good.replace(b"where", b"w\xed\xa0\x80e"),
    "bytes after the end": lambda good: good + b"!",
}
INVALID: dict[str, Callable[[MessageReceived], MessageReceived]] = {
    "empty text": lambda e: e._replace(text=""),
    "900 kB of one emoji": lambda e: e._replace(text="😀" * 225_000),
    "NUL": lambda e: e._replace(text="a\x00b"),
    "a timestamp in 1970": lambda e: _at(e, 1),
    "a timestamp in 2100": lambda e: _at(e, 130 * YEAR),
    "a missing deadline": lambda e: _meta(e, deadline_at=None),
}
UNKNOWN_TENANT = "nobody"


class Log:
    """What the stages made of it: of each id the lowest offset."""

    def __init__(self, settings: Settings) -> None:
        self.dead: dict[tuple[int, int], list[str]] = defaultdict(list)
        self.replies: dict[str, list[ReplyProduced]] = defaultdict(list)
        seen: set[str] = set()
        for record in read_to_end(settings.kafka, [DEAD_LETTERS, REPLIES], CODEC):
            assert not isinstance(record, Unreadable)
            e: Event = record.event
            if e.meta.event_id in seen:
                continue
            seen.add(e.meta.event_id)
            if isinstance(e, DeadLettered) and e.topic == MESSAGES:
                self.dead[e.partition, e.offset].append(e.reason)
            if isinstance(e, ReplyProduced):
                self.replies[e.meta.session_id].append(e)


def publish(settings: Settings, records: list[tuple[str, bytes, bytes]]) -> dict[str, tuple[int, int]]:
    """Publishes named (key, value) pairs; returns where each lies."""
    producer, where = Producer({"bootstrap.servers": settings.kafka, "partitioner": "murmur2_random"}), {}

    def delivered(name: str) -> Callable[[Any, Any], None]:
        def note(error: KafkaError | None, m: Any) -> None:
            assert error is None, (name, error)
            where[name] = (m.partition(), m.offset())

        return note

    for name, key, value in records:
        producer.produce(MESSAGES, key=key, value=value, on_delivery=delivered(name))
        producer.flush(30)
    return where


@pytest.fixture
def own_stack(short_folder: Path) -> Iterator[LocalStack]:
    """Nobody else's: with the traffic of other tests before it, so many rejects would halt routing, as they should."""
    with LocalStack(short_folder / "bad-input", app=APP_PARTS, prepare=prepare, usual_ports=False) as running:
        yield running


def test_each_bad_record_is_one_dead_letter_and_its_neighbours_are_answered(own_stack: LocalStack) -> None:
    """Bad records lie among good ones; every customer who can be answered is, and all is accounted for."""
    settings, records, expected = own_stack.settings(), [], {}
    tag = f"bad{time.time_ns()}"
    for number, (name, spoil) in enumerate(UNREADABLE.items()):
        good = a_message(f"{tag}-u{number}")
        records.append((name, session_key("shop", f"{tag}-u{number}"), spoil(CODEC.encode(good))))
    for number, (name, change) in enumerate(INVALID.items()):
        session = f"{tag}-i{number}"
        records.append((name, session_key("shop", session), CODEC.encode(change(a_message(session)))))
        expected[name] = session
    stranger = a_message(f"{tag}-t", UNKNOWN_TENANT)
    records.append((UNKNOWN_TENANT, session_key(UNKNOWN_TENANT, f"{tag}-t"), CODEC.encode(stranger)))
    foreign = a_message(f"{tag}-k")
    records.append(("another key", session_key("shop", "somebody else"), CODEC.encode(foreign)))
    mixed = []
    for n, (name, key, value) in enumerate(records):
        neighbour = a_message(f"{tag}-good{n}")
        mixed += [(name, key, value), (f"good {n}", session_key("shop", f"{tag}-good{n}"), CODEC.encode(neighbour))]
    before = ledger(settings.kafka, settings.clickhouse)
    where = publish(settings, mixed)
    come_to_rest(settings, patience=120)
    log = Log(settings)
    assert {n: log.dead.get(where[n], []) for n in UNREADABLE} == {
        "random bytes": log.dead[where["random bytes"]],
        **{n: ["undecodable"] for n in ("truncated", "a lone surrogate", "bytes after the end")},
        "unknown schema id": ["unknown_schema"],
        "wrong record for the topic": ["wrong_record"],
    }
    assert len(log.dead[where["random bytes"]]) == 1
    assert {n: log.dead.get(where[n], []) for n in INVALID} == {n: ["invalid"] for n in INVALID}
    assert log.dead[where[UNKNOWN_TENANT]] == ["unknown_tenant"]
    assert log.dead[where["another key"]] == ["invalid"]
    assert {n: [r.rung for r in log.replies[s]] for n, s in expected.items()} == {n: ["fallback"] for n in INVALID}
    answered = {n: len(log.replies[f"{tag}-good{n}"]) for n in range(len(records))}
    assert answered == dict.fromkeys(range(len(records)), 1)
    assert not any(p in log.dead for n, p in where.items() if n.startswith("good"))
    after = ledger(settings.kafka, settings.clickhouse)
    assert after.balanced, after.totals
    assert after.totals["undecodable"] - before.totals["undecodable"] == len(UNREADABLE)


def test_a_record_that_is_too_large_is_refused_where_it_is_published(stack: LocalStack) -> None:
    """5 MB of text do not get into the log: the adapter's client is told."""
    large = CODEC.encode(a_message("large")._replace(text="x" * 5_000_000))
    producer = Producer({"bootstrap.servers": stack.settings().kafka, "message.max.bytes": 10_000_000})
    failures: list[KafkaError | None] = []
    producer.produce(
        MESSAGES, key=session_key("shop", "large"), value=large, on_delivery=lambda e, _: failures.append(e)
    )
    producer.flush(30)
    assert [e.code() for e in failures if e is not None] == [KafkaError.MSG_SIZE_TOO_LARGE]
    with pytest.raises(KafkaException):
        Producer({"bootstrap.servers": stack.settings().kafka}).produce(MESSAGES, value=large)


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (b'{"session": "g", "text": "\\ud800"}', 422, "text"),
        (b'{"session": "g", "text": ""}', 422, "text"),
        (b'{"session": "g", "text": "a\\u0000b"}', 422, "text"),
        (b'{"session": "g", "text": "' + b"x" * 20_000 + b'"}', 422, "text"),
        (b'{"session": "", "text": "hello"}', 422, "session"),
        (b'{"session": "g"}', 422, "text"),
        (b'{"session": "g", "text": "hi", "tenant": "bank"}', 422, "tenant"),
        (b"no JSON", 422, ""),
        (b'{"session": "g", "text": "' + b"x" * 5_000_000 + b'"}', 413, ""),
    ],
)
def test_bad_requests_are_refused_with_the_field_and_the_remedy(
    stack: LocalStack, body: bytes, status: int, named: str
) -> None:
    """The gateway says what is wrong with a request, and nothing of it reaches the log."""
    settings = stack.settings()
    key = load_keys(settings.data_dir / "keys.json").clear_key("shop", "channel")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = httpx.post(f"{settings.gateway_url}/v1/messages", content=body, headers=headers, timeout=20)
    assert (answer.status_code, named in answer.text) == (status, True), answer.text[:500]
