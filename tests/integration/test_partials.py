"""The publisher of pieces: to a broker that is there, and to none."""

from __future__ import annotations

import socket

import pytest

from infra.topics import create_topics
from schemas.catalogue import PARTIALS
from schemas.codec import Codec
from schemas.events import LIVE, MadeBy, Meta, ReplyPartial
from streams.channels.client import wall_clock
from streams.channels.tail import Tail
from streams.generation.partials import Partials
from streams.sink import NotLive
from tests.integration.edge import until


def piece(tenant: str, attempt: str, position: int, run: str = LIVE) -> ReplyPartial:
    now = wall_clock()
    made_by = MadeBy("generation", "test@1")
    return ReplyPartial(
        Meta(f"{attempt} {position}", tenant, "s", "t", now, run, "t", now, now + 1_000_000, made_by),
        attempt,
        position,
        "x",
    )


@pytest.mark.broker
def test_pieces_arrive_in_order(broker: str, unique: str) -> None:
    """What was handed over before closing is on the log, in its order, on the session's partition."""
    create_topics(broker)
    tail = Tail(broker, (PARTIALS,), Codec(), wanted=lambda key: key.startswith(unique.encode()))
    tail.open()
    with Partials(broker) as partials:
        for n in range(50):
            partials(piece(unique, "a", n))
    assert (partials.written, partials.dropped) == (50, 0)
    found: list[ReplyPartial] = []

    def all_there() -> bool:
        found.extend(read.event for read in tail.read(0.1))
        return len(found) >= 50

    until(all_there, "the pieces did not come")
    tail.close()
    assert [p.position for p in found] == list(range(50))


def test_without_a_broker_pieces_are_dropped_and_nothing_waits() -> None:
    """Each call returns, the first few are given up, the rest of their attempts never tried; closing is bounded."""
    with socket.socket() as unserved:
        unserved.bind(("127.0.0.1", 0))
        partials = Partials(f"127.0.0.1:{unserved.getsockname()[1]}", patience=60, pending=5)
        for n in range(8):
            partials(piece("shop", "a", n))
        for attempt in ("a", "b"):
            partials(piece("shop", attempt, 0))
        assert (partials.written, partials.dropped) == (0, 5)
        assert [partials.close(0.1), partials.close(0.1)] == [5, 0]
        assert (partials.written, partials.dropped) == (0, 10)
        partials(piece("shop", "c", 0))
    assert partials.dropped == 11


def test_what_was_given_up_in_time_breaks_its_attempt() -> None:
    """After one piece of an attempt was not confirmed, no other is tried; a later attempt is."""
    with socket.socket() as unserved:
        unserved.bind(("127.0.0.1", 0))
        partials = Partials(f"127.0.0.1:{unserved.getsockname()[1]}", patience=0.05)
        partials(piece("shop", "a", 0))
        until(lambda: partials.dropped == 1, "the piece was not given up")
        partials(piece("shop", "a", 1))
        assert partials.dropped == 2
        partials(piece("shop", "b", 0))
        assert partials.dropped == 2
        partials.close(0)


def test_a_piece_of_a_replay_is_refused() -> None:
    """Only the live run writes to the live log."""
    with Partials("127.0.0.1:1") as partials, pytest.raises(NotLive):
        partials(piece("shop", "a", 0, run="run-1"))
