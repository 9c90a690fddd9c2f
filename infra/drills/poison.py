"""Records that nobody can work on amid the traffic, and for a while nothing else."""

from __future__ import annotations

import struct
import time
from collections import Counter
from typing import Final

from confluent_kafka import Producer

from infra.drills.drilling import Drilling
from infra.drills.ground import TENANT
from infra.drills.result import p99_ms, sent_between
from infra.wiring import open_control
from schemas.catalogue import DEAD_LETTERS, MESSAGES
from schemas.codec import Codec
from schemas.events import LIVE, Customer, DeadLettered, MadeBy, Meta, Record, StageResumed
from schemas.identity import session_key
from streams.channels import compose
from streams.channels.client import wall_clock
from streams.channels.compose import Sender
from streams.log import read_to_end
from streams.sink import Sink, producer_config
from streams.topology import STAGES

OVERSIZED: Final = 200_000
"""Characters of a text that validation refuses."""
P99_SHARE: Final = 1.10
UNNOTICED_MS: Final = 100.0
"""A difference of latency smaller than this is noise on one machine."""
HALTS_WITHIN: Final = 30.0
POISON_SHARE: Final = 0.004
"""Of all messages; a stage stops itself at 0.01."""
MOST_APART: Final = 5.0


def poison_of(codec: Codec, name: str, seed: bytes) -> dict[str, bytes]:
    """One record of each kind that no stage can work on, or that looks so; by its kind."""
    sender = Sender(TENANT, f"{name}.poison", "web", 10.0)
    good = compose.message(sender, "where is my parcel?", f"{name}-poison", wall_clock(), Customer("poison"))
    whole = codec.encode(good)
    return {
        "random bytes": seed * 16,
        "random bytes in an envelope": whole[:5] + seed * 16,
        "truncated": whole[: len(whole) // 2],
        "trailing bytes": whole + b"more",
        "unknown id": struct.pack(">bI", 0, 999_999) + whole[5:],
        "empty": b"",
        "deep JSON": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        "oversized text": codec.encode(good._replace(text="x" * OVERSIZED)),
    }


def strange_texts() -> tuple[str, ...]:
    """Texts that are valid, and that have broken tokenisers: each is a message like any other."""
    return (
        "\u202e\u202d" * 500 + "?",
        "a\u0301" * 2_000,
        "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 300,
        "\ufffd\ufeff\u0000x".replace("\u0000", "") * 100,
        "[" * 8_000,
        "x" * 16_000,
        "\u0bcc\u0b95" * 1_000,
        " \u3000\u200b" * 1_000 + "q",
        "{{{{%s}}}} \\u0000 ${jndi:ldap://x} '; DROP TABLE turns; --",
    )


def poison(it: Drilling) -> None:
    """Records of every kind of garbage amid the traffic: a dead letter each, neighbours unharmed; then nothing else
    for a while: the worker stops itself, keeps its lag, and goes on once an operator has cleared it."""
    codec = it.load.codec or Codec()
    producer = Producer(producer_config(it.ground.bootstrap))
    end = time.time()
    calm = p99_ms(sent_between(it.load.manifest.messages, 0, end))
    written = 0
    # Closer together they would be more than the limit allows, which is what the end of the drill is about.
    apart = min(MOST_APART, 1 / (POISON_SHARE * it.plan.rate)) if it.plan.times > 1 else 0.1
    for i in range(it.plan.times):
        it.moment()
        with it.fault(f"poison amid the traffic {i + 1}"):
            kinds = poison_of(codec, f"{it.load.name}-{i}", it.chance.randbytes(32))
            for number, value in enumerate(kinds.values()):
                producer.produce(MESSAGES, value, session_key(TENANT, f"{it.load.name}.poison-{i}-{number}"))
                producer.flush(30)
                written += 1
                it.wait(apart)
            _strange(it, codec, i)
    it.wait(2.0)
    hurt = p99_ms(sent_between(it.load.manifest.messages, end, time.time() - 1.0))
    _neighbours(it, calm, hurt)
    letters = _dead_letters(it, codec, written)
    if written > letters.total() or any(n > 1 for n in letters.values()):
        it.problem(f"{written} bad records led to {letters.total()} dead letters, {len(letters)} of them different")
    if not it.plan.quick:
        _only_poison(it, codec, producer)


def _strange(it: Drilling, codec: Codec, i: int) -> None:
    """Strange but valid messages; the audit wants an answer to each."""
    sink = Sink(it.ground.bootstrap, codec)
    for number, text in enumerate(strange_texts()):
        sender = Sender(TENANT, f"{it.load.name}.strange-{i}-{number}", "web", 10.0)
        sink.enqueue([compose.message(sender, text, f"{it.load.name}-{i}-{number}", wall_clock(), Customer("strange"))])
    sink.deliver()


def _neighbours(it: Drilling, calm: float | None, hurt: float | None) -> None:
    if calm is None or hurt is None:
        return
    it.note(f"the neighbours' p99: {calm:.0f} ms before, {hurt:.0f} ms amid poison ({hurt / calm:.2f} times)")
    if hurt > calm * P99_SHARE and hurt - calm > UNNOTICED_MS and it.plan.times >= 10:
        it.note(f"that is more than {P99_SHARE:.2f} times: look at it on a quiet machine")


def _dead_letters(it: Drilling, codec: Codec, wanted: int) -> Counter[str]:
    """The dead letters of this drill's poison so far, by the place of the record: all copies of one have one id."""
    found: Counter[str] = Counter()
    end = time.monotonic() + 30
    while len(found) < wanted and time.monotonic() < end:
        places: dict[str, str] = {}
        for record in read_to_end(it.ground.bootstrap, [DEAD_LETTERS], codec):
            if isinstance(record, Record) and isinstance(record.event, DeadLettered):
                letter = record.event
                if (letter.key or b"").startswith(session_key(TENANT, f"{it.load.name}.poison")):
                    places[f"{letter.topic}|{letter.partition}|{letter.offset}|{letter.meta.event_id}"] = letter.topic
        found = Counter(place.rpartition("|")[0] for place in places)
        it.wait(0.5)
    return found


def _only_poison(it: Drilling, codec: Codec, producer: Producer) -> None:
    """One partition gets nothing but garbage: the stages that read it halt, and are cleared."""
    it.moment()
    key = session_key(TENANT, f"{it.load.name}.poison-only")
    with it.fault("nothing but poison", "worker", within=None) as fault:
        for _ in range(3_000):
            producer.produce(MESSAGES, b"poison", key)
            producer.poll(0)
        producer.flush(30)
        stopped = it.until(lambda: bool(_halted(it)), "the limit of dead letters stops a stage", HALTS_WITHIN)
        if stopped:
            it.note(f"stopped by their limit: {', '.join(_halted(it))}")
        _clear_until_through(it, codec)
        fault.ends()


def _halted(it: Drilling) -> list[str]:
    """The stages that are halted now, by the control log."""
    control = open_control(it.ground.settings, it.load.codec or Codec())
    try:
        return [spec.name for spec in STAGES if control.halted(spec.name) is not None]
    finally:
        control.close()


def _clear_until_through(it: Drilling, codec: Codec) -> None:
    """What an operator does who knows that it was garbage: clears each stage as often as it stops."""
    sink, end, quiet = Sink(it.ground.bootstrap, codec), time.monotonic() + 90, 0
    while quiet < 6 and time.monotonic() < end:
        halted = _halted(it)
        quiet = 0 if halted else quiet + 1
        for stage in halted:
            now = wall_clock()
            meta = Meta(
                f"resume {stage} {now}", "", "", None, None, LIVE, None, now, None, MadeBy("operators", "drill@1")
            )  # fmt: skip
            sink.send([StageResumed(meta, stage, "drill")])
        for part in it.ground.stack.supervisor.parts:
            if part.state.value == "halted":
                it.ground.start(part.name)
        it.wait(1.0)
